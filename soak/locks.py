"""Holds SQLite's write lock from another connection under load: hits are refused, reports are not.

A backup, a shell, a migration may do so. Each answer, 202 or 503, has to come within a second.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.results import Figure
from soak.support import verdict
from soak.support.clients import Ledger, sending
from soak.support.command import conclude, make_parser
from soak.support.installation import Server, installation
from soak.support.readers import Readings, reading
from soak.support.store import Store

#: Seconds within which an answer has to come.
DEADLINE: Final = 1.0
CONNECTIONS: Final = 16
#: Seconds of load before and after the lock.
AROUND: Final = 0.5

UNITS: Final = verdict.UNITS | {
    "late": "answers that took longer than a second",
    "report_p50_free_ms": "ms for the overview, under the same load without the lock",
    "report_p99_free_ms": "ms",
    "report_p50_held_ms": "ms, with the lock held",
    "report_p99_held_ms": "ms",
    "report_p99_ratio": "held to free",
    "reports_failed": "report pages that did not come",
    "back_ms": "ms from the lock's end to the next 202, the longest",
}
AT_MOST: Final = {
    **verdict.AT_MOST,
    "late": 0,
    "unanswered": 0,
    "reports_failed": 0,
    "report_p99_ratio": 2,
}


def measure(holds: list[float]) -> dict[str, Figure]:
    """Return what came of locks held for so many seconds, one after the other."""
    with installation() as place, place.serving() as server:
        free_ledger, free = run_free(server, sum(holds))
        ledgers, readings, backs = [], [], []
        for number, seconds in enumerate(holds):
            ledger, held, back = run_held(server, place.store, seconds, f"held-{number}")
            ledgers.append(ledger)
            readings.append(held)
            backs.append(back)
        figures = verdict.judge(place.store, [free_ledger, *ledgers], "held")
    held_times = Readings(times=[seconds for held in readings for seconds in held.times])
    return figures | {
        "late": sum(s > DEADLINE for ledger in ledgers for s in ledger.seconds()),
        "report_p50_free_ms": round(free.quantile_ms(0.5), 1),
        "report_p99_free_ms": round(free.quantile_ms(0.99), 1),
        "report_p50_held_ms": round(held_times.quantile_ms(0.5), 1),
        "report_p99_held_ms": round(held_times.quantile_ms(0.99), 1),
        "report_p99_ratio": verdict.ratio(held_times.quantile_ms(0.99), free.quantile_ms(0.99)),
        "reports_failed": free.failed + sum(held.failed for held in readings),
        "back_ms": round(max(backs) * 1000, 1),
    }


def run_free(server: Server, seconds: float) -> tuple[Ledger, Readings]:
    """Return what hits and reports are like when nobody holds the lock."""
    server.get_report()  # what is made once is made now
    with sending(server.clients(CONNECTIONS), "held-free") as ledger, reading(server) as readings:
        time.sleep(seconds + AROUND)
    return ledger, readings


def run_held(
    server: Server, store: Store, seconds: float, prefix: str
) -> tuple[Ledger, Readings, float]:
    """Return what they are like while it is held, and the seconds to the next 202 after."""
    with sending(server.clients(CONNECTIONS), prefix) as ledger:
        time.sleep(AROUND)
        with write_lock(store.file), reading(server) as readings:
            time.sleep(seconds)
        ended_at = time.monotonic()
        time.sleep(AROUND)
    accepted_at = ledger.first_accepted_after(ended_at)
    return ledger, readings, (accepted_at or time.monotonic()) - ended_at


@contextmanager
def write_lock(file: str) -> Iterator[None]:
    """Hold the database's write lock while the context lasts."""
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")


def main() -> None:
    """Measure and print; the exit code is 1 when an answer was late or wrong."""
    parser = make_parser(__doc__, "2 minutes")
    parser.add_argument("--holds", type=float, nargs="+", default=[1.0, 5.0, 30.0])
    options = parser.parse_args()
    conclude("locks", measure(options.holds), UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
