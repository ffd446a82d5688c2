"""How an event changes its visit."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.models import Site
from visits.joining import VISIT_GAP
from visits.models import Event, Visit
from visits.services import add_visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, SECOND


def make_event(
    name: str = "pageview", page: str = "/", seconds: float = 0, **fields: bool
) -> Event:
    """Return an event so many seconds after noon."""
    at = NOON + seconds * SECOND
    return Event(name=name, page=page, happened_at=at, happened_on=at.date(), **fields)


def make_visit(*events: Event) -> Visit:
    """Return the visit that the first event begins and the others join, in the order given."""
    first = events[0]
    visit = Visit(
        started_at=first.happened_at, started_on=first.happened_on, last_event_at=first.happened_at
    )
    for event in events:
        visit.take(event)
    return visit


def figures(visit: Visit) -> dict[str, object]:
    """Return everything of the visit that its events decide."""
    return {
        name: getattr(visit, name)
        for name in (
            "started_at",
            "started_on",
            "last_event_at",
            "pageviews",
            "interactive_events",
            "entry_page",
            "entry_page_at",
            "exit_page",
            "exit_page_at",
        )
    }


@pytest.mark.parametrize(
    ("event", "pageviews", "interactive_events"),
    [
        (make_event("pageview"), 1, 0),
        (make_event("pageview", interactive=False), 1, 0),
        (make_event("signup"), 0, 1),
        (make_event("signup", interactive=False), 0, 0),
        (make_event("engagement"), 0, 0),
        (make_event("Pageview"), 0, 1),
    ],
)
def test_counts_pageviews_and_interactive_custom_events(
    event: Event, pageviews: int, interactive_events: int
) -> None:
    visit = make_visit(event)

    assert (visit.pageviews, visit.interactive_events) == (pageviews, interactive_events)


@pytest.mark.parametrize(
    ("events", "bounced"),
    [
        ([make_event()], True),
        ([make_event(), make_event("engagement", seconds=60)], True),
        ([make_event(), make_event("video", seconds=60, interactive=False)], True),
        ([make_event(), make_event(seconds=60)], False),
        ([make_event(), make_event("signup", seconds=60)], False),
        ([make_event("signup")], False),
        ([make_event("video", interactive=False)], False),
    ],
)
def test_a_bounce_is_one_pageview_and_no_interactive_custom_event(
    events: list[Event], bounced: bool
) -> None:
    assert make_visit(*events).bounced is bounced


def test_duration_reaches_to_the_last_event_of_any_kind() -> None:
    assert make_visit(make_event()).duration == timedelta(0)
    assert make_visit(make_event(), make_event("engagement", seconds=90)).duration == 90 * SECOND


def test_entry_and_exit_are_pages_that_were_seen() -> None:
    visit = make_visit(
        make_event("signup", "/form"),
        make_event("pageview", "/first", 10),
        make_event("pageview", "/last", 20),
        make_event("engagement", "/other", 30),
    )

    assert (visit.entry_page, visit.exit_page) == ("/first", "/last")


def test_of_pages_at_one_instant_the_first_is_the_entry_and_the_last_the_exit() -> None:
    visit = make_visit(*(make_event(page=page) for page in ("/a", "/b", "/c")))

    assert (visit.entry_page, visit.exit_page) == ("/a", "/c")


def test_an_earlier_event_moves_the_beginning_and_its_day() -> None:
    visit = make_visit(make_event(), make_event(seconds=-13 * 3600))

    assert visit.started_at == NOON - 13 * HOUR
    assert visit.started_on == NOON.date() - DAY
    assert visit.last_event_at == NOON


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["pageview", "engagement", "signup"]),
        st.sampled_from(["/", "/a", "/b"]),
        st.integers(-100_000, 100_000),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
    # At one instant the order of arrival decides, so the law is about distinct instants.
    unique_by=lambda event: event[2],
)


@given(EVENTS, st.randoms(use_true_random=False))
def test_events_in_any_order_give_the_same_visit(
    described: list[tuple[str, str, int, bool]], random: Random
) -> None:
    events = [
        make_event(name, page, seconds, interactive=interactive)
        for name, page, seconds, interactive in described
    ]
    shuffled = list(events)
    random.shuffle(shuffled)

    assert figures(make_visit(*shuffled)) == figures(make_visit(*events))


@pytest.mark.parametrize(
    ("at", "reached"),
    [
        (NOON - VISIT_GAP - SECOND, False),
        (NOON - VISIT_GAP, True),
        (NOON + 5 * MINUTE, True),
        (NOON + 10 * MINUTE + VISIT_GAP, True),
        (NOON + 10 * MINUTE + VISIT_GAP + SECOND, False),
    ],
)
def test_a_visit_reaches_30_minutes_beyond_both_its_ends(
    site: Site, at: datetime, reached: bool
) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    visit.last_event_at = NOON + 10 * MINUTE
    visit.save()

    assert Visit.objects.reaching(at, at).exists() is reached
    assert visit.reaches(at) is reached


def test_visits_and_events_name_themselves() -> None:
    assert str(Visit(pk=7)) == "visit 7"
    assert str(make_event("signup", "/form")) == "signup /form"
