"""Restarts PostgreSQL and ends its sessions under load: 503 while it is away, then on as before."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import psycopg

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.load import quantile
from bench.support.results import Figure
from soak.support import verdict
from soak.support.clients import Ledger, sending
from soak.support.command import conclude, make_parser
from soak.support.installation import Server, installation
from trackingsite.tests.postgres import MISSING, Cluster, find_programs, temporary_cluster

CONNECTIONS: Final = 16
#: Seconds of load before and after each fault.
AROUND: Final = 1.0

UNITS: Final = verdict.UNITS | {
    "restarts": "of PostgreSQL, each connection cut at once",
    "terminations": "of all sessions, working or idle",
    "sessions_ended": "by them",
    "back_p50_ms": "ms from PostgreSQL's return to the next 202",
    "back_worst_ms": "ms",
    "never_back": "faults without a 202 in the second after",
}
AT_MOST: Final = {**verdict.AT_MOST, "unanswered": 0, "never_back": 0}


class Faults:
    """Does one fault after the other, each under load of its own."""

    def __init__(self, server: Server, cluster: Cluster, seed: int) -> None:
        self.server = server
        self.cluster = cluster
        self.rng = Random(seed)
        self.ledgers: list[Ledger] = []
        self.backs: list[float] = []
        self.never_back = 0
        self.sessions_ended = 0

    def restart(self) -> None:
        """Restart PostgreSQL while hits are being stored."""
        with sending(self.server.clients(CONNECTIONS), self.prefix()) as ledger:
            self.wait_a_while()
            self.cluster.restart_at_once()
            self.note_return(ledger)

    def end_working_sessions(self) -> None:
        """End all sessions while hits are being stored."""
        with sending(self.server.clients(CONNECTIONS), self.prefix()) as ledger:
            self.wait_a_while()
            self.end_sessions()
            self.note_return(ledger)

    def end_idle_sessions(self) -> None:
        """End all sessions while nothing is sent, then send."""
        self.end_sessions()
        ended_at = time.monotonic()
        with sending(self.server.clients(CONNECTIONS), self.prefix()) as ledger:
            self.note_return(ledger, ended_at)

    def end_sessions(self) -> None:
        """End every session of the database but the one that ends them."""
        with psycopg.connect(self.cluster.url, autocommit=True) as own:
            ended = own.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert ended is not None
        self.sessions_ended += ended[0]

    def note_return(self, ledger: Ledger, since: float | None = None) -> None:
        """Note how long the next 202 takes."""
        back_at = since or time.monotonic()
        time.sleep(AROUND)
        self.ledgers.append(ledger)
        accepted_at = ledger.first_accepted_after(back_at)
        if accepted_at is None:
            self.never_back += 1
        self.backs.append((accepted_at or time.monotonic()) - back_at)

    def wait_a_while(self) -> None:
        """Let the load go on, not always as long."""
        time.sleep(self.rng.uniform(0.3, AROUND))

    def prefix(self) -> str:
        """Return the next fault's prefix of event ids."""
        return f"pg-{len(self.ledgers)}"


def measure(*, restarts: int, terminations: int, seed: int) -> dict[str, Figure]:
    """Return what came of that many faults of each kind."""
    programs = find_programs()
    if programs is None:
        sys.exit(MISSING)
    with (
        temporary_cluster(programs) as cluster,
        installation(DATABASE_URL=cluster.url) as place,
        place.serving() as server,
    ):
        faults = Faults(server, cluster, seed)
        for _ in range(restarts):
            faults.restart()
        for _ in range(terminations):
            faults.end_working_sessions()
            faults.end_idle_sessions()
        figures = verdict.judge(place.store, faults.ledgers, "pg")
    return figures | {
        "restarts": restarts,
        "terminations": 2 * terminations,
        "sessions_ended": faults.sessions_ended,
        "back_p50_ms": round(quantile(faults.backs, 0.5) * 1000, 1),
        "back_worst_ms": round(max(faults.backs) * 1000, 1),
        "never_back": faults.never_back,
    }


def main() -> None:
    """Measure and print; the exit code is 1 when a hit was lost or an answer was wrong."""
    parser = make_parser(__doc__, "1 minute")
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--terminations", type=int, default=10, help="of working, and of idle ones")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = measure(
        restarts=options.restarts, terminations=options.terminations, seed=options.seed
    )
    conclude("postgres", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
