"""Which sites a command is about."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import CommandError

from sites.domains import normalise_domain
from sites.models import Site


def add_site_arguments(parser: ArgumentParser) -> None:
    """Add the site, and how long to wait for others."""
    parser.add_argument("--site", metavar="DOMAIN", help="this site alone, in place of every one")
    parser.add_argument(
        "--wait",
        type=float,
        default=600,
        metavar="SECONDS",
        help="how long to wait for another process that changes the archive (default: 600)",
    )


def find_sites(domain: str | None) -> list[Site]:
    """Return the site of this domain, or all. Raises CommandError where there is none of it."""
    if domain is None:
        return list(Site.objects.order_by("domain"))
    sites = list(Site.objects.filter(domain=normalise_domain(domain)))
    if not sites:
        raise CommandError(f"There is no site {domain}. The admin lists them.")
    return sites
