"""Components: whole numbers that add up, and that metrics are made of."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any, Final

import duckdb
import pytest

from archive.live import process_rows
from reports.components import COMPONENTS, Level
from reports.dimensions import PAGE
from reports.metrics import METRICS, SCROLL_DEPTH, VISITORS, Metric, Unit
from reports.queries import ReportQuery
from reports.sql import count_events, finish, needed_components, write_components
from reports.tests.histories import send_actions
from reports.tests.test_metrics import FIVE_VISITS, tenth_of_march
from sites.models import Site

__all__ = ["tenth_of_march"]

#: Each component over the five visits of test_metrics, and over the events on /docs.
EXPECTED: Final = {
    "visitors": (4, 1),
    "visits": (5, 2),
    "bounces": (3, 1),
    "engaged_visits": (2, 1),
    "duration_us": (105_000_000, 60_000_000),
    "pageviews": (6, 2),
    "events": (8, 2),
    "stays": (2, 1),
    "engagement_ms": (60_000, 20_000),
    "scrolled_stays": (2, 1),
    "scroll_depth": (110, 80),
    "exits": (5, 2),
    "revenue": (123_000, 0),
    "revenue_events": (1, 0),
    "currency": ("EUR", None),
    "whole_visitors": (4, 4),
    "everyone": (4, 4),
    "group_everyone": (4, 1),
    "pages_pageviews": (6, 2),
}


#: Metrics that are numbers.
NUMBERS: Final = tuple(m for m in METRICS.values() if m.unit is not Unit.MONEY)


def count(question: ReportQuery) -> list[tuple[Any, ...]]:
    """Return the question's components, a row per group."""
    parameters: dict[str, Any] = {}
    with process_rows().state(question.site.pk) as state:
        count = partial(count_events, table=f"{state.events()} AS events")
        sql = write_components(question, parameters, count)
        return sorted(state.engine.execute(sql, parameters).fetchall())


def test_counts_five_visits(site: Site, tenth_of_march: ReportQuery) -> None:
    send_actions(site, FIVE_VISITS)
    names = [component.name for component in needed_components(tenth_of_march)]

    (whole,) = count(tenth_of_march)
    _, docs = count(replace(tenth_of_march, dimensions=(PAGE,)))

    assert dict(zip(names, whole, strict=True)) == {name: EXPECTED[name][0] for name in COMPONENTS}
    assert docs[0] == "/docs"
    assert dict(zip(names, docs[1:], strict=True)) == {
        name: EXPECTED[name][1] for name in COMPONENTS
    }


def test_over_nothing_each_is_0(tenth_of_march: ReportQuery) -> None:
    numbers = replace(tenth_of_march, metrics=NUMBERS)

    assert count(numbers) == [(0,) * (len(COMPONENTS) - 3)]
    assert count(replace(tenth_of_march, dimensions=(PAGE,))) == []


def test_a_group_without_a_stay_is_there(site: Site, tenth_of_march: ReportQuery) -> None:
    """Also where a figure of stays alone is asked."""
    send_actions(site, FIVE_VISITS[3:4])

    assert count(replace(tenth_of_march, metrics=(SCROLL_DEPTH,), dimensions=(PAGE,))) == [
        ("/", 0, 0)
    ]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_an_expression_over_its_components_alone(metric: Metric) -> None:
    names = {part.name for part in metric.components}
    functions = {"nullif", "round", "struct_pack"}
    labels = set(re.findall(r"(\w+) :=", metric.expression)) - names

    words = set(re.findall(r"\b[a-z]\w*", metric.expression))
    assert words - functions - labels == names


def test_any_query_that_gives_the_components_can_be_finished(tenth_of_march: ReportQuery) -> None:
    question = replace(tenth_of_march, metrics=(VISITORS, SCROLL_DEPTH), dimensions=(PAGE,))
    counted = """SELECT * FROM (VALUES ('/', 3, 40, 2), ('/a', 5, 0, 0))
        AS counted (group_0, visitors, scroll_depth, scrolled_stays)"""

    statement = finish(question, counted, {})

    rows = duckdb.connect(":memory:").execute(statement.sql, statement.parameters).fetchall()
    assert rows == [("/", 3, 20.0, 2), ("/a", 5, None, 2)]


def test_every_component_is_counted_above_and_every_level_has_one() -> None:
    assert EXPECTED.keys() == COMPONENTS.keys()
    assert {component.level for component in COMPONENTS.values()} == set(Level)
