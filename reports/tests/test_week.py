"""The hours of a week: who was there when, in all of the days that a page shows."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from reports.dates import DateRange
from reports.queries import Row
from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from reports.week import STRENGTHS, draw_week
from sites.models import Site
from visits.tests.hits import DAY, HOUR, NOON

MONDAY = date(2026, 3, 2)


def hours_of(page: Page) -> dict[str, str]:
    """Return what the page's hours with a visitor say in full, and in brief."""
    coloured = [one for one in page.elements if "heat-" in one.attributes.get("class", "")]
    cells = [one for one in coloured if one.tag == "td"]
    assert len(cells) in (0, 7 * 24)
    return {one.attributes["title"]: one.text for one in cells if one.text != "0"}


def test_a_visitor_counts_once_in_each_hour_of_each_day(site: Site, member: Client) -> None:
    monday = NOON - 8 * DAY + HOUR
    for visitor, at in ((1, NOON), (2, NOON - 7 * DAY), (3, monday), (3, monday)):
        view(site, at, visitor=visitor)

    page = Page.of(member.get(KINDS["overview"], {"period": "28d"}))

    assert hours_of(page) == {"Tuesday 12:00, 2 visitors": "2", "Monday 13:00, 1 visitor": "1"}


@pytest.mark.parametrize("period", ["day", "yesterday"])
def test_less_than_a_week_has_no_hours(period: str, site: Site, member: Client) -> None:
    view(site, NOON - DAY)
    view(site, NOON)

    assert not hours_of(Page.of(member.get(KINDS["overview"], {"period": period})))


def test_colours_go_by_the_average_of_the_days_that_have_come() -> None:
    """Of the Mondays two have come, of the Tuesdays one: eight on these is the most."""
    days = DateRange(first_day=MONDAY, end_day=MONDAY + 14 * DAY, zone=ZoneInfo("UTC"))
    rows = [
        Row((1, 9), {"visitors": 8}),
        Row((2, 9), {"visitors": 8}),
        Row((2, 23), {"visitors": 1}),
    ]

    monday, tuesday, *_, sunday = draw_week(rows, days, MONDAY + 7 * DAY)

    assert (tuesday.hours[9].strength, monday.hours[9].strength) == (STRENGTHS, 1 + STRENGTHS // 2)
    assert (tuesday.hours[23].strength, tuesday.hours[22].strength) == (1, 0)
    assert (sunday.name, len(sunday.hours)) == ("Sunday", 24)


def test_nobody_there_has_no_colour() -> None:
    days = DateRange(first_day=MONDAY, end_day=MONDAY + 7 * DAY, zone=ZoneInfo("UTC"))

    assert {hour.strength for day in draw_week([], days, MONDAY) for hour in day.hours} == {0}
