"""Clients that keep sending hits, each with an event id, and know what became of every one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, tee
from typing import Final

from bench.ingest import make_order
from bench.support.load import Connection, make_requests, quantile

#: Seconds after which an answer does not come any more.
PATIENCE: Final = 30.0
#: Seconds until a client that cannot connect tries again.
RECONNECT: Final = 0.02
ACCEPTED: Final = 202
BUSY: Final = 503


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, when it came (monotonic seconds), and how long it took."""

    event_id: str
    status: int
    at: float
    seconds: float
    #: 202 with a drop's reason: stored nowhere, and rightly so.
    is_dropped: bool
    says_when_to_retry: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """A hit whose connection ended without an answer, and when (monotonic seconds)."""

    event_id: str
    at: float
    #: Nothing was answered on that connection before: it may never have been taken up.
    is_first: bool


@dataclass(slots=True)
class Ledger:
    """What was sent and what became of it."""

    sent: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    #: How often nobody listened.
    unreachable: int = 0

    @property
    def acked(self) -> set[str]:
        """The ids whose hits the server said are on disk."""
        return {a.event_id for a in self.answers if a.status == ACCEPTED and not a.is_dropped}

    @property
    def unacked(self) -> set[str]:
        """The ids that were sent, and refused or never answered."""
        return set(self.sent) - self.acked

    @property
    def statuses(self) -> Counter[int]:
        """How many answers there were of each status."""
        return Counter(answer.status for answer in self.answers)

    @property
    def unforeseen(self) -> int:
        """Answers that the contract does not have for a good hit: neither 202 nor 503.

        A 503 without Retry-After is one, and so is a good hit dropped.
        """
        return sum(not _is_foreseen(answer) for answer in self.answers)

    def seconds(self, *statuses: int) -> list[float]:
        """Return how long the answers of these statuses took; of all when none is named."""
        return [a.seconds for a in self.answers if not statuses or a.status in statuses]

    def quantile_ms(self, share: float, *statuses: int) -> float:
        """Return the time within which that share of the answers came; 0 when none came."""
        return quantile(self.seconds(*statuses), share) * 1000

    def slowest_ms(self, *statuses: int) -> float:
        """Return the time of the slowest answer; 0 when none came."""
        return max(self.seconds(*statuses), default=0.0) * 1000

    def first_accepted_after(self, moment: float) -> float | None:
        """Return when (monotonic) the first 202 after that moment came, None when none did."""
        times = (a.at for a in self.answers if a.status == ACCEPTED and a.at > moment)
        return min(times, default=None)


def _is_foreseen(answer: Answer) -> bool:
    if answer.status == BUSY:
        return answer.says_when_to_retry
    return answer.status == ACCEPTED and not answer.is_dropped


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Who sends: so many connections to this port, each with one hit on its way at a time."""

    port: int
    connections: int = 6
    #: Seconds that a connection rests after an answer, and after a refusal.
    pause: float = 0.0
    pause_after_refusal: float = 0.02


@contextmanager
def sending(clients: Clients, prefix: str) -> Iterator[Ledger]:
    """Send hits while the context lasts, then wait for the last answers.

    Their event ids are the prefix, a dash and a number. Connections that end are opened again.
    """
    ledger, over = Ledger(), threading.Event()
    sender = _Sender(clients, (f"{prefix}-{number}" for number in count()), ledger, over)
    thread = threading.Thread(target=sender.run, name="clients")
    thread.start()
    try:
        yield ledger
    finally:
        over.set()
        thread.join()


def send_all(clients: Clients, event_ids: Iterable[str]) -> Ledger:
    """Send one hit of each id, in order and each once; return what became of them."""
    ledger = Ledger()
    _Sender(clients, iter(event_ids), ledger, threading.Event()).run()
    return ledger


class _Sender:
    """The connections of some clients, and the requests that they share."""

    def __init__(
        self, clients: Clients, event_ids: Iterator[str], ledger: Ledger, over: threading.Event
    ) -> None:
        order = make_order(clients.port, seconds=0, connections=clients.connections)
        known, sent = tee(event_ids)
        self.requests = zip(known, make_requests(order, sent), strict=True)
        self.clients = clients
        self.ledger = ledger
        self.over = over

    def run(self) -> None:
        """Send until it is over, or everything is sent."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.clients.connections):
                group.create_task(self._keep_connected())

    async def _keep_connected(self) -> None:
        """Be one client: connect again whenever the connection ends."""
        loop = asyncio.get_running_loop()
        book = _Book(self)
        while not (self.over.is_set() or book.is_done):
            book.is_first = True
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(book), "127.0.0.1", self.clients.port
                )
            except OSError:
                self.ledger.unreachable += 1
                await asyncio.sleep(RECONNECT)
                continue
            await self._until_closed(connection)

    async def _until_closed(self, connection: Connection) -> None:
        """Wait for the connection's end; cut it when an answer does not come."""
        while not connection.closed.done():
            await asyncio.wait([connection.closed], timeout=1.0)
            if connection.is_waiting and time.perf_counter() - connection.asked_at > PATIENCE:
                connection.transport.abort()


class _Book:
    """One client's part of the ledger."""

    def __init__(self, sender: _Sender) -> None:
        self.sender = sender
        self.ledger = sender.ledger
        self.event_id = ""
        self.is_done = False
        self.is_first = True
        self.was_refused = False

    def next_request(self) -> bytes | None:
        """Return the next hit until it is over or all are sent."""
        if self.sender.over.is_set():
            return None
        event_id, request = next(self.sender.requests, ("", None))
        if request is None:
            self.is_done = True
            return None
        self.event_id = event_id
        self.ledger.sent.append(event_id)
        return request

    def take_answer(self, head: bytes, seconds: float) -> None:
        """Write the answer down."""
        self.is_first = False
        head = head.lower()
        status = int(head.split(b" ", 2)[1])
        self.was_refused = status != ACCEPTED
        self.ledger.answers.append(
            Answer(
                self.event_id,
                status,
                time.monotonic(),
                seconds,
                b"\r\nx-tracking-dropped:" in head,
                b"\r\nretry-after:" in head,
            )
        )

    def take_loss(self) -> None:
        """Write the loss down."""
        self.ledger.losses.append(Loss(self.event_id, time.monotonic(), self.is_first))

    def pause(self) -> float:
        """Return how long this client rests."""
        clients = self.sender.clients
        return clients.pause_after_refusal if self.was_refused else clients.pause
