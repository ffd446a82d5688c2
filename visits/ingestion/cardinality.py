"""The guard against values without end: of each field a site's day keeps only so many.

Reports group by these values, so that a page that puts a random number in its address, or somebody
who makes up a million pages, would slow down every report. From the limit on, a value that has not
been seen on this day becomes OTHER; those seen before stay themselves.

What was seen is in memory, and a process has its own: after a restart a day may get as many values
once more, and so it may from each of several processes.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from operator import attrgetter, contains
from typing import Any, Final

from django.conf import settings

from visits.ingestion.hit import Hit
from visits.joining import ENGAGEMENT, PAGEVIEW

#: What stands for every value that is one too many; reports show it like any other.
OTHER: Final = "(other)"

MAX_HOSTNAMES: Final = 1_000
MAX_EVENT_NAMES: Final = 1_000
MAX_PROPERTIES: Final = 500

#: Values that a process keeps at most, of all sites and days: about 180 MB.
MAX_KEPT: Final = 2_000_000

#: Fields of a hit, and how many values of each a day may have; None: as many as the setting says.
#: Country, browser and the like have none: what they can be is settled elsewhere.
FIELDS: Final[Mapping[str, int | None]] = {
    "page.path": None,
    "page.hostname": MAX_HOSTNAMES,
    "sent.name": MAX_EVENT_NAMES,
    "sent.title": None,
    "origin.referrer": None,
    "origin.source": None,
    "origin.utm_source": None,
    "origin.utm_medium": None,
    "origin.utm_campaign": None,
    "origin.utm_term": None,
    "origin.utm_content": None,
}

_values_of: Final = attrgetter(*FIELDS)

_DAY: Final = timedelta(days=1)

#: Hashes of what is never replaced, in whichever field: nothing, and the reserved event names.
_KNOWN: Final = frozenset({hash(""), hash(PAGEVIEW), hash(ENGAGEMENT)})


class _SiteDay:
    """The hashes of the values of one site's day; 64 bits, so that two are hardly ever the same."""

    __slots__ = ("fields", "properties", "size")

    def __init__(self) -> None:
        self.fields: list[set[int]] = [set(_KNOWN) for _ in FIELDS]
        #: The values of each property, by the hash of its key.
        self.properties: dict[int, set[int]] = {}
        self.size = 0


class DistinctValues:
    """What a process has seen of the days around today, of every site.

    `most` is the limit of the fields that have none of their own, and of each property's values. In
    all at most `most_kept` values are kept. A site may have as many of them as are still free for
    all: the first that sends too much stops at half of them, the next at half of what is left, so
    that there is always room for a site with few.
    """

    def __init__(self, *, most: int, most_kept: int = MAX_KEPT) -> None:
        self._most = most
        self._limits = [(limit or most) + len(_KNOWN) for limit in FIELDS.values()]
        self._most_kept = most_kept
        self._kept = 0
        self._sites: dict[int, dict[date, _SiteDay]] = {}
        self._today = self._first = self._last = date.min
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many values are kept."""
        return self._kept

    def bound(self, hit: Hit) -> Hit:
        """Return the hit with OTHER in place of each value that is one too many.

        `bounded_values` says how many were replaced; where none was, it is the same hit.
        """
        sent = hit.sent.props
        hashes = [*map(hash, _values_of(hit))]
        with self._lock:
            days, day = self._find(hit)
            if not sent and all(map(contains, day.fields, hashes)):
                return hit  # as nearly every hit does
            refused = [
                name
                for name, value, seen, limit in zip(
                    FIELDS, hashes, day.fields, self._limits, strict=True
                )
                if value not in seen and not self._add(value, seen, limit, days, day)
            ]
            props = self._bound_properties(sent, days, day)
        if not refused and props == sent:
            return hit
        kept = sum(props.get(key) == value for key, value in sent.items())
        return _rewrite(hit, refused, props, bounded=len(refused) + len(sent) - kept)

    def _bound_properties(
        self, props: dict[str, str], days: Mapping[date, _SiteDay], day: _SiteDay
    ) -> dict[str, str]:
        """Return the properties; of a key too many, key and value become OTHER."""
        bounded: dict[str, str] = {}
        for key, value in props.items():
            values = day.properties.get(hash(key))
            if values is None:
                if len(day.properties) >= MAX_PROPERTIES or not self._has_room(days):
                    bounded[OTHER] = OTHER
                    continue
                values = day.properties[hash(key)] = set()
                self._count(day)
            known = hash(value) in values or self._add(hash(value), values, self._most, days, day)
            bounded[key] = value if known else OTHER
        return bounded

    def _add(
        self, value: int, seen: set[int], limit: int, days: Mapping[date, _SiteDay], day: _SiteDay
    ) -> bool:
        """Note a value that was not seen before; false where there is no room for it."""
        if len(seen) >= limit or not self._has_room(days):
            return False
        seen.add(value)
        self._count(day)
        return True

    def _has_room(self, days: Mapping[date, _SiteDay]) -> bool:
        """Whether a site with these days may have one more value."""
        return sum(day.size for day in days.values()) < self._most_kept - self._kept

    def _count(self, day: _SiteDay) -> None:
        day.size += 1
        self._kept += 1

    def _find(self, hit: Hit) -> tuple[dict[date, _SiteDay], _SiteDay]:
        """Return the days of the hit's site, and that of the hit.

        Hits that come late from before yesterday are counted to the first day there is.
        """
        today = hit.received_at.date()
        if today != self._today:
            self._turn_to(today)
        on = hit.happened_on
        if not self._first <= on <= self._last:
            on = self._first if on < self._first else self._last
        site_id = hit.known_site.id
        days = self._sites.get(site_id)
        if days is None:
            days = self._sites[site_id] = {}
        day = days.get(on)
        if day is None:
            day = days[on] = _SiteDay()
        return days, day

    def _turn_to(self, today: date) -> None:
        """Forget all but yesterday, today and tomorrow: in UTC, as sites have days of their own."""
        self._today, self._first, self._last = today, today - _DAY, today + _DAY
        self._sites = {
            site: near
            for site, days in self._sites.items()
            if (near := {on: day for on, day in days.items() if self._first <= on <= self._last})
        }
        self._kept = sum(day.size for days in self._sites.values() for day in days.values())


def _rewrite(hit: Hit, refused: list[str], props: dict[str, str], *, bounded: int) -> Hit:
    parts: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for name in refused:
        part, _, field = name.partition(".")
        parts[part][field] = OTHER
    if props != hit.sent.props:
        parts["sent"]["props"] = props
    changed = {part: replace(getattr(hit, part), **fields) for part, fields in parts.items()}
    return hit.put(bounded_values=bounded, **changed)


@cache
def get_values() -> DistinctValues:
    """Return what this process has seen, to the limit that the settings have."""
    return DistinctValues(most=settings.MAX_DISTINCT_VALUES)
