"""How fast a demo's year is made and stored, against bare inserts of rows of the same width."""

from __future__ import annotations

import argparse
import io
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any, Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.results import Figure, print_results

UNITS: Final = {
    "events_per_second": "events a second, visits, indexes, archive and daily figures included",
    "bare_rows_per_second": "rows a second into a table without indexes",
    "ratio_to_bare_inserts": "of the bare inserts' rate",
    "events": "events made",
    "visits": "visits made",
    "seconds": "s",
}


def measure(events: int) -> dict[str, Figure]:
    """Return the figures of a demo of `events` events."""
    with fresh_database() as environment:
        from django.core.management import call_command

        from visits.models import Event, Visit

        started = time.perf_counter()
        call_command("seed_demo", events=events, stdout=io.StringIO(), stderr=io.StringIO())
        seconds = time.perf_counter() - started
        made, visits = Event.objects.count(), Visit.objects.count()
        bare = measure_bare_inserts(Path(environment["DATA_DIR"]), made)
    return {
        "events_per_second": round(made / seconds, 1),
        "bare_rows_per_second": round(bare, 1),
        "ratio_to_bare_inserts": round(made / seconds / bare, 5),
        "events": made,
        "visits": visits,
        "seconds": round(seconds, 2),
    }


def measure_bare_inserts(folder: Path, count: int) -> float:
    """Return rows a second of one executemany of the events' own rows, made beforehand."""
    source = sqlite3.connect(folder / "db.sqlite3")
    rows: list[tuple[Any, ...]] = source.execute("SELECT * FROM visits_event").fetchall()
    columns = ", ".join(f"c{number}" for number in range(len(rows[0])))
    source.close()
    target = sqlite3.connect(folder / "bare.sqlite3")
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=FULL")
    target.execute(f"CREATE TABLE bare ({columns})")
    started = time.perf_counter()
    with target:
        places = ", ".join("?" * len(rows[0]))
        target.executemany(f"INSERT INTO bare VALUES ({places})", rows)
    seconds = time.perf_counter() - started
    target.close()
    return count / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    print_results("demo", measure(options.events), UNITS, as_json=options.json)


if __name__ == "__main__":
    main()
