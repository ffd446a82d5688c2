"""Kills the server at any moment under load, and looks whether a hit is lost or stored twice.

Each cycle starts the server on what the last one left, sends again what had no answer and some of
what had, sends some new hits twice at once, and then kills every process of it while clients send.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.results import Figure
from soak.support.clients import ACCEPTED, BUSY, Ledger, send_all, sending
from soak.support.command import conclude, make_parser, say
from soak.support.installation import Installation, Server, installation
from trackingsite.tests.postgres import MISSING, find_programs, temporary_cluster

#: Seconds of load until the kill.
EARLIEST, LATEST = 0.15, 1.2
#: The share of acknowledged hits that are sent again.
AGAIN: Final = 0.05
#: Hits of a cycle that two clients send at the same moment; and as many in two batches.
TWINS: Final = 20
CYCLES: Final = {"sqlite": 200, "postgres": 50}

UNITS: Final = {
    "cycles": "kills",
    "acked": "hits acknowledged before a kill",
    "lost": "of them missing after it",
    "doubled": "ids of one site stored more than once",
    "unacked_stored": "hits stored whose client was not told",
    "replayed": "hits sent again",
    "unsettled": "hits sent again or twice, and still not stored",
    "twins": "hits sent twice at the same moment, alone and in batches",
    "torn": "visits that count other pageviews than they have",
    "damages": "found by SQLite's quick check",
    "unforeseen": "answers other than 202, and 503 with Retry-After",
}
AT_MOST: Final = dict.fromkeys(
    ("lost", "doubled", "unsettled", "torn", "damages", "unforeseen"), 0.0
)


@dataclass(slots=True)
class Figures:
    """What the cycles add up to."""

    cycles: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    unacked_stored: int = 0
    replayed: int = 0
    unsettled: int = 0
    twins: int = 0
    torn: int = 0
    damages: int = 0
    unforeseen: int = 0


class Cycles:
    """Start, settle what the last cycle left, load, kill; again and again."""

    def __init__(self, place: Installation, seed: int) -> None:
        self.place = place
        self.rng = Random(seed)
        self.figures = Figures()
        self.acked: set[str] = set()
        self.lost: set[str] = set()

    def run(self, cycles: int) -> Figures:
        """Return what came of that many kills."""
        left, prefix = Ledger(), ""
        for number in range(cycles):
            with self.place.serving() as server:
                self.settle(server, left, prefix)
                self.send_twins(server, f"t{number}")
                self.send_twin_batches(server, f"b{number}")
                prefix = f"c{number}"
                left = self.load_and_kill(server, prefix)
            if (number + 1) % 10 == 0:
                say(f"{number + 1} of {cycles}: {self.figures}")
        with self.place.serving() as server:
            self.settle(server, left, prefix)
        self.look_back()
        return self.figures

    def load_and_kill(self, server: Server, prefix: str) -> Ledger:
        """Kill the server while clients send; return their ledger."""
        with sending(server.clients(), prefix) as ledger:
            time.sleep(self.rng.uniform(EARLIEST, LATEST))
            server.kill()
        self.figures.cycles += 1
        self.figures.acked += len(ledger.acked)
        self.figures.unforeseen += ledger.unforeseen
        return ledger

    def look_back(self) -> None:
        """Look for the hits of all cycles: a later kill may have hurt what an earlier one left."""
        self.find_lost(self.acked, self.count(sorted(self.acked), "c%"))
        self.figures.torn = self.place.store.count_torn()

    def settle(self, server: Server, left: Ledger, prefix: str) -> None:
        """Look for the last cycle's hits, send those without an answer again, and look anew."""
        stored = self.count(left.sent, prefix)
        self.find_lost(left.acked, stored)
        self.figures.unacked_stored += sum(bool(stored[event_id]) for event_id in left.unacked)
        self.figures.damages += self.place.store.count_damages()
        some = self.rng.sample(sorted(left.acked), round(len(left.acked) * AGAIN))
        again = [*sorted(left.unacked), *some]
        self.figures.replayed += len(again)
        self.resend(server, again)
        self.expect_once(left.sent, prefix)

    def find_lost(self, acked: set[str], stored: Mapping[str, int]) -> None:
        """Add those that were acknowledged and are not stored."""
        self.acked |= acked
        self.lost |= {event_id for event_id in acked if not stored[event_id]}
        self.figures.lost = len(self.lost)

    def send_twins(self, server: Server, prefix: str) -> None:
        """Send hits of the same ids over several connections at once."""
        event_ids = [f"{prefix}-{number}" for number in range(TWINS)]
        self.figures.twins += TWINS
        self.resend(server, [event_id for event_id in event_ids for _ in range(2)])
        self.expect_once(event_ids, prefix)

    def send_twin_batches(self, server: Server, prefix: str) -> None:
        """Send two batches of the same ids at once; again while both are refused."""
        event_ids = [f"{prefix}-{number}" for number in range(TWINS)]
        self.figures.twins += TWINS
        with ThreadPoolExecutor(2) as pool:
            for _ in range(20):
                statuses = list(pool.map(server.post_batch, [event_ids, event_ids]))
                self.figures.unforeseen += sum(one not in {ACCEPTED, BUSY} for one in statuses)
                if ACCEPTED in statuses:
                    break
        self.expect_once(event_ids, prefix)

    def resend(self, server: Server, event_ids: list[str]) -> None:
        """Send these until none is refused, as a client would."""
        for _ in range(20):
            ledger = send_all(server.clients(), event_ids)
            self.figures.unforeseen += ledger.unforeseen
            event_ids = sorted(ledger.unacked)
            if not event_ids:
                return

    def expect_once(self, event_ids: list[str], prefix: str) -> None:
        """Count ids that are not stored, or more than once."""
        stored = self.count(event_ids, prefix)
        self.figures.unsettled += sum(rows == 0 for rows in stored.values())
        self.figures.doubled += sum(rows > 1 for rows in stored.values())

    def count(self, event_ids: list[str], prefix: str) -> dict[str, int]:
        """Return the rows of each id."""
        return dict(self.place.store.count_rows(event_ids, prefix)) if event_ids else {}


@contextmanager
def database(kind: str) -> Iterator[dict[str, str]]:
    """Give the settings of an empty database; raises SystemExit where there is no PostgreSQL."""
    if kind == "sqlite":
        yield {}
        return
    programs = find_programs()
    if programs is None:
        sys.exit(MISSING)
    with temporary_cluster(programs) as cluster:
        yield {"DATABASE_URL": cluster.url}


def measure(*, kind: str, cycles: int, seed: int) -> dict[str, Figure]:
    """Return what came of that many kills on a database of this kind."""
    with database(kind) as variables, installation(**variables) as place:
        figures = Cycles(place, seed).run(cycles)
    return {"database": kind, **asdict(figures), "seed": seed}


def main() -> None:
    """Measure and print; the exit code is 1 when a hit was lost or doubled."""
    parser = make_parser(__doc__, "12 minutes on SQLite, 4 on PostgreSQL")
    parser.add_argument("--cycles", type=int, help="kills; 200, or 50 on PostgreSQL")
    parser.add_argument("--database", choices=sorted(CYCLES), default="sqlite")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    figures = measure(
        kind=options.database,
        cycles=options.cycles or CYCLES[options.database],
        seed=options.seed,
    )
    conclude("crash", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
