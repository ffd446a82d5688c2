"""Reports agree with the oracle wherever the rows are: live, archived, rolled up, or part of each.

A history is sent in pieces; between them visits are archived, files merged, days rolled up and rows
pruned, as the upkeep of a server might at any moment.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.archiver import archive_finished
from archive.compaction import compact
from archive.pruning import prune_rows
from reports.dates import DateRange, Interval
from reports.dimensions import DIMENSIONS
from reports.metrics import METRICS
from reports.queries import ReportQuery, break_down, chart, summarise
from reports.rolling_up import roll_up
from reports.rollup import ROLLED_UP
from reports.tests import oracle
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.tests.test_oracle import BUCKETS, assert_same, by_metric, histories
from reports.warehouse.embedded import open_warehouse
from sites.models import Site

#: Fewer where a second store repeats them.
EXAMPLES: Final = int(os.environ.get("ARCHIVE_ORACLE_EXAMPLES", "250"))

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


def prune(site: Site, now: datetime) -> None:
    """Delete the rows of what is archived."""
    prune_rows(site.pk, now + LATER)


UPKEEP: Final[tuple[Callable[[Site, datetime], None], ...]] = (
    archive_some,
    archive_all,
    merge,
    roll_up_all,
)

_numbers = itertools.count()


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    upkeep=st.lists(st.lists(st.sampled_from(UPKEEP), max_size=3), min_size=12, max_size=12),
    ends_pruned=st.booleans(),
    everything_is_rolled_up=st.booleans(),
    skipped=st.integers(0, 2),
    width=st.integers(1, 40),
    names=st.lists(st.sampled_from(sorted(oracle.GROUPS)), min_size=2, max_size=2, unique=True),
    interval=st.sampled_from(Interval),
)
def test_reports_agree_wherever_the_rows_are(
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[str, list[Action]],
    upkeep: list[list[Callable[[Site, datetime], None]]],
    ends_pruned: bool,
    everything_is_rolled_up: bool,
    skipped: int,
    width: int,
    names: list[str],
    interval: Interval,
) -> None:
    # The rule that leaves out dimensions with many values would leave out all of so few events.
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)
    asked_by = {name: ROLLED_UP[name] for name in ("", *oracle.GROUPS)}
    monkeypatch.setattr("reports.rolling_up.ROLLED_UP", asked_by)
    zone_name, actions = history
    zone = ZoneInfo(zone_name)
    site = Site.objects.create(domain=f"{next(_numbers)}.example.net", timezone=zone_name)
    for action, steps in zip(actions, upkeep, strict=False):
        send_actions(site, [action])
        for step in steps:
            step(site, action.at)
    if everything_is_rolled_up:
        archive_finished(site.pk, actions[-1].at + SOON)
        roll_up_all(site, actions[-1].at)
    if ends_pruned:
        prune(site, actions[-1].at)
    first_day = actions[0].at.astimezone(zone).date() + timedelta(days=skipped)
    days = DateRange(first_day=first_day, end_day=first_day + timedelta(days=width), zone=zone)
    visits = oracle.split_into_visits(actions, zone)
    occurrences = oracle.between(visits, days.first_day, days.end_day, zone)
    question = ReportQuery(site=site, range=days, metrics=tuple(METRICS.values()))

    with open_warehouse(site) as warehouse:
        assert_same(summarise(warehouse, question), oracle.figures(occurrences))
        for name in names:
            expected = oracle.grouped(occurrences, oracle.GROUPS[name])
            asked = ReportQuery(
                site=site, range=days, metrics=question.metrics, dimensions=(DIMENSIONS[name],)
            )
            breakdown = break_down(warehouse, asked)
            in_order = sorted(expected.items(), key=by_metric(question.metrics[0]))
            assert [row.dimensions[0] for row in breakdown.rows] == [key for key, _ in in_order]
            for row in breakdown.rows:
                assert_same(row.figures, expected[row.dimensions[0]])
        expected = oracle.grouped(occurrences, BUCKETS[interval](zone))
        for point in chart(warehouse, question, interval):
            assert_same(point.figures, expected.get(point.bucket.key, oracle.figures([])))
