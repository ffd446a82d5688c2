"""Everything at once: four web processes under load, visits loaded, the archive kept, reports read.

Nobody may complain, no report may fail, and in the end reports count what was sent, to the event.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.ingest import DOMAIN
from bench.support.results import Figure
from soak.crash import database
from soak.support import verdict
from soak.support.clients import sending
from soak.support.command import conclude, make_parser, say
from soak.support.companions import DAYS, beside
from soak.support.installation import Installation, Server, installation
from soak.support.readers import reading

WORKERS: Final = 4
CONNECTIONS: Final = 16
#: Seconds between a client's hits: all processes share the machine.
PAUSE: Final = 0.02
REPORT_PAUSE: Final = 0.5
REPORTS: Final = tuple(
    f"/reports/{DOMAIN}/{page}" for page in ("?period=day", "?period=91d", "pageviews/?period=28d")
)
#: In the server's line about hits that waited for other writers for as long as they may, by
#: themselves or in PostgreSQL.
BUSY: Final = ("StoreBusyError", "canceling statement due to lock timeout")

UNITS: Final = verdict.UNITS | {
    "seconds": "s",
    "loaded_visits": "past visits loaded meanwhile",
    "archived_visits": "visits archived meanwhile, again when they have grown",
    "rolled_up_days": "days rolled up",
    "pruned_visits": "visits whose rows were deleted",
    "reports": "report pages opened",
    "reports_failed": "report pages that did not come",
    "report_p50_ms": "ms",
    "complaints": "lines in the logs of all processes, but for those of the next",
    "busy": "of them groups refused with 503 because the machine had too much to do",
    "miscounted": "events that reports count more or less in the end",
    "wrong": "sentences of verify_archive",
}
AT_MOST: Final = {
    **verdict.AT_MOST,
    "unanswered": 0,
    "reports_failed": 0,
    "complaints": 0,
    "miscounted": 0,
    "wrong": 0,
}


def measure(*, kind: str, seconds: float) -> dict[str, Figure]:
    """Return what came of so much time."""
    with (
        database(kind) as variables,
        installation(
            WEB_WORKERS=str(WORKERS), KEEP_ROWS_DAYS="30", REPORT_MEMORY_MB="256", **variables
        ) as place,
    ):
        figures = run(place, seconds)
    return {"database": kind, "seconds": seconds, **figures}


def run(place: Installation, seconds: float) -> dict[str, Figure]:
    """Let all of it go on for the time, then look."""
    with place.serving(WORKERS) as server, ExitStack() as stack:
        archiver = stack.enter_context(beside(place.environment, "archive"))
        loader = stack.enter_context(beside(place.environment, "load", DOMAIN))
        readings = [
            stack.enter_context(reading(server, REPORT_PAUSE, path=path)) for path in REPORTS
        ]
        ledger = stack.enter_context(sending(server.clients(CONNECTIONS, PAUSE), "together"))
        time.sleep(seconds)
        stack.close()
        lines = [*read_log(server), *archiver.complaints, *loader.complaints]
    complaints = [line for line in lines if not any(words in line for words in BUSY)]
    for line in complaints[:20]:
        say(line)
    figures = verdict.judge(place.store, [ledger], "together")
    sent = place.store.count_rows(ledger.sent, "together").total()
    counted, wrong = look_at_archive()
    return figures | {
        "loaded_visits": loader.did.get("visits", 0),
        **{name: archiver.did.get(name, 0) for name in ("archived_visits", "rolled_up_days")},
        "pruned_visits": archiver.did.get("pruned_visits", 0),
        "reports": sum(one.statuses.total() for one in readings),
        "reports_failed": sum(one.failed for one in readings),
        "report_p50_ms": round(max(one.quantile_ms(0.5) for one in readings), 1),
        "complaints": len(complaints),
        "busy": len(lines) - len(complaints),
        "miscounted": abs(counted - sent - loader.did.get("events", 0)),
        "wrong": wrong,
    }


def read_log(server: Server) -> list[str]:
    """Return what the server has written; a good one writes nothing."""
    return [line for line in server.running.output.splitlines() if line.strip()]


def look_at_archive() -> tuple[int, int]:
    """Return the pageviews that a report counts of all days, and how much is wrong."""
    from archive.folder import change_archive
    from archive.verification import verify
    from reports.dates import DateRange
    from reports.metrics import PAGEVIEWS
    from reports.queries import ReportQuery, summarise
    from reports.warehouse.embedded import open_warehouse
    from sites.models import Site

    site = Site.objects.get(domain=DOMAIN)
    today = datetime.now(UTC).date()
    days = DateRange(
        first_day=today - timedelta(days=2 * DAYS),
        end_day=today + timedelta(days=2),
        zone=site.zone,
    )
    with open_warehouse(site) as warehouse:
        question = ReportQuery(site=site, range=days, metrics=(PAGEVIEWS,))
        counted = summarise(warehouse, question)["pageviews"]
    with change_archive(wait_seconds=60):
        sentences = verify(site).sentences()
    for sentence in sentences:
        say(sentence)
    return int(counted or 0), len(sentences)


def main() -> None:
    """Measure and print; the exit code is 1 when anything failed."""
    parser = make_parser(__doc__, "6 minutes")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args()
    figures = measure(kind=options.database, seconds=options.seconds)
    conclude("together", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
