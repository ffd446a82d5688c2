"""How fast a file of past hits becomes archived visits, against the bare engine doing the least.

The reference reads the same lines as JSON, sorts them by visitor and time and writes them as they
are: no field is checked, no source or device is known, no visit is made.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.results import Figure, print_results
from visits.demo.browsers import BROWSERS

UNITS: Final = {
    "lines_per_second": "lines a second, in the archive",
    "lines_per_cpu_second": "lines for each second of one core",
    "bare_lines_per_second": "lines a second that the bare engine reads, sorts and writes",
    "ratio_to_bare_engine": "of the bare engine's rate",
    "lines": "lines",
    "events": "events stored",
    "visits": "visits made",
    "memory_mb": "MB of memory at most",
    "seconds": "s",
}

PAGES: Final = 5_000
VISITORS: Final = 20_000
DAYS: Final = 365
LINES_OF_VISIT: Final = 5


def measure(lines: int) -> dict[str, Figure]:
    """Return the figures of an import of so many lines."""
    with fresh_database(REPORT_THREADS="1") as environment:
        from imports.importer import import_file
        from sites.services import add_site

        folder = Path(environment["DATA_DIR"])
        add_site(domain="example.com", timezone="Europe/Berlin")
        path = write_lines(folder / "hits.jsonl", lines)
        started, cpu = time.perf_counter(), time.process_time()
        imported = import_file(path).sites["example.com"]
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        bare = lines / measure_bare_engine(path)
    return {
        "lines_per_second": round(lines / seconds, 1),
        "lines_per_cpu_second": round(lines / cpu, 1),
        "bare_lines_per_second": round(bare, 1),
        "ratio_to_bare_engine": round(lines / seconds / bare, 3),
        "lines": lines,
        "events": imported.events,
        "visits": imported.visits,
        "memory_mb": round(memory_kb / 1024),
        "seconds": round(seconds, 2),
    }


def measure_bare_engine(path: Path) -> float:
    """Return the seconds that the engine alone takes, with one thread."""
    import duckdb

    started = time.perf_counter()
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute(
            f"COPY (SELECT * FROM read_json('{path}') ORDER BY visitor, \"at\")"
            f" TO '{path}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    return time.perf_counter() - started


def write_lines(path: Path, count: int) -> Path:
    """Write a year of visits, in order of their beginnings, as another system exports them."""
    import orjson

    with path.open("wb") as file:
        for line in islice(make_lines(count), count):
            file.write(orjson.dumps(line) + b"\n")
    return path


def make_lines(count: int) -> Iterator[dict[str, Any]]:
    """Yield lines: pages that link to few others, each with engagement after it."""
    random = Random(1)
    start = datetime.now(UTC) - timedelta(days=DAYS + 1)
    agents = [browser.user_agent(start.date(), behind) for browser in BROWSERS for behind in (0, 1)]
    visits = count // LINES_OF_VISIT + 1
    for number in range(visits):
        at = start + timedelta(days=DAYS) * (number / visits)
        page, referrer = random.randrange(PAGES), random.choice(("", "https://www.google.com/"))
        who = {
            "visitor": f"visitor-{random.randrange(VISITORS)}",
            "user_agent": random.choice(agents),
            "tz": random.choice(("Europe/Berlin", "America/New_York", "Asia/Kolkata")),
        }
        for step in range(LINES_OF_VISIT):
            url = f"https://example.com/articles/{page}"
            name = "engagement" if step % 2 else "pageview"
            line = {"n": name, "u": url, "d": "example.com", "at": at.isoformat(), **who}
            if step % 2:
                yield line | {"e": random.randrange(60_000), "sd": random.randrange(101)}
                page, referrer = (page * 7 + random.randrange(4)) % PAGES, url
            else:
                yield line | {"r": referrer, "t": f"Article {page}", "w": 1440, "l": "en-GB"}
            at += timedelta(seconds=random.randrange(1, 200))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    print_results("imports", measure(options.lines), UNITS, as_json=options.json)


if __name__ == "__main__":
    main()
