"""Who a hit is from: the same all day, and nobody the day after."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from sites.models import Site
from visits.ingestion import salts
from visits.ingestion.hit import Visitor
from visits.ingestion.visitors import HASH_BITS, identify_user, identify_visitor
from visits.tests.hits import ADDRESS, CHROME, DAY, HOUR, MINUTE, NOON

MIDNIGHT = NOON + 12 * HOUR


@pytest.fixture
def site() -> Site:
    """A site that no database needs to know."""
    return Site(pk=1, domain="example.com")


def identify(
    site: Site,
    *,
    at: datetime = NOON,
    now: datetime | None = None,
    address: str = ADDRESS,
    user_agent: str = CHROME,
) -> Visitor:
    """Return the visitor of a hit of an ordinary Chrome, at noon, that came as it happened."""
    return identify_visitor(site, at=at, now=now or at, address=address, user_agent=user_agent)


def test_a_visitor_is_the_same_all_day(site: Site) -> None:
    assert identify(site) == identify(site, at=NOON + 11 * HOUR)


def test_address_agent_and_site_each_make_another_visitor(site: Site) -> None:
    ids = {
        identify(site).id,
        identify(site, address="203.0.113.8").id,
        identify(site, user_agent=CHROME + " Edg/131.0.0.0").id,
        identify(Site(pk=2)).id,
    }

    assert len(ids) == 4


def test_address_and_agent_cannot_be_shifted_into_each_other(site: Site) -> None:
    assert identify(site, address="a", user_agent="bc") != identify(
        site, address="ab", user_agent="c"
    )


@pytest.mark.parametrize("years", range(7))
def test_an_id_fits_a_signed_column_of_64_bits(site: Site, years: int) -> None:
    at = NOON + years * 365 * DAY
    ids = [identify(site, at=at, address=f"203.0.113.{number}").id for number in range(20)]

    assert all(0 <= number < 2**63 for number in ids)


def test_a_user_of_the_site_has_a_negative_id(site: Site) -> None:
    ids = [identify_user(site, f"user {number}").id for number in range(200)]

    assert all(-(2**63) <= number < 0 for number in ids)


def test_ids_of_one_day_are_neighbours_and_of_no_other_order(site: Site) -> None:
    """What every hit looks up, and what it adds to the index, is in one place of it."""
    today, tomorrow = (
        [identify(site, at=at, address=f"203.0.113.{number}").id for number in range(200)]
        for at in (NOON, NOON + DAY)
    )

    assert max(today) < min(tomorrow)
    assert max(tomorrow) - min(today) < 2 * 2**HASH_BITS
    assert len({number >> (HASH_BITS - 8) for number in today}) > 100
    assert today != sorted(today)


def test_on_the_day_after_a_visitor_has_a_new_id(site: Site) -> None:
    days = [identify(site, at=NOON + number * DAY) for number in range(3)]

    assert [len(visitor.ids) for visitor in days] == [1, 1, 1]
    assert len({visitor.id for visitor in days}) == 3


@pytest.mark.parametrize(
    ("minutes", "is_known_across"),
    [(-31, False), (-30, True), (-1, True), (0, True), (29, True), (30, False)],
)
def test_within_30_minutes_of_midnight_a_visitor_is_known_by_the_other_days_id_too(
    minutes: int, is_known_across: bool, site: Site
) -> None:
    before = identify(site, at=MIDNIGHT - HOUR)
    after = identify(site, at=MIDNIGHT + HOUR)

    visitor = identify(site, at=MIDNIGHT + minutes * MINUTE)

    here, there = (before, after) if minutes < 0 else (after, before)
    assert visitor.ids == ((here.id, there.id) if is_known_across else (here.id,))


@pytest.mark.parametrize("minutes", [-1, 1], ids=["ahead", "back"])
def test_an_id_of_the_other_day_is_that_of_its_first_hit_still_to_be_stored(
    minutes: int, site: Site
) -> None:
    """Two processes may store the last hit of a day and the first of the next at one instant."""
    other = identify(site, at=MIDNIGHT + minutes * MINUTE).other_ids

    assert other == (identify(site, at=MIDNIGHT - minutes * MINUTE).id,)


@pytest.mark.parametrize(
    ("late", "days"),
    [
        # Its visit may have gone on until it came, but not past the end of this day ...
        (30 * MINUTE, 0),
        (31 * MINUTE, 0),
        (12 * HOUR - MINUTE, 0),
        # ... and from then on into the next, and into the one after it.
        (12 * HOUR, 1),
        (36 * HOUR - MINUTE, 1),
        (36 * HOUR, 2),
        (47 * HOUR, 2),
    ],
    ids=str,
)
def test_a_hit_that_comes_late_is_known_by_the_ids_of_the_days_since_too(
    late: timedelta, days: int, site: Site
) -> None:
    since = [identify(site, at=NOON + number * DAY).id for number in range(1, 3)]

    visitor = identify(site, at=NOON, now=NOON + late)

    assert visitor.id == identify(site).id
    assert visitor.other_ids == tuple(since[:days])


def test_a_late_hit_from_just_after_midnight_is_known_by_three_days_ids(site: Site) -> None:
    days = [identify(site, at=NOON + number * DAY).id for number in range(3)]

    visitor = identify(site, at=MIDNIGHT + MINUTE, now=MIDNIGHT + 40 * HOUR)

    assert visitor.ids == (days[1], days[0], days[2])


def test_a_late_hit_is_of_the_visitor_that_it_would_have_been_of_in_time(site: Site) -> None:
    in_time = identify(site)

    assert identify(site, now=NOON + 47 * HOUR).id == in_time.id


def test_once_the_salt_of_its_day_is_destroyed_the_visitor_of_a_hit_cannot_be_told(
    site: Site,
) -> None:
    identify(site)

    with pytest.raises(salts.SaltGoneError, match="2026-03-10"):
        identify(site, now=MIDNIGHT + salts.SALT_LIFE)


def test_a_user_is_one_visitor_on_every_day_and_another_on_every_site(site: Site) -> None:
    ada = identify_user(site, "ada")

    assert ada.other_ids == ()
    assert ada == identify_user(site, "ada")
    assert -(2**63) <= ada.id < 2**63
    ids = {ada.id, identify_user(site, "Ada").id, identify_user(Site(pk=1), "ada").id}
    assert len(ids) == 3


def test_who_a_user_is_follows_from_the_secret_key(site: Site, settings: Settings) -> None:
    ada = identify_user(site, "ada")
    settings.SECRET_KEY = "another"

    assert identify_user(site, "ada") != ada


@pytest.mark.parametrize("user_id", ["\udcff", "\x00", "é" * 200])
def test_any_user_id_has_an_id(site: Site, user_id: str) -> None:
    assert identify_user(site, user_id).id != identify_user(site, "ada").id


def test_visitors_of_a_day_whose_salt_is_broken_cannot_be_told_apart(
    site: Site, data_dir: Path
) -> None:
    identify(site)
    salts._known.clear()
    (salt,) = (data_dir / "salts").iterdir()
    salt.write_bytes(b"short")

    with pytest.raises(salts.SaltGoneError, match="2026-03-10"):
        identify(site)


def test_any_user_agent_has_an_id(site: Site) -> None:
    assert identify(site, user_agent="\udcff\x00é").id != identify(site, user_agent="").id
