"""DuckDB in this process: one engine, whose memory and threads all reports share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Final

import duckdb
from django.conf import settings

from archive.columns import COLUMNS
from archive.folder import archive_folder, spill_folder
from archive.niceness import step_back

#: Rows that are not in the archive, of all sites that reports have asked about.
LIVE_TABLE: Final = "live_events"

_table_numbers: Final = count(1)

_engines: dict[Path, duckdb.DuckDBPyConnection] = {}
_opening: Final = threading.Lock()


def open_engine() -> duckdb.DuckDBPyConnection:
    """Return a new connection to this process's engine; whoever opens it closes it.

    It reads and writes files of the archive's folder alone, and knows no network.
    """
    folder = archive_folder()
    with _opening:
        if folder not in _engines:
            _engines[folder] = _start(folder)
        return _engines[folder].cursor()


def close_engines() -> None:
    """Free what the engines of this process hold."""
    with _opening:
        for engine in _engines.values():
            engine.close()
        _engines.clear()


def new_table() -> str:
    """Return a name that no other table of this process's engine has."""
    return f"table_{next(_table_numbers)}"


def table_definition() -> str:
    """Return the columns of a table of events, as SQL."""
    return ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


def _start(folder: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "memory_limit": f"{settings.REPORT_MEMORY_MB}MB",
        "threads": settings.REPORT_THREADS,
        "temp_directory": str(spill_folder()),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    # The engine's own threads have the niceness of the one that starts them.
    with ThreadPoolExecutor(1, initializer=step_back) as stepped_back:
        engine = stepped_back.submit(duckdb.connect, ":memory:", config=config).result()
    for setting in (
        "TimeZone = 'UTC'",
        # A file never changes: what was read of it once is right for good.
        "parquet_metadata_cache = true",
        "validate_external_file_cache = 'NO_VALIDATION'",
        f"allowed_directories = [{quote(folder)}]",
        "enable_external_access = false",  # from here on
    ):
        engine.execute(f"SET GLOBAL {setting}")
    engine.execute(f"CREATE TABLE {LIVE_TABLE} ({table_definition()})")
    return engine


def quote(text: object) -> str:
    """Return a text as SQL has it."""
    return "'" + str(text).replace("'", "''") + "'"
