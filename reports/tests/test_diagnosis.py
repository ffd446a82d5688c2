"""What the signs in a site's hits mean: each cause, what it is told by, and its cure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_network
from random import Random
from typing import Final

import pytest
from pytest_django import Settings

from reports.dates import DAY
from reports.diagnosis import (
    CAUSES,
    ENOUGH,
    MANY,
    PASS_ON,
    Finding,
    Signs,
    diagnose,
    read_signs,
)
from sites.models import Site
from visits.ingestion.diagnosis import Sign, note_address
from visits.tests.hits import make_hit

TODAY: Final = date(2026, 3, 10)

#: What the causes begin with: mark, and the first words.
TRUST: Final = "proxy not trusted"
HIDES: Final = "proxy hides visitors"


def find(shares: Mapping[str, float], judged: int = 1000) -> Finding | None:
    """Return what is found where these shares of the hits have the signs of these names."""
    ends = {sign.name.lower(): sign.value for sign in Sign}
    counts = {ends[name]: round(share * judged) for name, share in shares.items()}
    return diagnose(Signs(TODAY, Counter(counts) + Counter({Sign.JUDGED.value: judged})))


CASES: Final[list[tuple[dict[str, float], str, str, str]]] = [
    # Signs, the mark in lists, words of the cause, the last line to write.
    (
        {"private": 1, "shared": 1, "forwarded_ignored": 1},
        TRUST,
        "A proxy with a private address stands in front",
        "TRUSTED_PROXIES=private",
    ),
    # Several proxies of a cluster: not one address, and yet none of a visitor.
    (
        {"private": 1, "shared": 0.2, "forwarded_ignored": 1},
        TRUST,
        "A proxy with a private address",
        "TRUSTED_PROXIES=private",
    ),
    (
        {"private": 1, "shared": 1},
        HIDES,
        "does not pass on X-Forwarded-For",
        "TRUSTED_PROXIES=private",
    ),
    (
        {"private": 1, "shared": 1, "forwarded_believed": 1},
        HIDES,
        "another proxy stands in front of it",
        "TRUSTED_PROXIES=private",
    ),
    ({"private": 1, "shared": 0.3}, "private network", "That is right for a site inside", ""),
    (
        {"loopback": 1, "shared": 1, "forwarded_ignored": 1},
        TRUST,
        "A proxy on this machine",
        "TRUSTED_PROXIES=loopback",
    ),
    (
        {"loopback": 1, "shared": 1},
        "this machine",
        "right while you develop",
        "TRUSTED_PROXIES=loopback",
    ),
    (
        {"carrier": 1, "shared": 1, "forwarded_ignored": 1},
        TRUST,
        "(100.64.0.0/10) stands in front, and what it says",
        "TRUSTED_PROXIES=100.64.0.0/10",
    ),
    (
        {"carrier": 1, "shared": 1},
        HIDES,
        "(100.64.0.0/10) stands in front, and does not pass on",
        "TRUSTED_PROXIES=100.64.0.0/10",
    ),
    (
        {"cloudflare": 1, "forwarded_ignored": 1},
        TRUST,
        "Cloudflare stands in front, and what it says",
        "TRUSTED_PROXIES=cloudflare",
    ),
    (
        {"cloudflare": 1, "forwarded_believed": 1},
        HIDES,
        "a proxy of your own behind it",
        "TRUSTED_PROXIES=cloudflare",
    ),
    (
        {"shared": 1, "forwarded_ignored": 1},
        TRUST,
        "such as a CDN or a load balancer",
        "TRUSTED_PROXIES=<its networks>",
    ),
    ({"shared": 1}, "one address", "one visitor, an office", "TRUSTED_PROXIES=<its networks>"),
    (
        {"shared": 1, "sender": 1},
        "sender names no visitors",
        "A program with an API key",
        '"address": "<the visitor\'s>", "user_agent": "<the visitor\'s>"',
    ),
    (
        {"shared": 1, "sender": 1, "private": 1, "forwarded_ignored": 1},
        "sender names no visitors",
        "A program with an API key",
        '"address": "<the visitor\'s>", "user_agent": "<the visitor\'s>"',
    ),
]


@pytest.mark.parametrize(("shares", "mark", "words", "code"), CASES)
def test_signs_have_a_cause_and_a_cure(
    shares: dict[str, float], mark: str, words: str, code: str
) -> None:
    found = find(shares)

    assert found is not None
    assert found.cause.mark == mark
    assert words in found.cause.words
    assert (found.steps[-1].code if found.steps else "") == code


def test_the_table_above_has_a_case_of_every_cause() -> None:
    found = [find(shares) for shares, *_ in CASES]

    assert {each.cause for each in found if each} == set(CAUSES)


def test_a_proxy_that_hides_visitors_is_to_pass_them_on_first() -> None:
    found = find({"private": 1, "shared": 1})

    assert found is not None
    assert found.steps[0] == PASS_ON
    assert PASS_ON.code == "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"


@pytest.mark.parametrize(
    "shares",
    [
        {},
        {"shared": 0.9},
        {"shared": 0.5, "forwarded_ignored": 0.5},
        {"private": 0.5, "shared": 0.4},
        {"forwarded_believed": 1, "shared": 0.3},
        {"forwarded_ignored": 1},  # browsers behind proxies of their own
        {"sender": 1, "shared": 0.2},
        {"cloudflare": 0.3, "forwarded_ignored": 0.3},
    ],
)
def test_ordinary_traffic_has_no_cause(shares: dict[str, float]) -> None:
    assert find(shares) is None


@pytest.mark.parametrize(("percent", "is_alarm"), [(89, None), (90, None), (91, True), (100, True)])
@pytest.mark.parametrize("judged", [100, 1000])
def test_one_address_of_more_than_nine_in_ten_hits_is_an_alarm(
    site: Site, judged: int, percent: int, is_alarm: bool | None
) -> None:
    strangers = [f"198.51.{n // 250}.{n % 250}" for n in range(judged * (100 - percent) // 100)]
    addresses = strangers + ["203.0.113.7"] * (judged - len(strangers))
    Random(f"{judged} {percent}").shuffle(addresses)
    counts: Counter[tuple[int, date, str]] = Counter()
    for address in addresses:
        note_address(make_hit(site=site, address=address), counts)

    found = diagnose(
        read_signs({TODAY: Counter({key[2]: count for key, count in counts.items()})}, TODAY)
    )
    assert (found and found.is_alarm) is is_alarm


@pytest.mark.parametrize(
    ("judged", "shares", "is_alarm"),
    [
        # From a header that is ignored a proxy follows at once; an alarm takes more hits.
        (1, {"private": 1, "forwarded_ignored": 1}, False),
        (ENOUGH - 1, {"private": 1, "shared": 1, "forwarded_ignored": 1}, False),
        (ENOUGH, {"private": 1, "shared": 1, "forwarded_ignored": 1}, True),
        (1, {"cloudflare": 1, "forwarded_ignored": 1}, False),
        # One visitor has one address, and an office may look at its new site.
        (ENOUGH - 1, {"shared": 1}, None),
        (ENOUGH, {"shared": 1}, True),
        (ENOUGH - 1, {"private": 1, "shared": 1}, None),
        (ENOUGH, {"private": 1, "shared": 1}, True),
        (ENOUGH - 1, {"sender": 1, "shared": 1}, None),
        # A developer looks at this machine, for hours.
        (1, {"loopback": 1}, False),
        (MANY - 1, {"loopback": 1, "shared": 1}, False),
        (MANY, {"loopback": 1, "shared": 1}, True),
        # A site in a network of its own stays what it is.
        (100 * MANY, {"private": 1, "shared": 0.1}, False),
        (0, {}, None),
    ],
)
def test_a_few_hits_are_noted_calmly(
    judged: int, shares: dict[str, float], is_alarm: bool | None
) -> None:
    found = find(shares, judged)

    assert (found and found.is_alarm) is is_alarm


@pytest.mark.parametrize(
    ("proxies", "words", "code"),
    [
        ([], "Trust the proxy, in the environment", "TRUSTED_PROXIES=loopback"),
        (
            ["10.0.0.0/8"],
            "Add loopback to what",
            "TRUSTED_PROXIES=…,loopback",
        ),
        (["127.0.0.0/8"], "Add loopback", "TRUSTED_PROXIES=…,loopback"),
        (["127.0.0.0/8", "::1/128"], "TRUSTED_PROXIES names it by now", ""),
    ],
)
def test_the_cure_knows_what_is_trusted_already(
    proxies: list[str], words: str, code: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network(proxy) for proxy in proxies]
    found = find({"loopback": 1, "forwarded_ignored": 1})

    assert found is not None
    (step,) = found.steps
    assert step.words.startswith(words)
    assert step.code == code


# Which days are looked at


def hits(judged: int, **others: int) -> Counter[str]:
    """Return the counts of a day."""
    return Counter({"judged_address": judged, "hits": judged + 5, "bot": 5} | others)


@pytest.mark.parametrize(
    ("by_days_ago", "since", "judged"),
    [
        ({0: 50, 1: 1000}, 0, 50),
        ({0: 49, 1: 1000}, 1, 1049),
        ({1: 1000}, 1, 1000),
        ({0: 10, 2: 10, 6: 10, 7: 1000}, 6, 30),
        ({}, 0, 0),
        ({-1: 1000}, 0, 0),
    ],
)
def test_days_are_looked_at_until_there_are_enough_hits(
    by_days_ago: dict[int, int], since: int, judged: int
) -> None:
    counts = {TODAY - ago * DAY: hits(count) for ago, count in by_days_ago.items()}

    signs = read_signs(counts, TODAY)

    assert (signs.since, signs.judged) == (TODAY - since * DAY, judged)


def test_a_cure_shows_on_the_next_day() -> None:
    ill = hits(200, private_address=200, forwarded_ignored=200, shared_address=200)
    counts = {TODAY - DAY: ill, TODAY: hits(60, forwarded_believed=60)}

    assert diagnose(read_signs(counts, TODAY - DAY)) is not None
    assert diagnose(read_signs(counts, TODAY)) is None


def test_counts_of_other_things_are_no_signs() -> None:
    assert read_signs({TODAY: hits(60)}, TODAY).counts == {"judged_address": 60}
