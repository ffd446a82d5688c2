"""Who a hit of an import is from, without keeping who that is."""

from __future__ import annotations

from functools import lru_cache, partial
from hashlib import blake2b
from typing import NamedTuple

from imports.known import MAX_KEPT
from visits.ingestion.hit import Hit
from visits.ingestion.visitors import identify_user


class Who(NamedTuple):
    """Two ids of one person on one site."""

    #: The same on all days: it joins hits to visits, and goes with the import.
    person: int
    #: That of the hit's day, as anonymous visitors have; of a user the site's own, on all days.
    visitor: int


class Visitors:
    """Names the people of an import by a key that is random for it.

    The same person has the same ids however often the import is gone on with, and nobody can tell
    who it was, or that two days' visitors are one, once the key is destroyed.
    """

    def __init__(self, key: bytes) -> None:
        self._hash = lru_cache(MAX_KEPT)(partial(_hash, key))
        self._users: dict[tuple[int, str], Who] = {}

    def name(self, hit: Hit) -> Who:
        """Return who it was: `user_id` before `visitor` before address and user agent."""
        sent, site = hit.sent, hit.known_site
        if sent.user_id:
            return self._name_user(hit)
        who = f"v{sent.visitor}" if sent.visitor else f"a{hit.address}\0{hit.user_agent}"
        return Who(
            self._hash(f"{site.id}\0\0{who}"), self._hash(f"{site.id}\0{hit.happened_on}\0{who}")
        )

    def _name_user(self, hit: Hit) -> Who:
        known = (hit.known_site.id, hit.sent.user_id)
        if known not in self._users:
            if len(self._users) >= MAX_KEPT:
                self._users.clear()
            user = identify_user(hit.known_site, hit.sent.user_id).id
            self._users[known] = Who(user, user)
        return self._users[known]


def _hash(key: bytes, text: str) -> int:
    """Return 63 bits of a keyed BLAKE2b over the text."""
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=8, key=key).digest()
    return int.from_bytes(digest) >> 1
