"""What a page is going to ask, and which of its questions share a table of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Final

from django.conf import settings

from archive.live import SiteState
from reports.components import Component
from reports.filters import Condition, dimensions_of
from reports.needs import columns_for
from reports.queries import ReportQuery
from reports.sql import counted_parts
from reports.warehouse.focus import Chosen, Focus, among, is_of_visits, read_days
from reports.warehouse.tables import MadeTables

#: Values of events for which a megabyte of the engine's memory is enough, a third of it left to
#: questions: some fifteen bytes each, a page's text as a country's.
VALUES_PER_MB: Final = 45_000
#: So few questions read files themselves, each no more than it needs.
FEW_QUESTIONS: Final = 2
#: Where filters leave some of so few events, these are read sooner than daily figures.
FEW_EVENTS: Final = 600_000
#: Of so many events a table of their visits is made too, for what it answers sooner.
MANY_EVENTS: Final = 50_000

Days = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Part:
    """What is counted at once of the events that a question is about."""

    query: ReportQuery
    components: list[Component]
    #: Whether daily figures answer it.
    has_figures: bool

    @property
    def days(self) -> Days:
        """The days that it is about: the first, and the one after the last."""
        return self.query.range.first_day, self.query.range.end_day


class Expectation:
    """The questions that are going to be asked, and the tables that several of them share.

    `has_figures` says whether daily figures answer a question's components.
    """

    def __init__(
        self,
        state: SiteState,
        tables: MadeTables,
        questions: Iterable[ReportQuery],
        has_figures: Callable[[ReportQuery, list[Component]], bool],
    ) -> None:
        self._state = state
        self._tables = tables
        self._has_figures = has_figures
        self._parts = [
            Part(part, components, has_figures(part, components))
            for question in questions
            for _, part, components in counted_parts(question)
        ]
        self._made: dict[Days, list[Focus]] = {}
        #: Days whose tables are for what daily figures answer, too.
        self._without_figures: set[Days] = set()

    def columns_at(self, end_day: date, until: datetime | None) -> frozenset[str]:
        """Return the columns that are counted beside daily figures of days with this end."""
        return _columns(
            (part.query, part.components)
            for part in self._parts
            if part.has_figures
            and (part.query.range.end_day, part.query.range.until) == (end_day, until)
        )

    def narrow(
        self, query: ReportQuery, components: list[Component]
    ) -> tuple[ReportQuery, Focus] | None:
        """Return what to ask instead, and of which events: a table is made of them when it pays.

        None where it is to be asked of daily figures, or files.
        """
        days = query.range.first_day, query.range.end_day
        if days not in self._made:
            self._made[days] = self._make(days)
        if days not in self._without_figures and self._has_figures(query, components):
            return None
        for focus in self._made[days]:
            narrowed = focus.narrow(query, components)
            if narrowed is not None:
                return narrowed, focus
        return None

    def _make(self, days: Days) -> list[Focus]:
        """Return the events of the days that questions share; none where they are too many."""
        parts = [part for part in self._parts if part.days == days]
        events = self._count_at_most(*days)
        if _shared_filters(parts) and events <= FEW_EVENTS:
            self._without_figures.add(days)
            if len(parts) <= FEW_QUESTIONS:
                return [read_days(self._state, *days)]
        else:
            parts = [part for part in parts if not part.has_figures]
            if len(parts) <= FEW_QUESTIONS:
                return []
        filters = _shared_filters(parts)
        asked = [(among(part.query, filters), part.components) for part in parts]
        chosen = Chosen(self._state, self._tables, days, filters)
        most = settings.REPORT_MEMORY_MB * VALUES_PER_MB / len(_columns(asked))
        if events > most and (not filters or chosen.count() > most):
            return []
        of_visits = [each for each in asked if is_of_visits(*each)]
        if events < MANY_EVENTS or len(of_visits) <= FEW_QUESTIONS:
            of_visits = []
        of_events = [each for each in asked if each not in of_visits]
        made = [chosen.make_visits(_columns(of_visits))] if of_visits else []
        return [*made, chosen.make_events(_columns(of_events))] if of_events else made

    def _count_at_most(self, first_day: date, end_day: date) -> float:
        """Return about how many events the days have, as if each file's were spread evenly."""
        total = 0.0
        for file in self._state.files:
            days = (min(end_day, file.end_day) - max(first_day, file.first_day)).days
            total += file.rows * max(0, days) / (file.end_day - file.first_day).days
        return total


def _shared_filters(parts: list[Part]) -> frozenset[Condition]:
    """Return the filters of all parts that an event meets by itself."""
    shared = [frozenset(part.query.filters) for part in parts]
    filters = frozenset.intersection(*shared) if shared else frozenset()
    return frozenset(each for each in filters if dimensions_of(each) is not None)


def _columns(asked: Iterable[tuple[ReportQuery, list[Component]]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(columns_for(*each) for each in asked))
