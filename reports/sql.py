"""A question as one SQL statement. Names come from the registries alone, values are parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from reports.dates import Interval
from reports.dimensions import TIME
from reports.metrics import Level, Metric

if TYPE_CHECKING:
    from reports.queries import ReportQuery

# Rows that each level's figures are aggregates of; {groups} are the dimensions' columns.
_LEVEL_ROWS: Final = {
    Level.VISIT: """
        SELECT {groups} visit_id, any_value(visitor) AS visitor,
            count(*) FILTER (name = 'pageview') AS pageviews,
            count(*) FILTER (name <> 'engagement') AS events,
            any_value(bounced) AS bounced, any_value(engaged) AS engaged,
            any_value(duration_seconds) AS duration_seconds
        FROM matched GROUP BY ALL""",
    Level.PAGE: """
        SELECT {groups} visit_id, page, sum(engagement_ms) / 1000 AS engagement_seconds,
            max(scroll_depth) AS scroll_depth
        FROM matched WHERE name = 'engagement' GROUP BY ALL""",
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
    groups = [f"group_{place}" for place in range(len(query.dimensions))]
    parameters: dict[str, Any] = {
        "site": query.site.pk,
        "first_day": query.range.first_day,
        "end_day": query.range.end_day,
    }
    levels = dict.fromkeys([Level.VISIT, *(metric.level for metric in query.metrics)])
    parts = [f"matched AS ({_matched(query, groups, parameters)})"]
    for level in levels:
        rows = _LEVEL_ROWS[level].format(groups="".join(f"{group}, " for group in groups))
        parts.append(f"{level}_rows AS ({rows})")
        metrics = [metric for metric in query.metrics if metric.level is level]
        parts.append(f"{level}_figures AS ({_figures(level, metrics, groups)})")
    columns = [f"visit_figures.{group}" for group in groups]
    columns += [f"{metric.level}_figures.{metric.name}" for metric in query.metrics]
    sql = (
        f"WITH {', '.join(parts)} "
        f"SELECT {', '.join([*columns, 'count(*) OVER () AS total_rows'])} FROM visit_figures"
    )
    if Level.PAGE in levels:
        sql += f" LEFT JOIN page_figures ON {_same_group(groups)}"
    if groups:
        sql += f" ORDER BY {_order(query, groups)}"
    if query.limit is not None:
        parameters |= {"limit": query.limit, "offset": query.offset}
        sql += " LIMIT $limit OFFSET $offset"
    return Statement(sql, parameters)


def _matched(query: ReportQuery, groups: list[str], parameters: dict[str, Any]) -> str:
    """The events that the question is about, with their groups and what their visits tell."""
    conditions = [
        "events.site_id = $site",
        "events.happened_on >= $first_day",
        "events.happened_on < $end_day",
    ]
    if query.range.until is not None:
        parameters["until"] = query.range.until.astimezone(UTC).replace(tzinfo=None)
        conditions.append("events.happened_at < $until")
    conditions += [dimension.condition for dimension in query.dimensions if dimension.condition]
    for place, condition in enumerate(query.filters):
        parameters[f"values_{place}"] = list(condition.values)
        negation = "NOT " if condition.negated else ""
        conditions.append(
            f"{negation}list_contains($values_{place}, {condition.dimension.expression})"
        )
    columns = [
        f"{dimension.expression} AS {group}"
        for dimension, group in zip(query.dimensions, groups, strict=True)
    ]
    columns += ["events.visit_id", "events.visitor", "events.name", "events.page"]
    columns += ["events.engagement_ms", "events.scroll_depth"]
    columns += ["visits.bounced", "visits.engaged", "visits.duration_seconds"]
    source = "events JOIN visits USING (visit_id)"
    if TIME[Interval.HOUR] in query.dimensions:
        # An event's hour is the last that began before it. Should the site's time zone have been
        # changed since, an event may be before the first hour of its own day: it is put there.
        beginnings = [bucket.key for bucket in query.range.buckets(Interval.HOUR)]
        parameters["hours"] = beginnings
        # None where a zone left the range's only day out, as Apia did 30 December 2011.
        parameters["first_hour"] = next(iter(beginnings), None)
        source += (
            " ASOF JOIN (SELECT unnest($hours::TIMESTAMP[]) AS starts_at) AS hours"
            " ON greatest(events.happened_at, $first_hour::TIMESTAMP) >= hours.starts_at"
        )
    return f"SELECT {', '.join(columns)} FROM {source} WHERE {' AND '.join(conditions)}"


def _figures(level: Level, metrics: list[Metric], groups: list[str]) -> str:
    columns = [*groups, *(f"{metric.expression} AS {metric.name}" for metric in metrics)]
    grouping = f" GROUP BY {', '.join(groups)}" if groups else ""
    # Without groups it is one row, also where no metric asks for one: an aggregate makes it so.
    return f"SELECT {', '.join(columns) or 'count(*) AS nothing'} FROM {level}_rows{grouping}"


def _same_group(groups: list[str]) -> str:
    pairs = [f"visit_figures.{group} = page_figures.{group}" for group in groups]
    return " AND ".join(pairs) or "true"


def _order(query: ReportQuery, groups: list[str]) -> str:
    """As asked; then by the dimensions, so that equal rows come in the same order every time."""
    terms = []
    for order in query.order_by:
        place = query.metrics.index(order.metric) + len(groups) + 1
        terms.append(f"{place} {'DESC' if order.descending else 'ASC'} NULLS LAST")
    return ", ".join([*terms, *(f"visit_figures.{group}" for group in groups)])
