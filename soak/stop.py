"""Asks the server to stop under load: whatever was sent is answered, and it ends in time."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.load import quantile
from bench.support.results import Figure
from soak.support import verdict
from soak.support.clients import Ledger, sending
from soak.support.command import conclude, make_parser, say
from soak.support.installation import Installation, installation

CONNECTIONS: Final = 32
#: Seconds that containers are given between SIGTERM and SIGKILL.
PATIENCE: Final = 10.0

UNITS: Final = verdict.UNITS | {
    "stops": "SIGTERMs under load",
    "bad_exits": "ends with another exit code than 0",
    "slow_stops": "ends after more than 10 seconds",
    "unanswered": "hits sent and not answered: resets, also after the SIGTERM",
    "unanswered_first": "of them the first on their connection",
    "stop_p50_ms": "ms from SIGTERM to the end",
    "stop_p99_ms": "ms",
}
AT_MOST: Final = {**verdict.AT_MOST, "bad_exits": 0, "slow_stops": 0, "unanswered": 0}


def measure(*, stops: int, seed: int) -> dict[str, Figure]:
    """Return what came of that many SIGTERMs."""
    rng = Random(seed)
    ledgers: list[Ledger] = []
    codes: list[int] = []
    times: list[float] = []
    with installation() as place:
        for number in range(stops):
            ledger, code, seconds = stop_under_load(
                place, f"stop-{number}", after=rng.uniform(0.3, 1.2)
            )
            ledgers.append(ledger)
            codes.append(code)
            times.append(seconds)
            if (number + 1) % 10 == 0:
                say(f"{number + 1} of {stops}: {sum(len(one.losses) for one in ledgers)} resets")
        figures = verdict.judge(place.store, ledgers, "stop")
    return figures | {
        "stops": stops,
        "bad_exits": sum(code != 0 for code in codes),
        "slow_stops": sum(seconds > PATIENCE for seconds in times),
        "unanswered_first": sum(loss.is_first for one in ledgers for loss in one.losses),
        "stop_p50_ms": round(quantile(times, 0.5) * 1000, 1),
        "stop_p99_ms": round(quantile(times, 0.99) * 1000, 1),
    }


def stop_under_load(place: Installation, prefix: str, after: float) -> tuple[Ledger, int, float]:
    """Stop a server so many seconds after the load began; return its exit code and how long."""
    with place.serving() as server, sending(server.clients(CONNECTIONS), prefix) as ledger:
        time.sleep(after)
        asked_at = time.monotonic()
        code = server.running.terminate()
        seconds = time.monotonic() - asked_at
    return ledger, code, seconds


def main() -> None:
    """Measure and print; the exit code is 1 when a stop was not graceful."""
    parser = make_parser(__doc__, "5 minutes")
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = measure(stops=options.stops, seed=options.seed)
    conclude("stop", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
