"""Files of the archive, from a draft to the one that counts, and away."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Any, Final

import duckdb

from archive.columns import COLUMNS, EVENT_COLUMNS
from archive.engine import quote
from archive.folder import GRACE_SECONDS, archive_folder, spill_folder, to_disk
from archive.models import ArchiveFile

#: Of a visit the rows lie together, in order; visits by their beginning. So time and facts both
#: come in runs, which compress well and let the engine leave out what a question does not touch.
#: The rest is there for events of one moment, so that the same events always make the same file.
SORTED_BY: Final = ", ".join(
    dict.fromkeys(("started_at", "visit_id", "happened_at", "name", "page", *EVENT_COLUMNS))
)

_OPTIONS: Final = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, PARQUET_VERSION v2"
#: Rows that are read or left out together. A question reads most columns of a few days' events, but
#: of daily figures one dimension of twenty.
_ROW_GROUPS: Final[dict[str, int]] = {ArchiveFile.Kind.ROLLUP: 20_480}
_ROW_GROUP: Final = 122_880
_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that is written and safe on the disk, but counts only once it is listed."""

    row: ArchiveFile

    def discard(self) -> None:
        """Delete it: it is not going to be listed."""
        self.row.path.unlink(missing_ok=True)


def write_events(
    engine: duckdb.DuckDBPyConnection, site_id: int, source: str, *, counted_in: str = ""
) -> Draft | None:
    """Return a draft with the events of a table, or of a query in brackets; None without any.

    `counted_in` has a row with the time and the day of each of them, where that is read sooner.
    """
    counted = engine.execute(
        "SELECT count(*), min(happened_on), max(happened_on), min(happened_at), max(happened_at)"
        f" FROM {counted_in or source}"
    ).fetchone()
    if not counted or not counted[0]:
        return None
    rows, first_day, last_day, first_at, last_at = counted
    return write_file(
        engine,
        f"SELECT {', '.join(COLUMNS)} FROM {source} ORDER BY {SORTED_BY}",
        ArchiveFile(
            site_id=site_id,
            kind=ArchiveFile.Kind.EVENTS,
            first_day=first_day,
            last_day=last_day,
            first_event_at=first_at.replace(tzinfo=UTC),
            last_event_at=last_at.replace(tzinfo=UTC),
            rows=rows,
        ),
    )


def write_file(engine: duckdb.DuckDBPyConnection, query: str, row: ArchiveFile) -> Draft:
    """Return a draft of the query's rows, described by `row`, to which size and checksum are added.

    Raises duckdb.Error or OSError when it cannot be written; nothing is left then.
    """
    row.name = _new_name(row.site_id, row.kind, row.first_day)
    path = row.path
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        options = f"{_OPTIONS}, ROW_GROUP_SIZE {_ROW_GROUPS.get(row.kind, _ROW_GROUP)}"
        engine.execute(f"COPY ({query}) TO {quote(path)} ({options})")
        row.size_bytes = path.stat().st_size
        row.sha256 = checksum(path)
        to_disk(path)
        to_disk(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Draft(row)


def write_figures(
    engine: duckdb.DuckDBPyConnection, query: str, file: ArchiveFile, *, last_day: date
) -> Draft:
    """Return a draft of what the query leaves of a file of daily figures, up to `last_day`.

    The order of the file's rows stays. Raises what `write_file` does.
    """
    (rows,) = engine.execute(f"SELECT count(*) FROM ({query})").fetchall()[0]
    return write_file(
        engine,
        query,
        ArchiveFile(
            site_id=file.site_id,
            kind=file.kind,
            first_day=file.first_day,
            last_day=last_day,
            rows=rows,
            reaches_back={
                day: back
                for day, back in file.reaches_back.items()
                if date.fromisoformat(day) <= last_day
            },
            dimensions=file.dimensions,
            has_users=file.has_users,
        ),
    )


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_files(files: Iterable[ArchiveFile]) -> str:
    """Return what reads the files, as SQL; of none, a relation of events without rows."""
    paths = ", ".join(quote(file.path) for file in files)
    if not paths:
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())
        return f"(SELECT {columns} WHERE false)"
    return f"read_parquet([{paths}])"


def keep_for_readers(files: Iterable[ArchiveFile]) -> None:
    """Let files that are about to leave the list stay for the reports that are reading them."""
    for file in files:
        with suppress(FileNotFoundError):
            os.utime(file.path)


def clean_up() -> int:
    """Delete files that are not listed, once nobody reads them any more; return how many.

    For whoever holds `change_archive`: a draft of somebody else would be deleted too.
    """
    listed = set(ArchiveFile.objects.values_list("name", flat=True))
    folder = archive_folder()
    deleted = 0
    for path in folder.glob("*/*.parquet"):
        if path.relative_to(folder).as_posix() in listed:
            continue
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime >= GRACE_SECONDS:
                path.unlink()
                deleted += 1
    return deleted


def clean_up_spill() -> int:
    """Delete what the engines of killed processes had no memory for; return how many files.

    An engine puts its process's number into their names, deletes them when it ends, and those of
    killed ones when it next has to write some, which may be never. Drafts of exports are named so
    too.
    """
    deleted = 0
    for path in spill_folder().glob("*_temp_*"):
        process = path.name.split("_")[2]
        if not process.isdigit() or _is_alive(int(process)):
            continue
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime >= GRACE_SECONDS:
                path.unlink()
                deleted += 1
    return deleted


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _new_name(site_id: Any, kind: str, first_day: date) -> str:
    return f"{site_id}/{kind}-{first_day:%Y%m%d}-{secrets.token_hex(6)}.parquet"
