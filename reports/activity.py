"""What happens on sites right now, for lists of sites: a few figures each, in a few statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import TruncHour

from archive.models import ArchiveFile, KeptEvents
from reports.dates import HOUR
from sites.models import Site
from visits.models import Event

#: A visitor is current who had an event within this time.
CURRENT: Final = timedelta(minutes=5)

HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Activity:
    """A site's last 24 hours: its unique visitors, those of the 24 hours before, and the last hit.

    `current` are visitors of the last five minutes. `visitors_by_hour` has 24 clock hours, the
    oldest first; the last is the one going on.
    """

    visitors: int = 0
    visitors_before: int = 0
    current: int = 0
    visitors_by_hour: list[int] = field(default_factory=lambda: [0] * HOURS)
    last_hit_at: datetime | None = None


def last_24_hours(sites: Iterable[Site], now: datetime) -> dict[int, Activity]:
    """Return the activity of each site by its id, zeros for one without hits; four statements."""
    ids = [site.pk for site in sites]
    first_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first_hour -= (HOURS - 1) * HOUR
    events = Event.objects.filter(site__in=ids).order_by()
    begin = now - HOURS * HOUR
    visitors = {
        pk: counts
        for pk, *counts in events.filter(happened_at__gte=begin - HOURS * HOUR)
        .values("site")
        .annotate(
            n=_visitors(happened_at__gte=begin),
            before=_visitors(happened_at__lt=begin),
            current=_visitors(happened_at__gte=now - CURRENT),
        )
        .values_list("site", "n", "before", "current")
    }
    by_hour = {pk: [0] * HOURS for pk in ids}
    for pk, hour, count in (
        events.filter(happened_at__gte=first_hour)
        .values("site", hour=TruncHour("happened_at", tzinfo=UTC))
        .annotate(n=Count("visit__visitor", distinct=True))
        .values_list("site", "hour", "n")
    ):
        place = int((hour - first_hour) / HOUR)
        if place < HOURS:
            by_hour[pk][place] = count
    # A look at the end of the index for each site, not at all of its events.
    newest = Event.objects.filter(site=OuterRef("pk")).order_by("-happened_at")
    last_hits = dict(
        Site.objects.filter(pk__in=ids)
        .annotate(last_hit_at=Subquery(newest.values("happened_at")[:1]))
        .values_list("pk", "last_hit_at")
    )
    # The rows of some are pruned.
    quiet = [pk for pk, at in last_hits.items() if at is None]
    archived = ArchiveFile.objects.events().filter(site__in=quiet).values_list("site")
    last_hits.update(archived.annotate(at=Max("last_event_at")))
    found = {}
    for pk in ids:
        now_there, before, current = visitors.get(pk, (0, 0, 0))
        found[pk] = Activity(now_there, before, current, by_hour[pk], last_hits.get(pk))
    return found


def _visitors(**when: datetime) -> Count:
    return Count("visit__visitor", distinct=True, filter=Q(**when))


def find_first_hit(site: Site) -> datetime | None:
    """Return when the site's first event happened, also of those not kept; None without any."""
    in_rows = Event.objects.for_site(site).aggregate(at=Min("happened_at"))["at"]
    in_files = ArchiveFile.objects.for_site(site.pk).aggregate(at=Min("first_event_at"))["at"]
    dropped = KeptEvents.objects.filter(site=site).values_list("first_event_at", flat=True)
    return min(filter(None, [in_rows, in_files, *dropped]), default=None)


def count_current_visitors(site: Site, now: datetime) -> int:
    """Return how many visitors had an event within the last five minutes."""
    recent = Event.objects.for_site(site).since(now - CURRENT)
    return int(recent.aggregate(n=Count("visit__visitor", distinct=True))["n"])
