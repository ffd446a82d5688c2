"""What a site's overview costs: its time against that of its questions alone, and its bytes.

The page is asked for as a reader's browser does, without a filter and with one, of 28 days and of
12 months. Its questions alone are those that it asks, answered by the same warehouse without a
page. Bytes are those that a server sends to a browser that reads gzip: the page and all that it
loads, and what a click on a filter sends.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.questions import address, ask, get, overhear, sign_in, time_ms
from bench.support.results import Figure, print_results
from trackingsite.tests.live import running_server

if TYPE_CHECKING:
    from sites.models import Site

DOMAIN: Final = "pages.example.com"
FILTER: Final = "is,source,Google"
ADDRESSES: Final = {
    f"{period}_{name}": address(DOMAIN, period, filters)
    for period in ("28d", "12mo")
    for name, filters in {"unfiltered": [], "filtered": [FILTER]}.items()
}
FIRST, CLICKED = ADDRESSES["28d_unfiltered"], ADDRESSES["28d_filtered"]

UNITS: Final = {
    "events": "events of the site's year",
    **{f"page_ms_{name}": "ms in the server" for name in ADDRESSES},
    **{f"queries_ms_{name}": "ms for its questions alone" for name in ADDRESSES},
    "ratio_to_queries": "page to its questions alone, the worst of them",
    "first_load_bytes": "bytes of the page and of all that it loads, compressed",
    "filter_click_bytes": "bytes of what a click on a filter sends, compressed",
}


def measure(events: int, repeats: int) -> dict[str, Figure]:
    """Return the figures of a site with so many events."""
    with fresh_database(REPORT_SECONDS="600", REPORT_MEMORY_MB="1024") as environment:
        from django.db import connections

        site, filled = fill(events)
        client = sign_in()
        pages, queries = {}, {}
        for name, address in ADDRESSES.items():
            pages[name] = time_ms(partial(get, client, address), repeats)
            questions = overhear(client, address)
            queries[name] = time_ms(partial(ask, site, questions), repeats)
        connections.close_all()
        with running_server(Path(environment["DATA_DIR"])) as server:
            fetch = partial(fetch_bytes, server.url, client.cookies.output(header="", sep=";"))
            page = fetch(FIRST)
            assets = {*Assets(gzip.decompress(page).decode()).found}
            first_load = len(page) + sum(len(fetch(asset)) for asset in assets)
            filter_click = len(fetch(CLICKED))
    return {
        "events": filled,
        **{f"page_ms_{name}": ms for name, ms in pages.items()},
        **{f"queries_ms_{name}": ms for name, ms in queries.items()},
        "ratio_to_queries": round(max(pages[name] / queries[name] for name in ADDRESSES), 2),
        "first_load_bytes": first_load,
        "filter_click_bytes": filter_click,
    }


def fill(events: int) -> tuple[Site, int]:
    """Archive a year of a site with about so many events; return both."""
    from django.db.models import Sum

    from archive.models import ArchiveFile
    from bench.support.history import fill_site
    from reports.rolling_up import roll_up
    from sites.services import add_site

    now = datetime.now(UTC)
    site = add_site(domain=DOMAIN)
    fill_site(site, events, now.date() + timedelta(days=1), first_id=1)
    roll_up(site, now)
    filled = ArchiveFile.objects.events().aggregate(n=Sum("rows"))["n"]
    return site, int(filled)


class Assets(HTMLParser):
    """The addresses of what a page loads: styles, scripts, pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element loads."""
        attributes = dict(attrs)
        loaded = attributes.get("href" if tag in {"link", "use"} else "src")
        if loaded and not loaded.startswith("data:"):
            self.found.append(loaded.partition("#")[0])


def fetch_bytes(url: str, cookies: str, address: str) -> bytes:
    """Return the answer's body as the server sends it to a browser that reads gzip."""
    headers = {"Accept-Encoding": "gzip", "Cookie": cookies}
    with urllib.request.urlopen(urllib.request.Request(url + address, headers=headers)) as answer:
        return bytes(answer.read())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(options.events, options.repeats)
    print_results("pages", figures, UNITS, as_json=options.json)


if __name__ == "__main__":
    main()
