"""What every warehouse does: answer a statement over one table, `events`.

It has the columns of archive.columns: an event, with what is known of its visit.
"""

from __future__ import annotations

from typing import Any, Protocol

from reports.queries import ReportQuery
from reports.sql import Statement


class Warehouse(Protocol):
    """A site's events that can be asked."""

    def write(self, query: ReportQuery) -> Statement:
        """Return the statement that answers `query` at the least cost."""
        ...

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Return the statement's rows, in its order."""
        ...
