"""Reports agree with the oracle wherever the rows are: live, archived, rolled up, or part of each.

A history is sent in pieces; between them visits are archived, files merged, days rolled up and rows
pruned, as the upkeep of a server might at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.archiver import archive_finished
from archive.compaction import compact
from archive.models import events_kept_from
from archive.pruning import prune_rows
from archive.retention import drop_old_events
from reports.exceptions import EventsDroppedError
from reports.filters import Filter
from reports.metrics import METRICS
from reports.rolling_up import roll_up
from reports.rollup import COUNTED, ROLLED_UP
from reports.tests import oracle
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.tests.test_oracle import (
    ASKED,
    LIMITS,
    DrawnQuestion,
    Limits,
    answer_ahead,
    assert_answered,
    dimension_of,
    drawn_questions,
    histories,
    make_site,
    orders,
    some_metrics,
)
from reports.warehouse.embedded import open_warehouse
from sites.models import Site

#: Fewer where a second store repeats them.
EXAMPLES: Final = int(os.environ.get("ARCHIVE_ORACLE_EXAMPLES", "120"))

SOON: Final = timedelta(minutes=36)
LATER: Final = timedelta(days=60)


def archive_some(site: Site, now: datetime) -> None:
    """Archive one visit alone, so that there are many files."""
    archive_finished(site.pk, now + SOON, max_visits=1)


def archive_all(site: Site, now: datetime) -> None:
    """Archive everything that is over."""
    archive_finished(site.pk, now + SOON)


def merge(site: Site, now: datetime) -> None:
    """Make one file of each month's."""
    compact(site.pk, (now + LATER).date())


def roll_up_all(site: Site, now: datetime) -> None:
    """Roll up every day that is archived, also the one that is going on."""
    roll_up(site, now + timedelta(days=3))


def roll_up_so_far(site: Site, now: datetime) -> None:
    """Roll up also the days that go on, or have live visits, of what is archived."""
    roll_up(site, now)


def archive_and_roll_up(site: Site, now: datetime) -> None:
    """Let figures know a visit that may go on: what comes then is not as they have it."""
    archive_all(site, now)
    roll_up_so_far(site, now)


def prune(site: Site, now: datetime) -> None:
    """Delete the rows of what is archived."""
    prune_rows(site.pk, now + LATER)


def drop(site: Site, now: datetime) -> None:
    """Drop the events of days before yesterday, where they have figures."""
    site.keep_events_days = 1
    drop_old_events(site, now)


def archive_roll_up_and_drop(site: Site, now: datetime) -> None:
    """Do all that has to come before events are dropped."""
    archive_all(site, now)
    roll_up_all(site, now)
    drop(site, now)


UPKEEP: Final[tuple[Callable[[Site, datetime], None], ...]] = (
    archive_some,
    archive_all,
    merge,
    roll_up_all,
    roll_up_so_far,
    archive_and_roll_up,
    archive_and_roll_up,
)

#: Metrics of components that days are rolled up to.
DAILY: Final = tuple(
    metric
    for metric in METRICS.values()
    if {part.name for part in metric.components} <= {part.name for part in COUNTED}
)


#: Names of what a day tells.
OF_DAYS: Final = ("day", "week", "month", "weekday")
#: Names of dimensions that days are rolled up by here.
KNOWN: Final = {"", *ASKED, "hour_of_day"}


@st.composite
def plain_questions(draw: st.DrawFn) -> DrawnQuestion:
    """A question as most of a page's are: one dimension or none, over days, all of it."""
    alone = [*oracle.GROUPS, *OF_DAYS, "hour_of_day"]
    several = [["weekday", "hour_of_day"], ["hour_of_day", "month"]]
    names = draw(st.sampled_from([[], *([name] for name in alone), *several]))
    dimensions = [*map(dimension_of, names)]
    part = st.sampled_from([ASKED[name] for name in names if name in ASKED] or [*ASKED.values()])
    values = st.sampled_from((("/", "news", "signup"), ("/",), ("news",), ("engagement",), ("",)))
    only = st.builds(Filter, part, values, st.booleans())
    metrics = draw(some_metrics(DAILY))
    return DrawnQuestion(
        metrics=metrics,
        filters=draw(st.sampled_from((0, 0, 1)).flatmap(lambda n: st.tuples(*[only] * n))),
        names=names,
        dimensions=tuple(dimensions),
        order_by=draw(orders(tuple(dimensions), metrics)),
        limit=None,
        offset=0,
        hours=draw(st.sampled_from((None, None, None, 24, 30, 48))),
    )


def needs_events(question: DrawnQuestion) -> bool:
    """Whether daily figures cannot tell it: of two dimensions, or of what is not rolled up."""
    parts = {d.name for d in question.dimensions} | {
        part.dimension.name for part in question.filters if isinstance(part, Filter)
    }
    of_days = {dimension_of(name).name for name in OF_DAYS}
    return bool(question.filters) or any(name not in ROLLED_UP for name in parts - of_days)


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    upkeep=st.lists(st.none() | st.sampled_from(UPKEEP), min_size=12, max_size=12),
    ends_rolled_up=st.sampled_from((True, False, False)),
    ends_pruned=st.booleans(),
    skipped=st.integers(0, 1),
    width=st.integers(1, 40),
    plain=st.lists(plain_questions(), min_size=2, max_size=2),
    other=drawn_questions(),
    limits=LIMITS,
)
def test_reports_agree_wherever_the_rows_are(
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[str, list[Action]],
    upkeep: list[Callable[[Site, datetime], None] | None],
    ends_rolled_up: bool,
    ends_pruned: bool,
    skipped: int,
    width: int,
    plain: list[DrawnQuestion],
    other: DrawnQuestion,
    limits: Limits,
) -> None:
    """Whether or not the page has told the warehouse what it is going to ask."""
    # The rule that leaves out dimensions with many values would leave out all of so few events.
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)
    monkeypatch.setattr("reports.rolling_up.MANY_EVENTS", 0)
    known = {name: ROLLED_UP[name] for name in KNOWN & ROLLED_UP.keys()}
    monkeypatch.setattr("reports.rolling_up.ROLLED_UP", known)

    def send_in_pieces(site: Site, actions: list[Action]) -> None:
        for action, step in zip(actions, upkeep, strict=False):
            send_actions(site, [action])
            if step is not None:
                step(site, action.at)
        if ends_rolled_up:
            archive_all(site, actions[-1].at)
            roll_up_all(site, actions[-1].at)
        if ends_pruned:
            prune(site, actions[-1].at)

    asked = make_site(history, skipped, width, send_in_pieces)

    with open_warehouse(asked.site) as warehouse:
        answer_ahead(monkeypatch, warehouse, [each.about(asked) for each in plain], limits)
        for question in plain:
            assert_answered(warehouse, asked, question)
        assert_answered(warehouse, asked, other)


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    upkeep=st.lists(
        st.none() | st.sampled_from((*UPKEEP, archive_roll_up_and_drop)), min_size=12, max_size=12
    ),
    skipped=st.integers(0, 2),
    width=st.integers(1, 40),
    plain=st.lists(plain_questions(), min_size=3, max_size=3),
    other=drawn_questions(),
    limits=LIMITS,
)
def test_figures_are_right_or_refused_where_events_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[str, list[Action]],
    upkeep: list[Callable[[Site, datetime], None] | None],
    skipped: int,
    width: int,
    plain: list[DrawnQuestion],
    other: DrawnQuestion,
    limits: Limits,
) -> None:
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)
    monkeypatch.setattr("reports.rolling_up.MANY_EVENTS", 0)
    known = {name: ROLLED_UP[name] for name in KNOWN & ROLLED_UP.keys()}
    monkeypatch.setattr("reports.rolling_up.ROLLED_UP", known)

    def send_in_pieces(site: Site, actions: list[Action]) -> None:
        for action, step in zip(actions, upkeep, strict=False):
            send_actions(site, [action])
            if step is not None:
                step(site, action.at)
        archive_roll_up_and_drop(site, actions[-1].at)

    asked = make_site(history, skipped, width, send_in_pieces)
    kept_from = events_kept_from(asked.site.pk)

    with open_warehouse(asked.site) as warehouse:
        answer_ahead(monkeypatch, warehouse, [each.about(asked) for each in plain], limits)
        for question in plain:
            try:
                assert_answered(warehouse, asked, question)
            except EventsDroppedError:
                assert question.hours is not None or needs_events(question)
                assert asked.days.first_day < (kept_from or date.min)
        with suppress(EventsDroppedError):
            assert_answered(warehouse, asked, other)
