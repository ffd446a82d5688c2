"""Lets the disk fail: single calls with an error, and the whole of it full.

Each answer has to be 202 or 503, no acknowledged hit may be missing, and the server has to go on
without a restart when the disk does. A machine without strace, or where no disk of memory can be
mounted, says so in the place of the figures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.results import Figure
from soak.support import verdict
from soak.support.clients import Ledger, sending
from soak.support.command import conclude, make_parser, say
from soak.support.faults import FLUSHES, WRITES, fill, find_disk, find_strace, injecting, small_disk
from soak.support.installation import Installation, Server, installation
from soak.support.processes import list_holders
from soak.support.readers import reading

PARTS: Final = ("errors", "full")
CONNECTIONS: Final = 4
#: Seconds of load in which the call that is to fail may come.
CHANCE: Final = 5.0
#: A flush comes once in a commit, and a write several times: fewer flushes are waited for.
MOST_FLUSHES: Final = 50
#: Seconds within which hits have to be taken again.
PATIENCE: Final = 10.0
#: Bytes that are free when the hits begin to fill the disk.
ROOM: Final = 4_000_000

UNITS: Final = verdict.UNITS | {
    "steps": "faults set up, each at the n-th call and with one error",
    "failed_writes": "calls that failed by them, with EIO and ENOSPC",
    "failed_flushes": "calls that failed by them, with EIO",
    "torn": "visits that count other pageviews than they have",
    "untouched": "steps in which no call was the n-th",
    "never_back": "faults after which no hit was taken again",
    "back_worst_ms": "ms from the fault's end to the next 202",
    "fill_seconds": "s until the disk was full",
    "accepted_while_full": "hits that still fitted in",
    "refused_while_full": "hits answered 503 with Retry-After",
    "not_refused": "1 when none was: then nothing was tested",
    "reports_failed": "report pages that did not come while it was full",
    "logins_failed": "login pages that did not come while it was full",
    "recover_ms": "ms from the first free byte to the next 202",
}
AT_MOST: Final = {
    **verdict.AT_MOST,
    **dict.fromkeys(
        ("unanswered", "torn", "never_back", "not_refused", "reports_failed", "logins_failed"), 0
    ),
}


class Errors:
    """One fault after the other, each under load of its own, on one server."""

    def __init__(self, place: Installation, server: Server) -> None:
        self.place = place
        self.server = server
        self.ledgers: list[Ledger] = []
        self.failed = {WRITES: 0, FLUSHES: 0}
        self.untouched = self.never_back = 0
        self.backs: list[float] = [0.0]

    def fail_each(self, nth: int) -> None:
        """Let the n-th write fail in both ways, and a flush."""
        self.fail(WRITES, "EIO", nth)
        self.fail(WRITES, "ENOSPC", nth)
        self.fail(FLUSHES, "EIO", (nth - 1) % MOST_FLUSHES + 1)

    def fail(self, calls: str, error: str, nth: int) -> None:
        """Let the n-th of these calls fail, look for the next 202 after."""
        file = Path(self.place.store.file)
        processes = list_holders(self.server.running.process.pid, file)
        with sending(self.server.clients(CONNECTIONS), f"disk-{len(self.ledgers)}") as ledger:
            self.ledgers.append(ledger)
            time.sleep(0.1)
            with injecting(
                processes,
                file,
                calls=calls,
                error=error,
                nth=nth,
                log=self.place.folder / "strace.log",
            ) as injection:
                deadline = time.monotonic() + CHANCE
                while injection.calls == 0 and time.monotonic() < deadline:
                    time.sleep(0.05)
                time.sleep(0.1)
            self.failed[calls] += injection.calls
            self.untouched += injection.calls == 0
            self.note_return(ledger, time.monotonic())

    def note_return(self, ledger: Ledger, since: float) -> None:
        """Note how long the next 202 takes."""
        accepted_at = wait_for_accepted(ledger, since)
        if accepted_at is None:
            self.never_back += 1
        else:
            self.backs.append(accepted_at - since)


def wait_for_accepted(ledger: Ledger, since: float) -> float | None:
    """Return when the first 202 after that moment came; None when none does for PATIENCE."""
    while time.monotonic() < since + PATIENCE:
        accepted_at = ledger.first_accepted_after(since)
        if accepted_at is not None:
            return accepted_at
        time.sleep(0.02)
    return None


def measure_errors(calls: Sequence[int]) -> dict[str, Figure]:
    """Return what came of an error, of each kind, at each of these calls."""
    if reason := find_strace():
        return {"errors": f"skipped: {reason}"}
    with installation() as place:
        with place.serving() as server:
            server.get_report()
            errors = Errors(place, server)
            for number, nth in enumerate(calls, 1):
                errors.fail_each(nth)
                if number % 10 == 0:
                    say(f"{number} of {len(calls)}: {errors.failed}")
            figures = verdict.judge(place.store, errors.ledgers, "disk")
        torn = place.store.count_torn()
    return figures | {
        "steps": len(errors.ledgers),
        "failed_writes": errors.failed[WRITES],
        "failed_flushes": errors.failed[FLUSHES],
        "untouched": errors.untouched,
        "torn": torn,
        "never_back": errors.never_back,
        "back_worst_ms": round(max(errors.backs) * 1000, 1),
    }


def measure_full(seconds: float) -> dict[str, Figure]:
    """Return what came of a disk that is full for so many seconds."""
    if reason := find_disk():
        return {"full": f"skipped: {reason}"}
    with (
        small_disk() as disk,
        installation(DATA_DIR=str(disk / "data")) as place,
        place.serving() as server,
    ):
        filler = disk / "filler"
        fill(filler, leave=ROOM)
        server.get_report()
        with sending(server.clients(CONNECTIONS), "full-to") as filling:
            began_at = time.monotonic()
            fill_until_refused(filling)
            filled_at = time.monotonic()
        fill(filler, leave=0)
        with sending(server.clients(CONNECTIONS), "full-on") as ledger:
            with reading(server, 0.2) as readings:
                logins_failed = open_logins(server, seconds)
            accepted, refused = len(ledger.acked), ledger.statuses[503]
            filler.unlink()
            freed_at = time.monotonic()
            back_at = wait_for_accepted(ledger, freed_at)
        figures = verdict.judge(place.store, [filling, ledger], "full")
    return figures | {
        "fill_seconds": round(filled_at - began_at, 1),
        "accepted_while_full": accepted,
        "refused_while_full": refused,
        "not_refused": int(refused == 0),
        "reports_failed": readings.failed,
        "logins_failed": logins_failed,
        "never_back": int(back_at is None),
        "recover_ms": round(((back_at or time.monotonic()) - freed_at) * 1000, 1),
    }


def fill_until_refused(ledger: Ledger) -> None:
    """Return when a hit was refused, or after a minute."""
    deadline = time.monotonic() + 60
    while ledger.statuses[503] == 0 and time.monotonic() < deadline:
        time.sleep(0.05)


def open_logins(server: Server, seconds: float) -> int:
    """Open the login page for so long; return how often it did not come."""
    failed, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, _ = server.get("/login/")
        failed += status != 200
        time.sleep(0.2)
    return failed


def run_part(part: str, options: argparse.Namespace) -> None:
    """Measure one part and print it."""
    figures = (
        measure_errors(range(1, options.calls + 1, options.step))
        if part == "errors"
        else measure_full(options.seconds)
    )
    conclude(f"disk {part}", figures, UNITS, at_most=AT_MOST, as_json=options.json)


def main() -> None:
    """Measure and print; the exit code is 1 when a hit was lost or an answer was wrong."""
    parser = make_parser(__doc__, "20 minutes")
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--calls", type=int, default=500, help="the last n of the n-th call")
    parser.add_argument("--step", type=int, default=1, help="between one n and the next")
    parser.add_argument("--seconds", type=float, default=15.0, help="for which the disk is full")
    options = parser.parse_args()
    if options.part:
        run_part(options.part, options)
        return
    # Each in a process of its own, as Django is set up once in one.
    codes = [
        subprocess.call([sys.executable, __file__, "--part", part, *sys.argv[1:]]) for part in PARTS
    ]
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
