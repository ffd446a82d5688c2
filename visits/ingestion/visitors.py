"""Who a hit is from, for one site and one day, without keeping who that is."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from sites.models import Site
from visits.ingestion.hit import Visitor
from visits.ingestion.salts import SaltGoneError, get_salt
from visits.querysets import VISIT_GAP


def identify_visitor(site: Site, *, at: datetime, address: str, user_agent: str) -> Visitor:
    """Return the visitor of a hit at `at`, who has another id on each of the site's days.

    An id is 64 bits of a keyed BLAKE2b over address and user agent under the site's salt of that
    day, so ids of two sites or two days cannot be joined. Within 30 minutes of midnight a visit may
    go on across it, and the id of the other day is given too. Raises SaltGoneError when the salt
    of the day has expired or is broken.
    """
    day = at.astimezone(site.zone).date()
    salt = get_salt(site, day, now=at, create=True)
    if salt is None:
        raise SaltGoneError(f"The salt of site {site.pk} for {day} is gone.")
    for edge in (at - VISIT_GAP, at + VISIT_GAP):
        other_day = edge.astimezone(site.zone).date()
        if other_day != day:
            # Tomorrow's is made ahead: another process may be storing a hit of tomorrow right now.
            other_salt = get_salt(site, other_day, now=at, create=other_day > day)
            if other_salt is not None:
                return Visitor(
                    _hash(salt, address, user_agent), _hash(other_salt, address, user_agent)
                )
    return Visitor(_hash(salt, address, user_agent))


def _hash(salt: bytes, address: str, user_agent: str) -> int:
    text = f"{address}\0{user_agent}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8, key=salt).digest(), signed=True)
