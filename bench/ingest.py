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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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
EMPTY: Final = "/bench/empty"
#: Event and empty view take turns, so that a noisy moment of the machine meets both.
ROUNDS: Final = 3

UNITS: Final = {
    "hits_per_second": "stored hits a second",
    "empty_view_per_second": "answers a second",
    "ratio_to_empty_view": "of the empty view's rate",
    "p50_ms": "ms",
    "p99_ms": "ms",
    "acknowledged": "hits answered 202",
    "refused": "hits answered otherwise, or not at all",
    "stored": "events in the database",
}


def measure(*, seconds: float, connections: int, threads: int) -> dict[str, Figure]:
    """Return the figures of `seconds` of hits, and as many of the empty view."""
    with fresh_database(TRUSTED_PROXIES="127.0.0.1/32") as environment:
        from sites.services import add_site
        from visits.models import Event

        add_site(domain=DOMAIN)
        with serving(environment, threads=threads) as port:
            order = make_order(port, seconds=seconds / ROUNDS, connections=connections)
            warm_up(order, environment)
            warm = Event.objects.count()
            empty, hits = take_turns(order, environment)
        stored = Event.objects.count() - warm
    empty_rate = sum(o.acknowledged for o in empty) / sum(o.seconds for o in empty)
    acknowledged = sum(o.acknowledged for o in hits)
    rate = acknowledged / sum(o.seconds for o in hits)
    return {
        "hits_per_second": round(rate, 1),
        "empty_view_per_second": round(empty_rate, 1),
        "ratio_to_empty_view": round(rate / empty_rate, 3),
        # The middle of the rounds.
        "p50_ms": round(sorted(o.p50_ms for o in hits)[len(hits) // 2], 2),
        "p99_ms": round(sorted(o.p99_ms for o in hits)[len(hits) // 2], 2),
        "acknowledged": acknowledged,
        "refused": sum(o.sent - o.acknowledged for o in hits),
        "stored": stored,
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
        visitors=20_000,
        seed=1,
    )


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


def take_turns(order: Order, environment: Mapping[str, str]) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of the empty view and of the endpoint, a round each."""
    empty, hits = [], []
    for number in range(1, ROUNDS + 1):
        empty.append(run_load(_turn(order, EMPTY, number), environment))
        hits.append(run_load(_turn(order, EVENT, number), environment))
    return empty, hits


def _turn(order: Order, path: str, number: int, *, seconds: float | None = None) -> Order:
    return replace(order, path=path, seed=number, seconds=seconds or order.seconds)


@contextmanager
def serving(environment: Mapping[str, str], *, threads: int) -> Iterator[int]:
    """Run the server as `make run` does while the context lasts; give its port."""
    port = find_free_port()
    server = subprocess.Popen(
        build_command("127.0.0.1", port, workers=1, threads=threads),
        cwd=ROOT,
        env=dict(environment),
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
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(
        seconds=options.seconds, connections=options.connections, threads=options.threads
    )
    print_results("ingest", figures, UNITS, as_json=options.json)
    if figures["stored"] != figures["acknowledged"]:
        sys.exit(
            "Acknowledged hits are missing in the database, or it has hits nobody was told of."
        )


if __name__ == "__main__":
    main()
