"""Fetches the file that tells places by address; nothing else ever does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from visits.geoip_update import (
    Source,
    Update,
    UpdateError,
    dbip,
    maxmind,
    update_from_file,
    update_from_source,
)
from visits.ingestion.geoip import LOOK_AGAIN_SECONDS
from visits.progress import Progress


class Command(BaseCommand):
    """`manage.py update_geoip`: puts a new file in the place of GEOIP_FILE, or nothing."""

    help = (
        "Fetch the file that tells country, region and city by address: DB-IP City Lite, "
        "or GeoLite2 City where MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY are set."
    )
    # One of them asks for the very file that this command fetches.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the other places that a file may come from."""
        origin = parser.add_mutually_exclusive_group()
        origin.add_argument("--url", help="fetch this .mmdb, .mmdb.gz or .tar.gz")
        origin.add_argument("--file", type=Path, help="take this file of the machine")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch, check, replace, tell what it is and what its licence asks for."""
        self._terminal = options.get("stderr") or sys.stderr
        try:
            if options["file"] is not None:
                update = update_from_file(options["file"], settings.GEOIP_FILE)
            else:
                update = self._fetch(self._choose_source(options["url"]))
        except UpdateError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{update.database} of {update.built_on} ({update.size / 1_000_000:,.1f} MB) is in "
            f"{settings.GEOIP_FILE}. A running server uses it within "
            f"{LOOK_AGAIN_SECONDS:.0f} seconds."
        )
        if attribution := _attribution(update):
            self.stdout.write(attribution)

    def _choose_source(self, url: str | None) -> Source:
        """Return the address given, MaxMind with its account, or DB-IP."""
        if url is not None:
            return Source((url,))
        pair = (settings.MAXMIND_ACCOUNT_ID, settings.MAXMIND_LICENSE_KEY)
        if all(pair):
            return maxmind(*pair)
        if any(pair):
            raise CommandError(
                "MaxMind needs both MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY. "
                "Set the other one too, or unset this one for DB-IP."
            )
        return dbip(timezone.now().date())

    def _fetch(self, source: Source) -> Update:
        """Fetch with a line that tells how far it is."""
        progress: Progress | None = None

        def tell(count: int, total: int) -> None:
            nonlocal progress
            if total:
                progress = progress or Progress(self._terminal, total=total, unit="bytes")
                progress.advance(count)

        update = update_from_source(source, settings.GEOIP_FILE, tell)
        if progress is not None:
            progress.finish()
        return update


def _attribution(update: Update) -> str:
    """Return what the licence of a known maker's file asks for."""
    if update.database.startswith("DBIP"):
        return (
            "Its licence (CC BY 4.0) asks that pages which show places link to its maker: "
            "IP Geolocation by DB-IP, https://db-ip.com"
        )
    if update.database.startswith("GeoLite"):
        return (
            "Its licence asks that pages which show places say: "
            "This product includes GeoLite Data created by MaxMind, https://www.maxmind.com"
        )
    return ""
