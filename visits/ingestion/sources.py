"""The display name and kind of what brought a visitor."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sites.domains import normalise_domain
from visits.ingestion.click_ids import cut_click_id, network_of_click
from visits.ingestion.hit import Kind
from visits.ingestion.pages import MAX_HOSTNAME
from visits.ingestion.text import clean_text

_FILE: Final = Path(__file__).parents[1] / "data" / "sources.csv"

#: Schemes of referrers; apps of Android name themselves by the second.
_REFERRER_SCHEMES: Final = frozenset({"http", "https", "android-app"})

#: What may stand between a name and a country: google.com.br, amazon.co.jp, google.it.ao.
_SECOND_LEVEL: Final = frozenset({"co", "com", "edu", "it", "net", "org"})

#: Labels of the longest host of the list; what stands before them tells nothing.
_MOST_LABELS: Final = 6

#: The host of what a campaign names: an address with or without its scheme, or the host alone.
_NAMED_HOST: Final = re.compile(r"(?:(?:[a-z][a-z0-9+-]*:)?/+(?:[^/?#@]*@)?)?([^/?#:]*)", re.I)

MAX_SOURCE: Final = 200


@dataclass(frozen=True, slots=True)
class Source:
    """A source's display name and kind."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Referrer:
    """The referring page: its host without `www.`, and its address without scheme and query."""

    hostname: str
    address: str


NO_SOURCE: Final = Source("", Kind.OTHER)


def is_own_host(hostname: str, own_hosts: tuple[str, ...]) -> bool:
    """Return whether `hostname` is one of `own_hosts` or under one; empty text is nobody's."""
    return any(hostname == own or hostname.endswith(f".{own}") for own in own_hosts if own)


def read_referrer(referrer: str) -> Referrer | None:
    """Return the referring page, None where there is none.

    The query is left out: it may hold what a visitor typed elsewhere. So is a path from a click id
    on.
    """
    try:
        parts = urlsplit(referrer)
        sent_host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in _REFERRER_SCHEMES or len(sent_host) > MAX_HOSTNAME:
        return None
    hostname = normalise_domain(sent_host)
    if not hostname:
        return None
    path = cut_click_id(clean_text(parts.path)).rstrip("/")
    return Referrer(hostname, (hostname + path)[:2000])


def choose_source(*, named: str, referrer: Referrer | None, click_id: str) -> Source:
    """Return the source that the campaign names, else the referrer's, else the click id's network.

    NO_SOURCE where none of them tells anything.
    """
    if named:
        return source_of_name(named)
    if referrer is not None:
        return source_of_host(referrer.hostname)
    return source_of_name(network_of_click(click_id))


# Most hits of an hour come from a few thousand hosts.
@lru_cache(maxsize=10_000)
def source_of_host(hostname: str) -> Source:
    """Return the known source of a referring host or of the domain above it, else the host itself.

    `l.facebook.com` and `m.facebook.com` are Facebook, `google.co.uk` is Google. Apps of Android
    are known by their name: `com.google.android.gm` is Gmail.
    """
    return _find_by_host(hostname) or Source(hostname[:MAX_SOURCE], Kind.OTHER)


def source_of_name(name: str) -> Source:
    """Return the source that a campaign names (`utm_source=facebook`), in its usual spelling.

    The name may be a host, or an address, of which the host alone is kept. NO_SOURCE for no name.
    """
    name = name[:MAX_SOURCE].rstrip()
    if known := _sources_by_name().get(_fold(name)):
        return known
    host = host_of_name(name)
    if "." not in host or " " in host:
        return Source(name, Kind.OTHER)
    return _find_by_host(normalise_domain(host)) or Source(host, Kind.OTHER)


def host_of_name(name: str) -> str:
    """Return the host in what a campaign names, as it is spelled there.

    That of `https://news.example:80/a` and of `news.example/a` is `news.example`. A name that is no
    address is its own host: `newsletter`. Empty text for none.
    """
    match = _NAMED_HOST.match(name)
    return match[1] if match else ""


def _find_by_host(hostname: str) -> Source | None:
    by_host = _sources_by_host()
    labels = hostname.split(".")[-_MOST_LABELS:]
    stem = _without_country(labels)
    for start in range(len(labels) - 1):
        # `google.co.uk` is looked up as itself, then as `google.`: that of every country.
        exact, any_country = ".".join(labels[start:]), ".".join((*stem[start:], ""))
        if source := by_host.get(exact) or by_host.get(any_country):
            return source
    return None


def _without_country(labels: list[str]) -> list[str]:
    """Return the labels of a host before `com`, `de` or `co.uk`; none where it ends otherwise."""
    if labels[-1] == "com":
        return labels[:-1]
    if len(labels[-1]) != 2:
        return []
    return labels[:-2] if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else labels[:-1]


def _fold(name: str) -> str:
    """Return `name` as the list spells names of campaigns: `Hacker-News` is `hackernews`."""
    return "".join(filter(str.isalnum, name.casefold()))


@cache
def _sources_by_host() -> dict[str, Source]:
    return {row["host"]: Source(row["name"], Kind(row["kind"])) for row in _read_list()}


@cache
def _sources_by_name() -> dict[str, Source]:
    return {
        name: Source(row["name"], Kind(row["kind"]))
        for row in _read_list()
        for name in row["campaigns"].split()
    }


def _read_list() -> list[dict[str, str]]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        next(file)  # the origin
        return list(csv.DictReader(file))
