"""Visits and their events, as rows: what may still change, and what the visitor log shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from sites.models import Site
from visits.joining import ENGAGEMENT, PAGEVIEW, is_interactive_custom, reaches, take_event
from visits.querysets import EventQuerySet, VisitQuerySet

#: Facts of a visit that its first event decides and that never change.
VISIT_FACTS: Final = (
    "referrer",
    "source",
    "channel",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "country",
    "region",
    "city",
    "browser",
    "browser_version",
    "operating_system",
    "operating_system_version",
    "device",
    "screen_width",
    "language",
)


class Visit(models.Model):
    """A visitor's events on one site with no gap over 30 minutes."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="visits", db_index=False)
    visitor = models.BigIntegerField(
        help_text="Hash of site, address and user agent under the salt of the day it began."
    )
    latest_visitor = models.BigIntegerField(
        help_text="That person's id on the day of the last event; the next hit finds it by this."
    )
    started_at = models.DateTimeField()
    started_on = models.DateField(help_text="The site's day on which the visit began.")
    last_event_at = models.DateTimeField()

    # What happened in it; grows while the visit is open.
    pageviews = models.PositiveIntegerField(default=0)
    interactive_events = models.PositiveIntegerField(
        default=0, help_text="Custom events that count against a bounce."
    )
    hostname = models.CharField(max_length=253, blank=True)
    entry_page = models.CharField(max_length=2000, blank=True)
    entry_page_at = models.DateTimeField(null=True, blank=True)
    exit_page = models.CharField(max_length=2000, blank=True)
    exit_page_at = models.DateTimeField(null=True, blank=True)

    # Where the visitor came from.
    referrer = models.CharField(max_length=2000, blank=True)
    source = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=40, blank=True)
    utm_source = models.CharField("UTM source", max_length=200, blank=True)
    utm_medium = models.CharField("UTM medium", max_length=200, blank=True)
    utm_campaign = models.CharField("UTM campaign", max_length=200, blank=True)
    utm_term = models.CharField("UTM term", max_length=200, blank=True)
    utm_content = models.CharField("UTM content", max_length=200, blank=True)

    # Where the visitor was, and with what.
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2.")
    region = models.CharField(max_length=100, blank=True)
    city = models.CharField(max_length=100, blank=True)
    browser = models.CharField(max_length=60, blank=True)
    browser_version = models.CharField(max_length=20, blank=True)
    operating_system = models.CharField(max_length=60, blank=True)
    operating_system_version = models.CharField(max_length=20, blank=True)
    device = models.CharField(max_length=20, blank=True)
    screen_width = models.PositiveIntegerField(null=True, blank=True, help_text="CSS pixels.")
    language = models.CharField(max_length=35, blank=True)
    address = models.GenericIPAddressField(
        null=True, blank=True, help_text="Only where the site keeps addresses."
    )

    objects = VisitQuerySet.as_manager()

    class Meta:
        """Newest first in lists; each index names its query."""

        indexes = [
            # The open visit of a visitor, for every hit. Nothing that every hit changes is in it.
            models.Index(fields=["site", "latest_visitor", "started_at"], name="visit_open"),
            # The visitor log and the admin's list of a site: newest visits first. Pruning: oldest.
            models.Index(fields=["site", "started_at"], name="visit_log"),
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"

    @property
    def duration(self) -> timedelta:
        """Last event of any kind minus first; zero for a visit of one event."""
        return self.last_event_at - self.started_at

    @property
    def bounced(self) -> bool:
        """Whether the visit had one pageview and no interactive custom event."""
        return self.pageviews == 1 and self.interactive_events == 0

    def reaches(self, at: datetime) -> bool:
        """Whether an event at `at` belongs to this visit: no gap over 30 minutes on either side."""
        return reaches(self, at)

    def take(self, event: Event) -> None:
        """Count `event` as this visit's. Saves nothing."""
        take_event(
            self,
            name=event.name,
            page=event.page,
            at=event.happened_at,
            on=event.happened_on,
            interactive=event.interactive,
        )


class Event(models.Model):
    """One stored action, with a name: a pageview, an engagement, or the site's own."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="events", db_index=False)
    visit = models.ForeignKey(
        Visit, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    name = models.CharField(max_length=120)
    happened_at = models.DateTimeField()
    happened_on = models.DateField(help_text="The site's day on which the event fell.")
    hostname = models.CharField(max_length=253, blank=True)
    page = models.CharField(max_length=2000, blank=True, help_text="Path of the page.")
    title = models.CharField(max_length=500, blank=True)
    interactive = models.BooleanField(
        default=True, help_text="Whether a custom event counts against a bounce."
    )
    props = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    revenue_amount = models.DecimalField(max_digits=19, decimal_places=4, null=True, blank=True)
    revenue_currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217.")
    engagement_ms = models.PositiveIntegerField(
        null=True, blank=True, help_text="Time the page was visible and used."
    )
    scroll_depth = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(100)], help_text="Percent."
    )
    event_id = models.CharField(
        max_length=64, blank=True, help_text="Chosen by the client, against repeats."
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        """Each index names its query."""

        indexes = [
            # A visit's events in order, for the visitor page and the admin.
            models.Index(fields=["visit", "happened_at"], name="event_visit"),
            # Current visitors, the admin's last 24 hours, a site's last hit.
            models.Index(fields=["site", "happened_at"], name="event_recent"),
        ]
        constraints = [
            # A hit sent again with the same id is stored once.
            models.UniqueConstraint(
                fields=["site", "event_id"],
                condition=~Q(event_id=""),
                name="event_id_once_per_site",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.page}"

    @property
    def is_pageview(self) -> bool:
        """Whether this is the view of a page."""
        return self.name == PAGEVIEW

    @property
    def is_custom(self) -> bool:
        """Whether this is an event of the site's own."""
        return self.name not in {PAGEVIEW, ENGAGEMENT}

    @property
    def is_interactive_custom(self) -> bool:
        """Whether this is an event of the site's own that counts against a bounce."""
        return is_interactive_custom(self.name, interactive=self.interactive)


class DailyCount(models.Model):
    """How often something happened to a site's hits on one of its days, that leaves no row.

    Names are the reasons of drops, and those of `visits.daily`.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="daily_counts", db_index=False
    )
    counted_on = models.DateField(help_text="The site's day.")
    name = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField()

    class Meta:
        """One count per site, day and name; their index finds a site's last days."""

        constraints = [
            models.UniqueConstraint(
                fields=["site", "counted_on", "name"], name="daily_count_once_per_name"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.counted_on}: {self.count}"


class LiveVisit(models.Model):
    """A visit whose rows are ahead of the archive: not in it yet, or changed since.

    Reports read these from the database and all others from the archive. What is in no such row is
    archived as it stands.
    """

    visit_id = models.BigIntegerField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+", db_index=False)
    revision = models.BigIntegerField(
        help_text="Of its last change: grows from one transaction to the next."
    )
    started_on = models.DateField(help_text="The site's day on which the visit began.")
    is_archived = models.BooleanField(
        default=False, help_text="The archive holds it as it was; that no longer counts."
    )
    is_gone = models.BooleanField(default=False, help_text="Its rows are deleted.")

    class Meta:
        """The index finds what has changed on a site since a reader looked."""

        indexes = [models.Index(fields=["site", "revision"], name="live_changed")]

    def __str__(self) -> str:
        return f"live visit {self.visit_id}"


class WatchedHit(models.Model):
    """A hit of a site that staff watch, with what became of it; gone after some minutes.

    No address of a site that keeps none is in it, and no query of a page's address.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+", db_index=False)
    received_at = models.DateTimeField()
    verdict = models.CharField(
        max_length=20, help_text="stored, repeated, malformed, or a drop's reason."
    )
    name = models.CharField(max_length=120)
    page = models.CharField(max_length=2300, help_text="Host and path.")
    facts = models.JSONField(
        default=dict, help_text="By name, as text, in groups: sent, address, derived."
    )

    class Meta:
        """The index finds the newest of a site, and those that are old."""

        indexes = [models.Index(fields=["site", "received_at"], name="watched_newest")]

    def __str__(self) -> str:
        return f"{self.name} {self.page}: {self.verdict}"


class RowsState(models.Model):
    """What readers of a site's live visits need to know beyond them; a site without: zero."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="+")
    departures = models.BigIntegerField(
        default=0, help_text="How often visits have left the live ones, into the archive or away."
    )

    def __str__(self) -> str:
        return f"rows of {self.site_id}: {self.departures} departures"


class Revision(models.Model):
    """The number of the last transaction that changed visits, where the database has none itself.

    One row, on SQLite alone: PostgreSQL numbers its transactions.
    """

    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)
