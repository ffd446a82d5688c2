"""How many hits a site and a network may send, whatever addresses they claim."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from sites.models import Site
from visits.daily import HITS
from visits.ingestion.addresses import client_address, visitor_network
from visits.ingestion.hit import Drop, DropReason, Hit
from visits.ingestion.limits import (
    BURST_SECONDS,
    MAX_BUCKETS,
    HitLimits,
    TokenBuckets,
    divide_rate,
    get_limits,
    keep_forgetting,
)
from visits.ingestion.pipeline import ingest
from visits.models import Event
from visits.tests.hits import ADDRESS, Sender, make_hit

SECOND = 1_000_000_000
MILLISECOND = 1_000_000

#: Of documentation, as ADDRESS: any other network of the internet would do.
NETWORK_64 = int(IPv6Address("2001:db8:1:2::"))


class Clock:
    """A clock in nanoseconds that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def hit_of(site_id: int = 1, *, address: str = ADDRESS) -> Hit:
    """Return a hit of a site that no database needs to know."""
    return make_hit(site=Site(pk=site_id, domain="example.com"), address=address)


def by_network(clock: Clock, rate: int) -> HitLimits:
    return HitLimits(site_rate=0, network_rate=rate, clock=clock)


def by_site(clock: Clock, rate: int) -> HitLimits:
    return HitLimits(site_rate=rate, network_rate=0, clock=clock)


def count_allowed(limits: HitLimits, hits: int, hit: Hit) -> int:
    return sum(limits.allow(hit) for _ in range(hits))


@pytest.mark.parametrize("limit", [by_site, by_network])
def test_a_burst_is_ten_seconds_of_the_rate_and_then_it_is_the_rate(
    clock: Clock, limit: Callable[[Clock, int], HitLimits]
) -> None:
    limits = limit(clock, 50)

    assert count_allowed(limits, 1_000, hit_of()) == 500
    clock.now += SECOND
    assert count_allowed(limits, 1_000, hit_of()) == 50
    clock.now += SECOND // 50 - 1
    assert count_allowed(limits, 1_000, hit_of()) == 0
    clock.now += 1
    assert count_allowed(limits, 1_000, hit_of()) == 1
    clock.now += 1_000 * SECOND
    assert count_allowed(limits, 1_000, hit_of()) == 500


def test_whoever_keeps_to_the_rate_is_never_limited(clock: Clock) -> None:
    limits = by_network(clock, 50)

    for _ in range(10_000):
        assert limits.allow(hit_of())
        clock.now += SECOND // 50


@given(
    rate=st.integers(1, 2_000),
    arrivals=st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 300)), max_size=30),
)
def test_never_more_than_the_burst_and_the_rate_since_any_moment(
    rate: int, arrivals: list[tuple[int, int]]
) -> None:
    buckets = TokenBuckets(rate)
    now, taken = 0, [(0, 0)]  # times, and tokens taken until then
    for pause, tries in arrivals:
        now += pause
        taken.append((now, taken[-1][1] + sum(buckets.take(1, now) for _ in range(tries))))

    for index, (since, before) in enumerate(taken):
        for until, after in taken[index:]:
            # The tokens of a moment count to it: `before` is what was taken until then.
            most = rate * BURST_SECONDS * SECOND + rate * (until - since)
            assert (after - before) * SECOND <= most


@given(
    rate=st.integers(1, 2_000),
    arrivals=st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 300)), max_size=30),
)
def test_forgetting_full_buckets_changes_nothing(
    rate: int, arrivals: list[tuple[int, int]]
) -> None:
    kept, forgetful = TokenBuckets(rate), TokenBuckets(rate)
    now = 0
    for pause, tries in arrivals:
        now += pause
        forgetful.forget_full(now)
        assert [kept.take(1, now) for _ in range(tries)] == [
            forgetful.take(1, now) for _ in range(tries)
        ]


@pytest.mark.parametrize("rate", [1, 3, 7, 50, 9_999, 10_000, 999_999, 1_000_000])
def test_rounding_takes_a_thousandth_at_most_and_never_gives(rate: int) -> None:
    token = TokenBuckets(rate)._token

    assert SECOND <= token * rate <= 1.001 * SECOND


@pytest.mark.parametrize(
    ("address", "other", "shared"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("203.0.113.7", "203.0.113.7:4711", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64(
    clock: Clock, address: str, other: str, *, shared: bool
) -> None:
    limits = by_network(clock, 1)
    count_allowed(limits, 100, hit_of(address=address))

    assert limits.allow(hit_of(address=other)) is not shared


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "::1", "fd00::1", "none"]
)
def test_an_address_that_is_no_visitors_has_no_limit_but_the_sites(
    clock: Clock, address: str
) -> None:
    assert visitor_network(address) is None
    assert count_allowed(by_network(clock, 1), 1_000, hit_of(address=address)) == 1_000
    assert count_allowed(by_site(clock, 1), 1_000, hit_of(address=address)) == 10


def test_sites_and_networks_do_not_use_up_each_others_rate(clock: Clock) -> None:
    limits = HitLimits(site_rate=30, network_rate=10, clock=clock)

    # A network over its limit takes nothing from its site.
    assert count_allowed(limits, 1_000, hit_of(1, address="203.0.113.1")) == 100
    assert count_allowed(limits, 1_000, hit_of(1, address="203.0.113.2")) == 100
    assert count_allowed(limits, 1_000, hit_of(1, address="203.0.113.3")) == 100
    assert count_allowed(limits, 1_000, hit_of(1, address="203.0.113.4")) == 0
    assert count_allowed(limits, 1_000, hit_of(2, address="203.0.113.5")) == 100


def test_a_sender_with_an_api_key_has_no_limit(clock: Clock) -> None:
    limits = HitLimits(site_rate=1, network_rate=1, clock=clock)

    assert count_allowed(limits, 1_000, hit_of().put(is_trusted=True)) == 1_000
    assert count_allowed(limits, 1_000, hit_of()) == 10


def test_no_rate_is_no_limit(clock: Clock) -> None:
    limits = HitLimits(site_rate=0, network_rate=0, clock=clock)

    assert count_allowed(limits, 100_000, hit_of()) == 100_000


@pytest.mark.parametrize(
    ("rate", "workers", "share"),
    [(50, 1, 50), (50, 4, 12), (3, 64, 1), (1, 2, 1), (0, 4, 0), (10_000, 3, 3_333)],
)
def test_each_process_takes_its_share(rate: int, workers: int, share: int) -> None:
    assert divide_rate(rate, workers=workers) == share


def test_the_settings_are_the_limits_of_the_process(settings: Settings) -> None:
    settings.WEB_WORKERS = 2
    settings.SITE_RATE_LIMIT = 6
    settings.NETWORK_RATE_LIMIT = 2

    assert 10 <= count_allowed(get_limits(), 15, hit_of()) <= 12
    rng = random.Random(1)
    others = [hit_of(address=f"198.51.100.{rng.randrange(256)}") for _ in range(500)]
    assert sum(get_limits().allow(hit) for hit in others) <= 30


# Who rotates addresses ------------------------------------------------------------------------


def rotating_64(rng: random.Random) -> str:
    return str(IPv6Address(NETWORK_64 + rng.getrandbits(64)))


def behind_no_proxy(rng: random.Random) -> str:
    """Return the address of somebody who sends another X-Forwarded-For each time."""
    return client_address(
        {"REMOTE_ADDR": ADDRESS, "HTTP_X_FORWARDED_FOR": rotating_64(rng)}, trusted_proxies=()
    )


def behind_a_proxy(rng: random.Random) -> str:
    """Return the address of such a one behind a proxy that appends where the request came from."""
    forged = f"198.51.100.{rng.randrange(256)}, {rotating_64(rng)}, {rotating_64(rng)}"
    return client_address(
        {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": f"{forged}, {ADDRESS}"},
        trusted_proxies=[ip_network("10.0.0.0/8")],
    )


Rotate = Callable[[random.Random], str]

ROTATING: list[Rotate] = [rotating_64, behind_no_proxy, behind_a_proxy]


@pytest.mark.parametrize("rotate", ROTATING)
def test_ten_thousand_hits_that_rotate_addresses_count_as_one_network(
    clock: Clock, rotate: Rotate
) -> None:
    rng = random.Random(10)
    limits = by_network(clock, 50)
    allowed = 0
    for _ in range(10_000):
        allowed += limits.allow(hit_of(address=rotate(rng)))
        clock.now += MILLISECOND

    # The burst of 500, and 50 in each of the 9.999 seconds from the first hit to the last.
    assert allowed == 999


@pytest.mark.parametrize("rotate", ROTATING)
def test_two_hundred_threads_at_once_get_no_more_than_one(clock: Clock, rotate: Rotate) -> None:
    rng = random.Random(10)
    limits = by_network(clock, 50)
    groups = [[hit_of(address=rotate(rng)) for _ in range(50)] for _ in range(200)]
    all_ready = threading.Barrier(200)

    def send(group: list[Hit]) -> int:
        all_ready.wait(timeout=30)
        return sum(limits.allow(hit) for hit in group)

    with ThreadPoolExecutor(max_workers=200) as pool:
        assert sum(pool.map(send, groups)) == 500


def test_threads_by_the_real_clock_stay_within_five_percent() -> None:
    limits = HitLimits(site_rate=0, network_rate=50)
    rng = random.Random(10)
    groups = [[hit_of(address=rotating_64(rng)) for _ in range(50)] for _ in range(200)]
    started_at = time.monotonic()
    with ThreadPoolExecutor(max_workers=200) as pool:
        allowed = sum(pool.map(lambda group: sum(limits.allow(hit) for hit in group), groups))
    seconds = time.monotonic() - started_at

    assert 500 <= allowed <= 1.05 * (500 + 50 * seconds)


# What is kept ---------------------------------------------------------------------------------


def test_no_more_buckets_than_the_bound_are_kept() -> None:
    buckets = TokenBuckets(1, most=100)
    for key in range(10_000):
        buckets.take(key, now=0)
        assert len(buckets) <= 100


def test_full_buckets_go_first_then_those_nearest_to_it() -> None:
    buckets = TokenBuckets(1, most=100)
    spent = [buckets.take(0, now=SECOND) for _ in range(20)]  # empty for 10 seconds
    for key in range(1, 1_000):
        buckets.take(key, now=SECOND)

    assert spent == [True] * 10 + [False] * 10
    assert not buckets.take(0, now=SECOND)


def test_rotating_through_more_networks_than_are_kept_frees_nobody(clock: Clock) -> None:
    limits = by_network(clock, 50)
    flood = count_allowed(limits, 1_000, hit_of())
    hit = hit_of()
    for number in range(MAX_BUCKETS + 10_000):
        limits.allow(hit.put(address=f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"))

    assert flood == 500
    assert not limits.allow(hit_of())
    assert limits._networks is not None
    assert len(limits._networks) <= MAX_BUCKETS


def test_networks_are_forgotten_within_a_minute(clock: Clock) -> None:
    limits = by_network(clock, 50)
    count_allowed(limits, 1_000, hit_of())
    networks = limits._networks
    assert networks is not None
    assert len(networks) == 1

    clock.now += (BURST_SECONDS + 30) * SECOND
    limits.forget_full()

    assert len(networks) == 0


# The thread is ended by an exception, as nothing else ends it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_networks_are_forgotten_though_no_hit_arrives(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    pauses: list[float] = []
    of_process = by_network(clock, 50)
    of_process.allow(hit_of())
    clock.now += 60 * SECOND

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 1:
            raise SystemExit

    monkeypatch.setattr("visits.ingestion.limits.get_limits", lambda: of_process)
    monkeypatch.setattr("visits.ingestion.limits.time.sleep", sleep)
    keep_forgetting().join(timeout=10)

    assert of_process._networks is not None
    assert len(of_process._networks) == 0
    assert max(pauses) + BURST_SECONDS < 60


def test_what_is_kept_of_a_network_is_no_address(clock: Clock) -> None:
    of_process = by_network(clock, 50)
    of_process.allow(hit_of())
    assert of_process._networks is not None
    (key,) = of_process._networks._full_at

    network = visitor_network(ADDRESS)
    assert network is not None
    assert key not in {int.from_bytes(network), hash(network), hash(ADDRESS)}


# From the door --------------------------------------------------------------------------------


def test_the_door_says_that_a_hit_was_over_the_limit(
    site: Site, send: Sender, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    of_process = by_network(clock, 1)
    monkeypatch.setattr("visits.ingestion.pipeline.get_limits", lambda: of_process)
    answers = [send(headers={"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(1, 13)]

    assert [answer.status_code for answer in answers] == [202] * 12
    reasons = [answer.headers.get("X-Tracking-Dropped") for answer in answers]
    assert reasons == [None] * 10 + ["rate_limited"] * 2
    assert Event.objects.count() == 10
    counts = dict(site.daily_counts.values_list("name", "count"))
    assert (counts[HITS], counts["rate_limited"]) == (12, 2)


def test_hits_of_no_site_use_up_nobodys_rate(
    site: Site, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    of_process = by_network(clock, 1)
    monkeypatch.setattr("visits.ingestion.pipeline.get_limits", lambda: of_process)

    verdicts = ingest([make_hit(domain="unknown.example")] * 50 + [make_hit()] * 11)

    assert verdicts[49] == Drop(DropReason.UNKNOWN_SITE)
    assert [verdict == Drop(DropReason.RATE_LIMITED) for verdict in verdicts[50:]] == (
        [False] * 10 + [True]
    )
