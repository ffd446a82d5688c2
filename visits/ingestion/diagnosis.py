"""Signs in a site's hits that their addresses are not the visitors' own, counted as hits come in.

A proxy that is not known as one, or a program that names no visitor, makes one visitor of many. No
address is kept for telling so: of each a hash, in memory, under a random key that goes with the
site's day. What the signs mean is in reports/diagnosis.py.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Final

from sites.models import Site
from visits.daily import Counts
from visits.data.proxies import CARRIER, CLOUDFLARE, LOOPBACK, PRIVATE
from visits.ingestion.addresses import AddressRanges, pack_address
from visits.ingestion.hit import Forwarding, Hit


class Sign(StrEnum):
    """What a site's hits of a day are counted by; the names that DailyCount has for it."""

    JUDGED = "judged_address"  # every hit that is looked at: those that no step dropped
    SHARED = "shared_address"  # so many have the address that most of the day's hits share
    LOOPBACK = "loopback_address"  # the address of this machine itself
    PRIVATE = "private_address"  # of a network at home, in an office, between containers
    CARRIER = "carrier_address"  # between a provider and its customers, or in an overlay network
    CLOUDFLARE = "cloudflare_address"  # of a proxy of Cloudflare's
    FORWARDED_BELIEVED = "forwarded_believed"  # see Forwarding
    FORWARDED_IGNORED = "forwarded_ignored"
    SENDER = "sent_with_key"  # from a program with an API key


#: Signs that an address is not a visitor's, with their networks: the first that hold it count.
NETWORKS: Final = tuple(
    (sign.value, AddressRanges([ip_network(text) for text in networks]))
    for sign, networks in (
        (Sign.LOOPBACK, LOOPBACK),
        (Sign.PRIVATE, PRIVATE),
        (Sign.CARRIER, CARRIER),
        (Sign.CLOUDFLARE, CLOUDFLARE),
    )
)
#: All of them: most addresses are in none, and asked for once.
_NOTED: Final = AddressRanges(
    [ip_network(text) for text in (*LOOPBACK, *PRIVATE, *CARRIER, *CLOUDFLARE)]
)

# Python's enums are slow keys; their values are not.
_JUDGED, _SHARED, _SENDER = Sign.JUDGED.value, Sign.SHARED.value, Sign.SENDER.value
_FORWARDING: Final = {
    Forwarding.NONE.value: "",
    Forwarding.BELIEVED.value: Sign.FORWARDED_BELIEVED.value,
    Forwarding.IGNORED.value: Sign.FORWARDED_IGNORED.value,
}


#: Different addresses of a site's day that a process counts; a hundred bytes or so each.
CAPACITY: Final = 1_000


@dataclass(slots=True)
class CommonestWatch:
    """Tells how often the commonest value of a stream comes, one value after the other.

    So many of the stream are told, in whatever order it comes. That is exact for up to CAPACITY
    different values. Beyond them a new one takes the place, and the count, of one that came least
    (Metwally's Space-Saving), so that up to one hit in CAPACITY too many is told, and never one too
    few.
    """

    #: How often the commonest has come.
    most: int = 0
    _counts: dict[int, int] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    #: How often those came that come least, and which they were when they were last looked for.
    _least: int = 0
    _rarest: list[int] = field(default_factory=list)

    def sees(self, value: bytes) -> bool:
        """Whether by `value`, the stream's next, the commonest has come once more than before."""
        # Python's own hash is keyed by process unless PYTHONHASHSEED is set; this one always is.
        hashed = hash(self._key + value)
        count = self._counts.get(hashed)
        if count is None:
            count = 0 if len(self._counts) < CAPACITY else self._make_room()
        self._counts[hashed] = count + 1
        if count < self.most:
            return False
        self.most = count + 1
        return True

    def _make_room(self) -> int:
        """Forget one of the values that came least; return how often that was."""
        while True:
            while self._rarest:
                if self._counts.get(rare := self._rarest.pop()) == self._least:
                    return self._counts.pop(rare)
            counts = list(self._counts.items())
            self._least = min(count for _, count in counts)
            self._rarest = [value for value, count in counts if count == self._least]


#: When each site's day ends, and the watch over its addresses. Every process has its own: where the
#: commonest address of one is not that of another, more hits are told to be shared than are.
_watches: dict[int, tuple[datetime, CommonestWatch]] = {}


def note_address(hit: Hit, counts: Counts) -> None:
    """Count the signs of a hit of a known site, on the site's day on which it came.

    Not the day on which it happened: a hit that comes late tells how hits arrive today. A user
    whom the site itself names is known without an address, and is not looked at.
    """
    if hit.sent.user_id:
        return
    site = hit.known_site
    on = hit.happened_on if hit.sent.at is None else _day_of(site, hit.received_at)
    site_id = site.id
    counts[site_id, on, _JUDGED] += 1
    address = pack_address(hit.address)
    if address is not None and address in _NOTED:
        for sign, networks in NETWORKS:
            if address in networks:
                counts[site_id, on, sign] += 1
                break
    if _watch_of(site, hit.received_at).sees(address or b""):
        counts[site_id, on, _SHARED] += 1
    if forwarding := _FORWARDING[hit.forwarding]:
        counts[site_id, on, forwarding] += 1
    if hit.is_trusted:
        counts[site_id, on, _SENDER] += 1


def forget_ended_days(now: datetime) -> None:
    """Drop the watches of days that have ended, with their keys."""
    for site_id, (ends_at, _) in list(_watches.items()):
        if ends_at <= now:
            _watches.pop(site_id, None)


def _watch_of(site: Site, now: datetime) -> CommonestWatch:
    known = _watches.get(site.id)
    if known is not None and now < known[0]:
        return known[1]
    tomorrow = _day_of(site, now) + timedelta(days=1)
    watch = CommonestWatch()
    ends_at = datetime.combine(tomorrow, time.min, site.zone)
    # In UTC, as hits have it: to compare times of two zones takes longer than all the rest.
    _watches[site.id] = (ends_at.astimezone(UTC), watch)
    return watch


def _day_of(site: Site, at: datetime) -> date:
    return at.astimezone(site.zone).date()
