"""Sites name themselves, keep their own days, and hold a pair or a member once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from sites.models import Membership, Metadata, Site, make_public_key, validate_time_zone
from sites.services import add_site


def test_a_site_is_called_by_its_name_or_else_its_domain() -> None:
    assert str(Site(domain="example.com", name="Shop")) == "Shop"
    assert str(Site(domain="example.com")) == "example.com"
    assert str(Site(domain="xn--mnchen-3ya.example")) == "münchen.example"


def test_public_keys_are_distinct_and_say_whose_they_are() -> None:
    keys = {make_public_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(re.fullmatch(r"ts_[0-9a-f]{32}", key) for key in keys)


def test_two_sites_share_no_identity(site: Site, other_site: Site) -> None:
    assert site.uuid != other_site.uuid
    assert site.public_key != other_site.public_key


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Calcutta", "Etc/GMT+5"])
def test_takes_time_zones(name: str) -> None:
    validate_time_zone(name)


@pytest.mark.parametrize("name", ["", "Berlin", "europe/berlin", "+02:00", "../../etc/passwd"])
def test_refuses_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValidationError, match="IANA"):
        validate_time_zone(name)


def test_the_zone_decides_the_sites_days() -> None:
    late = datetime(2026, 3, 10, 19, tzinfo=UTC)

    assert late.astimezone(Site(timezone="Asia/Kolkata").zone).isoformat() == (
        "2026-03-11T00:30:00+05:30"
    )
    assert Site(timezone="Europe/Berlin").zone.utcoffset(
        datetime(2026, 7, 1, 12)  # noqa: DTZ001 -- the zone is what is asked
    ) == timedelta(hours=2)


@pytest.mark.django_db
def test_cleaning_fills_what_was_left_empty_and_keeps_what_was_given() -> None:
    empty = Site(domain="WWW.Example.com")
    given = Site(domain="example.org", base_url="http://example.org/docs/")

    empty.full_clean()
    given.full_clean()

    assert (empty.domain, empty.base_url) == ("example.com", "https://example.com")
    assert given.base_url == "http://example.org/docs/"


@pytest.mark.django_db
def test_sites_are_listed_by_domain() -> None:
    for domain in ("c.example", "a.example", "b.example"):
        add_site(domain=domain)

    assert [site.domain for site in Site.objects.all()] == ["a.example", "b.example", "c.example"]


def test_a_key_stands_once_per_site(site: Site, other_site: Site) -> None:
    Metadata.objects.create(site=site, key="team", value="sales")
    Metadata.objects.create(site=other_site, key="team", value="press")

    with pytest.raises(IntegrityError):
        Metadata.objects.create(site=site, key="team", value="shop")


def test_a_person_is_a_member_once(site: Site) -> None:
    ada = get_user_model().objects.create_user("ada")
    Membership.objects.create(site=site, user=ada)

    with pytest.raises(IntegrityError):
        Membership.objects.create(site=site, user=ada)


def test_pairs_and_members_read_as_sentences(site: Site) -> None:
    ada = get_user_model().objects.create_user("ada")

    assert str(Metadata(site=site, key="team", value="sales")) == "team: sales"
    assert str(Membership(site=site, user=ada)) == "ada sees example.com"


@pytest.mark.django_db
def test_domains_that_were_stored_in_other_letters_are_written_in_ascii() -> None:
    taken = "xn--grn-ioa.example"
    for domain in ("example.com", "münchen.example", "grün.example", taken):
        Site.objects.create(domain=domain)
    migration = import_module("sites.migrations.0003_domains_in_ascii")

    migration.normalise_domains(apps, None)

    # Of two sites that are one now, each keeps its visits and its name; hits go to one.
    assert set(Site.objects.values_list("domain", flat=True)) == {
        "example.com",
        "xn--mnchen-3ya.example",
        "grün.example",
        taken,
    }
