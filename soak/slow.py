"""Keeps many connections busy with next to nothing: others have to be served as if they were none.

Half of them send a header, half a body, one byte a second. Each that the server ends is opened
again.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.results import Figure
from soak.support import verdict
from soak.support.clients import ACCEPTED, Ledger, sending
from soak.support.command import conclude, make_parser
from soak.support.installation import Server, installation
from soak.support.limits import allow_open_files
from soak.support.readers import Readings, reading

CONNECTIONS: Final = 10
PAUSE: Final = 0.05
#: Seconds between two bytes.
DRIP: Final = 1.0

_HEADER: Final = b"POST /api/event HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Padding: "
_BODY: Final = (
    b'POST /api/event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000\r\n\r\n{"n": "'
)

UNITS: Final = verdict.UNITS | {
    "p50_idle_ms": "ms for a hit, without slow clients",
    "p99_idle_ms": "ms",
    "reports_failed": "report pages that did not come",
} | {
    f"{figure}_{sockets}": unit
    for sockets in (60, 1000)
    for figure, unit in {
        "p50_ms": f"ms for a hit, beside {sockets:,} slow clients",
        "p99_ms": "ms",
        "p99_ratio": "to the p99 without slow clients",
        "not_served": "good hits refused or not answered",
        "open": "slow connections open at the end",
        "reopened": "slow connections that the server ended",
    }.items()
}  # fmt: skip
AT_MOST: Final = {
    **verdict.AT_MOST,
    "unanswered": 0,
    "reports_failed": 0,
    **{f"not_served_{sockets}": 0 for sockets in (60, 1000)},
    **{f"p99_ratio_{sockets}": 2.0 for sockets in (60, 1000)},
}


@dataclass(slots=True)
class Crowd:
    """The slow clients: how many are connected, and how often one was sent away."""

    open: int = 0
    reopened: int = 0


def measure(*, sockets: list[int], seconds: float) -> dict[str, Figure]:
    """Return the figures of good hits beside so many slow clients, for so long each."""
    allow_open_files(4 * max(sockets))
    figures: dict[str, Figure] = {}
    with installation() as place, place.serving() as server:
        send_good(server, min(seconds, 2.0), "slow-warm")
        idle, readings = send_good(server, seconds, "slow-idle")
        ledgers, failed = [idle], readings.failed
        for number in sockets:
            with crowding(server.port, number) as crowd:
                ledger, readings = send_good(server, seconds, f"slow-{number}")
                figures |= describe(ledger, idle, crowd, number)
            ledgers.append(ledger)
            failed += readings.failed
        common = verdict.judge(place.store, ledgers, "slow")
    return {
        **common,
        "reports_failed": failed,
        "p50_idle_ms": round(idle.quantile_ms(0.5), 1),
        "p99_idle_ms": round(idle.quantile_ms(0.99), 1),
        **figures,
    }


def describe(ledger: Ledger, idle: Ledger, crowd: Crowd, sockets: int) -> dict[str, Figure]:
    """Return the figures of good hits beside one crowd."""
    p99 = ledger.quantile_ms(0.99)
    return {
        f"p50_ms_{sockets}": round(ledger.quantile_ms(0.5), 1),
        f"p99_ms_{sockets}": round(p99, 1),
        f"p99_ratio_{sockets}": verdict.ratio(p99, idle.quantile_ms(0.99)),
        f"not_served_{sockets}": len(ledger.sent) - ledger.statuses[ACCEPTED],
        f"open_{sockets}": crowd.open,
        f"reopened_{sockets}": crowd.reopened,
    }


def send_good(server: Server, seconds: float, prefix: str) -> tuple[Ledger, Readings]:
    """Send ordinary hits and open reports; the clients connect anew, behind the slow ones."""
    with (
        sending(server.clients(CONNECTIONS, pause=PAUSE), prefix) as ledger,
        reading(server, 0.5) as readings,
    ):
        time.sleep(seconds)
    return ledger, readings


@contextmanager
def crowding(port: int, sockets: int) -> Iterator[Crowd]:
    """Keep so many slow clients while the context lasts, all of them connected when it begins."""
    crowd, loop = Crowd(), asyncio.new_event_loop()
    drip = asyncio.run_coroutine_threadsafe(_crowd(crowd, port, sockets), loop)
    thread = threading.Thread(target=loop.run_forever, name="crowd")
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while crowd.open < sockets and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(DRIP)
        yield crowd
    finally:
        drip.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_end_all(loop))
        loop.close()


async def _crowd(crowd: Crowd, port: int, sockets: int) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(sockets):
            group.create_task(_be_slow(crowd, port, _HEADER if number % 2 else _BODY))
            await asyncio.sleep(0)


async def _be_slow(crowd: Crowd, port: int, beginning: bytes) -> None:
    while True:
        with suppress(OSError):
            await _drip(crowd, port, beginning)
            crowd.reopened += 1
        await asyncio.sleep(DRIP)


async def _drip(crowd: Crowd, port: int, beginning: bytes) -> None:
    """Send the beginning, then a byte a second, until the server has enough of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    crowd.open += 1
    try:
        writer.write(beginning)
        while not (reader.at_eof() or writer.is_closing()):
            await asyncio.sleep(DRIP)
            writer.write(b"a")
            await writer.drain()
    finally:
        crowd.open -= 1
        writer.transport.abort()


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Measure and print; the exit code is 1 when a good client noticed."""
    parser = make_parser(__doc__, "2 minutes")
    parser.add_argument("--sockets", type=int, nargs="+", default=[60, 1000])
    parser.add_argument("--seconds", type=float, default=30.0, help="beside each crowd")
    options = parser.parse_args()
    figures = measure(sockets=options.sockets, seconds=options.seconds)
    conclude("slow", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
