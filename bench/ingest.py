"""How many hits a second the real server takes, against an empty view on the same server.

A hit is counted when it is acknowledged, and it is acknowledged when it is on disk; at the end the
events in the database are counted too. Server, sender and this program are three processes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.load import Order, Outcome, run_load
from bench.support.results import Figure, print_results
from trackingsite.server import build_command
from trackingsite.tests.live import ROOT, find_free_port
from visits.demo.browsers import BROWSERS

DOMAIN: Final = "bench.example"
EVENT: Final = "/api/event"
EVENTS: Final = "/api/events"
EMPTY: Final = "/bench/empty"
#: What is compared takes turns, so that a noisy moment of the machine meets all of it.
ROUNDS: Final = 3

#: Hits of one request to the endpoint of batches.
BATCH: Final = 1_000

UNITS: Final = {
    "hits_per_second": "stored hits a second",
    "empty_view_per_second": "answers a second of an empty DRF view, by a thread as any page",
    "ratio_to_empty_view": "of the empty view's rate",
    "p50_ms": "ms",
    "p99_ms": "ms, with all connections busy",
    "p99_ms_at_half_load": "ms, at half the hits a second",
    "p99_ratio_at_half_load": "times the empty view's at the same rate",
    "batch_hits_per_second": f"stored hits a second, {BATCH:,} in a request",
    "ratio_to_single_hits": "of the rate of single hits",
    "ratio_to_empty_store": "of the rate, in empty views, before those events were stored",
    "acknowledged": "hits answered 202",
    "refused": "hits answered otherwise, or not at all",
    "stored": "events in the database",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What some rounds found."""

    empty: list[Outcome] = field(default_factory=list)
    hits: list[Outcome] = field(default_factory=list)
    #: Of requests of BATCH hits each.
    batches: list[Outcome] = field(default_factory=list)

    @property
    def empty_per_second(self) -> float:
        """Answers of the empty view a second."""
        return sum(o.acknowledged for o in self.empty) / sum(o.seconds for o in self.empty)

    @property
    def hits_per_second(self) -> float:
        """Acknowledged hits a second."""
        return sum(o.acknowledged for o in self.hits) / sum(o.seconds for o in self.hits)

    @property
    def ratio(self) -> float:
        """Hits for each answer of the empty view."""
        return self.hits_per_second / self.empty_per_second

    @property
    def batch_hits_per_second(self) -> float:
        """Acknowledged hits a second, sent in batches."""
        return (
            sum(o.acknowledged for o in self.batches) * BATCH / sum(o.seconds for o in self.batches)
        )


def measure(
    *, seconds: float, connections: int, threads: int, stored: int = 0
) -> dict[str, Figure]:
    """Return the figures of `seconds` of hits, and as many of the empty view, and of batches.

    With `stored`, the same once more when so many events are in the database, and in the archive
    too: the rows of none of them are pruned, so that the tables are as large as they can be.
    """
    with fresh_database(TRUSTED_PROXIES="127.0.0.1/32", KEEP_ROWS_DAYS="0") as environment:
        from sites.keys import make_key
        from sites.services import add_site
        from visits.models import Event

        site = add_site(domain=DOMAIN)
        _, key = make_key(name="bench", sites=[site], can_send=True)
        with serving(environment, threads=threads) as port:
            order = make_order(port, seconds=seconds / ROUNDS, connections=connections)
            warm_up(order, environment)
            warm = Event.objects.for_site(site).count()
            rates = take_turns(order, environment, key=key)
            half = take_turns(_at_half_load(order, rates), environment, rounds=1)
            later = None
            if stored:
                fill(environment, stored)
                later = take_turns(order, environment)
            count = Event.objects.for_site(site).count() - warm
    single = [*rates.hits, *half.hits, *(later.hits if later else ())]
    figures: dict[str, Figure] = {
        "hits_per_second": round(rates.hits_per_second, 1),
        "empty_view_per_second": round(rates.empty_per_second, 1),
        "ratio_to_empty_view": round(rates.ratio, 3),
        "p50_ms": _middle(o.p50_ms for o in rates.hits),
        "p99_ms": _middle(o.p99_ms for o in rates.hits),
        "p99_ms_at_half_load": round(half.hits[0].p99_ms, 2),
        "p99_ratio_at_half_load": round(half.hits[0].p99_ms / half.empty[0].p99_ms, 2),
        "batch_hits_per_second": round(rates.batch_hits_per_second, 1),
        "ratio_to_single_hits": round(rates.batch_hits_per_second / rates.hits_per_second, 2),
    }
    if later:
        figures["ratio_to_empty_store"] = round(later.ratio / rates.ratio, 3)
    return figures | {
        "acknowledged": sum(o.acknowledged for o in single)
        + sum(o.acknowledged for o in rates.batches) * BATCH,
        "refused": sum(o.sent - o.acknowledged for o in [*single, *rates.batches]),
        "stored": count,
        "connections": connections,
        "server_threads": threads,
    }


def make_order(port: int, *, seconds: float, connections: int) -> Order:
    """Return the order for one turn of the endpoint."""
    return Order(
        port=port,
        path=EVENT,
        domain=DOMAIN,
        seconds=seconds,
        connections=connections,
        user_agents=list(islice(user_agents(), 500)),
        pages=200,
        visitors=2_000,
        seed=1,
    )


def fill(environment: Mapping[str, str], events: int) -> None:
    """Store a year of another site's traffic, by processes of their own, until all is archived.

    What comes in a year is archived day by day; here the server would be at it for some minutes.
    """
    for command in (["seed_demo", "--events", str(events)], ["archive", "--wait", "3600"]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=dict(environment),
            stdout=sys.stderr,
            check=True,
        )


def _at_half_load(order: Order, rates: Rates) -> Order:
    return replace(order, rate=rates.hits_per_second / 2)


def _in_batches(order: Order, key: str) -> Order:
    return replace(order, path=EVENTS, connections=2, batch=BATCH, key=key)


def _middle(values: Iterable[float]) -> float:
    ranked = sorted(values)
    return round(ranked[len(ranked) // 2], 2)


def user_agents() -> Iterator[str]:
    """Return user agents in the forms of real browsers, each once, newer versions first."""
    seen: set[str] = set()
    today = datetime.now(UTC).date()
    for behind in count():
        fresh = {browser.user_agent(today, behind) for browser in BROWSERS} - seen
        seen |= fresh
        yield from sorted(fresh)


def warm_up(order: Order, environment: Mapping[str, str]) -> None:
    """Let the server import, open its connections and fill its caches."""
    for path in (EMPTY, EVENT):
        run_load(_turn(order, path, 0, seconds=min(order.seconds, 1.0)), environment)


def take_turns(
    order: Order, environment: Mapping[str, str], *, rounds: int = ROUNDS, key: str = ""
) -> Rates:
    """Return the outcomes of the empty view, of hits and, with a key, of batches, in turns."""
    rates = Rates()
    for number in range(1, rounds + 1):
        rates.empty.append(run_load(_turn(order, EMPTY, number), environment))
        rates.hits.append(run_load(_turn(order, EVENT, number), environment))
        if key:
            batches = replace(_in_batches(order, key), seed=number)
            rates.batches.append(run_load(batches, environment))
    return rates


def _turn(order: Order, path: str, number: int, *, seconds: float | None = None) -> Order:
    return replace(order, path=path, seed=number, seconds=seconds or order.seconds)


@contextmanager
def serving(environment: Mapping[str, str], *, threads: int) -> Iterator[int]:
    """Run the server as `make run` does while the context lasts; give its port."""
    port = find_free_port()
    server = subprocess.Popen(
        build_command("127.0.0.1", port, workers=1),
        cwd=ROOT,
        env=dict(environment) | {"WEB_THREADS": str(threads)},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    try:
        wait_for_answer(f"http://127.0.0.1:{port}{EMPTY}", server)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for_answer(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return when the address answers anything. Raises RuntimeError when the server ends."""
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"The server does not answer at {url}; its exit code is {server.poll()}.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="of hits, and of the empty view"
    )
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--threads", type=int, default=16, help="of the server")
    parser.add_argument(
        "--stored", type=int, default=0, help="measure again with so many events stored"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(
        seconds=options.seconds,
        connections=options.connections,
        threads=options.threads,
        stored=options.stored,
    )
    print_results("ingest", figures, UNITS, as_json=options.json)
    acknowledged, refused, stored = (
        int(figures[name]) for name in ("acknowledged", "refused", "stored")
    )
    # A hit that was refused because it waited for too long may have been stored after that.
    if not acknowledged <= stored <= acknowledged + refused * BATCH:
        sys.exit("Acknowledged hits are missing in the database, or it has hits that nobody sent.")


if __name__ == "__main__":
    main()
