"""What every warehouse does: answer questions about a site's events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Protocol

from reports.queries import ReportQuery


class Warehouse(Protocol):
    """A site's events that can be asked."""

    @property
    def kept_from(self) -> date | None:
        """The first day of which there are events; None: of every day. Before: daily figures."""
        ...

    def answer_ahead(self, *questions: ReportQuery) -> None:
        """Answer these questions together, before each is asked for: all of them that a page has.

        For once. No answer depends on it.
        """
        ...

    def expecting(self, *questions: ReportQuery) -> AbstractContextManager[None]:
        """Read once, in the context, what several of these questions need."""
        ...

    def stream(self, query: ReportQuery) -> Iterator[list[tuple[Any, ...]]]:
        """Return the rows that `answer` would, some at a time. Raises what that does."""
        ...

    def answer(self, query: ReportQuery) -> list[tuple[Any, ...]]:
        """Return the answer's rows: dimensions, then metrics, then how many rows there are in all.

        Raises EventsDroppedError for one that needs events which are not kept.
        """
        ...
