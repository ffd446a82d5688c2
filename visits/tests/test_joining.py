"""When events are one visit, and that the order in which they arrive decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sites.models import Site
from visits.ingestion.hit import Drop, Hit
from visits.ingestion.pipeline import ingest
from visits.joining import VISIT_GAP, is_interactive_custom, join_visits, reaches, take_event
from visits.models import VISIT_FACTS, Event, Visit
from visits.tests.hits import HOUR, MINUTE, NOON, SECOND, make_hit

INSTANT: Final = timedelta(microseconds=1)
MIDNIGHT: Final = NOON + 12 * HOUR

Action = tuple[datetime, str, str]


@dataclass
class Growing:
    """A visit as the rule sees it; see GrowingVisit."""

    latest_visitor: int
    started_at: datetime
    started_on: date
    last_event_at: datetime
    pageviews: int = 0
    interactive_events: int = 0
    entry_page: str = ""
    entry_page_at: datetime | None = None
    exit_page: str = ""
    exit_page_at: datetime | None = None


def begin(minute: float, *, visitor: int = 1) -> Growing:
    """Return a visit without events that begins so many minutes after noon."""
    at = NOON + minute * MINUTE
    return Growing(visitor, at, at.date(), at)


def grow(visitor: int, *actions: tuple[float, str, str]) -> Growing:
    """Return the visit of these events (minute, name, page), taken in the order given."""
    visit = begin(actions[0][0], visitor=visitor)
    for minute, name, page in actions:
        at = NOON + minute * MINUTE
        take_event(visit, name=name, page=page, at=at, on=at.date(), interactive=True)
    return visit


# The rule


@pytest.mark.parametrize(
    ("at", "is_reached"),
    [
        (NOON - VISIT_GAP - INSTANT, False),
        (NOON - VISIT_GAP, True),
        (NOON, True),
        (NOON + 30 * MINUTE, True),
        (NOON + 45 * MINUTE, True),
        (NOON + 45 * MINUTE + VISIT_GAP, True),
        (NOON + 45 * MINUTE + VISIT_GAP + INSTANT, False),
    ],
)
def test_a_visit_reaches_30_minutes_to_either_side(at: datetime, *, is_reached: bool) -> None:
    visit = grow(1, (0, "pageview", "/"), (45, "pageview", "/"))

    assert reaches(visit, at) is is_reached


@pytest.mark.parametrize(
    ("name", "interactive", "counts"),
    [
        ("signup", True, True),
        ("signup", False, False),
        ("pageview", True, False),
        ("engagement", True, False),
        ("Pageview", True, True),
    ],
)
def test_a_sites_own_events_count_against_a_bounce(
    name: str, *, interactive: bool, counts: bool
) -> None:
    assert is_interactive_custom(name, interactive=interactive) is counts


@pytest.mark.parametrize(
    ("earlier", "later", "pages", "counts"),
    [
        ([(0, "pageview", "/a")], [(40, "pageview", "/b")], ("/a", "/b"), (2, 0)),
        ([(0, "pageview", "/a")], [(40, "signup", "/b")], ("/a", "/a"), (1, 1)),
        ([(0, "signup", "/a")], [(40, "pageview", "/b")], ("/b", "/b"), (1, 1)),
        ([(0, "signup", "/a")], [(40, "signup", "/b")], ("", ""), (0, 2)),
        (
            [(0, "pageview", "/a"), (9, "pageview", "/z")],
            [(40, "signup", "/b"), (41, "pageview", "/c"), (42, "engagement", "/c")],
            ("/a", "/c"),
            (3, 1),
        ),
    ],
)
def test_two_visits_become_one(
    earlier: list[tuple[float, str, str]],
    later: list[tuple[float, str, str]],
    pages: tuple[str, str],
    counts: tuple[int, int],
) -> None:
    whole = grow(1, *earlier)
    join_visits(whole, grow(2, *later))

    assert (whole.entry_page, whole.exit_page) == pages
    assert (whole.pageviews, whole.interactive_events) == counts
    assert whole.started_at == NOON
    assert whole.last_event_at == NOON + later[-1][0] * MINUTE
    assert whole.latest_visitor == 2


# Names of events, whether each counts, and how far it is from the one before.
MOMENTS: Final = st.lists(
    st.tuples(st.integers(0, 89), st.sampled_from(["pageview", "signup", "engagement"])),
    min_size=1,
    max_size=8,
    unique_by=lambda moment: moment[0],
)


@given(MOMENTS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_events_make_the_same_visit_in_any_order_and_however_they_were_divided(
    moments: list[tuple[int, str]], random: Any, divide_at: int
) -> None:
    actions = [(float(minute), name, f"/{minute}") for minute, name in sorted(moments)]
    whole = grow(1, *actions)

    shuffled = random.sample(actions, len(actions))
    assert grow(1, *shuffled) == whole
    earlier, later = actions[:divide_at], actions[divide_at:]
    if later:
        joined = grow(1, *earlier)
        join_visits(joined, grow(1, *later))
        assert joined == whole


# The rule, in the store


def figures() -> list[dict[str, Any]]:
    """Return every visit with all that its events decide, and its events, oldest first."""
    visits = []
    for visit in Visit.objects.order_by("visitor", "started_at"):
        fields = {name: value for name, value in visit.__dict__.items() if name[0] != "_"}
        del fields["id"]
        fields["events"] = list(
            visit.events.order_by("happened_at").values_list(
                "happened_at", "happened_on", "name", "page"
            )
        )
        visits.append(fields)
    return visits


@contextmanager
def forgotten() -> Iterator[None]:
    """Undo at the end what the context stores, so that the same hits can come once more."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


def outcome(groups: Sequence[Sequence[Hit]]) -> list[dict[str, Any]]:
    """Return the visits that the groups of hits make, and store none of them."""
    with forgotten():
        for group in groups:
            ingest(group)
        assert Event.objects.count() == sum(len(visit["events"]) for visit in figures())
        return figures()


def hit_at(moment: timedelta, *, name: str = "pageview", person: int = 1, minutes_late: int) -> Hit:
    """Return a hit near midnight with facts of its own, which came some time later."""
    at = MIDNIGHT + moment
    number = int(moment / SECOND)
    return make_hit(
        at=MIDNIGHT + 24 * HOUR + minutes_late * MINUTE,
        sent_at=at,
        name=name,
        url=f"https://example.com/{number}?utm_campaign=c{number}",
        referrer=f"https://news{number % 7}.example/{number}",
        language=("de", "fr", "en-GB")[number % 3],
        timezone=("Europe/Vienna", "Asia/Tokyo", "")[number % 3],
        screen_width=1000 + abs(number) % 1000,
        address=f"203.0.113.{person}",
    )


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("first", [-45, -100], ids=["across midnight", "by day"])
def test_every_order_of_four_hits_20_minutes_apart_makes_the_same_visit(
    site: Site, first: int, order: tuple[int, ...]
) -> None:
    """Most orders begin with two visits, or three, that later hits make one."""
    hits = [
        hit_at((first + number * 20) * MINUTE, minutes_late=number, name=name)
        for number, name in enumerate(["pageview", "signup", "pageview", "pageview"])
    ]
    in_order = outcome([[hit] for hit in hits])
    [visit] = in_order
    assert (visit["pageviews"], visit["interactive_events"]) == (3, 1)
    assert visit["utm_campaign"] == f"c{first * 60}"

    shuffled = [hits[number] for number in order]
    assert outcome([[hit] for hit in shuffled]) == in_order
    assert outcome([shuffled]) == in_order


HITS: Final = st.lists(
    st.tuples(
        st.integers(-150 * 60, 150 * 60),
        st.sampled_from(["pageview", "pageview", "signup"]),
        st.sampled_from([1, 1, 2]),
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda hit: hit[0],
)


@pytest.mark.django_db
@settings(
    max_examples=40,
    deadline=None,
    # What the examples share, salts and site, is the same for each of them.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(moments=HITS, random=st.randoms(use_true_random=False))
def test_any_order_of_arrival_makes_the_same_visits(
    site: Site, moments: list[tuple[int, str, int]], random: Any
) -> None:
    """Two people around midnight, with whatever gaps: alone, in groups, in any order."""
    hits = [
        hit_at(seconds * SECOND, name=name, person=person, minutes_late=place)
        for place, (seconds, name, person) in enumerate(sorted(moments))
    ]
    in_order = outcome([[hit] for hit in hits])
    shuffled = random.sample(hits, len(hits))
    cuts = sorted(random.sample(range(len(hits) + 1), min(2, len(hits))))

    assert outcome([[hit] for hit in shuffled]) == in_order
    assert outcome([shuffled]) == in_order
    assert (
        outcome(
            [
                group
                for start, end in zip([0, *cuts], [*cuts, len(hits)], strict=True)
                if (group := shuffled[start:end])
            ]
        )
        == in_order
    )


@pytest.mark.parametrize("late", [timedelta(0), HOUR, 26 * HOUR], ids=str)
def test_a_hit_between_two_visits_of_two_days_makes_them_one(site: Site, late: timedelta) -> None:
    ingest([make_hit(at=MIDNIGHT - 20 * MINUTE, url="https://example.com/before")])
    ingest([make_hit(at=MIDNIGHT + 20 * MINUTE, url="https://example.com/after")])
    assert Visit.objects.count() == 2

    ingest([make_hit(at=MIDNIGHT + 20 * MINUTE + late, sent_at=MIDNIGHT, name="signup")])

    visit = Visit.objects.get()
    assert (visit.entry_page, visit.exit_page) == ("/before", "/after")
    assert visit.started_on == NOON.date()
    assert visit.events.count() == Event.objects.count() == 3


def test_a_late_hit_joins_a_visit_that_has_gone_on_across_two_midnights(site: Site) -> None:
    """A screen on a wall: from two hours before a midnight until an hour after the next."""
    began_at = MIDNIGHT - 2 * HOUR
    for number in range(28 * 2):
        ingest([make_hit(at=began_at + number * 30 * MINUTE)])

    came_at = began_at + 28 * HOUR
    ingest([make_hit(at=came_at, sent_at=began_at + MINUTE, name="signup")])
    ingest([make_hit(at=came_at, sent_at=began_at - 20 * MINUTE, name="signup")])

    visit = Visit.objects.get()
    assert (visit.pageviews, visit.interactive_events) == (56, 2)
    assert visit.started_at == began_at - 20 * MINUTE


def test_a_hit_joins_the_visits_of_its_own_visitor_and_site_alone(
    site: Site, other_site: Site
) -> None:
    for minute in (0, 40):
        ingest(
            [
                make_hit(at=NOON + minute * MINUTE),
                make_hit(at=NOON + minute * MINUTE, address="203.0.113.8"),
                make_hit(at=NOON + minute * MINUTE, domain="other.example"),
            ]
        )
    assert Visit.objects.count() == 6

    ingest([make_hit(at=NOON + 20 * MINUTE)])

    assert Visit.objects.for_site(site).count() == 3
    assert Visit.objects.for_site(other_site).count() == 2
    assert sorted(Visit.objects.values_list("pageviews", flat=True)) == [1, 1, 1, 1, 3]


def test_many_visits_become_one_in_one_group(site: Site) -> None:
    """Nine visits, 40 minutes apart, and then the hits between them, the last first."""
    for number in range(9):
        ingest([make_hit(at=NOON - 160 * MINUTE + number * 40 * MINUTE)])
    assert Visit.objects.count() == 9

    between = [make_hit(at=NOON - 140 * MINUTE + number * 40 * MINUTE) for number in range(8)]
    ingest(between[::-1])

    visit = Visit.objects.get()
    assert visit.pageviews == visit.events.count() == Event.objects.count() == 17
    assert visit.duration == 320 * MINUTE


def test_every_fact_of_a_visit_is_that_of_its_earliest_hit(site: Site) -> None:
    early = hit_at(timedelta(0), minutes_late=5)
    alone = outcome([[early]])

    late = hit_at(7 * MINUTE, minutes_late=0)
    [joined] = outcome([[late], [early]])

    [expected] = alone
    assert {name: joined[name] for name in (*VISIT_FACTS, "hostname", "visitor")} == {
        name: expected[name] for name in (*VISIT_FACTS, "hostname", "visitor")
    }
    assert joined["utm_campaign"] == "c0"
    assert joined["language"] == "de"


def test_engagement_that_comes_before_its_page_is_dropped(site: Site) -> None:
    """It begins no visit; the page's script sends it after the page, over the same connection."""
    engagement = make_hit(at=NOON + MINUTE, name="engagement", engagement_ms=1000)
    [verdict] = ingest([engagement])

    assert isinstance(verdict, Drop)
    assert not Visit.objects.exists()
