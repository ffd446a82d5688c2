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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Final

#: Seconds that answers may take after the last request.
PATIENCE: Final = 30.0
_ACCEPTED: Final = b"HTTP/1.1 202"
_DROPPED: Final = b"\r\nx-tracking-dropped:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent: hits of `domain` by `visitors` visitors to `path`, for `seconds`."""

    port: int
    path: str
    domain: str
    seconds: float
    connections: int
    user_agents: list[str]
    pages: int
    visitors: int
    seed: int


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


def make_requests(order: Order) -> Iterator[bytes]:
    """Return endless requests as bytes, by chance, the same for the same seed.

    A visitor is an address of 198.18.0.0/15, which RFC 2544 keeps for benchmarks, with one user
    agent; addresses come in X-Forwarded-For.
    """
    rng = Random(order.seed)
    visitors = [
        (f"198.{18 + n // 65536 % 2}.{n // 256 % 256}.{n % 256}", rng.choice(order.user_agents))
        for n in range(order.visitors)
    ]
    for number in count():
        address, user_agent = rng.choice(visitors)
        body = json.dumps(
            {
                "n": "pageview",
                "u": f"https://{order.domain}/articles/{rng.randrange(order.pages)}",
                "d": order.domain,
                "r": "https://www.google.com/" if number % 3 == 0 else "",
                "t": "An article",
                "w": 1440,
                "l": "en-US",
                "tz": "Europe/Berlin",
            }
        ).encode()
        yield (
            f"POST {order.path} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{order.port}\r\n"
            f"User-Agent: {user_agent}\r\n"
            f"X-Forwarded-For: {address}\r\n"
            "Content-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


class _Tally:
    """Counts answers, by what they say, and their times."""

    def __init__(self) -> None:
        self.sent = self.acknowledged = self.dropped = self.refused = 0
        self.times: list[float] = []

    def count(self, head: bytes, seconds: float) -> None:
        """Count one answer by its head."""
        self.times.append(seconds)
        if not head.startswith(_ACCEPTED):
            self.refused += 1
        elif _DROPPED in head.lower():
            self.dropped += 1
        else:
            self.acknowledged += 1

    def quantile_ms(self, share: float) -> float:
        """Return the time within which that share of the answers came."""
        if not self.times:
            return 0.0
        ranked = sorted(self.times)
        return ranked[min(int(len(ranked) * share), len(ranked) - 1)] * 1000


class _Connection(asyncio.Protocol):
    """One kept-alive connection: sends a request when the last one is answered."""

    def __init__(self, requests: Iterator[bytes], tally: _Tally, until: Callable[[], bool]) -> None:
        self.requests = requests
        self.tally = tally
        self.is_over = until
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer = b""
        self.asked_at = 0.0
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
        self.tally.count(head, time.perf_counter() - self.asked_at)
        self.answer = b""
        if self.is_over():
            self.transport.close()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if not self.closed.done():
            self.closed.set_result(None)

    def _ask(self) -> None:
        self.tally.sent += 1
        self.asked_at = time.perf_counter()
        self.transport.write(next(self.requests))


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if rest else 0


async def send_load(order: Order) -> Outcome:
    """Keep all connections busy for the time ordered, wait for the last answers, count."""
    tally = _Tally()
    # Made before the clock starts, and used again when they are all sent.
    ready = list(islice(make_requests(order), 20_000))
    requests = (request for _ in count() for request in ready)
    started = time.perf_counter()
    over_at = started + order.seconds

    def is_over() -> bool:
        return time.perf_counter() >= over_at

    loop = asyncio.get_running_loop()
    connections = [
        (
            await loop.create_connection(
                lambda: _Connection(requests, tally, is_over), "127.0.0.1", order.port
            )
        )[1]
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
