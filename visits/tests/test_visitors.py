"""Who a hit is from: the same all day, and nobody the day after."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from sites.models import Site
from visits.ingestion import salts
from visits.ingestion.hit import Visitor
from visits.ingestion.visitors import identify_visitor
from visits.tests.hits import ADDRESS, CHROME, DAY, HOUR, MINUTE, NOON

MIDNIGHT = NOON + 12 * HOUR


@pytest.fixture
def site() -> Site:
    """A site that no database needs to know."""
    return Site(pk=1, domain="example.com")


def identify(
    site: Site, *, at: datetime = NOON, address: str = ADDRESS, user_agent: str = CHROME
) -> Visitor:
    """Return the visitor of a hit of an ordinary Chrome, at noon."""
    return identify_visitor(site, at=at, address=address, user_agent=user_agent)


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


def test_an_id_fits_a_signed_column_of_64_bits(site: Site) -> None:
    ids = [identify(site, address=f"203.0.113.{number}").id for number in range(200)]

    assert all(-(2**63) <= number < 2**63 for number in ids)
    assert len({number >> 48 for number in ids}) > 100


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


def test_looking_back_across_midnight_makes_no_salt_but_looking_ahead_does(site: Site) -> None:
    assert identify(site, at=MIDNIGHT + MINUTE).id_across_midnight is None

    ahead = identify(site, at=MIDNIGHT + DAY - MINUTE).id_across_midnight
    assert ahead == identify(site, at=MIDNIGHT + DAY).id


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
