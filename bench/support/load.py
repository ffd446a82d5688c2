"""Sends requests to a server of this machine over kept-alive connections, and times the answers.

Run as a process of its own, so that it takes no turn of the server's or the benchmark's:
reads an Order as JSON on stdin, writes an Outcome as JSON on stdout.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Final, Protocol

#: Seconds that answers may take after the last request.
PATIENCE: Final = 30.0
_ACCEPTED: Final = b"HTTP/1.1 202"
_DROPPED: Final = b"\r\nx-tracking-dropped:"
_LAST: Final = b"\r\nconnection: close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent: hits of `domain` by `visitors` visitors to `path`, for `seconds`.

    `rate` is requests a second in all, 0 for as many as the server answers. With `batch` each
    request is an array of so many hits, in the name of the visitors, by the holder of `key`.
    """

    port: int
    path: str
    domain: str
    seconds: float
    connections: int
    user_agents: list[str]
    pages: int
    visitors: int
    seed: int
    rate: float = 0.0
    batch: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it; times are in milliseconds, 0 when nothing was answered."""

    sent: int
    acknowledged: int
    dropped: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float


def run_load(order: Order, environment: Mapping[str, str]) -> Outcome:
    """Carry out the order in a process of its own and return what came of it."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.support.load"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
        env=dict(environment),
        timeout=order.seconds + 2 * PATIENCE,
    )
    return Outcome(**json.loads(done.stdout))


def make_requests(order: Order, event_ids: Iterator[str] | None = None) -> Iterator[bytes]:
    """Return endless requests as bytes, by chance, the same for the same seed.

    A visitor is an address of 198.18.0.0/15, which RFC 2544 keeps for benchmarks, with one user
    agent; addresses come in X-Forwarded-For. Given event ids, each request carries the next of
    them, and there are as many.
    """
    rng = Random(order.seed)
    visitors = make_visitors(order, rng)
    for number in count():
        event_id = None if event_ids is None else next(event_ids, "")
        if event_id == "":
            return
        address, user_agent = rng.choice(visitors)
        body = json.dumps(
            make_hit(order, rng, number) | ({"id": event_id} if event_id else {})
        ).encode()
        yield (
            f"POST {order.path} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{order.port}\r\n"
            f"User-Agent: {user_agent}\r\n"
            f"X-Forwarded-For: {address}\r\n"
            "Content-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def make_batches(order: Order) -> Iterator[bytes]:
    """Return endless requests of `order.batch` hits each, as a server sends them with its key."""
    rng = Random(order.seed)
    visitors = make_visitors(order, rng)
    for number in count(step=order.batch):
        hits = []
        for place in range(order.batch):
            address, user_agent = rng.choice(visitors)
            hits.append(
                make_hit(order, rng, number + place)
                | {"address": address, "user_agent": user_agent}
            )
        body = json.dumps(hits).encode()
        yield (
            f"POST {order.path} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{order.port}\r\n"
            f"Authorization: Bearer {order.key}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def make_visitors(order: Order, rng: Random) -> list[tuple[str, str]]:
    """Return the visitors: an address of 198.18.0.0/15 and one of the user agents each."""
    return [
        (f"198.{18 + n // 65536 % 2}.{n // 256 % 256}.{n % 256}", rng.choice(order.user_agents))
        for n in range(order.visitors)
    ]


def make_hit(order: Order, rng: Random, number: int) -> dict[str, object]:
    """Return the `number`th pageview, of a page by chance."""
    return {
        "n": "pageview",
        "u": f"https://{order.domain}/articles/{rng.randrange(order.pages)}",
        "d": order.domain,
        "r": "https://www.google.com/" if number % 3 == 0 else "",
        "t": "An article",
        "w": 1440,
        "l": "en-US",
        "tz": "Europe/Berlin",
    }


class Book(Protocol):
    """Where a connection gets its requests and leaves what became of them."""

    def next_request(self) -> bytes | None:
        """Return what to send next; None ends the connection."""

    def take_answer(self, head: bytes, seconds: float) -> None:
        """Take the answer to the last request, by its head, and the time it took."""

    def take_loss(self) -> None:
        """Take note that the last request will not be answered."""

    def pause(self) -> float:
        """Return the seconds until the next request, 0 for none."""


class Connection(asyncio.Protocol):
    """One kept-alive connection: sends a request when the last one is answered."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer = b""
        self.asked_at = 0.0
        self.is_waiting = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; after the whole one, send the next request."""
        self.answer += data
        head, blank, body = self.answer.partition(b"\r\n\r\n")
        if not blank or len(body) < _content_length(head):
            return
        self.is_waiting = False
        self.book.take_answer(head, time.perf_counter() - self.asked_at)
        self.answer = b""
        if _LAST in head.lower():
            self.transport.close()
        elif pause := self.book.pause():
            asyncio.get_running_loop().call_later(pause, self._ask)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self.is_waiting:
            self.book.take_loss()
        if not self.closed.done():
            self.closed.set_result(None)

    def _ask(self) -> None:
        if self.transport.is_closing():
            return
        request = self.book.next_request()
        if request is None:
            self.transport.close()
            return
        self.is_waiting = True
        self.asked_at = time.perf_counter()
        self.transport.write(request)


class _Tally:
    """Counts answers, by what they say, and their times."""

    def __init__(self, requests: Iterator[bytes], is_over: Callable[[], bool], rate: float) -> None:
        self.requests = requests
        self.is_over = is_over
        self.rate = rate
        self.next_at = time.perf_counter()
        self.sent = self.acknowledged = self.dropped = self.refused = 0
        self.times: list[float] = []

    def next_request(self) -> bytes | None:
        """Return the next request until the time is over."""
        if self.is_over():
            return None
        self.sent += 1
        return next(self.requests)

    def take_answer(self, head: bytes, seconds: float) -> None:
        """Count one answer by its head."""
        self.times.append(seconds)
        if not head.startswith(_ACCEPTED):
            self.refused += 1
        elif _DROPPED in head.lower():
            self.dropped += 1
        else:
            self.acknowledged += 1

    def take_loss(self) -> None:
        """Leave it: a request that was sent and is in no other count had no answer."""

    def pause(self) -> float:
        """Return 0 where the connections are kept busy, else the time until a request is due."""
        if not self.rate:
            return 0.0
        self.next_at += 1 / self.rate
        return max(0.0, self.next_at - time.perf_counter())

    def quantile_ms(self, share: float) -> float:
        """Return the time within which that share of the answers came."""
        return quantile(self.times, share) * 1000


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values do not exceed, 0 when there are none."""
    if not values:
        return 0.0
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if rest else 0


async def send_load(order: Order) -> Outcome:
    """Keep all connections busy for the time ordered, wait for the last answers, count."""
    # Made before the clock starts, and used again when they are all sent.
    made = make_batches(order) if order.batch else make_requests(order)
    ready = list(islice(made, 20 if order.batch else 20_000))
    requests = (request for _ in count() for request in ready)
    started = time.perf_counter()
    over_at = started + order.seconds

    def is_over() -> bool:
        return time.perf_counter() >= over_at

    tally = _Tally(requests, is_over, order.rate)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: Connection(tally), "127.0.0.1", order.port))[1]
        for _ in range(order.connections)
    ]
    await asyncio.wait(
        [connection.closed for connection in connections], timeout=order.seconds + PATIENCE
    )
    return Outcome(
        sent=tally.sent,
        acknowledged=tally.acknowledged,
        dropped=tally.dropped,
        refused=tally.refused,
        seconds=time.perf_counter() - started,
        p50_ms=tally.quantile_ms(0.5),
        p99_ms=tally.quantile_ms(0.99),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(send_load(Order(**json.load(sys.stdin)))))))
