"""`manage.py import_events`: brings in past hits from a file of JSON lines."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive.folder import ArchiveBusyError
from archive.lists import ListChangedError
from imports.exceptions import ImportBusyError
from imports.folder import INPUT, only_import, spool_folder
from imports.giving_up import give_up
from imports.importer import Imported, import_file
from imports.progress import ImportProgress
from imports.report import describe
from sites.domains import normalise_domain
from sites.models import Site
from sites.services import get_site

#: For so long the upkeep, which gives up what is old, may hold up an import.
UPKEEP_SECONDS: Final = 3.0


class Command(BaseCommand):
    """Reads hits of the past, joins them to visits, puts these into the archive."""

    help = "Import past hits, one JSON object a line; see docs/import.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the file, the site, and what becomes of refused lines."""
        parser.add_argument("file", nargs="?", help="path of the file; -: standard input")
        parser.add_argument(
            "--site",
            metavar="DOMAIN",
            help="the one site that hits are for; lines need not name it",
        )
        parser.add_argument("--rejects", metavar="FILE", help="write refused lines into this file")
        parser.add_argument(
            "--strict", action="store_true", help="end with exit code 1 when a line was refused"
        )
        parser.add_argument(
            "--give-up",
            action="store_true",
            help="give up imports that were begun and are not finished, and destroy their keys",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=600,
            metavar="SECONDS",
            help="how long to wait for another process that changes the archive (default: 600)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, tell what came of it."""
        self._terminal = options.get("stderr") or sys.stderr
        if bool(options["file"]) == options["give_up"]:
            raise CommandError("Name one file, or - for standard input; or --give-up alone.")
        try:
            with only_import(wait_seconds=UPKEEP_SECONDS):
                if options["give_up"]:
                    self.stdout.write(f"Gave up {give_up():,} imports.")
                    return
                imported = self._import(options)
        except (ImportBusyError, ArchiveBusyError, ListChangedError) as error:
            raise CommandError(f"{error} Try again.") from None
        self.stdout.write(describe(imported))
        if options["strict"] and imported.tally.refused:
            raise CommandError(f"{imported.tally.refused.total():,} lines were refused.")

    def _import(self, options: dict[str, Any]) -> Imported:
        domain = _known_domain(options["site"])
        rejects = options["rejects"]
        try:
            with _as_file(options["file"]) as path:
                return import_file(
                    path,
                    domain=domain,
                    rejects=Path(rejects) if rejects else None,
                    wait_seconds=options["wait"],
                    listener=ImportProgress(self._terminal),
                )
        except OSError as error:
            raise CommandError(f"{error} What was read is kept; run it again.") from None


def _known_domain(domain: str | None) -> str:
    if domain is None:
        return ""
    try:
        return get_site(domain=domain).domain
    except Site.DoesNotExist:
        raise CommandError(
            f"unknown_site: no site has the domain {normalise_domain(domain)}. Add it first."
        ) from None


@contextmanager
def _as_file(name: str) -> Iterator[Path]:
    """Give the path of the file; standard input is copied into one, to be known by its content."""
    if name != "-":
        yield Path(name)
        return
    with tempfile.NamedTemporaryFile(dir=spool_folder(), prefix=INPUT) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(file.name)
