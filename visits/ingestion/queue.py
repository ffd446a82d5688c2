"""Hits that arrive together share one commit: requests wait here while one thread stores them.

The thread takes what has arrived, at most MAX_GROUP hits, hands it to the pipeline and tells every
request what became of its hits. While it commits, the next group arrives. So the longer a commit
takes, the more hits share it. Of requests with many hits a group takes one, so that a visitor's
single hit never waits for several of them.

Nothing waits without bound: not more than MAX_WAITING hits, and none whose turn to be written has
not come after MAX_WAIT_SECONDS.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from traceback import clear_frames
from typing import Final

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import InterfaceError, InternalError, OperationalError, connection

from visits.ingestion.hit import Drop, Hit
from visits.ingestion.pipeline import ingest
from visits.ingestion.tally import STORED, note_failed_group, note_group, note_refused
from visits.ingestion.writer import Stored
from visits.turns import MAX_WAIT_SECONDS, StoreBusyError, Turn, checkpoint

logger = logging.getLogger(__name__)

#: Hits of one commit, but for those of a large request; a request's hits are never divided.
MAX_GROUP: Final = 500
#: A request with more hits is a large one.
MAX_SMALL: Final = 20
#: What a large request may take longer, for each of its hits, once its turn has come.
MORE_SECONDS_PER_HIT: Final = 0.001
#: Hits that may wait for their group; what arrives then is refused at once.
MAX_WAITING: Final = 5_000

#: What is left of that time for the commit: who was told to come again must not be stored after it.
COMMIT_SECONDS: Final = 0.1
#: When a hit has waited so long, further ones are refused at once.
LATE_SECONDS: Final = 0.5

#: The store, or the folder of salts, is away: it is no hit's fault.
STORE_ERRORS: Final = (OperationalError, InterfaceError, InternalError, OSError)

Verdicts = list[Stored | Drop]


class StoreError(DatabaseError):
    """A group that could not be stored, for the reason in its words."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request's hits, and where to tell it their verdicts."""

    hits: Sequence[Hit]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Verdicts]
    since: float
    until: float
    #: The request was told to come again: nobody waits for these hits any more.
    is_abandoned: bool = False
    #: That of its group to be written, once there is one.
    turn: Turn | None = None


@dataclass(slots=True)
class GroupReport:
    """What one group took: for the operator's metrics."""

    hits: int
    seconds: float
    failed: bool
    #: How many hits had each verdict, "stored" or a drop's reason; none when the group failed.
    verdicts: Counter[str] = field(default_factory=Counter)


def _tally(report: GroupReport) -> None:
    """Count the group for `/metrics`."""
    if report.failed:
        note_failed_group()
    else:
        note_group(seconds=report.seconds, verdicts=report.verdicts)


class HitQueue:
    """Groups of hits on their way to the store, with the one thread of this process that stores."""

    def __init__(self, tell: Callable[[GroupReport], None] = _tally) -> None:
        self._small: deque[_Waiting] = deque()
        self._large: deque[_Waiting] = deque()
        self._arrived = threading.Condition()
        self._tell = tell
        #: How many hits wait at this moment.
        self.length = 0
        self._thread = threading.Thread(target=self._run, name="store-hits", daemon=True)
        self._thread.start()

    async def store(self, hits: Sequence[Hit]) -> Verdicts:
        """Return the verdicts on the hits, in order, once they are on disk.

        Raises StoreBusyError when too many hits wait, these have waited for too long, or to store
        them took too long, and StoreError when they cannot be stored.
        """
        loop = asyncio.get_running_loop()
        is_large = len(hits) > MAX_SMALL
        seconds = MAX_WAIT_SECONDS + (len(hits) * MORE_SECONDS_PER_HIT if is_large else 0.0)
        now = time.monotonic()
        waiting = _Waiting(hits, loop, loop.create_future(), since=now, until=now + seconds)
        with self._arrived:
            if self.length + len(hits) > MAX_WAITING or self.is_late:
                raise StoreBusyError("Too many hits wait to be stored.")
            (self._large if is_large else self._small).append(waiting)
            self.length += len(hits)
            self._arrived.notify()
        try:
            return await _answer_in_time(waiting)
        finally:
            waiting.is_abandoned = True
            waiting.answer.cancel()  # nobody looks at it any more

    @property
    def is_late(self) -> bool:
        """Whether what comes now would wait for too long: others have already waited for long."""
        try:
            return time.monotonic() - self._small[0].since > LATE_SECONDS
        except IndexError:
            return False

    @property
    def is_working(self) -> bool:
        """Whether the thread that stores is alive."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while True:
            group = self._take_group()
            if group:
                self._store(group)
                _tidy_up()

    def _take_group(self) -> list[_Waiting]:
        """Wait for hits and return those that have arrived, without those given up meanwhile."""
        with self._arrived:
            while not self._small and not self._large:
                self._arrived.wait()
            small = self._take_from(self._small, MAX_GROUP)
            return small + self._take_from(self._large, 1)

    def _take_from(self, queue: deque[_Waiting], most: int) -> list[_Waiting]:
        """Return the first requests of the queue, until they have `most` hits."""
        taken: list[_Waiting] = []
        size = 0
        while queue and size < most:
            waiting = queue.popleft()
            self.length -= len(waiting.hits)
            if not waiting.is_abandoned:
                taken.append(waiting)
                size += len(waiting.hits)
        return taken

    def _store(self, group: list[_Waiting]) -> None:
        started_at = time.perf_counter()
        answers: list[Verdicts | Exception]
        try:
            connection.close_if_unusable_or_obsolete()
            since, until = min(w.since for w in group), min(w.until for w in group)
            turn = Turn(by=since + MAX_WAIT_SECONDS - COMMIT_SECONDS)
            for waiting in group:
                waiting.turn = turn
            hits = [hit for waiting in group for hit in waiting.hits]
            verdicts = iter(ingest(hits, patient=True, until=until - COMMIT_SECONDS, turn=turn))
            answers = [list(islice(verdicts, len(waiting.hits))) for waiting in group]
        except Exception as error:  # whatever it is, requests wait for an answer
            connection.close_if_unusable_or_obsolete()
            failure = _make_portable(error)
            if len(group) > 1 and not isinstance(error, STORE_ERRORS):
                # One hit that the store refuses must not keep the others out.
                for waiting in group:
                    self._store([waiting])
                return
            logger.error("Hits could not be stored: %s", failure)
            answers = [failure] * len(group)
        self._tell(
            GroupReport(
                hits=sum(len(waiting.hits) for waiting in group),
                seconds=time.perf_counter() - started_at,
                failed=isinstance(answers[0], Exception),
                verdicts=count_verdicts(answers),
            )
        )
        answered = list(zip(group, answers, strict=True))
        for loop in {waiting.loop for waiting in group}:
            own = [(waiting, answer) for waiting, answer in answered if waiting.loop is loop]
            with suppress(RuntimeError):  # the loop has ended, and its requests with it
                loop.call_soon_threadsafe(_wake, own)


async def _answer_in_time(waiting: _Waiting) -> Verdicts:
    """Return the verdicts, or raise what the store did.

    Raises StoreBusyError when the turn has not come after MAX_WAIT_SECONDS, as others hold the
    store; and when it has come and the request is not stored at its end.
    """
    for until in (waiting.since + MAX_WAIT_SECONDS, waiting.until):
        await asyncio.wait([waiting.answer], timeout=until - time.monotonic())
        if waiting.answer.done():
            return waiting.answer.result()
        if waiting.turn is None or not waiting.turn.has_come:
            break
    raise StoreBusyError("The store took too long.")


def _make_portable(error: BaseException) -> StoreError:
    """Return what may leave this thread in place of the error: its words, on one line.

    The error holds the frames in which it was raised, and they the cursors of this thread's
    connection. Another thread that freed one would wait for whatever the connection does then,
    with all other threads waiting for it.
    """
    chain: BaseException | None = error
    while chain is not None:
        clear_frames(chain.__traceback__)
        chain.__traceback__ = None
        chain = chain.__cause__ or chain.__context__
    return StoreError(" ".join(f"{type(error).__name__}: {error}".split()))


def count_verdicts(answers: Sequence[Verdicts | Exception]) -> Counter[str]:
    """Return how many hits had each verdict: "stored" or a drop's reason."""
    return Counter(
        verdict.reason.value if isinstance(verdict, Drop) else STORED
        for answer in answers
        if isinstance(answer, list)
        for verdict in answer
    )


def _wake(answered: list[tuple[_Waiting, Verdicts | Exception]]) -> None:
    """Tell each request its verdicts, or why there are none."""
    for waiting, answer in answered:
        if waiting.answer.done():
            continue
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)


def _tidy_up() -> None:
    try:
        checkpoint()
    except Exception:  # whatever it is, hits go on
        logger.exception("The write-ahead log could not be copied; tried again after the next.")


_queue: HitQueue | None = None


def start_queue() -> HitQueue:
    """Start the queue of this process, which serves; return it."""
    global _queue
    _queue = _queue or HitQueue()
    return _queue


def running_queue() -> HitQueue | None:
    """Return the queue of this process; None where there is none."""
    return _queue


def refuse_when_late() -> None:
    """Raise StoreBusyError when hits that come now would wait for too long."""
    if _queue is not None and _queue.is_late:
        note_refused(1)
        raise StoreBusyError("Too many hits wait to be stored.")


def _store_alone(hits: Sequence[Hit]) -> Verdicts:
    """Store hits that share their commit with no others, and count them."""
    started_at = time.perf_counter()
    try:
        verdicts = ingest(hits)
    except STORE_ERRORS as error:
        note_failed_group()
        logger.error("Hits could not be stored: %s", error)
        raise
    seconds = time.perf_counter() - started_at
    note_group(seconds=seconds, verdicts=count_verdicts([verdicts]))
    return verdicts


async def store(hits: Sequence[Hit]) -> Verdicts:
    """Return the verdicts on the hits once they are on disk, by the queue of this process.

    A process without one (tests, Django's own development server) stores them by themselves.
    Either way they are counted. Raises what `ingest` and `HitQueue.store` raise.
    """
    try:
        if _queue is not None:
            return await _queue.store(hits)
        return await sync_to_async(_store_alone)(hits)
    except (DatabaseError, OSError):
        note_refused(len(hits))
        raise
