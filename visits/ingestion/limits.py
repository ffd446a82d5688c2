"""How many hits a site, and a network, may send: what is over the limit is dropped.

A bucket of tokens for each: it is full at first, a hit takes one out, and they come back at an even
pace. Buckets are in memory, and a process has its own; see
docs/decisions/0008-limits-in-memory.md.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Final

from django.conf import settings

from visits.ingestion.addresses import visitor_network
from visits.ingestion.hit import Hit

#: A full bucket holds what comes back in this time: a burst may be so much above the rate.
BURST_SECONDS: Final = 10
#: Buckets kept at most, of each kind: about 10 MB.
MAX_BUCKETS: Final = 50_000
#: How often full buckets are forgotten. A bucket is full BURST_SECONDS after its last hit at the
#: latest, so that nothing is kept of a network for longer than a minute.
FORGET_EVERY_SECONDS: Final = 30

_SECOND: Final = 1_000_000_000  # nanoseconds

#: Networks are kept as hashes under this, which nobody knows and no other process has.
_SALT: Final = secrets.token_bytes(16)


class TokenBuckets:
    """Buckets by key, of `rate` tokens a second. Threads take turns: HitLimits sees to that.

    Of a bucket only the moment is kept at which it will be full again. Times are whole nanoseconds,
    so that nothing is lost in rounding: over any time a key gets at most `rate` tokens for each
    second of it, and for BURST_SECONDS more.
    """

    def __init__(self, rate: int, *, most: int = MAX_BUCKETS) -> None:
        # Rounded up: never more than `rate` in a second.
        self._token = -(-_SECOND // rate)
        self._capacity = self._token * rate * BURST_SECONDS
        self._most = most
        self._full_at: dict[int, int] = {}

    def __len__(self) -> int:
        """Return how many buckets are kept; all others are full."""
        return len(self._full_at)

    def take(self, key: int, now: int) -> bool:
        """Take a token at `now`; false where the bucket is empty."""
        full_at = self._full_at.get(key)
        if full_at is None:
            if len(self._full_at) >= self._most:
                self._make_room(now)
            full_at = now
        elif full_at < now:
            full_at = now
        full_at += self._token
        if full_at - now > self._capacity:
            return False
        self._full_at[key] = full_at
        return True

    def forget_full(self, now: int) -> None:
        """Forget the buckets that are full: a new one is the same."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}

    def _make_room(self, now: int) -> None:
        """Forget full buckets and, where too many are left, the fuller half: it gains the least."""
        self.forget_full(now)
        if len(self._full_at) > self._most // 2:
            by_fullness = sorted(self._full_at.items(), key=lambda bucket: bucket[1])
            self._full_at = dict(by_fullness[-(self._most // 2) :])


class HitLimits:
    """The limits of a process, in hits a second; 0 is no limit. `clock` tells nanoseconds."""

    def __init__(
        self,
        *,
        site_rate: int,
        network_rate: int,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._sites = TokenBuckets(site_rate) if site_rate else None
        self._networks = TokenBuckets(network_rate) if network_rate else None
        self._clock = clock
        self._lock = threading.Lock()

    def allow(self, hit: Hit) -> bool:
        """Count the hit and return whether it is within the limits of its network and its site.

        One that its network's limit refuses does not count for the site. Hits that came with an
        API key are not limited: their sender is known, and sends for many visitors.
        """
        # A private address has no limit either: it is a proxy's, or a test's, and no visitor's.
        # Where TRUSTED_PROXIES was forgotten, every hit comes from it, and nearly all would go.
        if hit.is_trusted:
            return True
        sites, networks = self._sites, self._networks
        network = None if networks is None else visitor_network(hit.address)
        with self._lock:
            now = self._clock()
            if (
                networks is not None
                and network is not None
                and not networks.take(hash(_SALT + network), now)
            ):
                return False
            return sites is None or sites.take(hit.known_site.id, now)

    def forget_full(self) -> None:
        """Forget the sites and networks that have not been heard of for a while."""
        with self._lock:
            now = self._clock()
            for buckets in (self._sites, self._networks):
                if buckets is not None:
                    buckets.forget_full(now)


def divide_rate(rate: int, *, workers: int) -> int:
    """Return what one of several processes may take of `rate`: at least 1, but 0 of none."""
    return max(1, rate // workers) if rate else 0


@cache
def get_limits() -> HitLimits:
    """Return the limits of this process, as the settings have them."""
    workers = settings.WEB_WORKERS
    return HitLimits(
        site_rate=divide_rate(settings.SITE_RATE_LIMIT, workers=workers),
        network_rate=divide_rate(settings.NETWORK_RATE_LIMIT, workers=workers),
    )


def keep_forgetting() -> threading.Thread:
    """Start the thread that forgets networks for as long as this process lives."""

    def run() -> None:
        while True:
            time.sleep(FORGET_EVERY_SECONDS)
            get_limits().forget_full()

    thread = threading.Thread(target=run, name="forget-networks", daemon=True)
    thread.start()
    return thread
