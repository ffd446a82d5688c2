"""Sends what no browser sends to the real server, then opens every page that shows what it took."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import quote

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.load import Connection, quantile
from bench.support.results import Figure
from soak.crash import database
from soak.support.command import conclude, make_parser, say
from soak.support.installation import Installation, Server, installation
from soak.support.payloads import TEXTS, URLS, Mutator, Payload, Target, list_known
from soak.support.processes import sampling_rss
from soak.support.store import Store

#: One that forgets addresses, and one far from UTC that keeps them.
DOMAINS: Final = ("fuzz.example", "kept.example")
CONNECTIONS: Final = 4
#: Seconds until an answer that does not come is none.
PATIENCE: Final = 30.0
#: Failures that are shown with their request.
SHOWN: Final = 20
#: 204 answers OPTIONS, 405 other methods, 414 and 431 are HTTP's own for heads that are too long.
FORESEEN: Final = frozenset({200, 202, 204, 400, 405, 413, 414, 431})

UNITS: Final = {
    "payloads": "requests",
    "accepted": "answers 200 and 202",
    "refused": "answers 400 and 413",
    "unforeseen": "answers of any other status",
    "unanswered": "requests without an answer that should have had one",
    "payloads_per_second": "requests a second",
    "p50_ms": "ms, all requests",
    "p99_ms": "ms",
    "slowest_ms": "ms",
    "slowest_single_ms": "ms, requests of one hit",
    "over_50_ms": "requests of one hit that took longer",
    "rss_growth_mb": "MB, from the second tenth of the run to the last",
    "events": "events stored",
    "unclean": "texts stored that are not clean",
    "pages": "pages opened after it, with good and with bad addresses",
    "pages_failed": "good ones not answered 200, bad ones not 200, 302, 400 or 404",
    "log_lines": "lines that the server wrote",
}
AT_MOST: Final = dict.fromkeys(
    ("unforeseen", "unanswered", "unclean", "pages_failed", "log_lines"), 0
)


@dataclass(slots=True)
class Tally:
    """What became of the requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    single_seconds: list[float] = field(default_factory=list)
    unanswered: int = 0
    shown: int = 0

    def take(self, payload: Payload, status: int, seconds: float) -> None:
        """Count an answer; status 0 is none."""
        if status == 0:
            self.unanswered += 1
        else:
            self.statuses[status] += 1
            self.seconds.append(seconds)
            if payload.kind not in {"batch", "lengths"}:
                self.single_seconds.append(seconds)
        if status not in FORESEEN and self.shown < SHOWN:
            self.shown += 1
            said = f"{payload.request[:400]!r}, {len(payload.request)} bytes"
            say(f"{payload.number} ({payload.kind}): {status} to {said}")

    @property
    def unforeseen(self) -> int:
        """Answers that the contract does not have."""
        return sum(n for status, n in self.statuses.items() if status not in FORESEEN)


class Sender:
    """Keeps some connections busy with payloads."""

    def __init__(self, port: int, payloads: Iterator[Payload]) -> None:
        self.port = port
        self.payloads = payloads
        self.tally = Tally()
        self.is_done = False
        self.last: list[Payload] = []

    def next_payload(self) -> Payload | None:
        """Return the next that leaves its connection whole, None when all are sent."""
        for payload in self.payloads:
            if not payload.ends_connection:
                return payload
            self.last.append(payload)
        self.is_done = True
        return None

    async def run(self) -> None:
        """Send all of them, those that end their connection after the others."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._keep_connected())
        for payload in self.last:
            await self._send_alone(payload)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.is_done:
            _, connection = await loop.create_connection(
                lambda: Connection(_Book(self)), "127.0.0.1", self.port
            )
            await connection.closed

    async def _send_alone(self, payload: Payload) -> None:
        """Send a request whose length is wrong, end; whatever answers come are to be foreseen."""
        started = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = b""
        with suppress(OSError, TimeoutError):
            writer.write(payload.request)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        for part in answer.split(b"HTTP/1.1 ")[1:]:
            self.tally.take(payload, int(part[:3]), time.perf_counter() - started)


class _Book:
    """One connection's part of the tally."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.payload: Payload | None = None

    def next_request(self) -> bytes | None:
        """Return the next request."""
        self.payload = self.sender.next_payload()
        return None if self.payload is None else self.payload.request

    def take_answer(self, head: bytes, seconds: float) -> None:
        """Count the answer."""
        if self.payload is not None:
            self.sender.tally.take(self.payload, int(head.split(b" ", 2)[1]), seconds)

    def take_loss(self) -> None:
        """Count the request as one without an answer."""
        if self.payload is not None:
            self.sender.tally.take(self.payload, 0, 0.0)

    def pause(self) -> float:
        """Return 0: the connections are kept busy."""
        return 0.0


def prepare() -> str:
    """Add the sites; return an API key that may send for them."""
    from django.db import connections

    from sites.keys import make_key
    from sites.models import Site
    from sites.services import add_site

    add_site(domain=DOMAINS[0])
    kept = add_site(domain=DOMAINS[1])
    kept.timezone, kept.address_kept = "Asia/Kathmandu", Site.AddressKept.WHOLE
    kept.save()
    _, key = make_key(name="fuzz", all_sites=True, can_send=True)
    connections.close_all()
    return key


def list_pages(store: Store) -> Iterator[str]:
    """Yield the address of every page that shows something of what was sent."""
    from reports.tests.pages import BREAKDOWNS, KINDS

    yield "/reports/"
    for domain in DOMAINS:
        of_site = [*KINDS.values(), *BREAKDOWNS]
        for address in of_site:
            if "{visit}" not in address:
                address = address.replace("example.com", domain)
                yield from (f"{address}{query}" for query in ("", "?period=all", "?page=2"))
        for period in ("day", "7d", "30d", "month", "12mo", "all"):
            for interval in ("hour", "day", "week", "month"):
                yield f"/reports/{domain}/?period={period}&interval={interval}"
        [(site,)] = store.ask(f"SELECT id FROM sites_site WHERE domain = '{domain}'")
        yield f"/admin/sites/site/{site}/change/"
        yield f"/admin/visits/visit/?site__id__exact={site}"
        yield f"/admin/visits/event/?site__id__exact={site}"
        for number in range(1, 6):
            yield f"/reports/{domain}/visits/?page={number}"
        for visit in spread(store, "visits_visit", f"site_id = {site}", 60):
            yield f"/reports/{domain}/visits/{visit}/"
            yield f"/admin/visits/visit/{visit}/change/"
            yield f"/admin/visits/event/?visit__id__exact={visit}"
        for event in spread(store, "visits_event", f"site_id = {site}", 60):
            yield f"/admin/visits/event/{event}/change/"
    yield from ("/admin/", "/admin/sites/site/", "/admin/visits/visit/", "/admin/visits/event/")


def spread(store: Store, table: str, condition: str, most: int) -> list[int]:
    """Return the ids of so many of the rows, from the first to the last."""
    rows = store.ask(f"SELECT id FROM {table} WHERE {condition} ORDER BY id")
    step = max(1, len(rows) // most)
    return [pk for (pk,) in rows[::step]]


def list_bad_addresses() -> Iterator[str]:
    """Yield addresses of pages with what they should not hold, in every part of them."""
    parameters = ("period", "from", "to", "interval", "metric", "page", "f", "x")
    domains = cycle(DOMAINS)
    for text in (*TEXTS, "9" * 5000, "[" * 2000):
        value = quote(text)
        for name in parameters:
            other = "&to=2026-03-31" if name == "from" else ""
            yield f"/reports/{next(domains)}/?{name}={value}{other}"
        yield f"/reports/{next(domains)}/visits/?page={value}"
        yield f"/reports/{next(domains)}/visitors/source/?from={value}&to={value}"
        yield f"/reports/{next(domains)}/visits/{value[:300]}/"
        yield f"/reports/{next(domains)}/{value[:300]}/{value[:300]}/"
        yield f"/reports/{value[:300]}/"
        for row in ("visit", "event"):
            yield f"/admin/visits/{row}/?q={value}"
            yield f"/admin/visits/{row}/?site__id__exact={value}&p={value}"
            yield f"/admin/visits/{row}/{value[:300]}/change/"
        yield f"/admin/sites/site/?q={value}"
        yield f"/js/script.js?{value}"
    for url in URLS:
        yield f"/login/?next={quote(url)}"


def open_pages(server: Server, store: Store, most: int) -> tuple[int, int]:
    """Open them, or so many of them; return how many were opened, and how many failed."""
    pages = failed = 0
    good, bad = (200,), (200, 302, 400, 404)
    addresses = [(a, good) for a in list_pages(store)] + [(a, bad) for a in list_bad_addresses()]
    for address, expected in addresses[:: -(-len(addresses) // most)]:
        status, _ = server.get(address, cookie=server.cookie)
        pages += 1
        if status not in expected:
            failed += 1
            if failed <= SHOWN:
                say(f"{address[:500]} answers {status}")
    return pages, failed


def count_unclean(store: Store) -> int:
    """Return how many texts of the store are not what cleaning makes of them."""
    from visits.ingestion.text import clean_text
    from visits.models import VISIT_FACTS

    facts = [name for name in VISIT_FACTS if name != "screen_width"]
    columns = {
        "visits_visit": ["hostname", "entry_page", "exit_page", *facts],
        "visits_event": ["name", "hostname", "page", "title", "event_id", "revenue_currency"],
    }
    unclean = 0
    for table, names in columns.items():
        for row in store.ask(f"SELECT {', '.join(names)} FROM {table}"):
            for name, text in zip(names, row, strict=True):
                if clean_text(text) != text:
                    unclean += 1
                    if unclean <= SHOWN:
                        say(f"{table}.{name} holds {text!r}")
    return unclean


def run(place: Installation, *, payloads: int, pages: int, seed: int) -> dict[str, Figure]:
    """Return what came of it on this installation."""
    key = prepare()
    with place.serving() as server:
        target = Target(port=server.port, domains=DOMAINS, key=key)
        made = map(Mutator(target, seed).make, range(payloads))
        sender = Sender(server.port, chain(list_known(target), made))
        started = time.perf_counter()
        with sampling_rss(server.running.process.pid, 0.1) as samples:
            asyncio.run(sender.run())
        seconds = time.perf_counter() - started
        opened, failed = open_pages(server, place.store, pages)
        log = server.running.output
    for line in islice(log.splitlines(), SHOWN):
        say(f"The server wrote: {line}")
    tally, tenth = sender.tally, max(1, len(samples) // 10)
    statuses = tally.statuses
    [(events,)] = place.store.ask("SELECT count(*) FROM visits_event")
    return {
        "payloads": payloads,
        "seed": seed,
        "accepted": statuses[200] + statuses[202],
        "refused": statuses[400] + statuses[413],
        "statuses": ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())),
        "unforeseen": tally.unforeseen,
        "unanswered": tally.unanswered,
        "payloads_per_second": round(payloads / seconds, 1),
        "p50_ms": round(quantile(tally.seconds, 0.5) * 1000, 2),
        "p99_ms": round(quantile(tally.seconds, 0.99) * 1000, 2),
        "slowest_ms": round(max(tally.seconds, default=0) * 1000, 1),
        "slowest_single_ms": round(max(tally.single_seconds, default=0) * 1000, 1),
        "over_50_ms": sum(one > 0.05 for one in tally.single_seconds),
        "rss_growth_mb": round(median(samples[-tenth:]) - median(samples[tenth : 2 * tenth]), 1),
        "events": int(events),
        "unclean": count_unclean(place.store),
        "pages": opened,
        "pages_failed": failed,
        "log_lines": len(log.splitlines()),
    }


def measure(*, kind: str, payloads: int, pages: int, seed: int) -> dict[str, Figure]:
    """Return what came of so many requests to a server on a database of this kind."""
    with database(kind) as variables, installation(**variables) as place:
        return {"database": kind, **run(place, payloads=payloads, pages=pages, seed=seed)}


def main() -> None:
    """Send, look, print; the exit code is 1 when something broke."""
    parser = make_parser(__doc__, "3 minutes")
    parser.add_argument("--payloads", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=10_000, help="pages opened after it, at most")
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="sqlite")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    figures = measure(
        kind=options.database, payloads=options.payloads, pages=options.pages, seed=options.seed
    )
    conclude("fuzz", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
