"""A question as one SQL statement. Names come from the registries alone, values are parameters.

A statement has two halves, with one seam. `components` is a query that gives a row per group: the
groups' columns, `group_0` and so on, and a column for each component that the metrics need. What
follows, the metrics, their order and the page, is the same wherever the components came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reports.components import Component, Level, Scope
from reports.conditions import Parameters, add_parameter, write_conditions, write_expression
from reports.dates import DateRange, Interval
from reports.dimensions import HOUR_OF_DAY, TIME, Dimension
from reports.scopes import derive, shared_groups

if TYPE_CHECKING:
    from reports.queries import ReportQuery

#: The rows of each level, of the events that are `matched`: {groups} are their groups' columns,
#: {facts} those of a visit that its components need.
_LEVEL_ROWS: Final = {
    Level.VISITOR: "(SELECT DISTINCT {groups} visitor FROM matched)",
    Level.VISIT: "(SELECT {groups} visit_id {facts} FROM matched GROUP BY {groups} visit_id)",
    Level.EVENT: "matched",
    Level.STAY: (
        "(SELECT {groups} visit_id, page, sum(engagement_ms) AS engagement_ms,"
        " max(scroll_depth) AS scroll_depth FROM matched WHERE name = 'engagement'"
        " GROUP BY {groups} visit_id, page)"
    ),
}
#: What those rows need of an event, beside what their components need.
LEVEL_COLUMNS: Final = {
    Level.VISITOR: ("visitor",),
    Level.VISIT: ("visit_id",),
    Level.EVENT: (),
    Level.STAY: ("visit_id", "name", "page", "engagement_ms", "scroll_depth"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the values of its named parameters."""

    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)


Count = Callable[["ReportQuery", list[Component], Parameters], str]


def write_statement(query: ReportQuery) -> Statement:
    """Return the statement that answers `query`: a row per group, dimensions first, then metrics.

    The rows' last column is the number of groups there are without limit and offset. Without
    dimensions there is exactly one row.
    """
    parameters: Parameters = {}
    return finish(query, write_components(query, parameters), parameters)


def group_names(query: ReportQuery) -> list[str]:
    """Return the names of the columns that hold the dimensions' values."""
    return [f"group_{place}" for place in range(len(query.dimensions))]


def needed_components(query: ReportQuery) -> list[Component]:
    """Return what the query's metrics are made of, each once."""
    return list(dict.fromkeys(part for metric in query.metrics for part in metric.components))


def count_events(
    query: ReportQuery,
    components: list[Component],
    parameters: Parameters,
    table: str = "events",
    *,
    is_in_memory: bool = False,
) -> str:
    """Return the query that counts these components of the query itself, whatever their scope.

    `table` has the events that are asked about, and may have others. If it `is_in_memory`, each
    level reads it anew: the engine would copy otherwise what several of them read.
    """
    groups = group_names(query)
    levels = levels_of(components)
    matched = _matched(query, levels, components, parameters, table)
    parts = [f"matched AS {'NOT MATERIALIZED ' if is_in_memory else ''}({matched})"]
    for level in levels:
        counted = [part for part in components if part.level is level]
        parts.append(f"{level}_level AS ({_counts(level, counted, groups)})")
    return f"WITH {', '.join(parts)} {_joined(levels, components, groups)}"


def levels_of(components: list[Component]) -> list[Level]:
    """Return the levels of which rows are counted, the first of which has every group."""
    levels = [level for level in Level if any(part.level is level for part in components)]
    if levels in ([], [Level.STAY]):
        # A group may have no stay at all; its events then say that it is there.
        levels.insert(0, Level.EVENT)
    return levels


def counted_parts(query: ReportQuery) -> Iterator[tuple[Scope, ReportQuery, list[Component]]]:
    """Give each scope that the query's components are of, its question, and those components.

    The query's own comes first, also where no component is of it.
    """
    components = needed_components(query)
    for scope in Scope:
        parts = [part for part in components if part.scope is scope]
        if parts or scope is Scope.GROUP:
            yield scope, derive(query, scope), parts


def write_components(
    query: ReportQuery, parameters: Parameters, count: Count = count_events
) -> str:
    """Return the query that counts the components in the table `events`; add its parameters.

    It gives a row per group that has an event, without dimensions exactly one row: the groups'
    columns, then one per component that is needed. Those of another scope are counted of the
    question derived for it, and put beside. `count` writes how, for one question at a time.
    """
    source = ""
    for scope, part, components in counted_parts(query):
        counted = f"({count(part, components, parameters)}) AS {scope}"
        if scope is Scope.GROUP:
            source = counted
        else:
            source += f" LEFT JOIN {counted} ON {_same_group(query, scope)}"
    columns = [f"{Scope.GROUP}.{group}" for group in group_names(query)]
    columns += [_with_nothing(part, part.scope) for part in needed_components(query)]
    return f"SELECT {', '.join(columns)} FROM {source}"


def finish(query: ReportQuery, components: str, parameters: Parameters) -> Statement:
    """Return the statement that makes the query's metrics of its components.

    `components` is a query as `write_components` returns it, `parameters` what it needs.
    """
    groups = [
        _called(dimension, group, parameters)
        for dimension, group in zip(query.dimensions, group_names(query), strict=True)
    ]
    columns = [*groups, *(f"{metric.expression} AS {metric.name}" for metric in query.metrics)]
    sql = (
        f"WITH components AS ({components})"
        f" SELECT {', '.join(columns)}, count(*) OVER () AS total_rows FROM components"
    )
    if query.only and groups:
        sql += f" WHERE {_kept(query, groups, parameters)}"
    if groups:
        sql += f" ORDER BY {_order(query, groups)}"
    if query.limit is not None:
        parameters |= {"limit": query.limit, "offset": query.offset}
        sql += " LIMIT $limit OFFSET $offset"
    return Statement(sql, parameters)


def _called(dimension: Dimension, group: str, parameters: Parameters) -> str:
    """What a group's value is called; asked of groups alone, of which there are few."""
    if not dimension.names:
        return group
    values, names = (list(column) for column in zip(*dimension.names, strict=True))
    known = f"map({add_parameter(parameters, values)}, {add_parameter(parameters, names)})"
    return f"coalesce({known}[{group}], {group})"


def _kept(query: ReportQuery, groups: list[str], parameters: Parameters) -> str:
    terms = []
    for group, values in zip(groups, zip(*query.only, strict=True), strict=True):
        terms.append(f"list_contains({add_parameter(parameters, list(set(values)))}, {group})")
    return " AND ".join(terms)


def _matched(
    query: ReportQuery,
    levels: list[Level],
    components: list[Component],
    parameters: Parameters,
    table: str,
) -> str:
    """The events that the question is about, with their groups and what is needed of them."""
    columns = [
        f"{write_expression(dimension, parameters)} AS {group}"
        for dimension, group in zip(query.dimensions, group_names(query), strict=True)
    ]
    needed = [name for level in levels for name in LEVEL_COLUMNS[level]]
    needed += [name for part in components for name in part.columns]
    columns += dict.fromkeys(needed)
    if HOUR_OF_DAY in query.dimensions:
        table = f"{with_hour_of_day(table, query.range)} AS events"
    source = table + _clocks(query, parameters)
    return f"SELECT {', '.join(columns)} FROM {source} WHERE {write_conditions(query, parameters)}"


def with_hour_of_day(table: str, days: DateRange) -> str:
    """Return a relation of the table's events, of these days, with their hour of day."""
    *earlier, (_, offset) = days.offsets()
    whens = "".join(
        f" WHEN happened_at < TIMESTAMP '{until}' THEN {seconds}" for until, seconds in earlier
    )
    seconds = f"CASE{whens} ELSE {offset} END" if whens else f"{offset}"
    hour = f"(epoch_us(happened_at) // 1000000 + {seconds}) // 3600 % 24"
    return f"(SELECT *, ({hour})::TINYINT AS hour_of_day FROM {table})"


def _clocks(query: ReportQuery, parameters: Parameters) -> str:
    """The hours or minutes to join, where they are asked: an event's is the last begun before it.

    Should the site's time zone have been changed since, an event may be before the first hour of
    its own day: it is put there.
    """
    joins = ""
    for interval in (Interval.MINUTE, Interval.HOUR):
        if TIME[interval] not in query.dimensions:
            continue
        table = f"{interval}s"
        beginnings = [bucket.key for bucket in query.range.buckets(interval)]
        parameters[table] = beginnings
        # None where a zone left the range's only day out, as Apia did 30 December 2011.
        parameters[f"first_{interval}"] = next(iter(beginnings), None)
        joins += (
            f" ASOF JOIN (SELECT unnest(${table}::TIMESTAMP[]) AS starts_at) AS {table}"
            f" ON greatest(happened_at, $first_{interval}::TIMESTAMP) >= {table}.starts_at"
        )
    return joins


def _counts(level: Level, components: list[Component], groups: list[str]) -> str:
    """The components of one level, a row per group; without groups exactly one row."""
    facts = dict.fromkeys(name for part in components for name in part.columns)
    rows = _LEVEL_ROWS[level].format(
        groups="".join(f"{group}, " for group in groups),
        facts="".join(f", any_value({fact}) AS {fact}" for fact in facts),
    )
    columns = [*groups, *(f"{part.expression} AS {part.name}" for part in components)]
    grouping = f" GROUP BY {', '.join(groups)}" if groups else ""
    # Without groups it is one row, also where nothing is asked for: an aggregate makes it so.
    return f"SELECT {', '.join(columns) or 'count(*) AS nothing'} FROM {rows} AS rows{grouping}"


def _joined(levels: list[Level], components: list[Component], groups: list[str]) -> str:
    """The levels side by side; a sum over nothing is 0, as a count is."""
    first, *others = levels
    columns = [f"{first}_level.{group}" for group in groups]
    columns += [_with_nothing(part, f"{part.level}_level") for part in components]
    joins = ""
    for other in others:
        pairs = [f"{first}_level.{group} = {other}_level.{group}" for group in groups]
        joins += f" LEFT JOIN {other}_level ON {' AND '.join(pairs) or 'true'}"
    return f"SELECT {', '.join(columns) or '*'} FROM {first}_level{joins}"


def _with_nothing(component: Component, table: str) -> str:
    return f"coalesce({table}.{component.name}, {component.nothing}) AS {component.name}"


def _same_group(query: ReportQuery, scope: Scope) -> str:
    pairs = [
        f"{Scope.GROUP}.group_{here} = {scope}.group_{there}"
        for here, there in shared_groups(query, scope)
    ]
    return " AND ".join(pairs) or "true"


def _order(query: ReportQuery, groups: list[str]) -> str:
    """As asked; then by the dimensions, so that equal rows come in the same order every time."""
    asked = [*query.dimensions, *query.metrics]
    terms = [
        f"{asked.index(order.by) + 1} {'DESC' if order.descending else 'ASC'} NULLS LAST"
        for order in query.order_by
    ]
    return ", ".join([*terms, *groups])
