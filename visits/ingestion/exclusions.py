"""What a site leaves out by its own wish: networks, countries, paths and hosts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network

from sites.models import Exclusion, Site
from visits.ingestion.addresses import AddressRanges, pack_address
from visits.ingestion.hit import Hit

Meets = Callable[[Hit], bool]

Kind = Exclusion.Kind


def find_exclusion(hit: Hit) -> int | None:
    """Return the id of the first of the site's exclusions that the hit meets; None: it meets none.

    Needs the hit's page and place.
    """
    for pk, meets in _rules_of(hit.known_site):
        if meets(hit):
            return pk
    return None


def _rules_of(site: Site) -> tuple[tuple[int, Meets], ...]:
    """Return the site's exclusions, each with what tells whether a hit meets it."""
    exclusions = site.exclusion_rows
    return _make_rules(exclusions) if exclusions else ()


# A site's exclusions change seldom, and each hit asks for them.
@lru_cache(maxsize=1_000)
def _make_rules(exclusions: tuple[tuple[int, str, str], ...]) -> tuple[tuple[int, Meets], ...]:
    allowed = [value for _, kind, value in exclusions if kind == Kind.OTHER_HOSTNAMES]
    return tuple((pk, _make_rule(kind, value, allowed)) for pk, kind, value in exclusions)


def _make_rule(kind: str, value: str, allowed: list[str]) -> Meets:
    match kind:
        case Kind.NETWORK:
            ranges = AddressRanges([ip_network(value)])
            return lambda hit: (
                (address := pack_address(hit.address)) is not None and (address in ranges)
            )
        case Kind.COUNTRY:
            return lambda hit: hit.place.country == value
        case Kind.PATH:
            path = _pattern(value)
            return lambda hit: path.fullmatch(hit.page.path) is not None
        case Kind.HOSTNAME:
            host = _pattern(value)
            return lambda hit: host.fullmatch(hit.page.hostname) is not None
    hosts = [_pattern(each) for each in allowed]
    return lambda hit: not any(host.fullmatch(hit.page.hostname) for host in hosts)


def _pattern(text: str) -> re.Pattern[str]:
    """Return what matches the text, `*` in it whatever stands there."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def count_name(exclusion: int | str) -> str:
    """Return the name by which the drops of an exclusion are counted, beside their reason."""
    return f"exclusion_{exclusion}"
