"""Referrers that send hits only to be seen in reports."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from sites.domains import normalise_domain
from visits.ingestion.hit import Origin
from visits.ingestion.sources import is_own_host

_FILE: Final = Path(__file__).parents[1] / "data" / "referrer_spam.txt"

#: Labels of the longest host of the list.
_MOST_LABELS: Final = 4

#: Longer names are no hosts.
_MAX_HOSTNAME: Final = 253


def is_spam(origin: Origin, *, own_host: str) -> bool:
    """Return whether the referrer, or a host that the campaign names as source, is a spammer's.

    The site itself, at or under `own_host`, never is. What calls itself the page's own host may be:
    a forged hit says that it was on the spammer's page.
    """
    return any(
        is_spam_referrer(host) and not is_own_host(normalise_domain(host), (own_host,))
        for host in origin.hosts
    )


@lru_cache(maxsize=10_000)
def is_spam_referrer(hostname: str) -> bool:
    """Return whether `hostname` is a host of the list or under one.

    Case and trailing dots do not matter; a host in Unicode and in punycode is the same. False for
    what is no host: empty text, a single word.
    """
    if len(hostname) > _MAX_HOSTNAME:
        return False
    labels = normalise_domain(hostname).split(".")[-_MOST_LABELS:]
    hosts = _spam_hosts()
    return any(".".join(labels[start:]) in hosts for start in range(len(labels) - 1))


@cache
def _spam_hosts() -> frozenset[str]:
    with _FILE.open(encoding="ascii") as file:
        next(file)  # the origin
        return frozenset(file.read().split())
