"""A question as one SQL statement. Names come from the registries alone, values are parameters.

A statement has two halves, with one seam. `components` is a query that gives a row per group: the
groups' columns, `group_0` and so on, and a column for each component that the metrics need. What
follows, the metrics, their order and the page, is the same wherever the components came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from reports.components import Component, Level
from reports.dates import Interval
from reports.dimensions import TIME

if TYPE_CHECKING:
    from reports.queries import ReportQuery

#: The rows of each level, of the events that are `matched`; {groups} are their groups' columns.
_LEVEL_ROWS: Final = {
    Level.VISITOR: "SELECT DISTINCT {groups} visitor FROM matched",
    Level.VISIT: (
        "SELECT {groups} visit_id, any_value(bounced) AS bounced, any_value(engaged) AS engaged,"
        " any_value(duration_us) AS duration_us FROM matched GROUP BY ALL"
    ),
    Level.EVENT: "SELECT {groups} name FROM matched",
    Level.STAY: (
        "SELECT {groups} visit_id, page, sum(engagement_ms) AS engagement_ms,"
        " max(scroll_depth) AS scroll_depth FROM matched WHERE name = 'engagement' GROUP BY ALL"
    ),
}
#: What those rows need of an event.
_LEVEL_COLUMNS: Final = {
    Level.VISITOR: ("visitor",),
    Level.VISIT: ("visit_id", "bounced", "engaged", "duration_us"),
    Level.EVENT: ("name",),
    Level.STAY: ("visit_id", "name", "page", "engagement_ms", "scroll_depth"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the values of its named parameters."""

    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)


def write_statement(query: ReportQuery) -> Statement:
    """Return the statement that answers `query`: a row per group, dimensions first, then metrics.

    The rows' last column is the number of groups there are without limit and offset. Without
    dimensions there is exactly one row.
    """
    parameters: dict[str, Any] = {}
    return finish(query, write_components(query, parameters), parameters)


def group_names(query: ReportQuery) -> list[str]:
    """Return the names of the columns that hold the dimensions' values."""
    return [f"group_{place}" for place in range(len(query.dimensions))]


def needed_components(query: ReportQuery) -> list[Component]:
    """Return what the query's metrics are made of, each once."""
    return list(dict.fromkeys(part for metric in query.metrics for part in metric.components))


def write_components(query: ReportQuery, parameters: dict[str, Any]) -> str:
    """Return the query that counts the components in the table `events`; add its parameters.

    It gives a row per group that has an event, without dimensions exactly one row: the groups'
    columns, then one per component that is needed.
    """
    groups = group_names(query)
    components = needed_components(query)
    levels = [level for level in Level if any(part.level is level for part in components)]
    if levels == [Level.STAY]:
        # A group may have no stay at all; its events then say that it is there.
        levels = [Level.EVENT, Level.STAY]
    parts = [f"matched AS ({_matched(query, levels, parameters)})"]
    for level in levels:
        counted = [part for part in components if part.level is level]
        parts.append(f"{level}_level AS ({_counts(level, counted, groups)})")
    return f"WITH {', '.join(parts)} {_joined(levels, components, groups)}"


def finish(query: ReportQuery, components: str, parameters: dict[str, Any]) -> Statement:
    """Return the statement that makes the query's metrics of its components.

    `components` is a query as `write_components` returns it, `parameters` what it needs.
    """
    groups = group_names(query)
    columns = [*groups, *(f"{metric.expression} AS {metric.name}" for metric in query.metrics)]
    sql = (
        f"WITH components AS ({components})"
        f" SELECT {', '.join(columns)}, count(*) OVER () AS total_rows FROM components"
    )
    if groups:
        sql += f" ORDER BY {_order(query, groups)}"
    if query.limit is not None:
        parameters |= {"limit": query.limit, "offset": query.offset}
        sql += " LIMIT $limit OFFSET $offset"
    return Statement(sql, parameters)


def _matched(query: ReportQuery, levels: list[Level], parameters: dict[str, Any]) -> str:
    """The events that the question is about, with their groups and what the levels need."""
    groups = zip(query.dimensions, group_names(query), strict=True)
    columns = [f"{dimension.expression} AS {group}" for dimension, group in groups]
    columns += dict.fromkeys(name for level in levels for name in _LEVEL_COLUMNS[level])
    source = "events"
    if TIME[Interval.HOUR] in query.dimensions:
        source += _hours(query, parameters)
    conditions = " AND ".join(_conditions(query, parameters))
    return f"SELECT {', '.join(columns)} FROM {source} WHERE {conditions}"


def _conditions(query: ReportQuery, parameters: dict[str, Any]) -> list[str]:
    """Which events are asked about: the site's, in the range, that meet the filters."""
    conditions = ["site_id = $site", "happened_on >= $first_day", "happened_on < $end_day"]
    parameters |= {
        "site": query.site.pk,
        "first_day": query.range.first_day,
        "end_day": query.range.end_day,
    }
    if query.range.until is not None:
        parameters["until"] = query.range.until.astimezone(UTC).replace(tzinfo=None)
        conditions.append("happened_at < $until")
    conditions += [dimension.condition for dimension in query.dimensions if dimension.condition]
    for place, condition in enumerate(query.filters):
        parameters[f"values_{place}"] = list(condition.values)
        negation = "NOT " if condition.negated else ""
        conditions.append(
            f"{negation}list_contains($values_{place}, {condition.dimension.expression})"
        )
    return conditions


def _hours(query: ReportQuery, parameters: dict[str, Any]) -> str:
    """The hours to join: an event's is the last that began before it.

    Should the site's time zone have been changed since, an event may be before the first hour of
    its own day: it is put there.
    """
    beginnings = [bucket.key for bucket in query.range.buckets(Interval.HOUR)]
    parameters["hours"] = beginnings
    # None where a zone left the range's only day out, as Apia did 30 December 2011.
    parameters["first_hour"] = next(iter(beginnings), None)
    return (
        " ASOF JOIN (SELECT unnest($hours::TIMESTAMP[]) AS starts_at) AS hours"
        " ON greatest(happened_at, $first_hour::TIMESTAMP) >= hours.starts_at"
    )


def _counts(level: Level, components: list[Component], groups: list[str]) -> str:
    """The components of one level, a row per group; without groups exactly one row."""
    rows = _LEVEL_ROWS[level].format(groups="".join(f"{group}, " for group in groups))
    columns = [*groups, *(f"{part.expression} AS {part.name}" for part in components)]
    grouping = f" GROUP BY {', '.join(groups)}" if groups else ""
    # Without groups it is one row, also where nothing is asked for: an aggregate makes it so.
    return f"SELECT {', '.join(columns) or 'count(*) AS nothing'} FROM ({rows}) AS rows{grouping}"


def _joined(levels: list[Level], components: list[Component], groups: list[str]) -> str:
    """The levels side by side; a sum over nothing is 0, as a count is."""
    first, *others = levels
    columns = [f"{first}_level.{group}" for group in groups]
    columns += [f"coalesce({c.level}_level.{c.name}, 0) AS {c.name}" for c in components]
    joins = [f" LEFT JOIN {other}_level ON {_same_group(first, other, groups)}" for other in others]
    return f"SELECT {', '.join(columns)} FROM {first}_level{''.join(joins)}"


def _same_group(one: Level, other: Level, groups: list[str]) -> str:
    pairs = [f"{one}_level.{group} = {other}_level.{group}" for group in groups]
    return " AND ".join(pairs) or "true"


def _order(query: ReportQuery, groups: list[str]) -> str:
    """As asked; then by the dimensions, so that equal rows come in the same order every time."""
    terms = []
    for order in query.order_by:
        place = query.metrics.index(order.metric) + len(groups) + 1
        terms.append(f"{place} {'DESC' if order.descending else 'ASC'} NULLS LAST")
    return ", ".join([*terms, *groups])
