"""How a long command tells how far it has come."""

from __future__ import annotations

import io

from visits.progress import Progress


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is."""
        return True


def test_a_file_gets_a_line_every_few_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, total=1000, unit="events", clock=clock)
    for clock.seconds in (1, 2, 5, 6, 10):
        progress.advance(100)

    assert progress.finish() == 10
    assert stream.getvalue() == (
        "300 of 1,000 events, 60 a second, 0:11 left\n500 of 1,000 events, 50 a second, 0:10 left\n"
    )


def test_a_terminal_keeps_one_line() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress(stream, total=200, unit="events", clock=clock)
    for clock.seconds in (1, 2):
        progress.advance(100)
    progress.finish()

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("\r\x1b[K200 of 200 events, 100 a second, 0:00 left\n")


def test_nothing_done_in_no_time_has_no_rate() -> None:
    progress = Progress(io.StringIO(), total=10, unit="events", clock=Clock())

    assert progress.line() == "0 of 10 events, 0 a second, 0:00 left"
