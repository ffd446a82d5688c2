"""What figures are compared with: each way's days, and how pages tell it."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from reports.comparison import COMPARISONS, compare_with
from reports.dates import DateRange
from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from sites.models import Site
from visits.tests.hits import DAY, HOUR, NOON

OVERVIEW = KINDS["overview"]
UTC = ZoneInfo("UTC")


def days(first: str, last: str) -> DateRange:
    return DateRange(
        first_day=date.fromisoformat(first), end_day=date.fromisoformat(last) + DAY, zone=UTC
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("previous", days("2026-02-25", "2026-02-28")),
        ("previous_weekdays", days("2026-02-22", "2026-02-25")),
        ("year", days("2025-03-01", "2025-03-04")),
        ("year_weekdays", days("2025-03-02", "2025-03-05")),
        ("none", None),
    ],
)
def test_each_way_has_its_days(name: str, expected: DateRange | None) -> None:
    assert COMPARISONS[name].before(days("2026-03-01", "2026-03-04"), NOON) == expected


def test_other_days_are_those_whatever_is_shown() -> None:
    other = days("2025-12-01", "2025-12-24")
    comparison = compare_with(other)

    assert comparison.before(days("2026-03-01", "2026-03-04"), NOON) == other
    assert comparison.label == "1 Dec 2025 – 24 Dec 2025"
    assert comparison.parameters == (("compare_from", "2025-12-01"), ("compare_to", "2025-12-24"))


@pytest.fixture
def visits(site: Site) -> None:
    """One visitor today, two yesterday, four on the day a year before, five two years before."""
    for back, visitors in ((0, 1), (1, 2), (365, 4), (730, 5)):
        for visitor in range(visitors):
            view(site, NOON - HOUR - back * DAY, visitor=10 * back + visitor)


@pytest.mark.parametrize(
    ("query", "change", "title", "legend"),
    [
        ("", "−50%", "2 in the period before", "period before"),
        ("compare=previous", "−50%", "2 in the period before", "period before"),
        ("compare=year", "−75%", "4 a year before", "year before"),
        (
            "compare_from=2024-03-10&compare_to=2024-03-12",
            "−80%",
            "5 on 10 Mar 2024 – 12 Mar 2024",
            "10 Mar 2024 – 12 Mar 2024",
        ),
        (
            "compare_from=2001-03-09&compare_to=2001-03-11",
            "–",
            "There is no whole period before to compare with",
            None,
        ),
    ],
)
def test_a_page_tells_what_it_compares_with(
    visits: None, member: Client, query: str, change: str, title: str, legend: str | None
) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?from=2026-03-10&to=2026-03-10&{query}"))

    told = page.with_class("change")[0]
    assert (told.text, told.attributes["title"]) == (change, title)
    shown = page.with_class("legend")[0].text
    assert shown == "10 Mar 2026" + (f" {legend}" if legend else "")


def test_without_a_comparison_nothing_is_said_of_one(visits: None, member: Client) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?period=day&compare=none"))

    assert page.with_class("change") == []
    assert page.with_class("legend")[0].text == "Today"
    assert {len(row) for row in page.table("Time")} == {2}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("compare=best", "compare: Select a valid choice. best is not one"),
        ("compare=custom", "compare_to: Give both days, such as"),
        ("compare_from=2026-01-01", "compare_to: Give both days, such as"),
        ("compare_from=2026-01-02&compare_to=2026-01-01", "2026-01-02 is after 2026-01-01"),
        ("compare_from=1999-01-02&compare_to=1999-01-03", "Reports reach from 2000-01-01"),
        ("compare_from=x&compare_to=2026-01-01", "Give a day like this: compare_from="),
    ],
)
def test_a_wrong_comparison_is_told(site: Site, member: Client, query: str, sentence: str) -> None:
    answer = member.get(f"{OVERVIEW}?{query}")

    assert answer.status_code == 400
    assert sentence in Page.of(answer).text


def test_links_keep_it_and_those_of_the_menu_change_it_alone(visits: None, member: Client) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?period=day&metric=visits&compare=year&pages=title"))

    links = page.links("?")
    assert "?period=7d&compare=year&pages=title" in links
    assert "?period=day&metric=visits&pages=title" in links
    assert "?period=day&metric=visits&pages=title&compare=none" in links
