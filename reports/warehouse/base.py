"""What every warehouse does: answer a statement over one table, `events`.

It has the columns of archive.columns: an event, with what is known of its visit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Protocol

from reports.dates import DateRange
from reports.dimensions import Dimension
from reports.filters import Condition
from reports.queries import ReportQuery
from reports.sql import Statement


class Warehouse(Protocol):
    """A site's events that can be asked."""

    @property
    def kept_from(self) -> date | None:
        """The first day of which there are events; None: of every day. Before: daily figures."""
        ...

    def expect(
        self,
        ranges: Mapping[DateRange, Collection[Dimension]],
        filters: tuple[Condition, ...] = (),
    ) -> None:
        """Say what further questions are going to be about, so that they can share their work.

        `ranges` has the dimensions that each is going to be asked by, time aside.
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
