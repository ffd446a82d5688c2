"""`manage.py rebuild_archive`: files that are not what they should be, made anew from the rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from archive.folder import ArchiveBusyError, change_archive
from archive.lists import ListChangedError
from archive.management.sites import add_site_arguments, find_sites
from archive.rebuilding import EventsLostError, rebuild
from sites.models import Site


class Command(BaseCommand):
    """Mends the archive as far as the rows allow."""

    help = (
        "Make files of the archive anew from the rows where they are missing, damaged or wrong, and"
        " daily figures from the files. The server may run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the site, and what may be lost."""
        add_site_arguments(parser)
        parser.add_argument(
            "--accept-loss",
            action="store_true",
            help="let damaged files go whose events are in no rows any more, and in no backup",
        )

    def handle(
        self, *args: Any, site: str | None, wait: float, accept_loss: bool, **options: Any
    ) -> None:
        """Mend site by site, and say what came of it."""
        try:
            with change_archive(wait_seconds=wait):
                kept = [not self._mend(each, accept_loss) for each in find_sites(site)]
        except (ArchiveBusyError, ListChangedError) as error:
            raise CommandError(f"{error} Try again.") from None
        if any(kept):
            raise CommandError(
                "Put the files that `manage.py verify_archive` names back from a backup; or let"
                " their events go, with --accept-loss."
            )

    def _mend(self, site: Site, accept_loss: bool) -> bool:
        try:
            done = rebuild(site, timezone.now(), accept_loss=accept_loss)
        except EventsLostError as error:
            self.stdout.write(f"{site.domain}: {error} Nothing was changed.")
            return False
        self.stdout.write(
            f"{site.domain}: wrong files: {done.files:,}; visits written from their rows:"
            f" {done.visits:,}."
        )
        return True
