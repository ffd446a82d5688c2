"""What is remembered of imports: which contents are in, for which sites."""

from __future__ import annotations

from pathlib import Path

from django.db import models

from imports.folder import spool_folder
from sites.models import Site


class Import(models.Model):
    """A file of hits that was brought in, is being, or was given up; known by its content."""

    class State(models.TextChoices):
        """How far it is."""

        GOING_ON = "going_on", "Going on"
        FINISHED = "finished", "Finished"
        GIVEN_UP = "given_up", "Given up"

    sha256 = models.CharField(max_length=64, help_text="Of the whole content.")
    size_bytes = models.BigIntegerField()
    domain = models.CharField(
        max_length=255, blank=True, help_text="The one site that it was for; empty: any."
    )
    state = models.CharField(max_length=10, choices=State, default=State.GOING_ON)
    started_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True, help_text="When it last made progress.")

    # How far it has been read. What the parts hold lies in the import's folder.
    parts = models.IntegerField(default=0)
    read_bytes = models.BigIntegerField(default=0)
    read_lines = models.BigIntegerField(default=0)
    report = models.JSONField(default=dict, help_text="Of a finished one: see imports.tally.")

    class Meta:
        """The index finds contents that are known."""

        indexes = [models.Index(fields=["sha256"], name="import_content")]

    def __str__(self) -> str:
        return f"import {self.sha256[:12]}"

    @property
    def folder(self) -> Path:
        """Where its parts and its key are while it goes on."""
        return spool_folder() / str(self.pk)


class ImportedSite(models.Model):
    """A site whose hits of an import are in the archive, and count."""

    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="sites")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+", db_index=False)
    visits = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    repeated = models.BigIntegerField(
        default=0, help_text="Hits with an id that the site, or the file, had before."
    )
    left_out = models.BigIntegerField(default=0, help_text="Engagement that belongs to no visit.")

    class Meta:
        """A site's hits of an import are stored once."""

        constraints = [
            models.UniqueConstraint(fields=["source", "site"], name="imported_site_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source} for {self.site_id}"
