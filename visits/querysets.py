"""Selections of visits and events, each condition written once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from typing import Self

    from sites.models import Site
    from visits.models import Event, Visit  # noqa: F401 -- quoted below

#: A visit is open, and takes further events, until this long after its last event.
VISIT_GAP: Final = timedelta(minutes=30)

#: One pageview and no interactive custom event.
BOUNCED: Final = Q(pageviews=1, interactive_events=0)


class VisitQuerySet(models.QuerySet["Visit"]):
    """Chainable selections of visits; every method returns a queryset."""

    def for_site(self, site: Site) -> Self:
        """Visits of one site."""
        return self.filter(site=site)

    def started_between(self, start: datetime, end: datetime) -> Self:
        """Visits whose first event falls in the half-open range [start, end)."""
        return self.filter(started_at__gte=start, started_at__lt=end)

    def bounced(self) -> Self:
        """Visits of one pageview and no interactive custom event."""
        return self.filter(BOUNCED)

    def reaching(self, at: datetime) -> Self:
        """Visits that an event at `at` belongs to: no gap over 30 minutes on either side."""
        return self.filter(
            last_event_at__gte=at - VISIT_GAP,
            started_at__lte=at + VISIT_GAP,
        )


class EventQuerySet(models.QuerySet["Event"]):
    """Chainable selections of events; every method returns a queryset."""

    def for_site(self, site: Site) -> Self:
        """Events of one site."""
        return self.filter(site=site)

    def since(self, at: datetime) -> Self:
        """Events at or after `at`."""
        return self.filter(happened_at__gte=at)
