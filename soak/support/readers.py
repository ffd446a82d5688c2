"""Somebody who opens a report again and again while something else goes on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.support.load import quantile
from soak.support.installation import QUIET_REPORT, Server


@dataclass(slots=True)
class Readings:
    """How the pages came: statuses, 0 for no answer, and seconds of those that did."""

    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Pages that did not come."""
        return sum(self.statuses.values()) - self.statuses[200]

    def quantile_ms(self, share: float) -> float:
        """Return the time within which that share of the pages came; 0 when none came."""
        return quantile(self.times, share) * 1000


@contextmanager
def reading(server: Server, pause: float = 0.05, *, path: str = QUIET_REPORT) -> Iterator[Readings]:
    """Open the report while the context lasts, resting so many seconds after each."""
    readings, over = Readings(), threading.Event()

    def read() -> None:
        while not over.is_set():
            status, seconds = server.get_report(path)
            readings.statuses[status] += 1
            if status == 200:
                readings.times.append(seconds)
            over.wait(pause)

    thread = threading.Thread(target=read, name="reader")
    thread.start()
    try:
        yield readings
    finally:
        over.set()
        thread.join()
