"""The last half hour of a site, by the minute, as its realtime page tells it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from sites.models import Site
from visits.models import Visit
from visits.services import add_event
from visits.tests.hits import HOUR, MINUTE, NOON, Sender

REALTIME = KINDS["realtime"]
SECOND = timedelta(seconds=1)


@pytest.fixture
def visits(site: Site, at_noon: None) -> None:
    """One visitor two minutes ago, one 28 minutes ago, one before the half hour."""
    for visitor, ago in enumerate((2 * MINUTE, 28 * MINUTE, 31 * MINUTE, 5 * HOUR)):
        view(site, NOON - ago, visitor=visitor, source="Google" if visitor else "Bing")
    add_event(visit=Visit.objects.get(visitor=0), name="signup", happened_at=NOON - MINUTE)


def test_it_tells_the_last_half_hour(visits: None, member: Client) -> None:
    page = Page.of(member.get(REALTIME))

    assert page.headline == {
        "Current visitors": "1",
        "Unique visitors": "2",
        "Pageviews": "2",
        "Events": "3",
    }
    minutes = page.table("Time")
    assert len(minutes) == 30
    assert [row for row in minutes if row[1] != "0"] == [
        ["Tue 10 Mar, 11:32", "1"],
        ["Tue 10 Mar, 11:58", "1"],
    ]
    assert page.table("Source") == [["Bing", "1"], ["Google", "1"]]
    assert page.table("Event") == [["signup", "1", "1"]]


def test_it_is_filtered_and_keeps_the_days_of_other_pages(visits: None, member: Client) -> None:
    page = Page.of(member.get(f"{REALTIME}?period=7d&f=is,source,Google"))

    assert page.headline["Unique visitors"] == "1"
    assert f"{KINDS['overview']}?period=7d&f=is,source,Google" in page.links()


def test_a_hit_is_on_it_at_once(site: Site, send: Sender, member: Client) -> None:
    assert send().status_code == 202
    later = Page.of(member.get(REALTIME))

    assert later.headline["Current visitors"] == "1"


def test_its_last_minute_is_the_one_going_on(visits: None, member: Client) -> None:
    assert Page.of(member.get(REALTIME)).table("Time")[-1][0] == "Tue 10 Mar, 12:00"


def test_nobody_there_is_told_by_zeros(site: Site, member: Client) -> None:
    view(site, NOON - 5 * HOUR)
    page = Page.of(member.get(REALTIME))

    assert set(page.headline.values()) == {"0"}
    assert "Nothing in this period." in page.text


def test_every_page_of_a_site_leads_to_it(visits: None, member: Client) -> None:
    for address in (KINDS["overview"], KINDS["visits"], KINDS["visitors"]):
        assert Page.of(member.get(address)).links(REALTIME)
