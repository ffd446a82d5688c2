"""Selections of visits and events, each condition written once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

from visits.joining import VISIT_GAP

if TYPE_CHECKING:
    from typing import Self

    from sites.models import Site
    from visits.models import Event, Visit  # noqa: F401 -- quoted below


class VisitQuerySet(models.QuerySet["Visit"]):
    """Chainable selections of visits; every method returns a queryset."""

    def for_site(self, site: Site) -> Self:
        """Visits of one site."""
        return self.filter(site=site)

    def reaching(self, first: datetime, last: datetime) -> Self:
        """Visits that an event between the two may belong to: no gap over 30 minutes."""
        return self.filter(
            last_event_at__gte=first - VISIT_GAP,
            started_at__lte=last + VISIT_GAP,
        )


class EventQuerySet(models.QuerySet["Event"]):
    """Chainable selections of events; every method returns a queryset."""

    def for_site(self, site: Site) -> Self:
        """Events of one site."""
        return self.filter(site=site)

    def since(self, at: datetime) -> Self:
        """Events at or after `at`."""
        return self.filter(happened_at__gte=at)
