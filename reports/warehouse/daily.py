"""Answers from daily figures, where a question allows it exactly.

It does when it has no filter, groups by at most one dimension that days are rolled up by, and by
days or longer, and asks for nothing but components that add up. Days that are not rolled up yet,
and one that the question ends in the middle of, are the tail: their figures are made of events, on
the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from archive.files import read_files
from archive.live import SiteState
from archive.models import DAY, ArchiveFile
from reports.components import VISITORS
from reports.dates import Interval
from reports.dimensions import TIME, Dimension
from reports.queries import ReportQuery
from reports.rollup import (
    COUNTED,
    ROLLED_UP,
    WHOLE,
    write_daily_figures,
    write_stays,
)
from reports.sql import Statement, finish, group_names, needed_components

_BY_DAYS: Final = (TIME[Interval.DAY], TIME[Interval.WEEK], TIME[Interval.MONTH])


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


class DailyFigures:
    """The daily figures of a site, with the tails that questions of one page share."""

    def __init__(self, state: SiteState) -> None:
        self._state = state
        self._tails: dict[Tail, MadeTail | None] = {}

    def write(self, query: ReportQuery) -> Statement | None:
        """Return the statement that answers the query; None where daily figures cannot."""
        dimension = rolled_up_dimension(query)
        if dimension is None:
            return None
        days = query.range
        split = min(self._rolled_up_until(dimension, days.first_day), days.end_day)
        if days.until is not None:
            # A range is cut in its last day: that one is no whole day.
            split = min(split, days.last_day)
        if split <= days.first_day:
            return None
        files = _overlapping(self._state.rollups, days.first_day, split)
        tail = None
        if split < days.end_day:
            tail = self._make_tail(Tail(split, days.end_day, days.until))
        if VISITORS in needed_components(query) and (
            any(file.has_users for file in files) or (tail is not None and tail.has_users)
        ):
            return None
        rows = [_rolled_up_rows(query, dimension, files, split)] if files else []
        if tail is not None:
            rows.append(_tail_rows(query, dimension, tail, split))
        if not rows:
            return None
        parameters = {"first_day": days.first_day}
        return finish(query, _sum(query, dimension, rows), parameters)

    def _rolled_up_until(self, dimension: Dimension, first_day: date) -> date:
        """Return the day before which every day from `first_day` on has figures that still hold."""
        until = max(_first_event_day(self._state) or first_day, first_day)
        for file in self._state.rollups:  # in order of their days
            if file.first_day > until:
                break
            if dimension.name in file.dimensions:
                until = max(until, file.last_day + DAY)
        return min([until, *self._state.live_days, *filter(None, [self._state.changed_since])])

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
            "SELECT min(started_on), coalesce(bool_or(visitor < 0), false) FROM events"
            f" WHERE happened_on >= DATE '{tail.first_day}' AND {condition}"
        ).fetchone()
        earliest, has_users = found or (None, False)
        if earliest is None:
            return None
        since = min(earliest, tail.first_day)
        events = f"(SELECT * FROM events WHERE happened_on >= DATE '{since}' AND {condition})"
        name = f"stays_{len(self._tails)}"
        engine.execute(f"CREATE TEMP TABLE {name} AS {write_stays(events)}")
        return MadeTail(name, events, has_users)


def rolled_up_dimension(query: ReportQuery) -> Dimension | None:
    """Return the dimension whose daily figures answer the query, WHOLE without; None: none do."""
    if query.filters or not set(needed_components(query)) <= set(COUNTED):
        return None
    others = [each for each in query.dimensions if each not in _BY_DAYS]
    if len(others) > 1 or len(query.dimensions) - len(others) > 1:
        return None
    dimension = others[0] if others else WHOLE
    return dimension if ROLLED_UP.get(dimension.name) == dimension else None


def _first_event_day(state: SiteState) -> date | None:
    days = [file.first_day for file in state.files]
    return min([*days, *state.live_days], default=None)


def _overlapping(files: Iterable[ArchiveFile], first: date, end: date) -> list[ArchiveFile]:
    return [file for file in files if file.first_day < end and file.last_day >= first]


def _rolled_up_rows(
    query: ReportQuery, dimension: Dimension, files: list[ArchiveFile], split: date
) -> str:
    names = ", ".join(component.name for component in needed_components(query))
    return (
        f"SELECT value, happened_on, previous_on, {names} FROM {read_files(files)}"
        f" WHERE dimension = '{dimension.name}'"
        f" AND happened_on >= DATE '{query.range.first_day}' AND happened_on < DATE '{split}'"
    )


def _tail_rows(query: ReportQuery, dimension: Dimension, tail: MadeTail, split: date) -> str:
    return write_daily_figures(
        dimension,
        needed_components(query),
        stays=tail.stays,
        events=tail.events,
        since=f"DATE '{split}'",
    )


def _sum(query: ReportQuery, dimension: Dimension, rows: list[str]) -> str:
    """The components of each group, of rows of daily figures."""
    groups = [
        f"{'value' if each == dimension else each.expression} AS {name}"
        for each, name in zip(query.dimensions, group_names(query), strict=True)
    ]
    sums = [f"coalesce(sum({c.name}), 0)::BIGINT AS {c.name}" for c in needed_components(query)]
    # A group of a chart is a range of its own: who was there before it counts in it once more.
    beginnings = [each.expression for each in query.dimensions if each in _BY_DAYS]
    begin = f"greatest($first_day::DATE, {beginnings[0]})" if beginnings else "$first_day"
    grouping = f" GROUP BY {', '.join(group_names(query))}" if groups else ""
    united = " UNION ALL ".join(f"({each})" for each in rows)
    return (
        f"SELECT {', '.join([*groups, *sums])} FROM ({united})"
        f" WHERE previous_on IS NULL OR previous_on < {begin}{grouping}"
    )
