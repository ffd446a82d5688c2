"""The visitor log, and one visit: its pages in order and the time on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.shortcuts import get_object_or_404

from reports.dimensions import COUNTRY
from reports.tables import show_value
from reports.views.base import SiteView
from visits.models import Event, Visit


class VisitListView(SiteView):
    """A site's visits, newest first."""

    template_name = "reports/visit_list.html"
    page_name = "visits"
    visits_per_page = 50

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a page of visits; one visit more than shown tells whether there is a next page."""
        asked = self.request.GET.get("page", "1")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
        number = max(number, 1)
        visits = Visit.objects.for_site(self.site).order_by("-started_at", "-pk")
        start = (number - 1) * self.visits_per_page
        some = list(visits[start : start + self.visits_per_page + 1])
        return super().get_context_data(
            visits=[
                (visit, show_value(COUNTRY, visit.country))
                for visit in some[: self.visits_per_page]
            ],
            page_number=number,
            has_more=len(some) > self.visits_per_page,
            **kwargs,
        )


@dataclass(slots=True)
class PageStay:
    """A page of a visit: when it was opened, how long it was looked at, what was done there.

    `seconds` is the engagement that the page itself reported, else the time until the next page;
    None for a last page that reported nothing.
    """

    page: str
    title: str
    opened_at: datetime
    seconds: float | None = None
    is_measured: bool = False
    scroll_depth: int | None = None
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
            stay = PageStay(event.page, event.title, event.happened_at)
            stays.append(stay)
        if event.engagement_ms is not None:
            stay.seconds = (stay.seconds or 0) + event.engagement_ms / 1000
            stay.is_measured = True
        if event.scroll_depth is not None:
            stay.scroll_depth = max(stay.scroll_depth or 0, event.scroll_depth)
        if event.is_interactive_custom or event.props:
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
            event_count=len(events),
            **kwargs,
        )
