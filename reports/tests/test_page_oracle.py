"""Headline, chart and tables of every page say what the oracle says, and so agree.

What is compared is the text that people read, on pages asked for over HTTP, for random histories,
days, intervals and filters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.cards import CARDS
from reports.dates import DAY, Interval
from reports.dimensions import DIMENSIONS, EVENT, Dimension
from reports.filters import OWN_EVENTS, Condition
from reports.formats import DASH, format_figure
from reports.metrics import VISITORS, Metric, Unit
from reports.page_filters import make_conditions, read_filters
from reports.tables import show_value
from reports.tests import oracle
from reports.tests.oracle import Action
from reports.tests.pages import Page
from reports.tests.test_oracle import BUCKETS, Asked, histories, make_site
from reports.views.four import REPORTS
from reports.views.overview import GOAL_FIGURES, HEADLINE
from visits.models import Visit

EXAMPLES: Final = int(os.environ.get("PAGE_ORACLE_EXAMPLES", "40"))

#: As an address has them, one or none.
FILTERS: Final = ("", "is,source,news", "is_not,page,/", "contains,page,/a", "is,event,signup")

#: Of each page: its headline, what its chart shows, its tables.
PAGES: Final[dict[str, tuple[tuple[Metric, ...], Metric, dict[Dimension, tuple[Metric, ...]]]]] = {
    "": (
        HEADLINE,
        VISITORS,
        {
            **{d: columns for card in CARDS for d, columns in list(card.tables.items())[:1]},
            EVENT: GOAL_FIGURES,
        },
    ),
    **{
        f"{report.name}/": (report.headline, report.headline[0], report.breakdowns)
        for report in REPORTS.values()
    },
}


def figure(figures: dict[str, Any], metric: Metric) -> str:
    """Return an oracle's figure as a page writes it."""
    return format_figure(figures[metric.name], metric.unit)


def nothing(metric: Metric) -> str:
    """Return what a chart says of a bucket in which nothing happened."""
    return format_figure(0 if metric.unit is Unit.COUNT else None, metric.unit)


def answer(asked: Asked, conditions: Iterable[Condition], *groups: Any) -> dict[Any, Any]:
    """Return the oracle's figures of each group."""
    return oracle.answer(asked.occurrences, conditions, groups)


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    skipped=st.integers(0, 1),
    width=st.sampled_from((1, 2, 8, 40, 100)),
    interval=st.sampled_from(Interval),
    written=st.sampled_from(FILTERS),
    page_name=st.sampled_from([*PAGES]),
)
def test_a_page_says_what_the_oracle_says(
    history: tuple[str, list[Action]],
    skipped: int,
    width: int,
    interval: Interval,
    written: str,
    page_name: str,
) -> None:
    asked = make_site(history, skipped, width)
    days, now = asked.days, history[1][-1].at + timedelta(hours=1)
    conditions = make_conditions(read_filters([written]))
    user, _ = get_user_model().objects.get_or_create(username="reader", is_staff=True)
    client = Client()
    with time_machine.travel(now, tick=False):
        client.force_login(user)
        query = {"from": f"{days.first_day}", "to": f"{days.end_day - DAY}"}
        more = {"interval": interval.value} if interval in days.intervals() else {}
        chosen = interval if more else days.intervals()[0]
        address = f"/reports/{asked.site.domain}/{page_name}"
        response = client.get(address, {**query, **more, **({"f": written} if written else {})})
    assert response.status_code == 200
    page = Page.of(response)
    headline, charted, tables = PAGES[page_name]

    if not Visit.objects.for_site(asked.site).exists():
        assert "Waiting for the first hit" in page.headings
        return
    (whole,) = answer(asked, conditions).values()
    assert page.headline == {metric.label: figure(whole, metric) for metric in headline}

    by_bucket = answer(asked, conditions, ("time", BUCKETS[chosen](days.zone)))
    assert [row[1].removesuffix(" so far") for row in page.table("Time")] == [
        DASH
        if bucket.starts_at > now
        else figure(by_bucket[bucket.key,], charted)
        if (bucket.key,) in by_bucket
        else nothing(charted)
        for bucket in days.buckets(chosen)
    ]

    for dimension, columns in tables.items():
        if dimension.name not in oracle.GROUPS or dimension is DIMENSIONS["screen"]:
            continue
        own = (OWN_EVENTS,) if dimension is EVENT else ()
        groups = answer(asked, [*conditions, *own], (dimension.name, oracle.GROUPS[dimension.name]))
        expected = {
            show_value(dimension, value): [figure(figures, metric) for metric in columns]
            for (value,), figures in groups.items()
        }
        shown = {row[0]: row[1:] for row in page.table(dimension.label)} if expected else {}
        assert shown == expected, dimension.label
