"""Where a page leads: days beside its own, the days of a bucket, and what stays on the way."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from sites.models import Site
from visits.tests.hits import DAY, NOON

OVERVIEW = KINDS["overview"]
EARLIER, LATER = "The days before", "The days after"


def steps(page: Page) -> dict[str, str]:
    """Return the links to the days beside those of the page."""
    return {step.text: step.attributes["href"] for step in page.with_class("step")}


@pytest.mark.parametrize(
    ("query", "earlier", "later"),
    [
        ("period=day", "from=2026-03-09&to=2026-03-09", None),
        ("period=yesterday", "from=2026-03-08&to=2026-03-08", "from=2026-03-10&to=2026-03-10"),
        ("period=7d", "from=2026-02-25&to=2026-03-03", None),
        ("period=month", "from=2026-02-01&to=2026-02-28", None),
        ("period=last_month", "from=2026-01-01&to=2026-01-31", "from=2026-03-01&to=2026-03-31"),
        (
            "from=2024-02-01&to=2024-02-29",
            "from=2024-01-01&to=2024-01-31",
            "from=2024-03-01&to=2024-03-31",
        ),
        (
            "from=2026-03-01&to=2026-03-04",
            "from=2026-02-25&to=2026-02-28",
            "from=2026-03-05&to=2026-03-08",
        ),
        ("from=2000-01-01&to=2000-01-02", None, "from=2000-01-03&to=2000-01-04"),
    ],
)
def test_days_beside_are_a_link_away(
    site: Site, member: Client, query: str, earlier: str | None, later: str | None
) -> None:
    found = steps(Page.of(member.get(f"{OVERVIEW}?{query}")))

    assert found == {
        name: f"?{link}" for name, link in ((EARLIER, earlier), (LATER, later)) if link
    }


def buckets_of(page: Page) -> list[str]:
    """Return where the rows of the chart's table lead."""
    return [unescape(link) for link in re.findall(r'<th scope="row"><a href="(.+?)"', page.html)]


@pytest.fixture
def year(site: Site) -> None:
    """A view on each of the days of a year."""
    for back in range(0, 366, 5):
        view(site, NOON - back * DAY, visitor=back)


@pytest.mark.parametrize(
    ("query", "first", "last", "count"),
    [
        ("period=7d", "from=2026-03-04&to=2026-03-04", "from=2026-03-10&to=2026-03-10", 7),
        (
            "from=2026-02-04&to=2026-03-10&interval=week",
            "from=2026-02-04&to=2026-02-08",
            "from=2026-03-09&to=2026-03-10",
            6,
        ),
        (
            "from=2025-10-24&to=2026-03-10&interval=month",
            "from=2025-10-24&to=2025-10-31",
            "from=2026-03-01&to=2026-03-10",
            6,
        ),
        (
            "period=12mo&interval=month",
            "from=2025-04-01&to=2025-04-30",
            "from=2026-03-01&to=2026-03-10",
            12,
        ),
    ],
)
def test_a_bucket_leads_to_the_page_about_its_days(
    year: None, member: Client, query: str, first: str, last: str, count: int
) -> None:
    kept = "metric=visits&compare=year&f=is,page,/"
    page = Page.of(member.get(f"{OVERVIEW}?{query}&{kept}"))

    buckets = buckets_of(page)
    assert (buckets[0], buckets[-1]) == (f"?{first}&{kept}", f"?{last}&{kept}")
    assert len(buckets) == count
    assert [page.links().count(bucket) for bucket in buckets] == [2] * count  # drawing and table
    assert member.get(OVERVIEW + buckets[0]).status_code == 200


@pytest.mark.parametrize("query", ["period=day", "period=7d&interval=hour"])
def test_an_hour_leads_nowhere(year: None, member: Client, query: str) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?{query}"))

    assert buckets_of(page) == []


def test_days_to_come_lead_nowhere(year: None, member: Client) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?from=2026-03-08&to=2026-03-14"))

    days = ("2026-03-08", "2026-03-09", "2026-03-10")
    assert buckets_of(page) == [f"?from={day}&to={day}" for day in days]
