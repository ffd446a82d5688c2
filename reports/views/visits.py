"""The visitor log, and one visit: its pages in order and the time on each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.http import Http404, HttpResponseBase
from django.shortcuts import render

from reports.access import Need
from reports.metrics import VISITS
from reports.queries import summarise
from reports.views.base import ReportView, SiteView
from reports.warehouse.embedded import open_warehouse
from visits.joining import ENGAGEMENT
from visits.models import Event, Visit


class VisitListView(ReportView):
    """The visits behind the page's figures, newest first."""

    template_name = "reports/visit_list.html"
    page_name = "visits"
    needs = Need.READ_VISITS
    compares = False
    visits_per_page = 50

    def respond(self) -> HttpResponseBase:
        """Return the page. Raises ReportLimitError."""
        return render(self.request, self.template_name, self.get_context_data())

    def answers(self) -> dict[str, Any]:
        """Return some of the visits, and how many there are in all."""
        question = replace(self.question(VISITS), range=self.kept_days())
        total = summarise(self.warehouse, question)[VISITS.name]
        offset = (self.page_number - 1) * self.visits_per_page
        visits = []
        if offset < total:
            visits = self.visit_log.newest(question, self.visits_per_page, offset)
        return {
            "visits": visits,
            "page_number": self.page_number,
            "first_row": offset + 1,
            "last_row": offset + len(visits),
            "total_rows": total,
            "has_more": offset + len(visits) < total,
            "is_empty": not total,
        }


@dataclass(slots=True)
class PageStay:
    """A page of a visit: when it was opened, how long it was looked at, what was done there.

    `props` are the page view's own, `events` the custom events.

    `seconds` is the engagement that the page itself reported, else the time until the next page;
    None for a last page that reported nothing.
    """

    page: str
    title: str
    opened_at: datetime
    seconds: float | None = None
    is_measured: bool = False
    scroll_depth: int | None = None
    props: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


def list_stays(events: Sequence[Event]) -> list[PageStay]:
    """Return a visit's pages in order; `events` are in order of time.

    Engagement and custom events belong to the latest view of their page. What happened on a page
    that was never viewed (a server's event) gets a stay of its own.
    """
    stays: list[PageStay] = []
    for event in events:
        stay = next((stay for stay in reversed(stays) if stay.page == event.page), None)
        if event.is_pageview or stay is None:
            props = event.props if event.is_pageview else {}
            stay = PageStay(event.page, event.title, event.happened_at, props=props)
            stays.append(stay)
        if event.engagement_ms is not None:
            stay.seconds = (stay.seconds or 0) + event.engagement_ms / 1000
            stay.is_measured = True
        if event.scroll_depth is not None:
            stay.scroll_depth = max(stay.scroll_depth or 0, event.scroll_depth)
        if event.is_custom:
            stay.events.append(event)
    for stay, following in pairwise(stays):
        if not stay.is_measured:
            stay.seconds = (following.opened_at - stay.opened_at).total_seconds()
    return stays


class VisitView(SiteView):
    """One visit of the site."""

    template_name = "reports/visit.html"
    page_name = "visits"
    needs = Need.READ_VISITS

    def read_visit(self) -> tuple[Visit, list[Event]]:
        """Return the visit and its events in order. Raises Http404."""
        with suppress(Visit.DoesNotExist):
            visit = Visit.objects.for_site(self.site).get(pk=self.kwargs["pk"])
            return visit, list(visit.events.order_by("happened_at", "pk"))
        with open_warehouse(self.site) as warehouse:
            found = warehouse.visits().read(self.kwargs["pk"])
        if found is None:
            raise Http404("There is no such visit.")
        return found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the visit and its pages; a visit of another site is not found."""
        visit, events = self.read_visit()
        return super().get_context_data(
            visit=visit,
            stays=list_stays(events),
            event_count=sum(event.name != ENGAGEMENT for event in events),
            **kwargs,
        )
