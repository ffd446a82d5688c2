"""After an erasure reports agree with the oracle over what remains, wherever the rows were.

A history is sent in pieces with upkeep between them; then something is erased, perhaps only in
part at first, as after a kill, and the upkeep goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archive.erasure.steps import STEPS, carry_out
from archive.models import ArchiveFile, Erasure
from reports.dates import DateRange
from reports.metrics import VISITORS, VISITS
from reports.queries import ReportQuery, summarise
from reports.rollup import ROLLED_UP
from reports.tests import oracle
from reports.tests.histories import send_actions
from reports.tests.oracle import Action, OracleVisit
from reports.tests.test_archive_oracle import (
    UPKEEP,
    archive_all,
    plain_questions,
    prune,
    roll_up_all,
)
from reports.tests.test_oracle import (
    ASKED,
    DrawnQuestion,
    assert_answered,
    drawn_questions,
    histories,
    make_site,
)
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.models import Event, LiveVisit

#: Fewer where a second store repeats them.
EXAMPLES: Final = int(os.environ.get("ERASURE_ORACLE_EXAMPLES", "80"))

Kind: Final = Erasure.Kind


@dataclass(frozen=True)
class Erased:
    """What is erased: days from the first of the history on, a path, or a property."""

    kind: Erasure.Kind
    name: str = ""
    value: str | None = None
    first: int = 0
    last: int = 0

    def days(self, first_day: date) -> tuple[date, date]:
        """The days, seen from the first of the history."""
        return first_day + timedelta(days=self.first), first_day + timedelta(days=self.last)

    def request(self, site: Site, first_day: date, until: datetime) -> Erasure:
        """Note the erasure of what happened until then."""
        first, last = self.days(first_day) if self.kind == Kind.DAYS else (None, None)
        return Erasure.objects.create(
            site=site,
            kind=self.kind,
            name=self.name,
            value=self.value,
            first_day=first,
            last_day=last,
            requested_at=until,
        )

    def leave(self, action: Action, first_day: date, zone: ZoneInfo) -> Action | None:
        """What is left of an action; None where nothing is."""
        first, last = self.days(first_day)
        day = action.at.astimezone(zone).date()
        gone = {
            Kind.ALL: True,
            Kind.DAYS: first <= day <= last,
            Kind.PATH: action.page == self.name,
        }
        if gone.get(self.kind, False):
            return None
        if self.kind == Kind.PROPERTY and self.value in {None, action.props.get(self.name)}:
            kept = {name: value for name, value in action.props.items() if name != self.name}
            return replace(action, props=kept)
        return action


def what_is_erased() -> st.SearchStrategy[Erased]:
    """Something of a history."""
    return st.one_of(
        st.just(Erased(Kind.ALL)),
        st.builds(Erased, st.just(Kind.DAYS), first=st.integers(0, 2), last=st.integers(2, 4)),
        st.builds(Erased, st.just(Kind.DAYS), first=st.just(1), last=st.just(1)),
        st.builds(Erased, st.just(Kind.PATH), name=st.sampled_from(("/", "/a"))),
        st.builds(
            Erased,
            st.just(Kind.PROPERTY),
            name=st.just("plan"),
            value=st.sampled_from((None, "team", "Pro é", "")),
        ),
    )


def what_remains(
    visits: list[OracleVisit], erased: Erased, first_day: date, until: datetime, zone: ZoneInfo
) -> list[OracleVisit]:
    """Return the visits without what is erased: each keeps what its first event decided."""
    remaining = []
    for visit in visits:
        actions = [
            left
            for action in visit.actions
            if (left := action if action.at > until else erased.leave(action, first_day, zone))
        ]
        if not actions:
            continue
        began = visit.actions[0]
        actions[0] = replace(actions[0], source=began.source, screen_width=began.screen_width)
        day = actions[0].at.astimezone(zone).date()
        person, first = visit.visitor
        # Who comes over midnight is somebody else than who comes later that day; so it stays.
        visitor = visit.visitor if day == first else (f"{person} since {first}", day)
        remaining.append(OracleVisit(visitor, actions))
    return remaining


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    upkeep=st.lists(st.none() | st.sampled_from(UPKEEP), min_size=12, max_size=12),
    before=st.lists(st.sampled_from((archive_all, roll_up_all, prune)), max_size=3),
    erased=what_is_erased(),
    stays=st.integers(0, 2),
    stopped_after=st.sampled_from([0, *range(len(STEPS))]),
    meanwhile=st.none() | st.sampled_from(UPKEEP),
    after=st.lists(st.sampled_from((archive_all, roll_up_all, prune)), max_size=3),
    width=st.integers(1, 40),
    plain=st.lists(plain_questions(), min_size=2, max_size=2),
    other=drawn_questions(),
)
def test_reports_agree_with_what_remains(
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[str, list[Action]],
    upkeep: list[Callable[[Site, datetime], None] | None],
    before: list[Callable[[Site, datetime], None]],
    erased: Erased,
    stays: int,
    stopped_after: int,
    meanwhile: Callable[[Site, datetime], None] | None,
    after: list[Callable[[Site, datetime], None]],
    width: int,
    plain: list[DrawnQuestion],
    other: DrawnQuestion,
) -> None:
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)
    known = {name: dimension for name, dimension in ROLLED_UP.items() if name in {"", *ASKED}}
    monkeypatch.setattr("reports.rolling_up.ROLLED_UP", known)
    zone_name, actions = history
    assume(len(actions) > stays)
    # No two at the same instant: which of them was first, files do not know.
    actions = [
        replace(action, at=action.at + timedelta(microseconds=n))
        for n, action in enumerate(actions)
    ]
    zone = ZoneInfo(zone_name)
    first_day, end = actions[0].at.astimezone(zone).date(), actions[-1].at
    until = actions[-1 - stays].at

    def send_and_erase(site: Site, actions: list[Action]) -> None:
        for action, step in zip(actions, upkeep, strict=False):
            send_actions(site, [action])
            if step is not None:
                step(site, action.at)
        for step in before:
            step(site, end)
        erasure = erased.request(site, first_day, until)
        for part in STEPS[:stopped_after]:
            part(erasure)
        if meanwhile is not None:
            meanwhile(site, end)
        erasure.refresh_from_db()
        carry_out(erasure)
        for step in after:
            step(site, end)

    asked = make_site((zone_name, actions), 0, width, send_and_erase)
    visits = oracle.split_into_visits(actions, zone)
    remaining = what_remains(visits, erased, first_day, until, zone)
    days = asked.days
    occurrences = oracle.between(remaining, days.first_day, days.end_day, zone)
    asked = replace(asked, occurrences=occurrences)

    with open_warehouse(asked.site) as warehouse:
        for question in plain:
            assert_answered(warehouse, asked, question)
        assert_answered(warehouse, asked, other)
    if not remaining:
        assert not Event.objects.for_site(asked.site).exists()
        assert not ArchiveFile.objects.for_site(asked.site.pk).events().exists()
        assert not LiveVisit.objects.filter(site=asked.site, is_gone=False).exists()


def test_a_visit_that_begins_on_a_later_day_is_of_another_visitor(site: Site) -> None:
    """Ann reads in the morning, and across midnight; of the night's, Monday's part is erased.

    A visitor of one day has visits of that day alone: so visitors of days add up.
    """
    monday = datetime(2026, 3, 9, tzinfo=UTC)
    night = timedelta(hours=23, minutes=50)
    actions = [
        Action(person="a", at=monday + timedelta(hours=9)),
        Action(person="a", at=monday + night, page="/a"),
        Action(person="a", at=monday + night + timedelta(minutes=20), page="/b"),
    ]
    send_actions(site, actions)
    archive_all(site, actions[-1].at)
    question = ReportQuery(
        site=site,
        range=DateRange(
            first_day=monday.date(), end_day=monday.date() + timedelta(days=2), zone=site.zone
        ),
        metrics=(VISITORS, VISITS),
    )

    carry_out(Erased(Kind.PATH, "/a").request(site, monday.date(), actions[-1].at))

    with open_warehouse(site) as warehouse:
        assert summarise(warehouse, question) == {"visitors": 2, "visits": 2}
    roll_up_all(site, actions[-1].at)
    with open_warehouse(site) as warehouse:
        assert "daily figures" in warehouse.explain(question)
        assert summarise(warehouse, question) == {"visitors": 2, "visits": 2}
