"""Figures explained: each of the headlines' has its meaning, and its parts make it."""

from __future__ import annotations

import pytest
from django.test import Client

from reports.explanations import EXPLANATIONS, Explanation
from reports.metrics import METRICS
from reports.tests.pages import KINDS, Page
from reports.views.four import REPORTS
from reports.views.overview import HEADLINE
from sites.models import Site
from visits.models import DailyCount, Visit
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, MINUTE, NOON

EXPLAIN = "/reports/example.com/explain/{}/"


@pytest.fixture
def visits(site: Site, at_noon: None) -> list[Visit]:
    """One visit of a page from Google, one of two pages and 90 seconds from Bing."""
    at = NOON - 30 * MINUTE
    short = add_visit(site=site, visitor=1, started_at=at, source="Google")
    add_event(visit=short, page="/", happened_at=at)
    long = add_visit(site=site, visitor=2, started_at=at, source="Bing")
    add_event(visit=long, page="/", happened_at=at)
    add_event(visit=long, page="/docs", happened_at=at + 1.5 * MINUTE)
    return [short, long]


def facts(client: Client, metric: str, query: str = "period=day") -> dict[str, str]:
    """Return what the page says of a figure: its number, and its list of facts."""
    page = Page.of(client.get(f"{EXPLAIN.format(metric)}?{query}"))
    names = [element.text for element in page.elements if element.tag == "dt"]
    values = [element.text for element in page.elements if element.tag == "dd"]
    (figure,) = page.with_class("figure")
    return {"figure": figure.text, **dict(zip(names, values, strict=True))}


def test_every_figure_of_a_headline_can_be_explained() -> None:
    shown = {metric for report in REPORTS.values() for metric in report.headline} | {*HEADLINE}

    assert {metric.name for metric in shown} <= EXPLANATIONS.keys()


@pytest.mark.parametrize("explanation", EXPLANATIONS.values(), ids=EXPLANATIONS)
def test_its_parts_are_what_it_is_made_of(explanation: Explanation) -> None:
    metric = explanation.metric
    parts = {component for part in explanation.parts for component in part.components}

    assert METRICS[metric.name] is metric
    assert explanation.meaning.endswith(".")
    assert parts <= {*metric.components}
    assert bool(explanation.formula) == bool(parts)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("visitors", {"figure": "2"}),
        ("bounce_rate", {"figure": "50%", "Bounces": "1", "Visits": "2"}),
        ("views_per_visit", {"figure": "1.50", "Pageviews": "3", "Visits": "2"}),
        ("visit_duration", {"figure": "45s", "Time of all visits": "1m 30s", "Visits": "2"}),
        ("engagement_rate", {"figure": "50%", "Engaged visits": "1", "Visits": "2"}),
        ("time_on_page", {"figure": "–", "Pages of visits with such time": "0"}),
    ],
)
def test_a_page_tells_the_figure_and_its_parts(
    member: Client, visits: list[Visit], metric: str, expected: dict[str, str]
) -> None:
    assert facts(member, metric).items() >= expected.items()


def test_it_tells_the_filter_in_words(member: Client, visits: list[Visit]) -> None:
    found = facts(member, "bounce_rate", "period=day&f=is,source,Google")

    assert found["figure"] == "100%"
    assert found["Events that count"] == "Source is Google"


def test_it_tells_what_was_left_out_on_its_days(
    member: Client, visits: list[Visit], site: Site
) -> None:
    today = NOON.date()
    for day, name, count in (
        (today, "hits", 10),
        (today, "bot", 4),
        (today, "prefetch", 1),
        (today, "bounded_values", 7),
        (today - DAY, "hits", 100),
        (today - DAY, "rate_limited", 100),
    ):
        DailyCount.objects.create(site=site, counted_on=day, name=name, count=count)

    page = Page.of(member.get(EXPLAIN.format("visitors"), {"period": "day"}))

    assert [row[:2] for row in page.table("Hits")] == [["4", "40%"], ["1", "10%"]]
    assert "7 values stood over" in page.text


@pytest.mark.parametrize("metric", ["conversion_rate", "nothing", "a b"])
def test_what_is_no_figure_of_a_headline_is_not_found(
    member: Client, site: Site, metric: str
) -> None:
    assert member.get(EXPLAIN.format(metric)).status_code == 404


def test_the_headline_leads_to_it_with_the_days(member: Client, visits: list[Visit]) -> None:
    page = Page.of(member.get(f"{KINDS['overview']}?period=day"))

    assert f"{EXPLAIN.format('visits')}?period=day" in page.links()


def test_the_visits_behind_a_figure_are_those_that_it_counts(
    visits: list[Visit], member: Client
) -> None:
    _, long = visits

    page = Page.of(member.get(f"{EXPLAIN.format('bounce_rate')}?period=day&f=is,source,Bing"))

    assert [row[2] for row in page.table("Began")] == ["Bing"]
    assert page.links("/reports/example.com/visits/") == [
        "/reports/example.com/visits/?period=day&f=is,source,Bing",
        f"/reports/example.com/visits/{long.pk}/",
        "/reports/example.com/visits/?period=day&f=is,source,Bing",
    ]
