"""The visitor log, and one visit: its pages in order and the time on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from reports.dimensions import COUNTRY
from reports.forms import PageForm
from reports.tables import show_value
from reports.views.base import SiteView
from visits.joining import ENGAGEMENT
from visits.models import Event, Visit


class VisitListView(SiteView):
    """A site's visits, newest first."""

    template_name = "reports/visit_list.html"
    page_name = "visits"
    visits_per_page = 50
    page_number: int

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Read the address, and show the page; an address that is wrong says how."""
        form = PageForm(request.GET)
        if not form.is_valid():
            return self.refuse(form)
        self.page_number = form.read_page_number()
        return render(request, self.template_name, self.get_context_data())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a page of visits; one visit more than shown tells whether there is a next page."""
        visits = Visit.objects.for_site(self.site).order_by("-started_at", "-pk")
        start = (self.page_number - 1) * self.visits_per_page
        some = list(visits[start : start + self.visits_per_page + 1])
        return super().get_context_data(
            visits=[
                (visit, show_value(COUNTRY, visit.country))
                for visit in some[: self.visits_per_page]
            ],
            page_number=self.page_number,
            has_more=len(some) > self.visits_per_page,
            **kwargs,
        )


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

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the visit and its pages; a visit of another site is not found."""
        visit = get_object_or_404(Visit.objects.for_site(self.site), pk=self.kwargs["pk"])
        events = list(visit.events.order_by("happened_at", "pk"))
        return super().get_context_data(
            visit=visit,
            country=show_value(COUNTRY, visit.country),
            stays=list_stays(events),
            event_count=sum(event.name != ENGAGEMENT for event in events),
            **kwargs,
        )
