"""Finds pages that are not counted as they should be."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tracking_client.audit import Page, audit, fetch, pages_of_sitemap, print_table

from django_tracking.conf import get


class Command(BaseCommand):
    """`manage.py tracking_audit`: the site's own addresses, or those of a sitemap or a list."""

    help = (
        "Looks at pages for the tag: missing, twice, of another site, or forbidden by the page's "
        "policy. Without arguments it asks this project for every address that needs no value; "
        "exit code 1 when something is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take paths, a sitemap or a list, and what to leave out."""
        parser.add_argument("paths", nargs="*", help="paths of this project, such as /prices/")
        parser.add_argument("--sitemap", help="address or file of a sitemap")
        parser.add_argument("--list", type=Path, help="file with a path or address on each line")
        parser.add_argument(
            "--exclude", action="append", default=["/admin/"], help="paths that begin so"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write a line for each page, and end with the exit code."""
        if settings.DEBUG and not get("TRACKING_IN_DEBUG"):
            raise CommandError(
                "The tag is silent with DEBUG on. Set TRACKING_IN_DEBUG, or DEBUG off."
            )
        is_named = bool(options["paths"] or options["list"] or options["sitemap"])
        try:
            urls = list(self.find_named(options) if is_named else self.find_own(options))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        domain = get("TRACKING_DOMAIN")
        findings = audit(urls, domain, self.get, skips_refused=not is_named)
        code = print_table(findings, self.stdout.write)
        if code:
            sys.exit(code)

    def find_named(self, options: dict[str, Any]) -> Iterator[str]:
        """Yield what the arguments name."""
        yield from options["paths"]
        if options["list"]:
            yield from options["list"].read_text(encoding="utf-8").split()
        if options["sitemap"]:
            yield from pages_of_sitemap(options["sitemap"])

    def find_own(self, options: dict[str, Any]) -> Iterator[str]:
        """Yield the paths of this project's URLconf."""
        for path in sorted(set(walk(get_resolver().url_patterns))):
            if not path.startswith(tuple(options["exclude"])):
                yield path

    def get(self, url: str) -> Page:
        """Return the answer of this project to a path, as a visitor gets it; else of an address."""
        if "://" in url:
            return fetch(url)
        host = next((name for name in settings.ALLOWED_HOSTS if name[0] not in "*."), "localhost")
        client = Client(headers={"accept": "text/html", "host": host})
        response = client.get(url, follow=True, secure=settings.SECURE_SSL_REDIRECT)
        scheme = "https" if settings.SECURE_SSL_REDIRECT else "http"
        content = b"" if response.streaming else response.content
        return Page(
            f"{scheme}://{host}{response.request['PATH_INFO']}",
            response.status_code,
            {name.lower(): value for name, value in response.items()},
            content.decode(errors="replace"),
        )


def walk(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Yield the paths of a URLconf that need no value."""
    for pattern in patterns:
        # A route's own text, or a regular expression's without its signs.
        text = str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if pattern.pattern.regex.groups or any(sign in text for sign in "<([*+?\\|"):
            continue
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, before + text)
        else:
            yield before + text
