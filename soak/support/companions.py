"""Processes that change the store beside a server: one loads past visits, one archives.

    python -m soak.support.companions load DOMAIN
    python -m soak.support.companions archive

Each goes on until SIGTERM, ends what it has begun, and then writes one JSON object: what it did.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from trackingsite.tests.live import PATIENCE, ROOT

if TYPE_CHECKING:
    from visits.bulk import PastVisit

#: Visits that are loaded at once, of the last so many days; and the rest after them in seconds.
VISITS: Final = 500
DAYS: Final = 90
PAUSE: Final = 0.2
PAGES: Final = 50
#: What the archiver takes for finished: visits that may go on, so that they grow after it.
FINISHED_AFTER: Final = timedelta(seconds=2)


@dataclass(slots=True)
class Companion:
    """A process beside the server, and what it wrote once it has ended."""

    did: dict[str, Any] = field(default_factory=dict)
    #: What it complained of, and how it ended when not by SIGTERM.
    complaints: list[str] = field(default_factory=list)


@contextmanager
def beside(environment: Mapping[str, str], *arguments: str) -> Iterator[Companion]:
    """Run a companion while the context lasts; it has ended, and told what it did, after it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "soak.support.companions", *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    companion = Companion()
    try:
        process.stdout.readline()  # it is ready
        yield companion
    finally:
        process.terminate()
        told, complaints = process.communicate(timeout=10 * PATIENCE)
        companion.complaints = complaints.splitlines()
        if process.returncode:
            companion.complaints.append(f"{arguments[0]} ended with {process.returncode}.")
        else:
            companion.did = json.loads(told)


def load(domain: str, until: threading.Event) -> dict[str, Any]:
    """Load visits of the last months until the event; return how many, and of how many events."""
    from sites.models import Site
    from visits.bulk import Amount, load_visits

    site, rng, loaded = Site.objects.get(domain=domain), Random(1), Amount()
    while not until.is_set():
        loaded += load_visits(site, [past_visit(rng) for _ in range(VISITS)])
        until.wait(PAUSE)
    return asdict(loaded)


def past_visit(rng: Random) -> PastVisit:
    """Return a visit of one to four pageviews."""
    from visits.bulk import PastEvent, PastVisit

    begin = datetime.now(UTC) - timedelta(seconds=rng.randrange(86_400, DAYS * 86_400))
    events = [
        PastEvent("pageview", begin + place * timedelta(minutes=9), f"/{rng.randrange(PAGES)}")
        for place in range(rng.randrange(1, 5))
    ]
    return PastVisit(rng.getrandbits(62), events, facts={"source": rng.choice(("Google", ""))})


def archive(until: threading.Event) -> dict[str, Any]:
    """Archive, merge, roll up and prune until the event; return how much that was."""
    from archive import archiver
    from archive.folder import ArchiveBusyError
    from archive.lists import ListChangedError
    from archive.upkeep import Done, keep_up

    setattr(archiver, "FINISHED_AFTER", FINISHED_AFTER)  # noqa: B010 -- a constant for mypy
    total = Done()
    while not until.is_set():
        try:
            done = keep_up(datetime.now(UTC), wait_seconds=10)
        except (ArchiveBusyError, ListChangedError):
            continue  # tried again, as the server does
        for name, number in asdict(done).items():
            setattr(total, name, getattr(total, name) + number)
        until.wait(PAUSE)
    return asdict(total)


def main() -> None:
    """Set Django up, and do what is asked for until SIGTERM."""
    import django

    django.setup()
    until = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: until.set())
    what, *names = sys.argv[1:]
    works: dict[str, Callable[..., dict[str, Any]]] = {"load": load, "archive": archive}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdout.write(json.dumps(works[what](*names, until)))


if __name__ == "__main__":
    main()
