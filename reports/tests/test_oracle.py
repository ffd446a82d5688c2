"""Reports agree with the oracle: random histories of random people, in zones with odd clocks."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reports.dates import DateRange, Interval
from reports.dimensions import (
    DIMENSIONS,
    HOUR_OF_DAY,
    TIME,
    WEEKDAY,
    WEEKS,
    Dimension,
    property_dimension,
)
from reports.filters import AllOf, AnyOf, Condition, Filter, HasDone, Not, Operator
from reports.metrics import METRICS, Metric
from reports.queries import Order, ReportQuery, break_down, chart, summarise
from reports.tests import oracle
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.warehouse.base import Warehouse
from reports.warehouse.embedded import open_warehouse
from sites.models import Site

#: Zones, each with a moment near which its clocks or its calendar do something.
MOMENTS: Final = {
    "UTC": "2026-02-28T23:50:00+00:00",  # the end of a month
    "Europe/Berlin": "2026-03-29T00:30:00+00:00",  # 02:00 becomes 03:00
    "America/New_York": "2026-11-01T05:40:00+00:00",  # 02:00 becomes 01:00
    "Asia/Kolkata": "2026-05-03T18:20:00+00:00",  # ten to midnight, half an hour off
    "Australia/Lord_Howe": "2026-10-03T15:20:00+00:00",  # half an hour forward
    "Pacific/Apia": "2026-12-31T09:45:00+00:00",  # a quarter to the new year, 13 hours ahead
}

#: Time between two actions: within a visit, at its edge, beyond it, and days apart.
PAUSES: Final = (
    timedelta(0),
    timedelta(seconds=4),
    timedelta(seconds=10),
    timedelta(minutes=11),
    timedelta(minutes=30),
    timedelta(minutes=30, microseconds=1),
    timedelta(hours=7),
    timedelta(hours=26),
)


def actions_at(at: datetime) -> st.SearchStrategy[Action]:
    """Something that somebody does at a moment."""
    people = st.sampled_from("ab")
    pages = st.sampled_from(("/", "/a", "/b"))
    sources = st.sampled_from(("", "news", "mail"))
    plans: st.SearchStrategy[dict[str, str]] = st.sampled_from(
        ({}, {"plan": "Pro é"}, {"plan": "team", "other": "pro"})
    )
    views = st.builds(
        Action,
        person=people,
        at=st.just(at),
        page=pages,
        title=st.sampled_from(("", "A")),
        source=sources,
        screen_width=st.sampled_from((None, 575, 576, 1440)),
        props=plans,
    )
    own = st.builds(
        Action,
        person=people,
        at=st.just(at),
        name=st.sampled_from(("signup", "banner")),
        page=pages,
        interactive=st.booleans(),
        source=sources,
        props=plans,
        revenue=st.sampled_from((None, ("12.30", "EUR"), ("0.05", "EUR"), ("7", "USD"))),
    )
    engagement = st.builds(
        Action,
        person=people,
        at=st.just(at),
        name=st.just("engagement"),
        page=pages,
        engagement_ms=st.sampled_from((None, 0, 1500, 20_000)),
        scroll_depth=st.sampled_from((None, 0, 40, 100)),
    )
    return st.one_of(views, views, own, engagement)


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[Action]]:
    """A zone, and what people did around its moment, in order of time."""
    zone = draw(st.sampled_from(sorted(MOMENTS)))
    at = datetime.fromisoformat(MOMENTS[zone]) - timedelta(hours=draw(st.integers(0, 3)))
    actions = []
    for pause in draw(st.lists(st.sampled_from(PAUSES), min_size=1, max_size=12)):
        at += pause
        actions.append(draw(actions_at(at)))
    return zone, actions


#: Dimensions that conditions and groups are drawn from, by name.
ASKED: Final = {
    name: DIMENSIONS[name] if name in DIMENSIONS else property_dimension(name.partition(":")[2])
    for name in oracle.GROUPS
}

#: Values to compare with, by operator; some are those of a history, in capitals or not.
GIVEN: Final = {
    Operator.IS: ("", "/", "/a", "/B", "A", "news", "MAIL", "signup", "pro É", "team", "576-991"),
    Operator.CONTAINS: ("/", "a", "N", "pro", "é", "1"),
    Operator.MATCHES: ("^/", "a$", "S.g", "(?:n|b)e?", "^$"),
}


def filters() -> st.SearchStrategy[Filter]:
    """A condition on one dimension."""
    return st.sampled_from(Operator).flatmap(
        lambda operator: st.builds(
            Filter,
            dimension=st.sampled_from([*ASKED.values()]),
            values=st.lists(st.sampled_from(GIVEN[operator]), min_size=1, max_size=3).map(tuple),
            negated=st.booleans(),
            operator=st.just(operator),
            case_sensitive=st.booleans(),
        )
    )


def conditions() -> st.SearchStrategy[Condition]:
    """A condition, perhaps made of others."""

    def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(parts, max_size=3).map(tuple)
        return st.one_of(
            st.builds(AllOf, several),
            st.builds(AnyOf, several),
            st.builds(Not, parts),
            st.builds(HasDone, parts, st.booleans()),
        )

    return st.recursive(filters(), joined, max_leaves=4)


#: What tells the oracle the bucket of an action.
BUCKETS: Final = {
    Interval.MINUTE: lambda zone: oracle.local_clock(zone, timedelta(minutes=1)),
    Interval.HOUR: lambda zone: oracle.local_clock(zone, timedelta(hours=1)),
    Interval.DAY: oracle.local_day,
    Interval.WEEK: oracle.local_week("Monday"),
    Interval.MONTH: oracle.local_month,
}
#: Dimensions of time by name, each with what tells the oracle the group of an action.
OF_TIME: Final = {
    **{interval.value: (TIME[interval], bucket) for interval, bucket in BUCKETS.items()},
    "week from Saturday": (WEEKS[6], oracle.local_week("Saturday")),
    "week from Sunday": (WEEKS[7], oracle.local_week("Sunday")),
    "weekday": (WEEKDAY, oracle.local_weekday),
    "hour_of_day": (HOUR_OF_DAY, oracle.local_hour_of_day),
}


def dimension_of(name: str) -> Dimension:
    """Return the dimension of a name of ASKED or OF_TIME."""
    return OF_TIME[name][0] if name in OF_TIME else ASKED[name]


@st.composite
def orders(
    draw: st.DrawFn,
    dimensions: tuple[Dimension, ...],
    metrics: Iterable[Metric],
) -> tuple[Order, ...]:
    """An order by some metrics and some of the question's dimensions."""
    keys: list[Any] = [*dimensions, *metrics]
    by = draw(st.lists(st.sampled_from(keys), max_size=3, unique_by=lambda key: key.name))
    return tuple(Order(key, draw(st.booleans())) for key in by)


def in_order(
    answer: dict[tuple[Any, ...], dict[str, Any]], question: ReportQuery
) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return the oracle's rows as the question orders them: what is none last, then by value."""
    rows = sorted(answer.items())
    for order in reversed(question.order_by or (Order(question.metrics[0]),)):

        def key(row: tuple[tuple[Any, ...], dict[str, Any]], by: Any = order.by) -> Any:
            if isinstance(by, Metric):
                return row[1][by.name]
            return row[0][question.dimensions.index(by)]

        some = [row for row in rows if key(row) is not None]
        none = [row for row in rows if key(row) is None]
        rows = sorted(some, key=key, reverse=order.descending) + none
    return [(values, only(question.metrics, figures)) for values, figures in rows]


def only(metrics: Iterable[Metric], figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of these metrics."""
    return {metric.name: figures[metric.name] for metric in metrics}


#: As many histories as the promise says, half for each of the two tests; fewer where a second
#: store repeats them.
EXAMPLES: Final = int(os.environ.get("ORACLE_EXAMPLES", "1000"))

_numbers = itertools.count()


@dataclass(frozen=True)
class Asked:
    """A site with a history, the days asked about, and what the oracle knows happened there."""

    site: Site
    days: DateRange
    occurrences: list[oracle.Occurrence]


def make_site(
    history: tuple[str, list[Action]],
    skipped: int,
    width: int,
    send: Callable[[Site, list[Action]], None] = send_actions,
) -> Asked:
    """Return a new site on which the history was sent, and `width` of its days."""
    zone_name, actions = history
    zone = ZoneInfo(zone_name)
    site = Site.objects.create(domain=f"{next(_numbers)}.example.com", timezone=zone_name)
    send(site, actions)
    first_day = actions[0].at.astimezone(zone).date() + timedelta(days=skipped)
    days = DateRange(first_day=first_day, end_day=first_day + timedelta(days=width), zone=zone)
    visits = oracle.split_into_visits(actions, zone)
    return Asked(site, days, oracle.between(visits, days.first_day, days.end_day, zone))


@dataclass(frozen=True)
class DrawnQuestion:
    """A question that was drawn, before it is known of which site and days it is."""

    metrics: tuple[Metric, ...]
    filters: tuple[Condition, ...]
    names: list[str]
    dimensions: tuple[Dimension, ...]
    order_by: tuple[Order, ...]
    limit: int | None
    offset: int
    #: Ends so many hours after its first day began, or, when odd, begins then.
    hours: int | None

    def about(self, asked: Asked) -> ReportQuery:
        """Return the question about a site and some days, as a warehouse gets it."""
        days = asked.days
        if self.hours is not None:
            instant = days.starts_at + timedelta(hours=self.hours)
            days = replace(days, since=instant) if self.hours % 2 else replace(days, until=instant)
        return ReportQuery(
            site=asked.site,
            range=days,
            metrics=self.metrics,
            dimensions=self.dimensions,
            filters=self.filters,
            order_by=self.order_by or (Order(self.metrics[0]),),
            limit=self.limit,
            offset=self.offset,
        )


def some_metrics(of: Iterable[Metric] = METRICS.values()) -> st.SearchStrategy[tuple[Metric, ...]]:
    """A few metrics: the engine takes longer to plan a question for each more."""
    names = st.sampled_from([*of])
    return st.lists(names, min_size=1, max_size=4, unique_by=lambda m: m.name).map(tuple)


@st.composite
def drawn_questions(draw: st.DrawFn) -> DrawnQuestion:
    """Any question."""
    names = draw(st.lists(st.sampled_from([*ASKED, *OF_TIME]), max_size=2, unique=True))
    dimensions = tuple(map(dimension_of, names))
    metrics = draw(some_metrics())
    return DrawnQuestion(
        metrics=metrics,
        filters=draw(st.lists(conditions(), max_size=2).map(tuple)),
        names=names,
        dimensions=dimensions,
        order_by=draw(orders(dimensions, metrics)),
        limit=draw(st.none() | st.integers(0, 3)),
        offset=draw(st.integers(0, 2)),
        hours=draw(st.none() | st.integers(1, 60)),
    )


def assert_answered(warehouse: Warehouse, asked: Asked, drawn: DrawnQuestion) -> None:
    """Compare a warehouse's answer with the oracle's."""
    question = drawn.about(asked)
    days = question.range
    occurrences = [
        one
        for one in asked.occurrences
        if (days.since is None or one[1].at >= days.since)
        and (days.until is None or one[1].at < days.until)
    ]
    groups: list[tuple[str, oracle.Group]] = [
        (name, OF_TIME[name][1](days.zone) if name in OF_TIME else oracle.GROUPS[name])
        for name in drawn.names
    ]
    breakdown = break_down(warehouse, question)

    expected = in_order(oracle.answer(occurrences, drawn.filters, groups), question)
    end = None if drawn.limit is None else drawn.offset + drawn.limit
    page = expected[drawn.offset if end is not None else 0 : end]
    assert [(row.dimensions, row.figures) for row in breakdown.rows] == page
    assert breakdown.total_rows == (len(expected) if page else 0)


#: For a page whose questions are answered together: how many of them read files themselves, how
#: few events are read sooner than daily figures, and of how many there is a table of their visits;
#: None for a page that asks one by one.
Limits = tuple[int, int, int] | None
LIMITS: Final = st.sampled_from(
    (None, (0, 0, 0), (0, 1_000_000, 0), (0, 1_000_000, 1_000_000), (2, 1_000_000, 0))
)


def answer_ahead(
    monkeypatch: pytest.MonkeyPatch,
    warehouse: Warehouse,
    questions: list[ReportQuery],
    limits: Limits,
) -> None:
    """Let the warehouse answer them together, as those of a page, if there are limits."""
    if limits is not None:
        for name, limit in zip(("FEW_QUESTIONS", "FEW_EVENTS", "MANY_EVENTS"), limits, strict=True):
            monkeypatch.setattr(f"reports.warehouse.expectation.{name}", limit)
        warehouse.answer_ahead(*questions)


SETTINGS: Final = settings(
    max_examples=EXAMPLES // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.django_db
@SETTINGS
@given(
    history=histories(),
    skipped=st.integers(0, 2),
    width=st.integers(1, 5),
    names=st.lists(st.sampled_from(sorted(oracle.GROUPS)), min_size=2, max_size=2, unique=True),
    intervals=st.lists(st.sampled_from(Interval), min_size=1, max_size=2, unique=True),
    metrics=some_metrics(),
)
@example(
    # Somebody reads across midnight and comes back at noon: one visitor of each day's salt.
    history=(
        "Asia/Kolkata",
        [
            Action(person="a", at=datetime(2026, 5, 3, 18, 20, tzinfo=UTC)),
            Action(person="a", at=datetime(2026, 5, 3, 18, 40, tzinfo=UTC), page="/a"),
            Action(person="a", at=datetime(2026, 5, 4, 6, 30, tzinfo=UTC)),
        ],
    ),
    skipped=0,
    width=2,
    names=sorted(oracle.GROUPS),
    intervals=list(Interval),
    metrics=tuple(METRICS.values()),
)
def test_reports_agree_with_the_oracle(
    history: tuple[str, list[Action]],
    skipped: int,
    width: int,
    names: list[str],
    intervals: list[Interval],
    metrics: tuple[Metric, ...],
) -> None:
    asked = make_site(history, skipped, width)
    site, days, occurrences = asked.site, asked.days, asked.occurrences
    question = ReportQuery(site=site, range=days, metrics=metrics)

    with open_warehouse(site) as warehouse:
        nothing = only(metrics, oracle.answer([])[()])
        assert summarise(warehouse, question) == only(metrics, oracle.answer(occurrences)[()])
        for name in names:
            table = replace(question, dimensions=(ASKED[name],))
            breakdown = break_down(warehouse, table)
            expected = oracle.answer(occurrences, groups=[(name, oracle.GROUPS[name])])
            assert [(row.dimensions, row.figures) for row in breakdown.rows] == in_order(
                expected, table
            )
            assert breakdown.total_rows == len(expected)
        for interval in intervals:
            answer = oracle.answer(occurrences, groups=[("time", BUCKETS[interval](days.zone))])
            points = chart(warehouse, question, interval)
            assert set(answer) <= {(point.bucket.key,) for point in points}
            for point in points:
                figures = answer.get((point.bucket.key,))
                assert point.figures == (only(metrics, figures) if figures else nothing)


@pytest.mark.django_db
@SETTINGS
@given(
    history=histories(),
    skipped=st.integers(0, 1),
    width=st.integers(1, 3),
    drawn=drawn_questions(),
    limits=LIMITS,
)
def test_any_question_is_answered_as_the_oracle_does(
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[str, list[Action]],
    skipped: int,
    width: int,
    drawn: DrawnQuestion,
    limits: Limits,
) -> None:
    """Conditions within conditions, two dimensions, any order, a part of the rows."""
    asked = make_site(history, skipped, width)

    with open_warehouse(asked.site) as warehouse:
        question = drawn.about(asked)
        whole = replace(question, dimensions=(), order_by=(), limit=None)
        answer_ahead(monkeypatch, warehouse, [question, whole], limits)
        assert_answered(warehouse, asked, drawn)


def test_the_oracle_counts_a_history_that_a_reader_can_count() -> None:
    """Ann reads two pages on Monday night across midnight, Bob looks at one on Tuesday."""
    zone = ZoneInfo("Europe/Berlin")
    night = datetime(2026, 3, 2, 22, 55, tzinfo=UTC)
    visits = oracle.split_into_visits(
        [
            Action(person="a", at=night),
            Action(person="a", at=night + timedelta(minutes=10), page="/a"),
            Action(person="b", at=night + timedelta(hours=9)),
        ],
        zone,
    )

    tuesday = oracle.between(visits, date(2026, 3, 3), date(2026, 3, 4), zone)

    assert oracle.answer(tuesday)[()] == {
        "visitors": 2,
        "visits": 2,
        "pageviews": 2,
        "events": 2,
        "views_per_visit": 1,
        "bounce_rate": 0.5,
        "visit_duration": 300,
        "engagement_rate": 0.5,
        "time_on_page": None,
        "scroll_depth": None,
        "exit_rate": 1,
        "percentage": 1,
        "conversion_rate": 1,
        "group_conversion_rate": 1,
        "total_revenue": None,
        "average_revenue": None,
    }
