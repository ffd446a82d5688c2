"""Hits that arrive together share a commit; each request gets its own answer, or none too late."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async
from django.db import (
    DataError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from sites import registry
from sites.models import Site
from visits.daily import Counts
from visits.ingestion import queue, writer
from visits.ingestion.hit import Drop, DropReason, Hit
from visits.ingestion.pipeline import ingest
from visits.ingestion.queue import GroupReport, HitQueue, StoreError, Verdicts
from visits.ingestion.writer import Stored
from visits.models import Event, Visit
from visits.tests.hits import make_hit, on_another_connection
from visits.turns import StoreBusyError, Turn

pytestmark = pytest.mark.django_db(transaction=True)

Ingest = Callable[..., Verdicts]
REAL_INGEST: Final[Ingest] = ingest


class Store:
    """Stands before the pipeline: counts groups, and waits or fails when it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[Hit]] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.fail: Callable[[Sequence[Hit]], None] = lambda hits: None

    def __call__(
        self,
        hits: Sequence[Hit],
        *,
        until: float | None = None,
        patient: bool = False,
        turn: Turn | None = None,
    ) -> Verdicts:
        self.groups.append(list(hits))
        assert self.is_open.wait(30)
        self.fail(hits)
        return REAL_INGEST(hits, patient=patient, until=until, turn=turn)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that every queue of the test has."""
    fake = Store()
    monkeypatch.setattr(queue, "ingest", fake)
    yield fake
    fake.is_open.set()


@pytest.fixture
def reports() -> list[GroupReport]:
    """What the queue told of each group."""
    return []


@pytest.fixture
def hits(
    site: Site, store: Store, reports: list[GroupReport], monkeypatch: pytest.MonkeyPatch
) -> Iterator[HitQueue]:
    """A queue of its own; its thread is left without a connection."""
    started = HitQueue(reports.append)
    yield started

    def leave(hits: Sequence[Hit], **how_long: Any) -> Verdicts:
        connections.close_all()
        return []

    store.is_open.set()
    monkeypatch.setattr(queue, "ingest", leave)
    monkeypatch.setattr(queue, "MAX_WAIT_SECONDS", 30)
    asyncio.run(started.store([]))


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests wait for as long as it takes on a machine that does other things as well."""
    monkeypatch.setattr(queue, "MAX_WAIT_SECONDS", 30)


def hit(number: int, **fields: Any) -> Hit:
    """Return a hit of a visitor of its own, on a page of its own."""
    return make_hit(
        address=f"203.0.{number // 250}.{number % 250}",
        url=f"https://example.com/{number}",
        **fields,
    )


def run(*requests: Coroutine[Any, Any, Verdicts]) -> list[Verdicts | BaseException]:
    """Return what each of the requests, all at once, got or raised."""

    async def gather() -> list[Verdicts | BaseException]:
        return await asyncio.gather(*requests, return_exceptions=True)

    return asyncio.run(gather())


async def until(is_true: Callable[[], bool]) -> None:
    """Wait for it, the loop going on."""
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


async def behind_closed_doors(
    hits: HitQueue, store: Store, *requests: Sequence[Hit], seconds: float = 0
) -> list[Verdicts | BaseException]:
    """Let requests arrive while the store is busy with one hit; return what they got.

    They are one group then, and the store's second one at the earliest.
    """
    store.is_open.clear()
    before = len(store.groups)
    first = asyncio.create_task(hits.store([hit(9999, name="first")]))
    await until(lambda: len(store.groups) > before)
    tasks = [asyncio.create_task(hits.store(request)) for request in requests]
    await asyncio.sleep(seconds)
    store.is_open.set()
    _, *answers = await asyncio.gather(first, *tasks, return_exceptions=True)
    return answers


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that committed, a name for each commit."""
    threads: list[str] = []
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def count(self: BaseDatabaseWrapper) -> Any:
        threads.append(threading.current_thread().name)
        return commit(self)

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", count)
    return threads


def test_hits_that_arrive_together_share_a_commit(
    hits: HitQueue, reports: list[GroupReport], commits: list[str], no_hurry: None
) -> None:
    answers = run(*(hits.store([hit(number)]) for number in range(200)))

    assert all(isinstance(answer, list) for answer in answers)
    assert on_another_connection(Event.objects.count) == 200
    assert set(commits) == {"store-hits"}
    assert len(commits) == len(reports) < 20
    assert sum(report.hits for report in reports) == 200
    assert not any(report.failed for report in reports)


def test_each_request_gets_the_verdicts_on_its_own_hits(hits: HitQueue, no_hurry: None) -> None:
    answers = run(*(hits.store([hit(number)]) for number in range(100)))

    pages = dict(Visit.objects.values_list("pk", "entry_page"))
    found = []
    for answer in answers:
        assert isinstance(answer, list)
        [verdict] = answer
        assert isinstance(verdict, Stored)
        assert verdict.visit_id is not None
        found.append(pages[verdict.visit_id])
    assert found == [f"/{number}" for number in range(100)]


def test_verdicts_come_in_the_order_of_a_requests_hits(hits: HitQueue, no_hurry: None) -> None:
    mixed = [hit(1, is_prefetch=True), hit(1), hit(1, domain="no.example"), hit(1, name="signup")]
    [*answers, nothing] = run(*(hits.store(mixed[turn:]) for turn in range(4)), hits.store([]))

    visit = Visit.objects.get()
    every = [
        Drop(DropReason.PREFETCH),
        Stored(visit.pk),
        Drop(DropReason.UNKNOWN_SITE),
        Stored(visit.pk),
    ]
    assert answers == [every[turn:] for turn in range(4)]
    assert nothing == []


def test_a_hit_is_on_disk_when_its_request_goes_on(hits: HitQueue, no_hurry: None) -> None:
    async def look() -> None:
        for number in range(3):
            await hits.store([hit(number)])
            assert on_another_connection(Event.objects.count) == number + 1

    asyncio.run(look())


def test_a_group_holds_whole_requests(
    hits: HitQueue, store: Store, no_hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_GROUP", 10)
    requests = [[hit(number) for number in range(4)]] * 7
    asyncio.run(behind_closed_doors(hits, store, *requests))

    assert [len(group) for group in store.groups] == [1, 12, 12, 4]


def test_single_hits_wait_for_one_large_request_at_most(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    large = [[hit(number) for number in range(100)]] * 3
    small = [[hit(number, name="small")] for number in range(5)]
    answers = asyncio.run(behind_closed_doors(hits, store, *large, *small))

    assert [len(group) for group in store.groups] == [1, 105, 100, 100]
    assert [hit.sent.name for hit in store.groups[1]].count("small") == 5
    assert [len(answer) for answer in answers if isinstance(answer, list)] == [100] * 3 + [1] * 5


@pytest.mark.parametrize(
    ("size", "more_seconds_per_hit", "answer"),
    [(21, 0.5, list), (21, 0.01, StoreBusyError), (20, 0.5, StoreBusyError)],
    ids=["large", "large, too slow", "small"],
)
def test_a_large_request_whose_turn_has_come_may_take_longer(
    hits: HitQueue,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    more_seconds_per_hit: float,
    answer: type[object],
) -> None:
    def count_slowly(counts: Counts) -> None:
        time.sleep(1.2)

    monkeypatch.setattr(queue, "MORE_SECONDS_PER_HIT", more_seconds_per_hit)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "add_to_counts", count_slowly)
        [given] = run(hits.store([hit(number) for number in range(size)]))
        assert type(given) is answer
        assert on_another_connection(Event.objects.count) == (size if answer is list else 0)
        run(hits.store([hit(30)]))  # comes once the thread is done with it

    assert Event.objects.filter(page="/0").exists() == (answer is list)


def test_a_large_request_waits_no_longer_than_others_for_its_turn(
    hits: HitQueue, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MORE_SECONDS_PER_HIT", 1.0)

    async def give_up() -> None:
        large = [hit(number) for number in range(21)]
        answers = await behind_closed_doors(hits, store, large, [hit(30)], seconds=1.0)
        assert [type(answer) for answer in answers] == [StoreBusyError, StoreBusyError]
        await until(lambda: hits.length == 0)

    asyncio.run(give_up())

    assert not Event.objects.exclude(name="first").exists()


def test_a_hit_that_the_store_refuses_keeps_no_other_out(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    def fail(hits: Sequence[Hit]) -> None:
        if any(hit.sent.name == "poison" for hit in hits):
            raise DataError("out of range")

    store.fail = fail
    requests = [[hit(0)], [hit(1), hit(2, name="poison")], [hit(3)]]
    answers = asyncio.run(behind_closed_doors(hits, store, *requests))

    assert [type(answer) for answer in answers] == [list, StoreError, list]
    pages = Event.objects.exclude(name="first").order_by("page").values_list("page", flat=True)
    assert list(pages) == ["/0", "/3"]


def test_hits_of_a_site_that_has_just_gone_keep_no_other_out(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    """This process still knows it; the database refuses their rows."""
    ghost = Site(pk=10**6, domain="ghost.example")
    registry.find_site("ghost.example")  # reads all sites, for a second
    registry._by_domain["ghost.example"] = ghost
    requests = [[hit(0)], [hit(1, domain="ghost.example")], [hit(2)]]
    answers = asyncio.run(behind_closed_doors(hits, store, *requests))

    assert [type(answer) for answer in answers] == [list, StoreError, list]
    assert Event.objects.filter(site__domain="example.com").count() == 3


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, OSError])
def test_that_the_store_is_away_is_told_to_every_request_at_once(
    hits: HitQueue,
    store: Store,
    reports: list[GroupReport],
    no_hurry: None,
    error: type[Exception],
) -> None:
    def fail(hits: Sequence[Hit]) -> None:
        if len(hits) > 1:
            raise error("gone")

    store.fail = fail
    answers = asyncio.run(behind_closed_doors(hits, store, *([hit(n)] for n in range(5))))

    assert [type(answer) for answer in answers] == [StoreError] * 5
    assert [len(group) for group in store.groups] == [1, 5]
    assert [(report.hits, report.failed) for report in reports] == [(1, False), (5, True)]


@contextmanager
def store_that_others_hold() -> Iterator[None]:
    """Hold the lock that a writer needs on another connection."""
    hold = {
        "sqlite": "BEGIN IMMEDIATE",
        "postgresql": "BEGIN; LOCK TABLE visits_event IN ACCESS EXCLUSIVE MODE",
    }[connection.vendor]
    other = connection.copy()
    with other.cursor() as holder:
        holder.execute(hold)
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("size", [1, 1_000])
def test_a_store_that_others_hold_is_told_of_within_a_second(hits: HitQueue, size: int) -> None:
    requests = [[hit(number, event_id=str(number)) for number in range(size)]] * 3
    run(hits.store([hit(number, domain="no.example") for number in range(size)]))  # fills caches
    with store_that_others_hold():
        started_at = time.monotonic()
        answers = run(*map(hits.store, requests))
        waited_seconds = time.monotonic() - started_at
        # PostgreSQL's thread still waits for the lock; on with the next once it is there.

    assert all(isinstance(answer, (StoreError, StoreBusyError)) for answer in answers)
    assert 0.5 < waited_seconds < 1.2

    for request in requests:
        [answer] = run(hits.store(request))
        assert isinstance(answer, list)
    assert Event.objects.count() == size


def test_more_than_may_wait_is_refused_at_once(
    hits: HitQueue, store: Store, no_hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 10)

    async def crowd() -> list[Verdicts | BaseException]:
        waiting = asyncio.create_task(
            behind_closed_doors(hits, store, *([hit(n)] for n in range(10)), seconds=0.3)
        )
        await until(lambda: hits.length == 10)
        started_at = time.monotonic()
        for too_many in ([hit(11)], [hit(12)] * 10):
            with pytest.raises(StoreBusyError, match="Too many"):
                await hits.store(too_many)
        assert time.monotonic() - started_at < 0.2
        return await waiting

    answers = asyncio.run(crowd())

    assert all(isinstance(answer, list) for answer in answers)
    assert hits.length == 0
    assert Event.objects.count() == 11


def test_once_a_hit_has_waited_for_long_others_are_refused_at_once(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    """They would be told so anyhow, and later."""

    async def come_late() -> list[Verdicts | BaseException]:
        early = asyncio.create_task(behind_closed_doors(hits, store, [hit(1)], seconds=1.0))
        await until(lambda: hits.length == 1)
        assert not hits.is_late
        await asyncio.sleep(queue.LATE_SECONDS + 0.1)
        assert hits.is_late
        started_at = time.monotonic()
        with pytest.raises(StoreBusyError):
            await hits.store([hit(2)])
        assert time.monotonic() - started_at < 0.2
        return await early

    [answer] = asyncio.run(come_late())

    assert isinstance(answer, list)
    assert not hits.is_late
    assert not Event.objects.filter(page="/2").exists()


def test_a_failure_is_told_in_words_and_holds_nothing_of_the_other_thread(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    def fail(hits: Sequence[Hit]) -> None:
        try:
            raise sqlite3.OperationalError("disk I/O error")
        except sqlite3.OperationalError as error:
            raise OperationalError("disk I/O error\nCONTEXT:  while writing\n") from error

    store.fail = fail
    [answer] = run(hits.store([hit(1)]))

    assert isinstance(answer, StoreError)
    assert str(answer) == "OperationalError: disk I/O error CONTEXT: while writing"
    assert answer.__cause__ is None
    assert answer.__context__ is None


def test_a_request_that_is_larger_than_what_may_wait_is_refused(hits: HitQueue) -> None:
    [answer] = run(hits.store([hit(0)] * (queue.MAX_WAITING + 1)))

    assert isinstance(answer, StoreBusyError)


def test_hits_that_were_given_up_before_they_were_taken_are_not_stored(
    hits: HitQueue, store: Store
) -> None:
    """Their sender was told to come again, and does: they would count twice."""

    async def give_up() -> None:
        started_at = time.monotonic()
        answers = await behind_closed_doors(hits, store, [hit(1)], [hit(2)], seconds=1.5)
        assert all(isinstance(answer, StoreBusyError) for answer in answers)
        assert time.monotonic() - started_at >= 1.5
        await until(lambda: hits.length == 0)
        await hits.store([hit(1)])

    asyncio.run(give_up())

    pages = Event.objects.exclude(name="first").values_list("page", flat=True)
    assert list(pages) == ["/1"]
    assert hits.length == 0


def test_a_request_that_its_client_left_is_given_up_too(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    async def leave() -> None:
        store.is_open.clear()
        first = asyncio.create_task(hits.store([hit(0)]))
        await until(lambda: len(store.groups) == 1)
        second = asyncio.create_task(hits.store([hit(1)]))
        await until(lambda: hits.length == 1)
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
        store.is_open.set()
        await first
        await hits.store([hit(2)])

    asyncio.run(leave())

    assert list(Event.objects.order_by("page").values_list("page", flat=True)) == ["/0", "/2"]


@pytest.mark.parametrize("error", [RuntimeError, KeyError, sqlite3.OperationalError, MemoryError])
def test_the_thread_outlives_any_failure(
    hits: HitQueue, store: Store, no_hurry: None, error: type[Exception]
) -> None:
    def fail(hits: Sequence[Hit]) -> None:
        raise error("unforeseen")

    store.fail = fail
    answers = asyncio.run(behind_closed_doors(hits, store, [hit(1)], [hit(2)], [hit(3)]))
    assert [type(answer) for answer in answers] == [StoreError] * 3

    store.fail = lambda hits: None
    [answer] = run(hits.store([hit(4)]))
    assert isinstance(answer, list)
    assert hits.is_working


@pytest.mark.parametrize("error", [OperationalError, sqlite3.OperationalError, OSError])
def test_the_thread_outlives_a_log_that_cannot_be_copied(
    hits: HitQueue,
    no_hurry: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
) -> None:
    def fail() -> int:
        raise error("no file descriptors are left")

    monkeypatch.setattr(queue, "checkpoint", fail)
    for number in range(2):
        [answer] = run(hits.store([hit(number)]))
        assert isinstance(answer, list)

    assert "could not be copied" in caplog.text


def test_the_thread_outlives_the_loop_of_a_request(
    hits: HitQueue, store: Store, no_hurry: None
) -> None:
    async def leave() -> None:
        store.is_open.clear()
        task = asyncio.create_task(hits.store([hit(1)]))
        await until(lambda: len(store.groups) == 1)
        task.cancel()

    with suppress(asyncio.CancelledError):
        asyncio.run(leave())
    store.is_open.set()

    [answer] = run(hits.store([hit(2)]))
    assert isinstance(answer, list)
    assert hits.is_working


def test_requests_of_several_loops_are_served_by_one_thread(hits: HitQueue, no_hurry: None) -> None:
    answers: list[Verdicts | BaseException] = []
    threads = [
        threading.Thread(
            target=lambda start=number: answers.extend(
                run(*(hits.store([hit(start * 20 + n)]) for n in range(20)))
            )
        )
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [type(answer) for answer in answers] == [list] * 60
    assert Event.objects.count() == 60


def test_a_process_has_one_queue_at_most(
    site: Site, hits: HitQueue, store: Store, monkeypatch: pytest.MonkeyPatch, no_hurry: None
) -> None:
    assert queue._queue is None
    [answer] = run(queue.store([hit(1)]))
    assert isinstance(answer, list)
    assert Event.objects.count() == 1

    monkeypatch.setattr(queue, "_queue", hits)
    assert queue.start_queue() is hits
    run(queue.store([hit(2)]), queue.store([hit(3)]))
    assert Event.objects.count() == 3
    asyncio.run(sync_to_async(connections.close_all)())  # of the thread that had no queue
