"""`manage.py retain`: drops events that are older than their sites keep them, now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from archive.erasure.plan import some
from archive.folder import ArchiveBusyError
from archive.lists import ListChangedError
from archive.retention import files_to_drop_from, find_dropping
from archive.upkeep import keep_up
from sites.models import Site


class Command(BaseCommand):
    """Says what each site's limit lets go, and drops it; the server does so by itself."""

    help = (
        "Drop events older than their sites keep them (“days that events are kept” in the admin)."
        " Their daily figures stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add whether to drop anything, and how long to wait."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument(
            "--wait",
            type=float,
            default=600,
            metavar="SECONDS",
            help="how long to wait for another process that changes the archive (default: 600)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say it, and do it with all that has to come before."""
        now = timezone.now()
        for site in Site.objects.filter(keep_events_days__isnull=False):
            self.stdout.write(describe(site, now))
        if options["dry_run"]:
            return
        try:
            done = keep_up(now, wait_seconds=options["wait"])
        except (ArchiveBusyError, ListChangedError) as error:
            raise CommandError(f"{error} Try again.") from None
        self.stdout.write(f"Dropped the events of {some(done.dropped_days, 'day')}.")


def describe(site: Site, now: datetime) -> str:
    """Return what a site's limit lets go, in a sentence."""
    kept = f"{site.domain} keeps events for {some(site.keep_events_days or 0, 'day')}"
    dropping = find_dropping(site, now)
    if dropping is None:
        return f"{kept}: nothing is older."
    return (
        f"{kept}: to go: {some(dropping.days, 'day')}, those before {dropping.before}. To be"
        f" written anew: {some(len(files_to_drop_from(dropping)), 'file')} of the archive."
    )
