"""Who a hit is from, for one site and one day, without keeping who that is.

A site that knows its users may say who it is; then the visitor is one on all days.
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from django.utils.crypto import salted_hmac

from sites.models import Site
from visits.ingestion.hit import Visitor
from visits.ingestion.salts import SaltGoneError, get_salt
from visits.joining import VISIT_GAP

#: Bits of an id that are the hash's; those above are the day's, which come again after 5 years.
#: Of a million visitors of one day two have the same id on one day in nine thousand.
HASH_BITS: Final = 52
_DAYS: Final = 2 ** (63 - HASH_BITS)


def identify_visitor(
    site: Site, *, at: datetime, now: datetime, address: str, user_agent: str
) -> Visitor:
    """Return the visitor of a hit that happened at `at` and came at `now`.

    Who it is has another id on each of the site's days: a keyed BLAKE2b over address and user agent
    under the site's salt of that day, so that ids of two sites or two days cannot be joined. The
    day comes first in it: ids of one day are neighbours in the index by which every hit finds its
    visit, and only today's part of it has to be in memory, however many days are stored.

    Within 30 minutes of midnight a visit may go on across it, and the id of the other day is given
    too; so are those of the days since for a hit that comes late, as its visit may have gone on.
    Raises SaltGoneError when the salt of the day has expired or is broken.
    """
    text = f"{address}\0{user_agent}".encode(errors="surrogatepass")
    day, beside = _days_around(site.timezone, int(at.timestamp() // 60))
    if now - at > VISIT_GAP:  # it comes late: the visit may have gone on since
        beside = _with_days_since(beside, day, today=now.astimezone(site.zone).date())
    salt = get_salt(site, day, now=now, create=True)
    if salt is None:
        raise SaltGoneError(f"The salt of site {site.pk} for {day} is gone.")
    other_ids = []
    for other_day in beside:
        # Made where there is none: another process may be storing that day's first hit right now.
        other_salt = get_salt(site, other_day, now=now, create=True)
        if other_salt is not None:
            other_ids.append(_id_of_day(other_day, other_salt, text))
    return Visitor(_id_of_day(day, salt, text), tuple(other_ids))


def identify_user(site: Site, user_id: str) -> Visitor:
    """Return the visitor whom the site itself knows by `user_id`: the same one on every day.

    63 bits of a keyed BLAKE2b under a key that follows from SECRET_KEY and the site, and negative:
    so everybody can see that the figures of such visitors do not add up from day to day.
    """
    key = salted_hmac(f"visits.user_id.{site.uuid}", "", algorithm="sha256").digest()
    return Visitor(-1 - _hash(key, user_id.encode(errors="surrogatepass")))


@lru_cache(maxsize=10_000)
def _days_around(timezone: str, minute: int) -> tuple[date, tuple[date, ...]]:
    """Return the day of a minute since 1970, and the other days within 30 minutes of it.

    Days begin with a minute, in every zone of this century.
    """
    zone = zoneinfo.ZoneInfo(timezone)
    at = datetime.fromtimestamp(minute * 60, UTC)
    day = at.astimezone(zone).date()
    edges = {(at - VISIT_GAP).astimezone(zone).date(), (at + VISIT_GAP).astimezone(zone).date()}
    return day, tuple(sorted(edges - {day}))


def _with_days_since(days: tuple[date, ...], day: date, *, today: date) -> tuple[date, ...]:
    since = (day + timedelta(days=n) for n in range(1, (today - day).days + 1))
    return tuple(sorted({*days, *since}))


def _id_of_day(day: date, salt: bytes, text: bytes) -> int:
    number = day.toordinal() % _DAYS
    return number << HASH_BITS | _hash(salt, text) & (1 << HASH_BITS) - 1


def _hash(key: bytes, text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8, key=key).digest()) >> 1
