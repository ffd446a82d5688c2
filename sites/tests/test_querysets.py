"""Who sees which site."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from sites.models import Site
from sites.services import add_site


@pytest.mark.parametrize(
    ("person", "seen"),
    [
        ({"is_staff": True}, ["example.com", "other.example"]),
        ({"is_superuser": True, "is_staff": True}, ["example.com", "other.example"]),
        ({"is_staff": True, "is_active": False}, []),
        ({}, []),
    ],
    ids=["staff", "superuser", "inactive staff", "outsider"],
)
def test_without_membership_only_active_staff_see_sites(
    site: Site, other_site: Site, person: dict[str, Any], seen: list[str]
) -> None:
    user = get_user_model().objects.create_user("ada", **person)

    assert [site.domain for site in Site.objects.visible_to(user)] == seen


def test_a_member_sees_the_sites_of_the_membership_and_no_other(
    site: Site, other_site: Site
) -> None:
    ada, bob = (get_user_model().objects.create_user(name) for name in ("ada", "bob"))
    site.members.add(ada, bob)
    other_site.members.add(bob)

    assert [site.domain for site in Site.objects.visible_to(ada)] == ["example.com"]
    assert [site.domain for site in Site.objects.visible_to(bob)] == [
        "example.com",
        "other.example",
    ]


def test_staff_who_are_members_see_each_site_once(site: Site, other_site: Site) -> None:
    ada = get_user_model().objects.create_user("ada", is_staff=True)
    site.members.add(ada)

    assert Site.objects.visible_to(ada).count() == 2


def test_an_inactive_member_sees_nothing(site: Site) -> None:
    ada = get_user_model().objects.create_user("ada", is_active=False)
    site.members.add(ada)

    assert not Site.objects.visible_to(ada).exists()


def test_nobody_in_particular_sees_nothing(site: Site) -> None:
    assert not Site.objects.visible_to(AnonymousUser()).exists()


def test_what_is_visible_can_be_narrowed_further(site: Site, other_site: Site) -> None:
    ada = get_user_model().objects.create_user("ada", is_staff=True)

    assert Site.objects.visible_to(ada).filter(domain="example.com").get() == site


@pytest.mark.parametrize(
    ("search", "found"), [("EXAMPLE", True), ("München", True), ("xn--mn", True), ("köln", False)]
)
def test_a_site_is_found_by_its_domain_in_either_spelling(
    db: None, search: str, found: bool
) -> None:
    add_site(domain="münchen.example")

    assert Site.objects.matching(search).exists() is found
