"""The visits behind a report: those that have an event which it is about, the newest first.

They are read where the events are, in the archive or live, so that a visit whose rows were pruned
is in the log as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archive.columns import EVENT_COLUMNS
from archive.live import SiteState
from reports.conditions import Parameters, write_conditions
from reports.dates import DAY
from reports.exceptions import EventsDroppedError
from reports.filters import dimensions_of
from reports.queries import ReportQuery
from reports.warehouse.bounds import Bounds
from visits.models import VISIT_FACTS, Event, Visit

#: By how much more days are looked through where the newest do not have enough visits.
_WIDER: Final = 8

_KNOWN: Final = ("started_at", "started_on", "visitor", "entry_page", "exit_page", *VISIT_FACTS)
_VISIT: Final = ", ".join(f"any_value({name}) AS {name}" for name in (*_KNOWN, "duration_us"))
_GREATEST_ID: Final = 2**63 - 1
#: What pages show of an event, by its field.
_EVENT: Final = tuple(name for name in EVENT_COLUMNS if name not in {"site_id", "visit_id"})


@dataclass(frozen=True, slots=True)
class VisitLog:
    """The visits with an event that a question is about."""

    state: SiteState
    bounds: Bounds

    def newest(self, query: ReportQuery, limit: int, offset: int = 0) -> list[Visit]:
        """Return these visits by when they began, each as it is as a whole; none is to be saved.

        Raises ReportLimitError; of that EventsDroppedError for days whose events are not kept.
        """
        days, kept_from = query.range, self.state.kept_from
        if kept_from is not None and days.first_day < kept_from:
            raise EventsDroppedError(kept_from)
        found: list[tuple[Any, ...]] = []
        for count in self._widths(query):
            first_day = days.end_day - count * DAY
            # Whoever began before has none of the newest visits: these began on these days.
            since = "" if count == days.days else f" AND started_on >= DATE '{first_day}'"
            narrowed = replace(query, range=replace(days, first_day=first_day))
            found = self._find(narrowed, since, limit, offset)
            if len(found) == limit:
                break
        return self._make(found)

    def read(self, visit_id: int) -> tuple[Visit, list[Event]] | None:
        """Return a visit and its events in order; None where there is none of this id."""
        if visit_id > _GREATEST_ID:
            return None
        select = f"SELECT {', '.join(_EVENT)}, {', '.join(_KNOWN)} FROM {self.state.events()}"
        rows = self._ask(f"{select} WHERE visit_id = $id ORDER BY happened_at", {"id": visit_id})
        if not rows:
            return None
        width = len(_EVENT)
        visit = self._visit(visit_id, rows[0][width:])
        events = []
        for row in rows:
            fields = dict(zip(_EVENT, row[:width], strict=True))
            event = Event(**fields | {"happened_at": _aware(fields["happened_at"])})
            visit.take(event)
            events.append(event)
        return visit, events

    def _widths(self, query: ReportQuery) -> Sequence[int]:
        """Return how many of the last days to look through, one after the other."""
        days = query.range.days
        if query.range.since or any(dimensions_of(each) is None for each in query.filters):
            return [days]
        widths = [1]
        while widths[-1] * _WIDER < days:
            widths.append(widths[-1] * _WIDER)
        return sorted({*widths, days})

    def _find(
        self, query: ReportQuery, since: str, limit: int, offset: int
    ) -> list[tuple[Any, ...]]:
        """Return a row for each visit: its id, what is known of it, how long it took."""
        parameters: Parameters = {"limit": limit, "offset": offset}
        events = self.state.events(query.range.first_day, query.range.end_day)
        return self._ask(
            f"SELECT visit_id, {_VISIT} FROM {events} AS events"
            f" WHERE {write_conditions(query, parameters)}{since} GROUP BY visit_id"
            " ORDER BY started_at DESC, visit_id DESC LIMIT $limit OFFSET $offset",
            parameters,
        )

    def _make(self, rows: list[tuple[Any, ...]]) -> list[Visit]:
        visits = []
        for visit_id, *known, duration_us in rows:
            visit = self._visit(visit_id, known)
            visit.last_event_at = visit.started_at + timedelta(microseconds=duration_us)
            visits.append(visit)
        pageviews = self._count_pageviews(visits)
        for visit in visits:
            visit.pageviews = pageviews.get(visit.pk, 0)
        return visits

    def _count_pageviews(self, visits: list[Visit]) -> dict[int, int]:
        """Return how many pages each of the visits has viewed, those that have."""
        if not visits:
            return {}
        first_day = min(visit.started_on for visit in visits)
        end_day = max(visit.last_event_at for visit in visits).date() + 2 * DAY
        rows = self._ask(
            f"SELECT visit_id, count(*) FROM {self.state.events(first_day, end_day)}"
            " WHERE name = 'pageview' AND list_contains($ids, visit_id) GROUP BY visit_id",
            {"ids": [visit.pk for visit in visits]},
        )
        return dict(rows)

    def _visit(self, visit_id: int, known: Sequence[Any]) -> Visit:
        fields = dict(zip(_KNOWN, known, strict=True))
        fields["started_at"] = fields["last_event_at"] = _aware(fields["started_at"])
        return Visit(pk=visit_id, site_id=self.state.site_id, **fields)

    def _ask(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        with self.bounds.stop(self.state.engine):
            return self.state.engine.execute(sql, parameters).fetchall()


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
