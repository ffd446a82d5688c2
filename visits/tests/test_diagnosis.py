"""Signs that addresses are not the visitors' own: which are counted; no address is kept."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from timeit import timeit
from typing import Any, Final

import pytest
from django.db import OperationalError, connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from sites.keys import make_key
from sites.models import Site
from visits.daily import HITS, Counts
from visits.ingestion import diagnosis, writer
from visits.ingestion.diagnosis import (
    CAPACITY,
    CommonestWatch,
    Sign,
    forget_ended_days,
    note_address,
)
from visits.ingestion.hit import DropReason, Forwarding, Hit
from visits.ingestion.pipeline import ingest
from visits.models import DailyCount
from visits.tests.hits import ADDRESS, CHROME, DAY, HOUR, MINUTE, NOON, Sender, make_hit

GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def signs_of(hit: Hit) -> dict[str, int]:
    """Return the signs that a hit is counted by, besides those that every first hit has."""
    counts: Counts = Counter()
    note_address(hit, counts)
    signs = {name: count for (_, _, name), count in counts.items()}
    assert (signs.pop(Sign.JUDGED.value), signs.pop(Sign.SHARED.value)) == (1, 1)
    return signs


# The signs of one hit


@pytest.mark.parametrize(
    ("address", "sign"),
    [
        (ADDRESS, None),
        ("2001:4860:4860::8888", None),
        ("", None),
        ("127.0.0.1", Sign.LOOPBACK),
        ("127.8.9.10", Sign.LOOPBACK),
        ("::1", Sign.LOOPBACK),
        ("10.0.0.1", Sign.PRIVATE),
        ("172.18.0.1", Sign.PRIVATE),
        ("172.32.0.1", None),
        ("192.168.178.20", Sign.PRIVATE),
        ("fd12:3456::1", Sign.PRIVATE),
        ("fe80::1", Sign.PRIVATE),
        ("100.64.0.1", Sign.CARRIER),
        ("100.128.0.1", None),
        ("162.158.1.2", Sign.CLOUDFLARE),
        ("2a06:98c0::1", Sign.CLOUDFLARE),
        # Visitors who use Cloudflare's own network to hide behind are visitors.
        ("104.28.1.2", None),
    ],
)
def test_the_network_of_an_address_is_a_sign(address: str, sign: Sign | None, site: Site) -> None:
    assert signs_of(make_hit(site=site, address=address)) == ({sign.value: 1} if sign else {})


@pytest.mark.parametrize(
    ("forwarding", "expected"),
    [
        (Forwarding.NONE, {}),
        (Forwarding.BELIEVED, {"forwarded_believed": 1}),
        (Forwarding.IGNORED, {"forwarded_ignored": 1}),
    ],
)
def test_what_became_of_the_header_is_a_sign(
    forwarding: Forwarding, expected: dict[str, int], site: Site
) -> None:
    assert signs_of(replace(make_hit(), site=site, forwarding=forwarding)) == expected


def test_a_sender_with_a_key_is_a_sign(site: Site) -> None:
    assert signs_of(replace(make_hit(), site=site, is_trusted=True)) == {"sent_with_key": 1}


def test_an_address_that_comes_again_and_again_is_a_sign(site: Site, other_site: Site) -> None:
    hits = [make_hit(site=site) for _ in range(4)]
    elsewhere = make_hit(site=other_site)

    counts: Counts = Counter()
    for hit in [*hits, make_hit(site=site, address="198.51.100.1"), elsewhere]:
        note_address(hit, counts)

    assert {key[0]: count for key, count in counts.items() if key[2] == "shared_address"} == {
        site.pk: 4,
        other_site.pk: 1,
    }


def test_names_fit_their_column_and_are_those_of_nothing_else() -> None:
    names = {sign.value for sign in Sign}

    assert max(map(len, names)) <= 40
    assert not names & {HITS, *(reason.value for reason in DropReason)}


def test_a_user_whom_the_site_names_is_not_looked_at(site: Site) -> None:
    counts: Counts = Counter()
    note_address(make_hit(site=site, user_id="ada"), counts)

    assert counts == {}


# The day


def test_hits_count_on_the_sites_day_on_which_they_came(site: Site) -> None:
    site.timezone = "Pacific/Auckland"  # noon in UTC is an hour after midnight there
    counts: Counts = Counter()
    note_address(make_hit(site=site), counts)
    note_address(make_hit(site=site, sent_at=NOON - DAY), counts)

    assert {(day, name) for _, day, name in counts} == {
        (NOON.date() + DAY, "judged_address"),
        (NOON.date() + DAY, "shared_address"),
    }


def test_each_day_begins_with_a_key_and_counts_of_its_own(site: Site) -> None:
    counts: Counts = Counter()
    keys = set()
    for days, address in enumerate(["198.51.100.1", "198.51.100.2", "198.51.100.3"]):
        for _ in range(2):
            note_address(make_hit(site=site, at=NOON + days * DAY, address=address), counts)
        keys.add(diagnosis._watches[site.pk][1]._key)

    assert [count for (*_, name), count in counts.items() if name == "shared_address"] == [2, 2, 2]
    assert len(keys) == 3


def test_an_ended_day_is_forgotten_though_no_hit_arrives(site: Site, other_site: Site) -> None:
    other_site.timezone = "America/New_York"
    for each in (site, other_site):
        note_address(make_hit(site=each), Counter())
    midnight = datetime(2026, 3, 11, tzinfo=UTC)

    forget_ended_days(midnight - MINUTE)
    assert set(diagnosis._watches) == {site.pk, other_site.pk}
    forget_ended_days(midnight)
    assert set(diagnosis._watches) == {other_site.pk}
    forget_ended_days(midnight + 4 * HOUR)
    assert diagnosis._watches == {}


# The address that most share


def seen(values: Iterable[int]) -> int:
    """Return how many of the values a watch tells the commonest to be."""
    watch = CommonestWatch()
    return sum(watch.sees(value.to_bytes(4)) for value in values)


@given(st.lists(st.integers(0, 5), max_size=300))
def test_the_commonest_is_counted_exactly_in_any_order(values: list[int]) -> None:
    assert seen(values) == max(Counter(values).values(), default=0)


@pytest.mark.parametrize("percent", [1, 50, 89, 90, 91, 100])
def test_a_share_is_told_as_it_is(percent: int) -> None:
    others = range(1, 101 - percent)

    assert seen([*others, *[0] * percent]) == percent
    assert seen([*[0] * percent, *others]) == percent
    assert seen(itertools.chain.from_iterable([0, other] for other in range(1, 51))) == 50


def test_of_more_addresses_than_are_counted_hardly_too_many_hits_are_told() -> None:
    draw = random.Random("addresses")
    # Everybody a stranger; a thousand who come once each over and over; a few who come often.
    streams = [
        list(range(50_000)),
        [number % (CAPACITY + 1) for number in range(50_000)],
        [int(draw.paretovariate(0.5)) % 2**31 for _ in range(50_000)],
        [0 if draw.random() < 0.91 else draw.randrange(2**31) for _ in range(50_000)],
    ]
    for values in streams:
        most = max(Counter(values).values())
        assert most <= seen(values) <= most + len(values) / CAPACITY


def test_a_watch_grows_no_larger_than_its_capacity() -> None:
    watch = CommonestWatch()
    for value in range(5 * CAPACITY):
        watch.sees(value.to_bytes(4))

    assert len(watch._counts) == CAPACITY
    assert len(watch._rarest) <= CAPACITY


def test_a_new_address_costs_microseconds_whoever_came_before() -> None:
    watch = CommonestWatch()
    # The worst case: each of those that are counted has come another number of times.
    watch._counts = dict(enumerate(range(1, CAPACITY + 1)))
    strangers = (number.to_bytes(4) for number in itertools.count())

    assert timeit(lambda: watch.sees(next(strangers)), number=2000) / 2000 < 0.001


# From the door


def counted() -> dict[str, int]:
    """Return the counts of the only day that there are some of."""
    return dict(DailyCount.objects.values_list("name", "count"))


PRIVATE: Final = ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "sign"),
    [
        ("10.0.0.1", "", [], None),
        ("10.0.0.1", ADDRESS, [], "forwarded_ignored"),
        ("10.0.0.1", ADDRESS, PRIVATE, "forwarded_believed"),
        # A second proxy, which is not trusted, before the one that is.
        ("10.0.0.1", f"{ADDRESS}, 162.158.1.2", PRIVATE, "forwarded_ignored"),
        ("10.0.0.1", f"{ADDRESS}, 162.158.1.2", [*PRIVATE, "162.158.0.0/15"], "forwarded_believed"),
        ("10.0.0.1", f"{ADDRESS}:4711", PRIVATE, "forwarded_believed"),
        ("10.0.0.1", "unknown", PRIVATE, None),
        # Sent by the visitor, and of no use to them.
        (ADDRESS, "198.51.100.9", PRIVATE, "forwarded_ignored"),
    ],
)
def test_the_door_tells_what_became_of_the_header(
    peer: str,
    forwarded: str,
    proxies: list[str],
    sign: str | None,
    site: Site,
    send: Sender,
    settings: Settings,
) -> None:
    settings.TRUSTED_PROXIES = [ip_network(proxy) for proxy in proxies]
    send(address=peer, headers={"X-Forwarded-For": forwarded} if forwarded else {})

    signs = {"forwarded_ignored", "forwarded_believed"} & counted().keys()
    assert signs == ({sign} if sign else set())


def key_headers() -> dict[str, str]:
    """Return the headers of a sender with an API key."""
    _, key = make_key(name="shop", all_sites=True, can_send=True)
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        ({}, {}, {"private_address": 1}),
        ({"user_agent": CHROME}, {}, {"private_address": 1}),
        ({"address": ADDRESS}, {}, {}),
        ({}, {"X-Forwarded-For": ADDRESS}, {"forwarded_believed": 1}),
        # What the sender names in the hit comes before what a proxy says of the sender.
        ({"address": ADDRESS}, {"X-Forwarded-For": "198.51.100.9"}, {"forwarded_ignored": 1}),
    ],
)
def test_a_senders_hits_are_judged_by_the_address_that_it_names(
    fields: dict[str, Any],
    headers: dict[str, str],
    expected: dict[str, int],
    site: Site,
    client: Client,
) -> None:
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"} | fields
    answer = client.post(
        "/api/event",
        json.dumps(hit),
        content_type="application/json",
        headers={"User-Agent": CHROME} | key_headers() | headers,
        REMOTE_ADDR="10.0.0.1",
    )

    assert answer.status_code == 202
    ordinary = {"hits": 1, "judged_address": 1, "shared_address": 1, "sent_with_key": 1}
    assert counted() == ordinary | expected


def test_a_dropped_hit_is_not_looked_at(site: Site, send: Sender) -> None:
    send(user_agent=GOOGLEBOT, address="10.0.0.1", headers={"X-Forwarded-For": ADDRESS})

    assert counted() == {"hits": 1, "bot": 1}


def test_signs_of_one_hit_after_another_add_up(site: Site, send: Sender) -> None:
    for _ in range(3):
        send(address="10.0.0.1", headers={"X-Forwarded-For": ADDRESS})
    send(address=ADDRESS)

    assert counted() == {
        "hits": 4,
        "judged_address": 4,
        "shared_address": 3,
        "private_address": 3,
        "forwarded_ignored": 3,
    }


def test_signs_are_stored_with_the_hits_or_not_at_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(writer, "insert_rows", refuse)
    with pytest.raises(OperationalError):
        ingest([make_hit()])

    assert counted() == {}


def test_nothing_of_an_address_is_in_any_column(site: Site, send: Sender) -> None:
    for _ in range(60):
        send(address="10.77.66.55", headers={"X-Forwarded-For": "198.51.100.222"})
    stored = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            stored += [str(value) for row in cursor.fetchall() for value in row]

    assert "shared_address" in stored
    hashes = {str(hashed) for _, watch in diagnosis._watches.values() for hashed in watch._counts}
    assert hashes
    for trace in ("77.66", "100.222", *hashes):
        assert not [value for value in stored if trace in value]
