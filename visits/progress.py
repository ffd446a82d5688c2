"""How far a long command has come: on one line of a terminal, or on a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TextIO

#: Seconds between two reports, on a terminal and off it.
ON_TERMINAL: Final = 0.2
OFF_TERMINAL: Final = 5.0


class Progress:
    """Counts what is done and reports count, rate and time left to `stream`."""

    def __init__(
        self,
        stream: TextIO,
        *,
        total: int,
        unit: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = stream
        self.total = total
        self.unit = unit
        self.clock = clock
        self.done = 0
        self.started = self.reported = clock()
        self.on_terminal = stream.isatty()

    def advance(self, count: int) -> None:
        """Count `count` more; report when the last report is old enough."""
        self.done += count
        every = ON_TERMINAL if self.on_terminal else OFF_TERMINAL
        if self.clock() - self.reported >= every:
            self._report()

    def finish(self) -> float:
        """Report the end, leave the line, and return the seconds since the beginning."""
        if self.on_terminal:
            self._report()
            self.stream.write("\n")
        return self.clock() - self.started

    def line(self) -> str:
        """Return `120,000 of 1,000,000 events, 41,000 a second, 0:21 left`."""
        rate = self.rate
        left = max(self.total - self.done, 0) / rate if rate else 0.0
        return (
            f"{self.done:,} of {self.total:,} {self.unit}, {rate:,.0f} a second, "
            f"{int(left) // 60}:{int(left) % 60:02} left"
        )

    @property
    def rate(self) -> float:
        """Units a second since the beginning; 0 before any time has passed."""
        passed = self.clock() - self.started
        return self.done / passed if passed > 0 else 0.0

    def _report(self) -> None:
        self.reported = self.clock()
        if self.on_terminal:
            self.stream.write(f"\r\x1b[K{self.line()}")
        else:
            self.stream.write(f"{self.line()}\n")
        self.stream.flush()
