"""Who a hit is from, for one site and one day, without keeping who that is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import blake2b

from sites.models import Site
from visits.ingestion.hit import Visitor
from visits.ingestion.salts import get_salt


def identify_visitor(
    site: Site, *, day: date, address: str, user_agent: str, now: datetime
) -> Visitor:
    """Return the visitor of `day`, with the id of the day before while its salt exists.

    An id is 64 bits of a keyed BLAKE2b over address and user agent under the site's salt of that
    day, so ids of two sites or two days cannot be joined. The day before's is needed by a visit
    that goes on across midnight.
    """
    salt = get_salt(site, day, now=now, create=True)
    if salt is None:
        raise ValueError(f"The salt of {day} is gone: visitors of that day cannot be told apart.")
    before = get_salt(site, day - timedelta(days=1), now=now, create=False)
    return Visitor(
        _hash(salt, address, user_agent),
        None if before is None else _hash(before, address, user_agent),
    )


def _hash(salt: bytes, address: str, user_agent: str) -> int:
    text = f"{address}\0{user_agent}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8, key=salt).digest(), signed=True)
