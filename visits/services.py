"""What programs do with visits: add one, find one, add an event to one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from sites.models import Site
from visits.joining import PAGEVIEW
from visits.models import VISIT_FACTS, Event, Visit


def add_visit(
    *,
    site: Site,
    visitor: int,
    started_at: datetime | None = None,
    hostname: str = "",
    address: str | None = None,
    **facts: Any,
) -> Visit:
    """Return a new visit without events, beginning at `started_at` (default: now).

    `facts` are what the first event decides: browser, source, country and the others of
    VISIT_FACTS. Raises TypeError for a fact that a visit has not, ValueError for a naive time,
    ValidationError, with its messages by field, for a value that a field cannot hold.
    """
    unknown = facts.keys() - set(VISIT_FACTS)
    if unknown:
        raise TypeError(f"A visit has no {', '.join(sorted(unknown))}.")
    at = _aware(started_at)
    visit = Visit(
        site=site,
        visitor=visitor,
        latest_visitor=visitor,
        started_at=at,
        started_on=at.astimezone(site.zone).date(),
        last_event_at=at,
        hostname=hostname or site.domain,
        address=address,
        **facts,
    )
    visit.clean_fields()
    visit.save()
    return visit


def get_visit(*, id: int) -> Visit:
    """Return the visit with its site; its events are `visit.events`, in no order.

    Raises Visit.DoesNotExist when there is none.
    """
    return Visit.objects.select_related("site").get(pk=id)


def add_event(
    *,
    visit: Visit,
    name: str = PAGEVIEW,
    page: str = "/",
    happened_at: datetime | None = None,
    title: str = "",
    interactive: bool = True,
    props: Mapping[str, str] | None = None,
    engagement_ms: int | None = None,
    scroll_depth: int | None = None,
) -> Event:
    """Return a new event of the visit (default: a pageview now), counted in the visit's figures.

    `visit` is read anew first, so that events added elsewhere stay counted. Its first event
    decides when it began. Raises ValueError for a naive time, or for one that is over 30 minutes
    from the visit's events and so belongs to another visit; ValidationError, with its messages by
    field, for a value that a field cannot hold.
    """
    at = _aware(happened_at)
    with transaction.atomic():
        visit.refresh_from_db(from_queryset=Visit.objects.select_for_update())
        event = Event(
            site=visit.site,
            visit=visit,
            name=name,
            happened_at=at,
            happened_on=at.astimezone(visit.site.zone).date(),
            hostname=visit.hostname,
            page=page,
            title=title,
            interactive=interactive,
            props=dict(props or {}),
            engagement_ms=engagement_ms,
            scroll_depth=scroll_depth,
        )
        event.clean_fields(exclude=["visit", "site"])
        if not visit.events.exists():
            visit.started_at, visit.started_on = at, event.happened_on
            visit.last_event_at = at
        elif not visit.reaches(at):
            raise ValueError(f"{at} is over 30 minutes from the visit's events: add another visit.")
        visit.take(event)
        visit.save()
        event.save()
    return event


def _aware(at: datetime | None) -> datetime:
    if at is None:
        return timezone.now()
    if timezone.is_naive(at):
        raise ValueError("Give the time with its zone.")
    return at
