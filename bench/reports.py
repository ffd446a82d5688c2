"""How long the overview takes, against its bare questions on rows already in the engine."""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.results import Figure, print_results

if TYPE_CHECKING:
    from django.test import Client

PERIODS: Final = {"28d": "28_days", "12mo": "12_months"}

UNITS: Final = {
    "events": "events stored, over a year",
    "page_28_days_ms": "ms for the page of 28 days, loading its rows included",
    "page_12_months_ms": "ms for the page of 12 months",
    "queries_28_days_ms": "ms for the same questions, rows loaded before",
    "queries_12_months_ms": "ms for the same questions, rows loaded before",
    "ratio_28_days": "page to bare questions",
    "ratio_12_months": "page to bare questions",
}


def measure(events: int, repeats: int) -> dict[str, Figure]:
    """Return the figures of a demo site of `events` events; medians of `repeats` runs."""
    with fresh_database():
        from django.contrib.auth.models import User
        from django.core.management import call_command
        from django.test import Client

        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("seed_demo", events=events, stdout=io.StringIO(), stderr=io.StringIO())
        client = Client()
        client.force_login(User.objects.create_user("bench", is_staff=True))
        figures: dict[str, Figure] = {"events": events}
        for period, name in PERIODS.items():
            url = f"/reports/demo.example.com/?period={period}"
            page = time_ms(partial(open_page, client, url), repeats)
            queries = measure_queries(period, repeats)
            figures |= {
                f"page_{name}_ms": round(page, 1),
                f"queries_{name}_ms": round(queries, 1),
                f"ratio_{name}": round(page / queries, 2),
            }
    return figures


def measure_queries(period: str, repeats: int) -> float:
    """Return the milliseconds of the overview's questions on a warehouse that is open."""
    from django.utils import timezone

    from reports.dates import preset_range
    from reports.dimensions import DIMENSIONS
    from reports.metrics import PAGEVIEWS, VISITORS
    from reports.queries import ReportQuery, break_down, chart, compare
    from reports.views.overview import HEADLINE
    from reports.warehouse.embedded import open_warehouse
    from sites.models import Site

    site = Site.objects.get(domain="demo.example.com")
    days = preset_range(period, site.zone, timezone.now())
    names = (
        "source", "page", "country", "entry_page", "browser", "operating_system", "device", "event",
    )  # fmt: skip

    with open_warehouse(site, days, days.previous(timezone.now())) as warehouse:

        def ask() -> None:
            question = ReportQuery(site=site, range=days, metrics=HEADLINE)
            compare(warehouse, question, days.previous(timezone.now()))
            chart(warehouse, question, days.intervals()[0])
            for name in names:
                break_down(
                    warehouse,
                    ReportQuery(
                        site=site,
                        range=days,
                        metrics=(VISITORS, PAGEVIEWS),
                        dimensions=(DIMENSIONS[name],),
                        limit=9,
                    ),
                )

        return time_ms(ask, repeats)


def time_ms(run: Callable[[], object], repeats: int) -> float:
    """Return the median milliseconds of some runs, after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


def open_page(client: Client, url: str) -> None:
    """Get the page; raises SystemExit where it is no page."""
    response = client.get(url, headers={"Host": "localhost"})
    if response.status_code != 200:
        raise SystemExit(f"{url} answers {response.status_code}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(options.events, options.repeats)
    print_results("reports", figures, UNITS, as_json=options.json)


if __name__ == "__main__":
    main()
