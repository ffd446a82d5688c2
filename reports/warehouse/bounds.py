"""How much time all that a page asks may take, and what is said when it takes too much."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import duckdb
from django.conf import settings

from reports.exceptions import ReportTooLargeError, ReportTooSlowError


class Bounds:
    """So many seconds from now on, REPORT_SECONDS by default, for many questions no more."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds: float = settings.REPORT_SECONDS if seconds is None else seconds
        self._ends_at = monotonic() + self._seconds

    def check(self) -> None:
        """Raise ReportTooSlowError when the time is over."""
        if monotonic() >= self._ends_at:
            raise ReportTooSlowError(self._seconds)

    @contextmanager
    def stop(self, *engines: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Stop what the engines run in the context when the time is over.

        Raises ReportTooSlowError then, at once when it is over already, and ReportTooLargeError for
        what needs more than REPORT_MEMORY_MB.
        """
        self.check()

        def interrupt() -> None:
            for engine in engines:
                engine.interrupt()

        timer = threading.Timer(self._ends_at - monotonic(), interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            raise ReportTooSlowError(self._seconds) from None
        except duckdb.OutOfMemoryException:
            raise ReportTooLargeError(settings.REPORT_MEMORY_MB) from None
        finally:
            timer.cancel()
