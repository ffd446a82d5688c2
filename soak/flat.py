"""Watches the server's memory under a steady load of hits and reports: it may not grow."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.results import Figure
from soak.support import verdict
from soak.support.clients import sending
from soak.support.command import conclude, make_parser
from soak.support.installation import installation
from soak.support.processes import sampling_rss
from soak.support.readers import reading

CONNECTIONS: Final = 8
#: Seconds between a client's hits, and between reports: a load well below what it can take.
PAUSE: Final = 0.05
REPORT_PAUSE: Final = 1.0

UNITS: Final = verdict.UNITS | {
    "seconds": "s",
    "reports": "report pages opened",
    "reports_failed": "report pages that did not come",
    "first_third_mb": "MB held by the server's processes, median",
    "last_third_mb": "MB",
    "growth_ratio": "last third to first third",
}
AT_MOST: Final = {**verdict.AT_MOST, "unanswered": 0, "reports_failed": 0, "growth_ratio": 1.1}


def measure(*, seconds: float) -> dict[str, Figure]:
    """Return what the memory did in that time; the first tenth, before it, is not counted."""
    with installation() as place, place.serving() as server:
        with (
            sending(server.clients(CONNECTIONS, pause=PAUSE), "flat") as ledger,
            reading(server, REPORT_PAUSE) as readings,
        ):
            time.sleep(seconds / 10)
            with sampling_rss(server.running.process.pid, seconds / 300) as samples:
                time.sleep(seconds)
        figures = verdict.judge(place.store, [ledger], "flat")
    third = max(1, len(samples) // 3)
    first, last = median(samples[:third]), median(samples[-third:])
    return figures | {
        "seconds": seconds,
        "reports": sum(readings.statuses.values()),
        "reports_failed": readings.failed,
        "first_third_mb": round(first, 1),
        "last_third_mb": round(last, 1),
        "growth_ratio": round(last / first, 3),
    }


def main() -> None:
    """Measure and print; the exit code is 1 when the memory grew by more than a tenth."""
    parser = make_parser(__doc__, "11 minutes")
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    conclude("flat", measure(seconds=options.seconds), UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
