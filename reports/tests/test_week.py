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
from sites.keys import make_key
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


@pytest.mark.parametrize(
    ("week_begins", "first", "last"),
    [(1, "Monday", "Sunday"), (6, "Saturday", "Friday"), (7, "Sunday", "Saturday")],
)
def test_the_days_are_in_the_sites_order(
    week_begins: int, first: str, last: str, site: Site, member: Client
) -> None:
    Site.objects.update(week_begins=week_begins)
    view(site, NOON)  # a Tuesday

    page = Page.of(member.get(KINDS["overview"], {"period": "28d"}))

    days = draw_week(
        [],
        DateRange(first_day=MONDAY, end_day=MONDAY + 7 * DAY, zone=site.zone),
        MONDAY,
        week_begins,
    )
    assert (days[0].name, days[-1].name) == (first, last)
    assert hours_of(page) == {"Tuesday 12:00, 1 visitor": "1"}


def test_nobody_there_has_no_colour() -> None:
    days = DateRange(first_day=MONDAY, end_day=MONDAY + 7 * DAY, zone=ZoneInfo("UTC"))

    assert {hour.strength for day in draw_week([], days, MONDAY) for hour in day.hours} == {0}


@pytest.mark.parametrize(
    ("week_begins", "expected"),
    [
        (1, {"2026-03-02": 2, "2026-03-09": 1}),
        (6, {"2026-02-28": 1, "2026-03-07": 2}),
        (7, {"2026-03-01": 1, "2026-03-08": 2}),
    ],
)
def test_weeks_of_a_chart_and_of_the_api_are_the_sites(
    week_begins: int, expected: dict[str, int], site: Site, member: Client
) -> None:
    """Visitors on Thursday 5, Sunday 8 and Tuesday 10 March."""
    Site.objects.update(week_begins=week_begins)
    for visitor, days_ago in enumerate((0, 2, 5)):
        view(site, NOON - days_ago * DAY, visitor=visitor)
    _, key = make_key(name="a", all_sites=True, can_read=True)
    question = {
        "site_id": "example.com",
        "metrics": ["visitors"],
        "dimensions": ["time:week"],
        "date_range": ["2026-03-02", "2026-03-10"],
        "order_by": [["time:week", "asc"]],
    }

    answer = member.post(
        "/api/v2/query",
        question,
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    ).json()
    days = {"from": "2026-03-02", "to": "2026-03-10", "interval": "week"}
    chart = Page.of(member.get(KINDS["visitors"], days)).table("Time")

    found = {row["dimensions"][0]: row["metrics"][0] for row in answer["results"]}
    assert found == expected
    assert [row[1].removesuffix(" so far") for row in chart] == [
        f"{count}" for count in expected.values()
    ]
