"""Conditions on events, over three visitors that a reader can count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

import pytest

from reports.dates import DateRange
from reports.dimensions import EVENT, EXIT_PAGE, PAGE, SCREEN, SOURCE, property_dimension
from reports.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    HasDone,
    Not,
    Operator,
    put_in_place,
    tells_action,
)
from reports.metrics import EVENTS, VISITORS
from reports.queries import ReportQuery, summarise
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.warehouse.base import Warehouse
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.tests.hits import DAY, MINUTE, NOON

PLAN: Final = property_dimension("plan")
SIGNED_UP: Final = Filter(EVENT, ("signup",))
SAW_PRICES: Final = Filter(PAGE, ("/prices",))


@pytest.fixture
def question(site: Site) -> ReportQuery:
    """A question after visitors and events on 10 March 2026."""
    days = DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITORS, EVENTS))


@pytest.fixture
def warehouse(site: Site, question: ReportQuery) -> Iterator[Warehouse]:
    """Six events of the 10th, and one of the 9th.

    Ann comes by news, sees / and /prices, and signs up for plan Team. Bob sees /prices and /Docs/a.
    Cem signs up on / for plan solo; the day before, which is not asked about, he saw /prices.
    """
    noon = NOON
    send_actions(
        site,
        [
            Action(person="c", at=noon - DAY, page="/prices"),
            Action(person="a", at=noon, page="/", source="news"),
            Action(person="b", at=noon, page="/prices"),
            Action(person="b", at=noon + MINUTE, page="/Docs/a"),
            Action(person="a", at=noon + MINUTE, page="/prices"),
            Action(person="a", at=noon + 2 * MINUTE, name="signup", props={"plan": "Team"}),
            Action(person="c", at=noon + 3 * MINUTE, name="signup", props={"plan": "solo"}),
        ],
    )
    with open_warehouse(site) as warehouse:
        yield warehouse


def contains(text: str, *, negated: bool = False, case_sensitive: bool = True) -> Filter:
    """Return the condition that the page contains a text."""
    return Filter(PAGE, (text,), negated, Operator.CONTAINS, case_sensitive)


def matches(*patterns: str, negated: bool = False, case_sensitive: bool = True) -> Filter:
    """Return the condition that the page matches a pattern."""
    return Filter(PAGE, patterns, negated, Operator.MATCHES, case_sensitive)


@pytest.mark.parametrize(
    ("condition", "visitors", "events"),
    [
        (Filter(PAGE, ("/prices",)), 2, 2),
        (Filter(PAGE, ("/prices", "/Docs/a")), 2, 3),
        (Filter(PAGE, ("/prices",), negated=True), 3, 4),
        (Filter(PAGE, ("/docs/A",)), 0, 0),
        (Filter(PAGE, ("/docs/A",), case_sensitive=False), 1, 1),
        (Filter(PAGE, ()), 0, 0),
        (Filter(PAGE, (), negated=True), 3, 6),
        (contains("Docs"), 1, 1),
        (contains("docs"), 0, 0),
        (contains("docs", case_sensitive=False), 1, 1),
        (contains("DOCS", case_sensitive=False), 1, 1),
        (contains("Docs", negated=True), 3, 5),
        (contains("%"), 0, 0),
        (contains("."), 0, 0),
        (matches("^/[a-z]+$"), 2, 2),
        (matches("^/[a-z]+", case_sensitive=False), 2, 3),
        (matches("^/[a-z]+", negated=True), 3, 4),
        (matches("a$", "^/$"), 3, 4),
        (Filter(SOURCE, ("news",)), 1, 3),
        (Filter(SOURCE, ("news",), negated=True), 2, 3),
        (Filter(PLAN, ("Team",)), 1, 1),
        # An event without the property has none of its values.
        (Filter(PLAN, ("Team",), negated=True), 3, 5),
        (Filter(PLAN, ("",)), 2, 4),
        (Filter(PLAN, ("team", "SOLO"), case_sensitive=False), 2, 2),
        (Filter(SCREEN, ("",)), 3, 6),
        (AllOf((SAW_PRICES, Filter(SOURCE, ("news",)))), 1, 1),
        (AllOf(()), 3, 6),
        # Each event is asked by itself: none is a signup on the page of prices.
        (AllOf((SAW_PRICES, SIGNED_UP)), 0, 0),
        (AnyOf((SAW_PRICES, SIGNED_UP)), 3, 4),
        (AnyOf(()), 0, 0),
        (Not(SAW_PRICES), 3, 4),
        (Not(AnyOf((SAW_PRICES, SIGNED_UP))), 2, 2),
        # All that visitors of the prices did in the range; Cem saw them on another day.
        (HasDone(SAW_PRICES), 2, 5),
        (HasDone(SAW_PRICES, negated=True), 1, 1),
        (HasDone(AllOf((SAW_PRICES, SIGNED_UP))), 0, 0),
        (AllOf((HasDone(SAW_PRICES), SIGNED_UP)), 1, 1),
        (HasDone(HasDone(SIGNED_UP, negated=True)), 1, 2),
    ],
)
def test_events_that_meet_a_condition(
    condition: Condition,
    visitors: int,
    events: int,
    warehouse: Warehouse,
    question: ReportQuery,
) -> None:
    assert summarise(warehouse, replace(question, filters=(condition,))) == {
        "visitors": visitors,
        "events": events,
    }


def test_several_conditions_hold_together(warehouse: Warehouse, question: ReportQuery) -> None:
    both = replace(question, filters=(HasDone(SAW_PRICES), SIGNED_UP))

    assert summarise(warehouse, both) == {"visitors": 1, "events": 1}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (SIGNED_UP, True),
        (Filter(PLAN, ("Team",)), True),
        (SAW_PRICES, False),
        (AllOf((SAW_PRICES, Not(SIGNED_UP))), True),
        (AnyOf((SAW_PRICES, Filter(SOURCE, ("news",)))), False),
        (HasDone(SIGNED_UP), False),
    ],
)
def test_what_was_done_is_told_by_events_and_properties(
    condition: Condition, expected: object
) -> None:
    assert tells_action(condition) is expected


def test_a_dimension_can_be_put_in_anothers_place_wherever_it_stands() -> None:
    left = Filter(EXIT_PAGE, ("/prices",))

    assert put_in_place(
        AllOf((left, Not(AnyOf((left, SIGNED_UP))), HasDone(left))), EXIT_PAGE, PAGE
    ) == AllOf((SAW_PRICES, Not(AnyOf((SAW_PRICES, SIGNED_UP))), HasDone(SAW_PRICES)))
