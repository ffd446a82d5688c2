"""A site's events as they are stored, each with what is known of its visit, as files.

The engine writes them, without Python: hits are taken meanwhile. docs/exports.md tells the columns.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Final

from archive.columns import COLUMNS
from archive.engine import quote
from archive.folder import spill_folder
from archive.live import SiteState, process_rows
from reports.conditions import Parameters, write_conditions
from reports.exceptions import EventsDroppedError
from reports.exports.formulas import write_disarmed
from reports.queries import ReportQuery
from reports.warehouse.bounds import Bounds

#: A column of the archive, by what it is called in a file, where its name tells too little.
_RENAMED: Final = {
    "event": "name",
    "scroll_depth_percent": "scroll_depth",
    "screen_width_px": "screen_width",
    "visit_started_at": "started_at",
    "visit_started_on": "started_on",
    "visit_duration_seconds": "duration_us",
}
_NAMES: Final = {column: name for name, column in _RENAMED.items()}

#: The archive's column by its name in a file. The site is the same for all.
EVENT_COLUMNS: Final = {
    _NAMES.get(column, column): column for column in COLUMNS if column != "site_id"
}

_SECONDS: Final = "CAST(duration_us / CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(18, 6))"
_PARQUET: Final = "FORMAT parquet, COMPRESSION zstd"
_CSV: Final = "FORMAT csv, HEADER false"
_IN_TIME: Final = "events.happened_at, events.visit_id, events.name, events.page"


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """The events that a question is about: its days' that meet its filters."""

    state: SiteState
    query: ReportQuery
    bounds: Bounds

    def count_by_day(self) -> dict[date, int]:
        """Return how many there are on each day that has some. Raises ReportLimitError."""
        parameters: Parameters = {}
        rows = self._select("happened_on, count(*)", parameters)
        with self.bounds.stop(self.state.engine):
            counted = self.state.engine.execute(
                f"{rows} GROUP BY happened_on ORDER BY happened_on", parameters
            ).fetchall()
        return dict(counted)

    def write_csv(self) -> IO[bytes]:
        """Return a file without headings, in order of time. Raises ReportLimitError."""
        columns = [f"{_for_csv(column)} AS {name}" for name, column in EVENT_COLUMNS.items()]
        return self._write(columns, f" ORDER BY {_IN_TIME}", _CSV)

    def write_parquet(self) -> IO[bytes]:
        """Return a file, in no order. Raises ReportLimitError."""
        columns = [f"{_for_parquet(column)} AS {name}" for name, column in EVENT_COLUMNS.items()]
        return self._write(columns, "", _PARQUET)

    def _write(self, columns: list[str], order: str, options: str) -> IO[bytes]:
        """Return the file; it has no name any more, and is gone when it is closed."""
        parameters: Parameters = {}
        rows = self._select(", ".join(columns), parameters)
        path = _new_draft()
        try:
            with self.bounds.stop(self.state.engine):
                self.state.engine.execute(
                    f"COPY ({rows}{order}) TO {quote(path)} ({options})", parameters
                )
            return path.open("rb")
        finally:
            path.unlink(missing_ok=True)

    def _select(self, columns: str, parameters: Parameters) -> str:
        days, kept_from = self.query.range, self.state.kept_from
        if kept_from is not None and days.first_day < kept_from:
            raise EventsDroppedError(kept_from)
        events = self.state.events(days.first_day, days.end_day)
        conditions = write_conditions(self.query, parameters)
        return f"SELECT {columns} FROM {events} AS events WHERE {conditions}"  # noqa: S608 -- our names


@contextmanager
def open_events(query: ReportQuery, seconds: float) -> Iterator[StoredEvents]:
    """Give the events as they stand now; what is done with them may take so many seconds."""
    with process_rows().state(query.site.pk) as state:
        yield StoredEvents(state, query, Bounds(seconds))


def _new_draft() -> Path:
    """Return where the engine may write; what a killed process leaves there is cleaned up."""
    folder = spill_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"export_temp_{os.getpid()}_{secrets.token_hex(6)}"


def _for_parquet(column: str) -> str:
    if column == "duration_us":
        return _SECONDS
    return f"CAST({column} AS TIMESTAMPTZ)" if COLUMNS[column] == "TIMESTAMP" else column


def _for_csv(column: str) -> str:
    match COLUMNS[column]:
        case "VARCHAR":
            return write_disarmed(column)
        case "TIMESTAMP":
            return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        case "MAP(VARCHAR, VARCHAR)":
            return f"CAST(to_json({column}) AS VARCHAR)"
        case _:
            return _for_parquet(column)
