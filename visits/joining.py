"""The one rule of how an event changes its visit, and of when two visits are one.

For whatever has a visit's fields: the model, and the writer's visits on their way to the database.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, Protocol

PAGEVIEW: Final = "pageview"
ENGAGEMENT: Final = "engagement"

#: A visit is open, and takes further events, until this long after its last event.
VISIT_GAP: Final = timedelta(minutes=30)


class GrowingVisit(Protocol):
    """What events change of a visit."""

    latest_visitor: int
    started_at: datetime
    started_on: date
    last_event_at: datetime
    pageviews: int
    interactive_events: int
    entry_page: str
    entry_page_at: datetime | None
    exit_page: str
    exit_page_at: datetime | None


def is_interactive_custom(name: str, *, interactive: bool) -> bool:
    """Return whether an event is one of the site's own that counts against a bounce."""
    return interactive and name not in {PAGEVIEW, ENGAGEMENT}


def reaches(visit: GrowingVisit, at: datetime) -> bool:
    """Return whether an event at `at` belongs to the visit: no gap over 30 minutes either side."""
    return visit.started_at - VISIT_GAP <= at <= visit.last_event_at + VISIT_GAP


def take_event(
    visit: GrowingVisit, *, name: str, page: str, at: datetime, on: date, interactive: bool
) -> None:
    """Count an event as the visit's. `on` is the site's day of the time `at`.

    Events may come out of order: an earlier pageview becomes the entry page, a later one the
    exit page.
    """
    if name == PAGEVIEW:
        visit.pageviews += 1
        if visit.entry_page_at is None or at < visit.entry_page_at:
            visit.entry_page, visit.entry_page_at = page, at
        if visit.exit_page_at is None or at >= visit.exit_page_at:
            visit.exit_page, visit.exit_page_at = page, at
    elif is_interactive_custom(name, interactive=interactive):
        visit.interactive_events += 1
    if at < visit.started_at:
        visit.started_at, visit.started_on = at, on
    visit.last_event_at = max(visit.last_event_at, at)


def join_visits(whole: GrowingVisit, later: GrowingVisit) -> None:
    """Count a visit that began later as part of `whole`: an event between them made them one."""
    whole.pageviews += later.pageviews
    whole.interactive_events += later.interactive_events
    if later.entry_page_at is not None and (
        whole.entry_page_at is None or later.entry_page_at < whole.entry_page_at
    ):
        whole.entry_page, whole.entry_page_at = later.entry_page, later.entry_page_at
    if later.exit_page_at is not None and (
        whole.exit_page_at is None or later.exit_page_at >= whole.exit_page_at
    ):
        whole.exit_page, whole.exit_page_at = later.exit_page, later.exit_page_at
    if later.last_event_at >= whole.last_event_at:
        whole.last_event_at, whole.latest_visitor = later.last_event_at, later.latest_visitor
