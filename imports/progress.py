"""How far an import is, for whoever waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from imports.importer import Listener
from imports.lines import Line
from visits.progress import OFF_TERMINAL, ON_TERMINAL


class ImportProgress(Listener):
    """Writes share, lines, rate and time left to `stream`: one line of a terminal, or several."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.clock = clock
        self.on_terminal = stream.isatty()
        self.first_line = self.first_byte = self.size = 0
        self.started = self.reported = clock()

    def begin(self, line: int, byte: int, size: int) -> None:
        """Count from here."""
        self.first_line, self.first_byte, self.size = line, byte, size
        self.started = self.reported = self.clock()

    def read(self, line: Line) -> None:
        """Report when the last report is old enough."""
        if self.clock() - self.reported >= (ON_TERMINAL if self.on_terminal else OFF_TERMINAL):
            self.reported = self.clock()
            self._write(self.describe(line))

    def store(self, domain: str) -> None:
        """Say whose visits are made now."""
        self._write(f"All lines are read; storing the visits of {domain}.")
        if self.on_terminal:
            self.stream.write("\n")

    def describe(self, line: Line) -> str:
        """Return `45 %, 120,000 lines, 21,000 a second, 0:21 left`."""
        passed = max(self.clock() - self.started, 0.001)
        rate = (line.number - self.first_line) / passed
        left = (self.size - line.end) * passed / max(line.end - self.first_byte, 1)
        return (
            f"{line.end / max(self.size, 1):.0%}, {line.number:,} lines, {rate:,.0f} a second, "
            f"{int(left) // 60}:{int(left) % 60:02} left"
        )

    def _write(self, text: str) -> None:
        self.stream.write(f"\r\x1b[K{text}" if self.on_terminal else f"{text}\n")
        self.stream.flush()
