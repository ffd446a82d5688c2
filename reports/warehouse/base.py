"""What every warehouse does: answer a statement over one table, `events`.

It has the columns of archive.columns: an event, with what is known of its visit.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

from reports.queries import ReportQuery
from reports.sql import Statement


class Warehouse(Protocol):
    """A site's events that can be asked."""

    @property
    def kept_from(self) -> date | None:
        """The first day of which there are events; None: of every day. Before: daily figures."""
        ...

    def expect(self, *questions: ReportQuery) -> None:
        """Say what is going to be asked, so that questions can share their work.

        Each question stands for all that are about its days: it has their dimensions and metrics,
        and the filters that they share.
        """
        ...

    def write(self, query: ReportQuery) -> Statement:
        """Return the statement that answers `query` at the least cost.

        Raises EventsDroppedError for one that needs events which are not kept.
        """
        ...

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Return the statement's rows, in its order."""
        ...
