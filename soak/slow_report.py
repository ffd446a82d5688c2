"""A report that is made to be slow is stopped in time, and hits hardly notice it.

Somebody asks for it again and again while hits arrive at half of what the server can take; half of
the time, in turns, nobody does.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.ingest import make_order
from bench.support.load import Order, Outcome, run_load
from bench.support.results import Figure
from soak.support import verdict
from soak.support.command import conclude, make_parser, say
from soak.support.installation import QUIET, Installation, Server, installation

#: Seconds that a report may take here.
REPORT_SECONDS: Final = 4
#: How much later its page may come.
GRACE_SECONDS: Final = 2.0
#: A server that runs for long has more than one page open at once.
READERS: Final = 2
CONNECTIONS: Final = 32
#: The first ids of hits' visits, which those of the history leave free.
HISTORY_FROM: Final = 1_000_000_000
PATH: Final = f"/bench/slow/{QUIET}/?period=12mo"
STOPPED: Final = 503

UNITS: Final = {
    "events": "events of the year that the report is about",
    "capacity": "hits a second that the server can take",
    "reports": "slow reports asked for",
    "not_stopped": "of them that ended in another way than by being stopped",
    "late": f"of them that took over {GRACE_SECONDS:g} s longer than reports may",
    "slowest_report_seconds": "s",
    "refused": "hits answered otherwise than 202, or not at all",
    "p50_alone_ms": "ms for a hit while nobody asks for it, at half of capacity",
    "p99_alone_ms": "ms",
    "p50_beside_ms": "ms while it is being answered",
    "p99_beside_ms": "ms",
    "p99_ratio": "beside to alone",
}
AT_MOST: Final = {"not_stopped": 0, "late": 0, "refused": 0, "p99_ratio": 2}


@dataclass(slots=True)
class Asked:
    """How the slow reports came: status and seconds of each."""

    answers: list[tuple[int, float]] = field(default_factory=list)

    @property
    def not_stopped(self) -> int:
        """Those that ended in another way."""
        return sum(status != STOPPED for status, _ in self.answers)

    @property
    def late(self) -> int:
        """Those that were stopped too late."""
        return sum(seconds > REPORT_SECONDS + GRACE_SECONDS for _, seconds in self.answers)


@contextmanager
def asking(server: Server, asked: Asked) -> Iterator[None]:
    """Let readers ask for the slow report while the context lasts, and wait for the last."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            asked.answers.append(server.get(PATH, cookie=server.cookie))

    threads = [threading.Thread(target=ask, name="reader") for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def measure(*, events: int, seconds: float, rounds: int, threads: int) -> dict[str, Figure]:
    """Return what came of some rounds of so many seconds, alone and beside the report."""
    with installation(REPORT_SECONDS=str(REPORT_SECONDS), REPORT_THREADS=str(threads)) as place:
        filled = fill(events)
        say(f"{filled:,} events are archived.")
        with place.serving() as server:
            return {"events": filled, **take_turns(place, server, seconds, rounds)}


def fill(events: int) -> int:
    """Archive a year of about so many events for the quiet site; return how many they are."""
    from django.db import connections
    from django.db.models import Sum

    from archive.models import ArchiveFile
    from bench.support.history import fill_site
    from sites.models import Site

    fill_site(Site.objects.get(domain=QUIET), events, datetime.now(UTC).date(), HISTORY_FROM)
    filled = ArchiveFile.objects.aggregate(n=Sum("rows"))["n"]
    connections.close_all()
    return int(filled)


def take_turns(
    place: Installation, server: Server, seconds: float, rounds: int
) -> dict[str, Figure]:
    """Return the figures of hits alone and beside the report, in turns."""
    order = make_order(server.port, seconds=seconds, connections=CONNECTIONS)
    asked = Asked()
    asked.answers.append(server.get(PATH, cookie=server.cookie))
    run_load(replace(order, seconds=1.0), place.environment)  # what is made once is made now
    full = run_load(order, place.environment)
    capacity = full.acknowledged / full.seconds
    order = replace(order, rate=capacity / 2)
    alone, beside = [], []
    for number in range(rounds):
        alone.append(run_load(_turn(order, 2 * number), place.environment))
        with asking(server, asked):
            beside.append(run_load(_turn(order, 2 * number + 1), place.environment))
        say(f"p99 alone {alone[-1].p99_ms:.1f} ms, beside {beside[-1].p99_ms:.1f} ms")
    p99_alone, p99_beside = (_middle(turns, "p99_ms") for turns in (alone, beside))
    return {
        "capacity": round(capacity, 1),
        "reports": len(asked.answers),
        "not_stopped": asked.not_stopped,
        "late": asked.late,
        "slowest_report_seconds": round(max(seconds for _, seconds in asked.answers), 2),
        "refused": sum(one.sent - one.acknowledged for one in [*alone, *beside]),
        "p50_alone_ms": _middle(alone, "p50_ms"),
        "p99_alone_ms": p99_alone,
        "p50_beside_ms": _middle(beside, "p50_ms"),
        "p99_beside_ms": p99_beside,
        "p99_ratio": verdict.ratio(p99_beside, p99_alone),
    }


def _turn(order: Order, number: int) -> Order:
    return replace(order, seed=number + 2)


def _middle(turns: list[Outcome], name: str) -> float:
    return round(float(median(getattr(turn, name) for turn in turns)), 2)


def main() -> None:
    """Measure and print; the exit code is 1 when a report went on, or hits waited for it."""
    parser = make_parser(__doc__, "5 minutes")
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--report-threads", type=int, default=2, help="of the engine")
    options = parser.parse_args()
    figures = measure(
        events=options.events,
        seconds=options.seconds,
        rounds=options.rounds,
        threads=options.report_threads,
    )
    conclude("slow_report", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
