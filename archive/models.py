"""The list of the archive's files: what it names counts, and nothing else in the folder does."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from archive.folder import archive_folder
from sites.models import Site

if TYPE_CHECKING:
    from typing import Self

DAY: Final = timedelta(days=1)


class ArchiveFileQuerySet(models.QuerySet["ArchiveFile"]):
    """Chainable selections of files; every method returns a queryset."""

    def for_site(self, site_id: int) -> Self:
        """Files of one site."""
        return self.filter(site=site_id)

    def events(self) -> Self:
        """Files of events."""
        return self.filter(kind=ArchiveFile.Kind.EVENTS)

    def rollups(self) -> Self:
        """Files of daily figures."""
        return self.filter(kind=ArchiveFile.Kind.ROLLUP)

    def ids(self) -> Self:
        """Files of the ids that clients gave to hits which were imported."""
        return self.filter(kind=ArchiveFile.Kind.IDS)


class ArchiveFile(models.Model):
    """An immutable file of one site's events, of their daily figures, or of imported hits' ids."""

    class Kind(models.TextChoices):
        """What a file holds."""

        EVENTS = "events", "Events"
        ROLLUP = "rollup", "Daily figures"
        IDS = "ids", "Ids of imported hits"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=100, unique=True, help_text="Path in the archive's folder.")
    first_day = models.DateField(help_text="The site's day of the first event.")
    last_day = models.DateField(help_text="The site's day of the last event.")
    first_event_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    rows = models.BigIntegerField()
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)
    reaches_back = models.JSONField(
        default=dict,
        encoder=DjangoJSONEncoder,
        help_text="Of daily figures: each day with visits that began before it, and the earliest"
        " such beginning.",
    )
    dimensions = models.JSONField(
        default=list, help_text="Of daily figures: the dimensions that they are kept by."
    )
    has_users = models.BooleanField(
        default=False, help_text="Of daily figures: some visitors are the same on several days."
    )

    objects = ArchiveFileQuerySet.as_manager()

    class Meta:
        """The index finds the files of a report."""

        indexes = [models.Index(fields=["site", "kind", "first_day"], name="archive_of_site")]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where the file is."""
        return archive_folder() / self.name

    @property
    def end_day(self) -> date:
        """The day after the last."""
        return self.last_day + DAY

    @property
    def days(self) -> set[date]:
        """Every day from the first to the last."""
        return {self.first_day + n * DAY for n in range((self.last_day - self.first_day).days + 1)}


class KeptEvents(models.Model):
    """From which day on a site's events are kept; of a site without, all are."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="+")
    first_day = models.DateField(help_text="Of days before, daily figures are all there is.")
    first_event_at = models.DateTimeField(help_text="When the first event happened of all.")
    dropped_before = models.DateField(
        null=True, help_text="The day before which all events are gone from the files and rows."
    )

    class Meta:
        """Named as one thing."""

        verbose_name_plural = "kept events"

    def __str__(self) -> str:
        return f"events since {self.first_day}"


def events_kept_from(site_id: int) -> date | None:
    """Return the first day of which the site's events are kept; None: they are of every day."""
    days = KeptEvents.objects.filter(site=site_id).values_list("first_day", flat=True)
    return next(iter(days), None)


class Erasure(models.Model):
    """What is to be erased of a site: noted before anything is, and so carried out to the end."""

    class Kind(models.TextChoices):
        """What is named."""

        ALL = "all", "everything"
        DAYS = "days", "days"
        PATH = "path", "a path"
        PROPERTY = "property", "a property"
        USER = "user", "a user"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="erasures")
    kind = models.CharField(max_length=10, choices=Kind)
    first_day = models.DateField(null=True, blank=True)
    last_day = models.DateField(null=True, blank=True)
    # What is named is itself to be erased: these are emptied when the erasure is finished.
    name = models.CharField(max_length=2000, blank=True, help_text="The path, or the property.")
    value = models.CharField(  # noqa: DJ001 -- an empty value is one, too
        max_length=2000, null=True, blank=True, help_text="The property's value; none: any."
    )
    visitor = models.BigIntegerField(null=True, blank=True, help_text="The user's visitor.")
    requested_at = models.DateTimeField(
        default=timezone.now, help_text="What happened later is not erased."
    )
    visits = models.BigIntegerField(default=0, help_text="Visits that had some of it.")
    events = models.BigIntegerField(default=0, help_text="Events that were erased, or changed.")
    finished_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on no report shows any of it."
    )
    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on no file of DATA_DIR holds any of it."
    )

    class Meta:
        """Newest first."""

        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"erasure of {self.get_kind_display()}"
