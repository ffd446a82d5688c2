"""Fills a demo site with a year of believable traffic."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from archive.emptying import empty_site, has_visits
from archive.folder import ArchiveBusyError, change_archive
from archive.lists import ListChangedError
from archive.upkeep import Done, archive_site, do_further_work
from sites.models import Site
from sites.services import add_site, get_site, update_metadata
from visits.bulk import Amount, load_visits
from visits.demo.traffic import make_traffic
from visits.models import Visit
from visits.progress import Progress

DEMO_DOMAIN: Final = "demo.example.com"
#: The key in a site's metadata that lets its visits be replaced.
DEMO_KEY: Final = "demo"
#: How long it waits for another process that changes the archive.
WAIT_SECONDS: Final = 600.0


class Command(BaseCommand):
    """`manage.py seed_demo`: replaces the visits of the demo site, and of no other."""

    help = "Fill a demo site with a year of believable traffic; its earlier visits are replaced."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how much traffic, of which site, and which chance."""
        parser.add_argument("--events", type=_positive, default=250_000, help="how many, exactly")
        parser.add_argument("--site", default=DEMO_DOMAIN, help="domain of the demo site")
        parser.add_argument("--seed", type=int, default=1, help="another seed, another year")
        parser.add_argument("--days", type=_positive, default=365, help="how far back it goes")
        parser.add_argument(
            "--end", type=_time, default=None, help="last moment, ISO 8601 with its zone; now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Find or add the site, empty it, fill it, tell what was made."""
        self._terminal = options.get("stderr") or sys.stderr
        end = options["end"] or timezone.now()
        site = self._demo_site(options["site"])
        try:
            with change_archive(wait_seconds=WAIT_SECONDS):
                self._empty(site)
        except (ArchiveBusyError, ListChangedError) as error:
            raise CommandError(f"{error} Try again.") from None
        progress = Progress(self._terminal, total=options["events"], unit="events")
        traffic = make_traffic(
            events=options["events"],
            end=end,
            days=options["days"],
            zone=site.zone,
            domain=site.domain,
            seed=options["seed"],
        )
        with _without_collector():
            made = load_visits(site, traffic, tell=lambda amount: progress.advance(amount.events))
        seconds = progress.finish()
        self._archive(site)
        self.stdout.write(
            f"Made {made.events:,} events in {made.visits:,} visits, {options['days']} days until "
            f"{end.astimezone(site.zone):%Y-%m-%d %H:%M %Z}, "
            f"in {seconds:.1f} s ({made.events / max(seconds, 0.001):,.0f} events a second).\n"
            f"See them at /reports/{site.domain}/"
        )

    def _demo_site(self, domain: str) -> Site:
        """Return the site. Raises CommandError when it is a real one, with visits of its own."""
        try:
            site = get_site(domain=domain)
        except Site.DoesNotExist:
            return self._add_demo_site(domain)
        if not site.metadata.filter(key=DEMO_KEY).exists():
            if has_visits(site):
                raise CommandError(
                    f"{site.domain} has visits that are not a demo's; they would be lost. "
                    f"Name another --site, or note the key “{DEMO_KEY}” for this one in the admin."
                )
            update_metadata(site=site, metadata={DEMO_KEY: "yes"})
        return site

    def _add_demo_site(self, domain: str) -> Site:
        try:
            return add_site(
                domain=domain,
                name="Demo site",
                timezone="Europe/Berlin",
                metadata={DEMO_KEY: "yes"},
            )
        except ValidationError as error:
            raise CommandError(f"--site {domain}: {' '.join(error.messages)}") from None

    def _empty(self, site: Site) -> None:
        if not has_visits(site):
            return
        self.stdout.write(f"Replacing the visits that {site.domain} has.")
        rows = Visit.objects.for_site(site).count()
        progress = Progress(self._terminal, total=rows, unit="visits deleted")

        def tell(amount: Amount) -> None:
            progress.advance(amount.visits)

        empty_site(site, tell=tell)
        progress.finish()

    def _archive(self, site: Site) -> None:
        """Put the visits into the archive, so that reports are as quick as they will be.

        Where somebody else is changing it the server does so later; reports are right meanwhile.
        """
        now, done = timezone.now(), Done()
        with suppress(ArchiveBusyError, ListChangedError), change_archive(wait_seconds=60):
            archive_site(site, now, done)
            done.rolled_up_days += do_further_work(site, now)
        self.stdout.write(
            f"Archived {done.archived_visits:,} visits, rolled up {done.rolled_up_days:,} days."
        )


@contextmanager
def _without_collector() -> Iterator[None]:
    """Spare the search for cycles among millions of rows, which form none; a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _time(text: str) -> datetime:
    at = parse_datetime(text)
    if at is None or timezone.is_naive(at):
        raise argparse.ArgumentTypeError("must be a time such as 2026-11-22T12:00:00+01:00")
    return at
