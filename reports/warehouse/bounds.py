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
    """REPORT_SECONDS from now on, for a page with many questions no more."""

    def __init__(self) -> None:
        self._ends_at = monotonic() + settings.REPORT_SECONDS

    def check(self) -> None:
        """Raise ReportTooSlowError when the time is over."""
        if monotonic() >= self._ends_at:
            raise ReportTooSlowError(settings.REPORT_SECONDS)

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
            raise ReportTooSlowError(settings.REPORT_SECONDS) from None
        except duckdb.OutOfMemoryException:
            raise ReportTooLargeError(settings.REPORT_MEMORY_MB) from None
        finally:
            timer.cancel()
