"""`manage.py verify_archive`: whether the archive holds what it should, exactly."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from archive.folder import ArchiveBusyError, change_archive
from archive.management.sites import add_site_arguments, find_sites
from archive.verification import verify


class Command(BaseCommand):
    """Compares files, list, rows and daily figures, and says what is wrong."""

    help = (
        "Compare the archive's files with their list, with the rows that are still there, and with"
        " the daily figures. Changes nothing, but finishes what was to be erased; the server may"
        " run. Exits with 1 when anything is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the site."""
        add_site_arguments(parser)

    def handle(self, *args: Any, site: str | None, wait: float, **options: Any) -> None:
        """Compare, and say what came of it."""
        wrong = 0
        try:
            with change_archive(wait_seconds=wait):
                for each in find_sites(site):
                    found = verify(each)
                    sentences = found.sentences()
                    wrong += len(sentences)
                    for sentence in sentences:
                        self.stdout.write(f"{each.domain}: {sentence}")
                    self.stdout.write(f"{each.domain}: {found.summary()}")
        except ArchiveBusyError as error:
            raise CommandError(f"{error} Try again.") from None
        if wrong:
            raise CommandError(
                "The archive is not as it should be. `manage.py rebuild_archive` mends what the"
                " rows allow."
            )
