"""Answers from daily figures, where a question allows it exactly.

It does when it is by no dimension, or groups and filters by a single one that days are rolled up
by, over whole days, and asks for nothing but components that add up. Days that are not rolled up
yet, and one that the question ends in the middle of, are the tail: it is counted from events.

Daily figures know what the archive's files hold. A visitor who was there before the tail and in it,
across midnight, must not count twice, and one of whom something is live, or no longer as the files
have it, counts otherwise than figures say. Visitors add up: all events of such ones are counted as
they stand, and what files hold of them on days with figures is taken off again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from archive.files import read_files
from archive.live import SiteState
from archive.models import DAY, ArchiveFile
from reports.components import VISITS, Component, Level
from reports.conditions import Parameters, write_condition
from reports.dates import WEEK, DateRange, Interval, today_in
from reports.dimensions import EVENT, HOUR_OF_DAY, TIME, WEEKDAY, WEEKS, Dimension
from reports.filters import Condition, Filter, dimensions_of, put_in_place
from reports.needs import columns_for
from reports.queries import ReportQuery
from reports.rollup import COUNTED, ROLLED_UP, WHOLE, stored_name
from reports.sql import count_events, group_names
from reports.warehouse.expectation import Expectation
from reports.warehouse.tables import MadeTables

#: What a day tells, each with the first day of the group that it is in: a day of the week is never
#: in one group with the days before it.
_BY_DAYS: Final = {
    **{TIME[each]: TIME[each].expression for each in (Interval.DAY, Interval.MONTH)},
    **{week: week.expression for week in WEEKS.values()},
    WEEKDAY: "happened_on",
}
#: Parts of a tail: what counts, and what daily figures have counted of the same visitors.
_PART: Final = Dimension(name="part", label="", expression="part")
_COUNTS, _COUNTED = 0, 1
#: What finding out whom daily figures have counted needs of an event.
_OF_TAILS: Final = {"visitor", "happened_on", "started_on"}
#: Stands for what no single dimension decides.
_SEVERAL: Final = Dimension(name="several", label="", expression="")


@dataclass(frozen=True, slots=True)
class Tail:
    """What is not as daily figures have it, before `end_day` and up to `until`.

    That is everything from `first_day` on, and before it what has changed, if `has_changes`.
    """

    first_day: date
    end_day: date
    until: datetime | None
    has_changes: bool


@dataclass(frozen=True, slots=True)
class MadeTail:
    """A tail in the engine: a table of its events, with their `part`."""

    table: str
    has_users: bool
    #: Whether daily figures have counted some of its visitors; else all of it is one part.
    was_counted: bool


class DailyFigures:
    """The daily figures of a site, with the tails that questions of one page share."""

    def __init__(self, state: SiteState, tables: MadeTables) -> None:
        self._state = state
        self._tables = tables
        self.expected: Expectation | None = None
        self._tails: dict[tuple[Tail, frozenset[str]], MadeTail | None] = {}

    def count(
        self, query: ReportQuery, components: list[Component], parameters: Parameters
    ) -> str | None:
        """Return a query for the components, as `reports.sql.count_events` does, of daily figures.

        None where they cannot give them exactly.
        """
        days = query.range
        dimension, split = self._plan(query, components)
        if dimension is None:
            return None
        files = _overlapping(self._state.rollups, days.first_day, split)
        if WEEKDAY in query.dimensions and any(map(_lasts_a_week, files)):
            return None
        tail = None
        has_changes = self._has_changed_before(split)
        if split < days.end_day or has_changes:
            needed = Tail(split, days.end_day, days.until, has_changes)
            tail = self._make_tail(needed, query, components)
        users_come = any(file.has_users for file in files) or (tail is not None and tail.has_users)
        if users_come and any(part.level is Level.VISITOR for part in components):
            return None
        was_counted = tail is not None and tail.was_counted
        # A group is one that has a visit, also after those were taken off that figures had.
        asked = [*components, *({VISITS} - {*components})] if was_counted else components
        sums = []
        if files:
            sums.append(_sum_days(query, dimension, asked, files, split, parameters))
        if tail is not None:
            sums.append(_count_tail(query, asked, tail, parameters))
        return _add_up(query, components, sums, are_visited=was_counted) if sums else None

    def can_count(self, query: ReportQuery, components: list[Component]) -> bool:
        """Return whether they are likely to give the components exactly."""
        dimension, _ = self._plan(query, components)
        return dimension is not None

    def _plan(
        self, query: ReportQuery, components: list[Component]
    ) -> tuple[Dimension | None, date]:
        """Return the dimension whose figures count, and the day before which they do.

        Without a dimension none of them do.
        """
        days = query.range
        dimension = rolled_up_dimension(query, components)
        if dimension is None:
            return None, days.first_day
        split = min(self._rolled_up_until(dimension, days.first_day, days.zone), days.end_day)
        if days.until is not None:
            # The day in which it is cut is no whole day.
            split = min(split, today_in(days.zone, days.until))
        if split <= days.first_day or self._needs_dropped(days, split):
            return None, days.first_day
        return dimension, split

    def _rolled_up_until(self, dimension: Dimension, first_day: date, zone: ZoneInfo) -> date:
        """Return the day before which every day from `first_day` on has figures that still hold."""
        state = self._state
        until = max(first_day_of(state) or first_day, first_day)
        for file in state.rollups:  # in order of their days
            if file.first_day > until:
                break
            if stored_name(dimension, zone) in file.dimensions:
                until = max(until, file.last_day + DAY)
        if state.kept_from is not None and state.changed_from is not None:
            # What changed of a day before is not known to be all there was.
            until = min(until, max(state.changed_from, state.kept_from))
        return until

    def _has_changed_before(self, split: date) -> bool:
        """Whether something of a day before is not as the files have it, which figures are of."""
        state = self._state
        return (
            state.kept_from is None
            and state.changed_from is not None
            and state.changed_from < split
        )

    def _needs_dropped(self, days: DateRange, split: date) -> bool:
        """Whether figures from `split` on would be made of events that are not kept."""
        kept_from = self._state.kept_from
        return kept_from is not None and split < min(kept_from, days.end_day)

    def _make_tail(
        self, tail: Tail, query: ReportQuery, components: list[Component]
    ) -> MadeTail | None:
        """Return the tail, made for the first question that needs it; None without events.

        It has what the page asks of it, or what this question does where that is not known.
        """
        days = tail.first_day, tail.end_day
        if not (tail.has_changes or self._state.files_of(*days) or self._state.has_live(*days)):
            return None
        columns = frozenset(columns_for(query, [*components, VISITS])) | _OF_TAILS
        if self.expected:
            expected = self.expected.columns_at(tail.end_day, tail.until) | _OF_TAILS
            if columns <= expected:
                columns = expected
        key = tail, columns
        if key not in self._tails:
            self._tails[key] = self._read_tail(tail, ", ".join(sorted(columns)))
        return self._tails[key]

    def _read_tail(self, tail: Tail, columns: str) -> MadeTail | None:
        state, engine = self._state, self._tables.engine
        split = f"DATE '{tail.first_day}'"
        until = f"happened_on < DATE '{tail.end_day}'"
        if tail.until is not None:
            instant = tail.until.astimezone(UTC).replace(tzinfo=None)
            until += f" AND happened_at < TIMESTAMP '{instant}'"
        table = self._tables.make(
            f"SELECT {_COUNTS} AS part, {columns}"
            f" FROM {state.events(tail.first_day, tail.end_day)}"
            f" WHERE happened_on >= {split} AND {until}"
        )
        visitors = self._find_counted(tail, table)
        if visitors is not None:
            counted, earliest = visitors
            theirs = (
                f" SEMI JOIN {counted} USING (visitor)"
                f" WHERE happened_on >= DATE '{earliest}' AND happened_on < {split}"
            )
            engine.execute(
                f"INSERT INTO {table} SELECT {_COUNTS} AS part, {columns}"
                f" FROM {state.events(earliest, tail.first_day)}{theirs}"
                f" UNION ALL SELECT {_COUNTED} AS part, {columns}"
                f" FROM {state.archived_events(earliest, tail.first_day)}{theirs}"
            )
        events, has_users = engine.execute(
            f"SELECT count(*), coalesce(bool_or(visitor < 0), false) FROM {table}"
        ).fetchall()[0]
        return MadeTail(table, has_users, was_counted=visitors is not None) if events else None

    def _find_counted(self, tail: Tail, table: str) -> tuple[str, date] | None:
        """Return a table of visitors whom daily figures have counted otherwise, and since when.

        No event of theirs is before that day. None where there are no such visitors.
        """
        state = self._state
        parts = [
            f"SELECT visitor, started_on FROM {table} WHERE started_on < DATE '{tail.first_day}'"
        ]
        if tail.has_changes:
            parts.append(
                f"SELECT visitor, started_on FROM {state.live_events()}"
                f" WHERE happened_on < DATE '{tail.first_day}'"
            )
            if state.changed_since is not None:
                parts.append(
                    "SELECT visitor, started_on FROM"
                    f" {state.archived_events(state.changed_since, tail.first_day)}"
                    " SEMI JOIN superseded USING (visit_id)"
                )
        counted = self._tables.make(
            "SELECT visitor, min(started_on) AS started_on"
            f" FROM ({' UNION ALL '.join(parts)}) GROUP BY visitor"
        )
        ((earliest,),) = self._tables.engine.execute(
            f"SELECT min(started_on) FROM {counted}"
        ).fetchall()
        return (counted, earliest) if earliest else None


def rolled_up_dimension(query: ReportQuery, components: list[Component]) -> Dimension | None:
    """Return the dimension whose daily figures answer the query, WHOLE without; None: none do."""
    if query.range.since is not None or not all(map(_column, components)):
        return None
    groups = [each for each in query.dimensions if each not in _BY_DAYS]
    if len(groups) > 1 or len(query.dimensions) - len(groups) > 1:
        return None
    asked = set(groups)
    for condition in query.filters:
        asked |= dimensions_of(condition) or {_SEVERAL}
    if len(asked) > 1:
        return None
    dimension = next(iter(asked), WHOLE)
    if ROLLED_UP.get(dimension.name) != dimension:
        return None
    if query.filters and not groups and not _is_one_value(query.filters, dimension):
        return dimension if _adds_up(dimension, components) else None
    return dimension


def _is_one_value(filters: tuple[Condition, ...], dimension: Dimension) -> bool:
    """Whether events meet the filters exactly if the dimension has one value, which has figures."""
    match filters:
        case [Filter(is_one_value=True, values=[value])]:
            return dimension.condition in ("", f"{dimension.expression} <> ''" if value else "")
    return False


def _adds_up(dimension: Dimension, components: list[Component]) -> bool:
    """Whether the components of several values are the sum of each value's.

    A visit may have several pages, and would count for each; an event has one. Events without the
    dimension are in no value's figures, so none that counts may be without.
    """
    return all(part.level is Level.EVENT for part in components) and (
        not dimension.condition or dimension is EVENT
    )


def _column(component: Component) -> str:
    """The column of daily figures that holds the component, of whichever scope; empty: none."""
    for counted in COUNTED:
        if (component.level, component.expression) == (counted.level, counted.expression):
            return counted.name
    return ""


def first_day_of(state: SiteState) -> date | None:
    """Return the first day of which there are events or figures; None without any."""
    days = [file.first_day for file in (*state.files, *state.rollups)]
    return min([*days, *state.live_days], default=None)


def _lasts_a_week(file: ArchiveFile) -> bool:
    """Whether somebody was there on one weekday and, in the same visit, on the next."""
    back = file.reaches_back.items()
    return any(date.fromisoformat(day) - date.fromisoformat(began) >= WEEK for day, began in back)


def _overlapping(files: Iterable[ArchiveFile], first: date, end: date) -> list[ArchiveFile]:
    return [file for file in files if file.first_day < end and file.last_day >= first]


def _sum_days(
    query: ReportQuery,
    dimension: Dimension,
    components: list[Component],
    files: list[ArchiveFile],
    split: date,
    parameters: Parameters,
) -> str:
    """The components of each group, of daily figures before the tail."""
    value = replace(dimension, expression="value")
    if dimension is HOUR_OF_DAY:
        value = replace(dimension, expression="value::TINYINT")
    first_day = f"DATE '{query.range.first_day}'"
    groups = [
        f"{value.expression if each == dimension else each.expression} AS {name}"
        for each, name in zip(query.dimensions, group_names(query), strict=True)
    ]
    # A group of a chart is a range of its own: who was there before it counts in it once more.
    begin = first_day
    for each in query.dimensions:
        if each in _BY_DAYS:
            begin = f"greatest({first_day}, {_BY_DAYS[each]})"
    conditions = [
        f"dimension = '{stored_name(dimension, query.range.zone)}'",
        f"happened_on >= {first_day}",
        f"happened_on < DATE '{split}'",
        f"(previous_on IS NULL OR previous_on < {begin})",
    ]
    conditions += [
        write_condition(put_in_place(condition, dimension, value), parameters)
        for condition in query.filters
    ]
    sums = [f"coalesce(sum({_column(part)}), 0)::BIGINT AS {part.name}" for part in components]
    columns = ", ".join([*groups, *sums]) or "count(*) AS nothing"
    return (
        f"SELECT {columns} FROM {read_files(files)} WHERE {' AND '.join(conditions)}"
        f"{_grouping(query)}"
    )


def _count_tail(
    query: ReportQuery, components: list[Component], tail: MadeTail, parameters: Parameters
) -> str:
    """The components of each group, of the tail: what figures have counted of it is taken off."""
    if not tail.was_counted:
        return count_events(query, components, parameters, tail.table, is_in_memory=True)
    by_part = replace(query, dimensions=(*query.dimensions, _PART))
    part = group_names(by_part)[-1]
    sums = [
        f"coalesce(sum(CASE WHEN {part} = {_COUNTED} THEN -{each.name} ELSE {each.name} END), 0)"
        f"::BIGINT AS {each.name}"
        for each in components
    ]
    columns = ", ".join([*group_names(query), *sums]) or "count(*) AS nothing"
    counted = count_events(by_part, components, parameters, tail.table, is_in_memory=True)
    return f"SELECT {columns} FROM ({counted}){_grouping(query)}"


def _add_up(
    query: ReportQuery, components: list[Component], sums: list[str], *, are_visited: bool
) -> str:
    """The components of each group, of all the days together; `are_visited`: with a visit."""
    if len(sums) == 1:
        return sums[0]
    names = [f"sum({part.name})::BIGINT AS {part.name}" for part in components]
    columns = ", ".join([*group_names(query), *names]) or "count(*) AS nothing"
    united = " UNION ALL ".join(f"({each})" for each in sums)
    having = f" HAVING sum({VISITS.name}) > 0" if are_visited and query.dimensions else ""
    return f"SELECT {columns} FROM ({united}){_grouping(query)}{having}"


def _grouping(query: ReportQuery) -> str:
    return f" GROUP BY {', '.join(group_names(query))}" if query.dimensions else ""
