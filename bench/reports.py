"""What a page's questions cost, at several sizes of a year, against the bare engine on one table.

The questions are those that the overview asks, of the last 30 days and of the last 12 months:
without a filter, with one, with three. A page opens the warehouse, as a report page does, and asks
them all.
The bare engine answers the same questions from one table of all sites' events, sorted by site and
time, in a database of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.questions import address, ask, overhear, sign_in, time_ms
from bench.support.results import print_results

if TYPE_CHECKING:
    import duckdb

    from reports.queries import ReportQuery
    from sites.models import Site

SIZES: Final = (1_000_000, 10_000_000, 100_000_000)
PERIODS: Final = ("30d", "12mo")
#: As an address has them; for each depth the first so many of them.
FILTERS: Final = ("is,source,Google", "is,device,mobile", "is,browser,Chrome")
DEPTHS: Final = {"unfiltered": 0, "one_filter": 1, "three_filters": 3}
MEASURED: Final = ("half.example.com", "tenth.example.com")

UNITS: Final = {
    "bytes_per_event": "bytes of the archive, daily figures included, for each event",
    "growth_unfiltered": "page at the largest size to page at the smallest, the worst of them",
    "worst_ratio_to_engine": "page with a filter to the bare engine, the worst of them",
}

Times = dict[str, float]


def measure_size(events: int, days: int, repeats: int, memory_mb: int) -> dict[str, Any]:
    """Return the figures of one size, in this process."""
    with fresh_database(REPORT_MEMORY_MB=str(memory_mb), REPORT_SECONDS="3600"):
        from bench.support.history import fill_archive

        now = datetime.now(UTC)
        started = time.perf_counter()
        sites = fill_archive(events, now, days, _tell)
        stored, size = _stored()
        filled = time.perf_counter() - started
        pages, engine = {}, {}
        bare = _open_bare()
        client = sign_in()
        for domain in MEASURED:
            for period in PERIODS:
                for depth, count in DEPTHS.items():
                    questions = overhear(client, address(domain, period, FILTERS[:count]))
                    name = f"{domain.partition('.')[0]}_{period}_{depth}"
                    pages[name] = time_ms(partial(ask, sites[domain], questions), repeats)
                    engine[name] = time_ms(partial(_ask_bare, bare, questions), repeats)
                    _tell(f"{name}: page {pages[name]:.0f} ms, engine {engine[name]:.0f} ms")
        bare.close()
        return {
            "events": stored,
            "fill_events_per_second": round(stored / filled),
            "bytes_per_event": round(size / stored, 2),
            "page_ms": pages,
            "engine_ms": engine,
            "next_report_has_the_hit": _is_fresh(sites[MEASURED[0]]),
        }


def _stored() -> tuple[int, int]:
    """Return how many events the archive has, and the bytes of all its files."""
    from django.db.models import Sum

    from archive.models import ArchiveFile

    events = ArchiveFile.objects.events().aggregate(n=Sum("rows"))["n"]
    return int(events), int(ArchiveFile.objects.aggregate(n=Sum("size_bytes"))["n"])


def _open_bare() -> duckdb.DuckDBPyConnection:
    """Return the bare engine with one table of all events, in a file beside the archive's."""
    import duckdb
    from django.conf import settings

    from archive.files import read_files
    from archive.models import ArchiveFile

    engine = duckdb.connect(
        str(settings.DATA_DIR / "bare.duckdb"),
        config={
            "threads": settings.REPORT_THREADS,
            "memory_limit": f"{settings.REPORT_MEMORY_MB}MB",
        },
    )
    engine.execute("SET TimeZone = 'UTC'")
    # The files are sorted already: in this order of theirs the table is sorted too.
    files = ArchiveFile.objects.events().order_by("site", "first_event_at")
    for place, file in enumerate(files):
        verb = "INSERT INTO events" if place else "CREATE TABLE events AS"
        engine.execute(f"{verb} SELECT * FROM {read_files([file])}")
    engine.execute("CHECKPOINT")
    return engine


def _ask_bare(engine: duckdb.DuckDBPyConnection, questions: tuple[ReportQuery, ...]) -> None:
    from reports.sql import write_statement

    for question in questions:
        statement = write_statement(question)
        engine.execute(statement.sql, statement.parameters).fetchall()


def _is_fresh(site: Site) -> bool:
    """Whether a hit is in the report that is opened after it was stored."""
    from reports.dates import preset_range
    from reports.metrics import PAGEVIEWS
    from reports.queries import ReportQuery, summarise
    from reports.warehouse.embedded import open_warehouse
    from visits.ingestion.hit import Hit, SentHit
    from visits.ingestion.pipeline import ingest

    now = datetime.now(UTC)
    question = ReportQuery(
        site=site, range=preset_range("30d", site.zone, now), metrics=(PAGEVIEWS,)
    )
    counts = []
    for _ in range(2):
        with open_warehouse(site) as warehouse:
            counts.append(summarise(warehouse, question)["pageviews"])
        url = f"https://{site.domain}/"
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        ingest(
            [
                Hit(
                    sent=SentHit(name="pageview", url=url, domains=(site.domain,)),
                    domain=site.domain,
                    received_at=now,
                    address="203.0.113.9",
                    user_agent=agent,
                )
            ]
        )
    return bool(counts[1] == counts[0] + 1)


def compare_sizes(results: list[dict[str, Any]]) -> dict[str, float]:
    """Return how pages grow from the smallest size to the largest, and the worst filtered ratio."""
    smallest, largest = results[0]["page_ms"], results[-1]["page_ms"]
    return {
        "growth_unfiltered": round(
            max(largest[name] / smallest[name] for name in largest if name.endswith("_unfiltered")),
            2,
        ),
        "worst_ratio_to_engine": round(
            max(
                result["page_ms"][name] / result["engine_ms"][name]
                for result in results
                for name in result["page_ms"]
                if not name.endswith("_unfiltered")
            ),
            2,
        ),
    }


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure each size in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="EVENTS")
    parser.add_argument("--days", type=int, default=365, help="over which the events are spread")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory-mb", type=int, default=1024, help="what the engine may use")
    parser.add_argument("--one", type=int, metavar="EVENTS", help="this size alone, as JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.one:
        print(
            json.dumps(measure_size(options.one, options.days, options.repeats, options.memory_mb))
        )
        return
    results = []
    for size in options.sizes:
        command = [sys.executable, __file__, "--one", str(size), "--days", str(options.days)]
        command += ["--repeats", str(options.repeats), "--memory-mb", str(options.memory_mb)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results.append(json.loads(done.stdout))
    figures: dict[str, Any] = {"sizes": results, **compare_sizes(results)}
    if not options.json:
        figures = {
            f"{key}_{result['events']}": value
            for result in results
            for key, value in _flat(result).items()
        } | compare_sizes(results)
    print_results("reports", figures, UNITS, as_json=options.json)


def _flat(result: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in result.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{name}": figure for name, figure in value.items()}
        elif key != "events":
            flat[key] = value
    return flat


if __name__ == "__main__":
    main()
