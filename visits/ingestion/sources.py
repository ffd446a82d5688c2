"""The display name and kind of what brought a visitor."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sites.domains import normalise_domain
from visits.ingestion.hit import Kind
from visits.ingestion.text import clean_text

_FILE: Final = Path(__file__).parents[1] / "data" / "sources.csv"

#: Schemes of referrers; apps of Android name themselves by the second.
_REFERRER_SCHEMES: Final = frozenset({"http", "https", "android-app"})

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


def read_referrer(referrer: str, *, own_hosts: tuple[str, ...]) -> Referrer | None:
    """Return the referring page, None where there is none or it is the site itself.

    The query is left out: it may hold what a visitor typed elsewhere. Pages under `own_hosts` and
    their subdomains are the site itself.
    """
    try:
        parts = urlsplit(referrer)
        hostname = normalise_domain(parts.hostname or "")
    except ValueError:
        return None
    if parts.scheme not in _REFERRER_SCHEMES or not hostname:
        return None
    if any(hostname == own or hostname.endswith(f".{own}") for own in own_hosts if own):
        return None
    return Referrer(hostname, (hostname + clean_text(parts.path).rstrip("/"))[:2000])


def source_of_host(hostname: str) -> Source:
    """Return the known source of a referring host or of the domain above it, else the host itself.

    `l.facebook.com` and `m.facebook.com` are Facebook, `google.co.uk` is Google.
    """
    by_host = _sources_by_host()
    labels = hostname.split(".")
    for start in range(len(labels) - 1):
        rest = ".".join(labels[start:])
        # `google.co.uk` is looked up as `google.`: one or two short labels are a country's ending.
        ending = labels[start + 1 :]
        any_country = f"{labels[start]}." if _is_country_ending(ending) else ""
        if source := by_host.get(rest) or by_host.get(any_country):
            return source
    return Source(hostname[:MAX_SOURCE], Kind.OTHER)


def source_of_name(name: str) -> Source:
    """Return the source that a campaign names (`utm_source=facebook`), in its usual spelling."""
    folded = name.casefold()
    known = _sources_by_name().get(folded)
    if known is None and "." in folded:
        known = source_of_host(normalise_domain(folded))
        known = known if known.kind else None
    return known or Source(name[:MAX_SOURCE], Kind.OTHER)


def _is_country_ending(labels: list[str]) -> bool:
    return labels == ["com"] or (
        0 < len(labels) <= 2 and len(labels[-1]) == 2 and all(len(label) <= 3 for label in labels)
    )


@cache
def _sources_by_host() -> dict[str, Source]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        next(file)  # the origin
        return {row["host"]: Source(row["name"], Kind(row["kind"])) for row in csv.DictReader(file)}


@cache
def _sources_by_name() -> dict[str, Source]:
    by_name: dict[str, Source] = {}
    for host, source in _sources_by_host().items():
        by_name.setdefault(source.name.casefold(), source)
        by_name.setdefault(host.split(".")[0] if host.count(".") == 1 else host, source)
    # Short names that campaigns use.
    for alias, name in {"fb": "facebook", "ig": "instagram", "yt": "youtube"}.items():
        by_name[alias] = by_name[name]
    return by_name
