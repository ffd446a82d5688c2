"""What every hit looks up is found by an index, however much is stored and whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from django.db import connection

from sites.models import Site
from visits.bulk import PastEvent, PastVisit, load_visits
from visits.ingestion.hit import Visitor
from visits.ingestion.writer import store_group
from visits.rows import read_event_ids, read_visits
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, SECOND, make_hit

pytestmark = pytest.mark.django_db

#: Visits, of an event each, that a site has: PostgreSQL reads a smaller table as a whole.
STORED: Final = {"sqlite": 1_000, "postgresql": 100_000}

Statement = tuple[str, Sequence[Any]]


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Give what is asked of the database while the context lasts, with its parameters."""
    asked: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, parameters: Any, *rest: Any) -> Any:
        asked.append((sql, parameters))
        return execute(sql, parameters, *rest)

    with connection.execute_wrapper(note):
        yield asked


def plan(statement: Statement) -> str:
    """Return how the database would answer the statement."""
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[connection.vendor]
    sql, parameters = statement
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", parameters)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.fixture
def busy_site(site: Site) -> Site:
    """A site with a visit in each second of some time, of an event that has an id."""

    def visit(number: int) -> PastVisit:
        at = NOON + number * SECOND
        event = PastEvent("pageview", at, f"/{number}", event_id=f"id-{number}")
        return PastVisit(number, [event])

    load_visits(site, map(visit, range(STORED[connection.vendor])))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE visits_visit, visits_event")
    return site


@pytest.mark.parametrize("count", [1, 2, 500])
def test_hits_find_visits_and_repeats_by_the_indexes_made_for_it(
    busy_site: Site, count: int
) -> None:
    hits = [
        make_hit(
            at=NOON + number * SECOND,
            site=busy_site,
            visitor=Visitor(number),
            event_id=f"new-{number}",
        )
        for number in range(count)
    ]
    with statements() as asked:
        store_group(hits)

    visits, repeats = (plan(each) for each in asked if "FROM wanted" in each[0])
    assert "visit_open" in visits
    assert "event_id_once_per_site" in repeats
    if connection.vendor == "sqlite":
        assert "USING INDEX visit_open (site_id=? AND latest_visitor=?" in visits
        assert "event_id_once_per_site (site_id=? AND event_id=?)" in repeats
    else:
        assert "Seq Scan" not in visits + repeats


@pytest.mark.parametrize(
    ("after", "hit", "sets_the_beginning"),
    [
        (MINUTE, {"name": "pageview"}, False),
        (MINUTE, {"name": "signup"}, False),
        (-MINUTE, {"name": "signup"}, True),
        (-MINUTE, {"name": "pageview"}, True),
        (MINUTE, {"visitor": Visitor(2, (1,))}, True),
    ],
    ids=["a page", "an event", "an earlier event", "an earlier page", "the next day"],
)
def test_a_hit_sets_no_field_of_an_index_that_it_does_not_change(
    site: Site, after: timedelta, hit: dict[str, Any], *, sets_the_beginning: bool
) -> None:
    store_group([make_hit(site=site, visitor=Visitor(1))])

    with statements() as asked:
        store_group([make_hit(at=NOON + after, site=site, **({"visitor": Visitor(1)} | hit))])

    [first, *_] = [sql for sql, _ in asked if sql.startswith("UPDATE")]
    assert ("latest_visitor" in first) == ("started_at" in first) == sets_the_beginning


def read(site: Site, *visitors: int, since: datetime, until: datetime) -> list[int]:
    """Return which of the visitors have visits in the time, in order."""
    keys = [(site.pk, visitor) for visitor in visitors]
    rows = read_visits(("latest_visitor", "started_at"), keys, since=since, until=until)
    return sorted(visitor for visitor, started_at in rows if started_at.tzinfo is not None)


def test_visits_are_those_of_the_visitors_that_reach_into_the_time(
    site: Site, other_site: Site
) -> None:
    def visit(visitor: int, *times: datetime) -> PastVisit:
        return PastVisit(visitor, [PastEvent("pageview", at, "/") for at in times])

    load_visits(
        site,
        [
            visit(1, NOON - HOUR, NOON - MINUTE),
            visit(2, NOON - HOUR, NOON),
            visit(3, NOON, NOON + HOUR),
            visit(4, NOON + MINUTE),
            visit(5, NOON),
            visit(-6, NOON),
        ],
    )
    load_visits(other_site, [visit(5, NOON), visit(7, NOON)])

    assert read(site, 1, 2, 3, 4, -6, 7, since=NOON, until=NOON) == [-6, 2, 3]
    assert read(site, 1, 2, 3, 4, since=NOON - DAY, until=NOON + DAY) == [1, 2, 3, 4]
    assert read(site, since=NOON, until=NOON) == []


def test_an_event_id_is_stored_where_its_own_site_has_it(site: Site, other_site: Site) -> None:
    for place, event_ids in ((site, ["a", "b"]), (other_site, ["b", "c"])):
        events = [PastEvent("pageview", NOON, "/", event_id=event_id) for event_id in event_ids]
        load_visits(place, [PastVisit(1, [*events, PastEvent("pageview", NOON, "/")])])

    asked = [(site.pk, "a"), (site.pk, "c"), (other_site.pk, "b"), (other_site.pk, "B")]
    assert sorted(read_event_ids(asked)) == [(site.pk, "a"), (other_site.pk, "b")]
    assert read_event_ids([]) == []
