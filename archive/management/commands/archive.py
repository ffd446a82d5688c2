"""`manage.py archive`: what the server does by itself, now and whole."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from archive.folder import ArchiveBusyError
from archive.forgetting import forget_erased
from archive.lists import ListChangedError
from archive.upkeep import keep_up


class Command(BaseCommand):
    """Archives finished visits, merges files, rolls days up, prunes rows."""

    help = "Archive what is finished, merge small files, roll days up, prune old rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add how long to wait."""
        parser.add_argument(
            "--wait",
            type=float,
            default=600,
            metavar="SECONDS",
            help="how long to wait for another process that does the same (default: 600)",
        )

        parser.add_argument(
            "--rewrite-database",
            action="store_true",
            help="write a large SQLite database anew, so that nothing erased is left in its unused"
            " space; nobody can write meanwhile, about a second for 100 MB",
        )

    def handle(self, *args: Any, wait: float, **options: Any) -> None:
        """Do it, and say how much there was to do."""
        try:
            done = keep_up(timezone.now(), wait_seconds=wait)
            if options["rewrite_database"]:
                forget_erased(however_large=True)
        except (ArchiveBusyError, ListChangedError) as error:
            raise CommandError(f"{error} Try again.") from None
        if done.erasures:
            self.stdout.write(f"Finished {done.erasures:,} erasures.")
        self.stdout.write(
            f"Archived {done.archived_visits:,} visits, merged {done.merged_files:,} files, rolled"
            f" up {done.rolled_up_days:,} days, pruned the rows of {done.pruned_visits:,} visits,"
            f" deleted {done.deleted_files:,} old files."
        )
