"""Programs add sites, find them by any of their names, and note pairs about them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from sites.models import Metadata, Site
from sites.services import add_site, archive, change_domain, get_site, take_back, update_metadata

pytestmark = pytest.mark.django_db


def test_a_domain_is_all_that_a_site_needs() -> None:
    site = Site.objects.get(pk=add_site(domain="example.com").pk)

    assert (site.domain, site.base_url, site.name, site.timezone) == (
        "example.com",
        "https://example.com",
        "",
        "UTC",
    )
    assert site.collects
    assert site.address_kept == Site.AddressKept.NONE


def test_a_site_is_stored_as_it_was_described() -> None:
    added = add_site(
        domain="www.Example.com",
        base_url="https://www.example.com/shop/",
        name="Shop",
        timezone="Asia/Kolkata",
        metadata={"team": "sales", "plan": ""},
    )

    site = Site.objects.get(pk=added.pk)
    assert (site.domain, site.base_url, site.name, site.timezone) == (
        "example.com",
        "https://www.example.com/shop/",
        "Shop",
        "Asia/Kolkata",
    )
    assert dict(site.metadata.values_list("key", "value")) == {"team": "sales", "plan": ""}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"domain": ""}, "domain"),
        ({"domain": "https://new.example"}, "domain"),
        ({"domain": "a" * 250 + ".com"}, "domain"),
        ({"domain": "example.com"}, "domain"),
        ({"domain": "WWW.EXAMPLE.COM"}, "domain"),
        ({"base_url": "new.example"}, "base_url"),
        ({"name": "n" * 101}, "name"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"metadata": {"k" * 101: "value"}}, "key"),
        ({"metadata": {"good": "pair", "key": "v" * 1001}}, "value"),
    ],
)
def test_a_site_that_is_described_wrongly_is_refused_whole(
    site: Site, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        add_site(**({"domain": "new.example"} | wrong))

    assert list(refusal.value.message_dict) == [field]
    assert list(Site.objects.all()) == [site]
    assert not Metadata.objects.exists()


def test_finds_a_site_by_any_of_its_names(site: Site, other_site: Site) -> None:
    assert get_site(id=site.pk) == site
    assert get_site(domain="example.com") == site
    assert get_site(domain=" WWW.Example.com. ") == site
    assert get_site(uuid=site.uuid) == site
    assert get_site(uuid=str(site.uuid)) == site
    assert get_site(public_key=site.public_key) == site


@pytest.mark.parametrize(
    "name",
    [
        {"id": 0},
        {"domain": "unknown.example"},
        {"domain": ""},
        {"uuid": uuid.UUID(int=1)},
        {"uuid": "no uuid"},
        {"public_key": "ts_unknown"},
    ],
)
def test_a_name_of_no_site_finds_none(site: Site, name: dict[str, Any]) -> None:
    with pytest.raises(Site.DoesNotExist):
        get_site(**name)


def test_a_site_goes_by_exactly_one_name_at_a_time(site: Site) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        get_site()
    with pytest.raises(ValueError, match="exactly one"):
        get_site(id=site.pk, domain=site.domain)


def test_metadata_is_set_changed_removed_and_otherwise_left_alone(
    site: Site, other_site: Site
) -> None:
    update_metadata(site=other_site, metadata={"team": "press"})
    assert update_metadata(site=site, metadata={"team": "sales", "tier": "gold"}) == {
        "team": "sales",
        "tier": "gold",
    }

    stands = update_metadata(site=site, metadata={"team": "shop", "tier": None, "absent": None})

    assert stands == {"team": "shop"}
    assert update_metadata(site=site, metadata={}) == {"team": "shop"}
    assert update_metadata(site=other_site, metadata={}) == {"team": "press"}


@pytest.mark.parametrize(
    "wrong",
    [{"k" * 101: "value"}, {"": "value"}, {"key": "v" * 1001}],
    ids=["key", "no key", "value"],
)
def test_one_wrong_pair_changes_nothing(site: Site, wrong: dict[str, str]) -> None:
    update_metadata(site=site, metadata={"team": "sales"})

    with pytest.raises(ValidationError):
        update_metadata(site=site, metadata={"team": None, "tier": "gold"} | wrong)

    assert update_metadata(site=site, metadata={}) == {"team": "sales"}


def test_metadata_may_be_as_long_as_its_limits(site: Site) -> None:
    longest = {"k" * 100: "v" * 1000}

    assert update_metadata(site=site, metadata=longest) == longest


def test_another_domain_takes_the_base_url_along_where_it_was_the_domains() -> None:
    plain = add_site(domain="example.com")
    own = add_site(domain="shop.example", base_url="https://shop.example/de/")

    change_domain(plain, "www.New.example")
    change_domain(own, "store.example")

    plain.refresh_from_db()
    own.refresh_from_db()
    assert (plain.domain, plain.base_url) == ("new.example", "https://new.example")
    assert (plain.former_domain, own.base_url) == ("example.com", "https://shop.example/de/")


@pytest.mark.parametrize("domain", ["other.example", "not a domain", "", "https://x.example/"])
def test_a_domain_that_is_taken_or_none_changes_nothing(domain: str) -> None:
    site = add_site(domain="example.com")
    add_site(domain="other.example")

    with pytest.raises(ValidationError):
        change_domain(site, domain)

    assert site.domain == Site.objects.get(pk=site.pk).domain == "example.com"
    assert not Site.objects.get(pk=site.pk).former_domain


def test_the_same_domain_is_no_change() -> None:
    site = add_site(domain="example.com")

    change_domain(site, "www.example.com")

    assert not Site.objects.get(pk=site.pk).former_domain


def test_an_archived_site_takes_no_hits_until_it_is_taken_back() -> None:
    site = add_site(domain="example.com")

    archive(site)
    since = Site.objects.get(pk=site.pk).archived_at
    archive(site)

    assert since is not None
    assert Site.objects.get(pk=site.pk).archived_at == since
    assert not site.takes_hits
    assert list(Site.objects.in_use()) == []
    take_back(site)
    assert Site.objects.get(pk=site.pk).takes_hits
