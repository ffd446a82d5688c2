"""Erasing in the admin: first told how much it is, then the domain typed, then done."""

from __future__ import annotations

import html
from typing import Final

import pytest
from django.test import Client

from archive.models import Erasure
from archive.upkeep import keep_up
from reports.tests.histories import view
from sites.models import Site
from visits.ingestion.visitors import identify_user
from visits.models import Event
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, HOUR, NOON

ERASURES: Final = "/admin/archive/erasure/"


@pytest.fixture(autouse=True)
def visits(site: Site, at_noon: None) -> None:
    """Two views of /secret yesterday, one by a user and with a plan; one of / today."""
    at = NOON - DAY
    view(site, at, page="/secret")
    visit = add_visit(site=site, visitor=identify_user(site, "4711").id, started_at=at)
    add_event(visit=visit, page="/secret", happened_at=at, props={"plan": "free"})
    view(site, NOON - HOUR, visitor=3, page="/")


def post(staff: Client, site: Site, **fields: str) -> str:
    """Send the form, and return the page: the form again, or the list."""
    answer = staff.post(f"{ERASURES}add/", {"site": str(site.pk), **fields}, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_it_says_how_much_before_it_is_confirmed(staff: Client, site: Site) -> None:
    page = post(staff, site, kind="path", name="/secret")

    assert "to go: 2 events of 2 visits" in page
    assert "Type example.com to erase it for good." in page
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"kind": "all"}, 0),
        ({"kind": "days", "first_day": "2026-03-09", "last_day": "2026-03-09"}, 1),
        ({"kind": "path", "name": "/secret"}, 1),
        ({"kind": "user", "user_id": "4711"}, 2),
        ({"kind": "property", "name": "plan"}, 3),
        ({"kind": "property", "name": "plan", "has_value": "on", "value": "free"}, 3),
        # What is filled in of another kind does not count.
        ({"kind": "user", "user_id": "4711", "name": "/secret"}, 2),
    ],
)
def test_the_upkeep_carries_it_out(
    staff: Client, site: Site, fields: dict[str, str], left: int
) -> None:
    page = post(staff, site, **fields, confirmation="example.com")
    assert "The erasure is noted" in page

    keep_up(NOON)

    assert Event.objects.count() == left
    assert not Event.objects.filter(props__plan="free").exists() or fields["kind"] == "user"
    assert Erasure.objects.get().finished_at is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "path"}, "Fill this in."),
        ({"kind": "property", "value": "free"}, "Fill this in."),
        ({"kind": "user"}, "Fill this in."),
        ({"kind": "days", "first_day": "2026-03-09"}, "Give both days."),
        ({"kind": "days", "first_day": "2026-03-09", "last_day": "2026-03-08"}, "is after"),
        ({"kind": "all", "confirmation": "other.example"}, "Type example.com"),
        ({"kind": "path", "name": "/none"}, "no event has any of it"),
    ],
)
def test_it_says_what_is_missing(
    staff: Client, site: Site, fields: dict[str, str], message: str
) -> None:
    assert message in post(staff, site, **{"confirmation": "", **fields})
    assert not Erasure.objects.exists()


def test_a_record_tells_no_name_and_stays(staff: Client, site: Site) -> None:
    post(staff, site, kind="path", name="/secret", confirmation="example.com")
    (erasure,) = Erasure.objects.all()

    for address in (ERASURES, f"{ERASURES}{erasure.pk}/change/"):
        page = staff.get(address).content.decode()
        assert "a path" in page
        assert "/secret" not in page
    assert staff.post(f"{ERASURES}{erasure.pk}/delete/").status_code == 403
    assert staff.post(f"{ERASURES}{erasure.pk}/change/").status_code == 403


def test_only_staff_erase(member: Client) -> None:
    assert member.get(f"{ERASURES}add/").status_code == 302


def test_a_site_with_erasures_can_be_deleted(staff: Client, site: Site) -> None:
    post(staff, site, kind="all", confirmation="example.com")

    staff.post(f"/admin/sites/site/{site.pk}/delete/", {"post": "yes", "typed": "example.com"})

    assert not Site.objects.exists()
    assert not Erasure.objects.exists()


def test_the_limit_is_set_on_the_page_of_a_site(staff: Client, site: Site) -> None:
    page = staff.get(f"/admin/sites/site/{site.pk}/change/").content.decode()

    assert "Days that events are kept" in page
    assert "daily figures stay" in page
