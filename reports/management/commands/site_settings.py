"""`manage.py site_settings`: a site's settings as a file, and a file's settings for a site."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from reports.site_settings import SettingsFileError, apply_settings, read_settings, write_settings
from sites.models import Site
from sites.services import get_site


class Command(BaseCommand):
    """Writes settings, or takes them from a file."""

    help = "Write the settings of sites to standard output, or take them from a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the two ways."""
        ways = parser.add_subparsers(dest="way", required=True)
        out = ways.add_parser("export", help="write them to standard output")
        out.add_argument("domain", nargs="*", help="sites by domain; none: every site")
        into = ways.add_parser("import", help="take them from a file: all of it, or nothing")
        into.add_argument("file", help="a file that export wrote; - for standard input")
        into.add_argument("--domain", default="", help="the site to change, if not the file's own")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["way"] == "export":
            self._export(options["domain"])
        else:
            self._import(options["file"], options["domain"])

    def _export(self, domains: list[str]) -> None:
        sites = list(Site.objects.all())
        if domains:
            try:
                sites = [get_site(domain=domain) for domain in domains]
            except Site.DoesNotExist:
                raise CommandError("There is no site of one of these domains.") from None
        every = [write_settings(site) for site in sites]
        found = every[0] if len(domains) == 1 else every
        self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))

    def _import(self, file: str, domain: str) -> None:
        try:
            text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        try:
            every = read_settings(text)
            if domain and len(every) != 1:
                raise SettingsFileError("The file holds several sites; --domain names one.")
            with transaction.atomic():
                done = [apply_settings(each, domain=domain) for each in every]
        except SettingsFileError as error:
            raise CommandError(str(error)) from None
        for site, is_new in done:
            self.stdout.write(f"{site.domain}: {'added' if is_new else 'changed'}")
