"""Answers from daily figures, where a question allows it exactly.

It does when it is by no dimension, or groups and filters by a single one that days are rolled up
by, over whole days, and asks for nothing but components that add up. Days that are not rolled up
yet, and one that the question ends in the middle of, are the tail: their figures are made of
events, on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from archive.files import read_files
from archive.live import SiteState
from archive.models import DAY, ArchiveFile
from reports.components import Component, Level
from reports.conditions import Parameters, write_condition
from reports.dates import DateRange, Interval, today_in
from reports.dimensions import EVENT, TIME, Dimension
from reports.filters import dimensions_of, put_in_place
from reports.queries import ReportQuery
from reports.rollup import COUNTED, ROLLED_UP, WHOLE, write_daily_figures, write_stays
from reports.sql import group_names

_BY_DAYS: Final = (TIME[Interval.DAY], TIME[Interval.WEEK], TIME[Interval.MONTH])
#: Stands for what no single dimension decides.
_SEVERAL: Final = Dimension(name="several", label="", expression="")


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a range whose figures are made of events: [first_day, end_day), up to `until`."""

    first_day: date
    end_day: date
    until: datetime | None


@dataclass(frozen=True, slots=True)
class MadeTail:
    """A tail in the engine: its stays in a table, its events as a query in brackets."""

    stays: str
    events: str
    has_users: bool
    has_later_days: bool


class DailyFigures:
    """The daily figures of a site, with the tails that questions of one page share."""

    def __init__(self, state: SiteState) -> None:
        self._state = state
        self._tails: dict[Tail, MadeTail | None] = {}

    def count(
        self, query: ReportQuery, components: list[Component], parameters: Parameters
    ) -> str | None:
        """Return a query for the components, as `reports.sql.count_events` does, of daily figures.

        None where they cannot give them exactly.
        """
        dimension = rolled_up_dimension(query, components)
        if dimension is None:
            return None
        days = query.range
        split = min(self._rolled_up_until(dimension, days.first_day), days.end_day)
        if days.until is not None:
            # The day in which it is cut is no whole day.
            split = min(split, today_in(days.zone, days.until))
        if split <= days.first_day or self._needs_dropped(days, split):
            return None
        files = _overlapping(self._state.rollups, days.first_day, split)
        tail = None
        if split < days.end_day:
            tail = self._make_tail(Tail(split, days.end_day, days.until))
        users_come = any(file.has_users for file in files) or (tail is not None and tail.has_users)
        if users_come and any(part.level is Level.VISITOR for part in components):
            return None
        rows = [_rolled_up_rows(query, dimension, components, files, split)] if files else []
        if tail is not None:
            rows.append(_tail_rows(dimension, components, tail, split))
        return _sum(query, dimension, components, rows, parameters) if rows else None

    def _rolled_up_until(self, dimension: Dimension, first_day: date) -> date:
        """Return the day before which every day from `first_day` on has figures that still hold."""
        state = self._state
        until = max(first_day_of(state) or first_day, first_day)
        for file in state.rollups:  # in order of their days
            if file.first_day > until:
                break
            if dimension.name in file.dimensions:
                until = max(until, file.last_day + DAY)
        changed_on = min([*state.live_days, *filter(None, [state.changed_since])], default=until)
        if state.kept_from is not None:
            # What changed of a day before is not known to be all there was.
            changed_on = max(changed_on, state.kept_from)
        return min(until, changed_on)

    def _needs_dropped(self, days: DateRange, split: date) -> bool:
        """Whether figures from `split` on would be made of events that are not kept."""
        kept_from = self._state.kept_from
        return kept_from is not None and split < min(kept_from, days.end_day)

    def _make_tail(self, tail: Tail) -> MadeTail | None:
        """Return the tail, made for the first question that needs it; None without events."""
        if tail not in self._tails:
            self._tails[tail] = self._read_tail(tail)
        return self._tails[tail]

    def _read_tail(self, tail: Tail) -> MadeTail | None:
        conditions = [f"happened_on < DATE '{tail.end_day}'"]
        if tail.until is not None:
            until = tail.until.astimezone(UTC).replace(tzinfo=None)
            conditions.append(f"happened_at < TIMESTAMP '{until}'")
        condition = " AND ".join(conditions)
        engine = self._state.engine
        found = engine.execute(
            "SELECT min(started_on), coalesce(bool_or(visitor < 0), false),"
            " coalesce(bool_or(started_on < happened_on), false) FROM events"
            f" WHERE happened_on >= DATE '{tail.first_day}' AND {condition}"
        ).fetchone()
        earliest, has_users, has_later_days = found or (None, False, False)
        if earliest is None:
            return None
        since = min(earliest, tail.first_day)
        events = f"(SELECT * FROM events WHERE happened_on >= DATE '{since}' AND {condition})"
        name = f"stays_{len(self._tails)}"
        engine.execute(f"CREATE TEMP TABLE {name} AS {write_stays(events)}")
        return MadeTail(name, events, has_users, has_later_days)


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
    if query.filters and not groups and not _adds_up(dimension, components):
        return None
    return dimension


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


def _overlapping(files: Iterable[ArchiveFile], first: date, end: date) -> list[ArchiveFile]:
    return [file for file in files if file.first_day < end and file.last_day >= first]


def _rolled_up_rows(
    query: ReportQuery,
    dimension: Dimension,
    components: list[Component],
    files: list[ArchiveFile],
    split: date,
) -> str:
    names = dict.fromkeys(map(_column, components))
    return (
        f"SELECT {', '.join(['value', 'happened_on', 'previous_on', *names])}"
        f" FROM {read_files(files)}"
        f" WHERE dimension = '{dimension.name}'"
        f" AND happened_on >= DATE '{query.range.first_day}' AND happened_on < DATE '{split}'"
    )


def _tail_rows(
    dimension: Dimension, components: list[Component], tail: MadeTail, split: date
) -> str:
    names = list(dict.fromkeys(map(_column, components)))
    return write_daily_figures(
        dimension,
        names,
        stays=tail.stays,
        events=tail.events,
        since=f"DATE '{split}'",
        with_later_days=tail.has_later_days,
    )


def _sum(
    query: ReportQuery,
    dimension: Dimension,
    components: list[Component],
    rows: list[str],
    parameters: Parameters,
) -> str:
    """The components of each group, of rows of daily figures."""
    value = replace(dimension, expression="value")
    groups = [
        f"{value.expression if each == dimension else each.expression} AS {name}"
        for each, name in zip(query.dimensions, group_names(query), strict=True)
    ]
    sums = [f"coalesce(sum({_column(part)}), 0)::BIGINT AS {part.name}" for part in components]
    # A group of a chart is a range of its own: who was there before it counts in it once more.
    begin = f"DATE '{query.range.first_day}'"
    for each in query.dimensions:
        if each in _BY_DAYS:
            begin = f"greatest({begin}, {each.expression})"
    conditions = [f"(previous_on IS NULL OR previous_on < {begin})"]
    conditions += [
        write_condition(put_in_place(condition, dimension, value), parameters)
        for condition in query.filters
    ]
    grouping = f" GROUP BY {', '.join(group_names(query))}" if groups else ""
    united = " UNION ALL ".join(f"({each})" for each in rows)
    columns = ", ".join([*groups, *sums]) or "count(*) AS nothing"
    return f"SELECT {columns} FROM ({united}) WHERE {' AND '.join(conditions)}{grouping}"
