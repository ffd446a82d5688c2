"""Who writes now: SQLite has one writer at a time, and its checkpoints must meet none.

Every process that writes hits takes its turn by a lock on a file beside the database, which the
kernel hands on in order and gives back when a process dies. Whoever else writes (the admin, a
shell) waits for SQLite's own lock, as anywhere.

A checkpoint copies what was committed from the write-ahead log into the database. SQLite before
3.51.3 can, very rarely, corrupt the file when a checkpoint in one connection meets a commit in
another that starts the log anew. So no connection checkpoints by itself (`wal_autocheckpoint=0`),
and `checkpoint` does it while it holds SQLite's write lock on a second connection: no commit, by
whomever, can meet it.

PostgreSQL has many writers and needs none of this.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import OperationalError, connection

from visits.locks import lock_until

#: How long a hit waits for its turn before its sender is told to come again.
MAX_WAIT_SECONDS: Final = 0.8
#: A log of this size is copied into the database.
CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
#: Memory for pages of the connection that writes: hits of a busy hour touch the same ones.
WRITER_CACHE_KB: Final = 64 * 1024

_TOO_LONG: Final = "Others have been writing for too long."
_POLL_SECONDS: Final = 0.002


class StoreBusyError(OperationalError):
    """Others have been writing for longer than a hit may wait."""


@dataclass(slots=True)
class Turn:
    """A turn to write that is of use until `by`, by the clock of `time.monotonic`."""

    by: float
    has_come: bool = False

    def take(self) -> None:
        """Note that it has come: others hold nothing any more. Raises StoreBusyError if too late.

        A turn that has come once may be taken again at any time.
        """
        if not self.has_come and time.monotonic() > self.by:
            raise StoreBusyError(_TOO_LONG)
        self.has_come = True


@contextmanager
def turn_to_write(*, until: float | None = None, patient: bool = False) -> Iterator[None]:
    """Hold the turn to write hits to this connection's database while the context lasts.

    Raises StoreBusyError when the turn has not come at `until`, by the clock of `time.monotonic`;
    None is MAX_WAIT_SECONDS from now. Until then a transaction that begins waits for whoever writes
    without a turn, and raises SQLite's own OperationalError "database is locked" after that.
    `patient` queues in order, in place of asking again and again, and cannot give up before its
    turn has come: for a thread on which nobody waits.
    """
    if connection.vendor != "sqlite":
        yield
        return
    until = time.monotonic() + MAX_WAIT_SECONDS if until is None else until
    descriptor = os.open(f"{connection.settings_dict['NAME']}-turn", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if patient:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        elif not lock_until(descriptor, until, poll_seconds=_POLL_SECONDS):
            raise StoreBusyError(_TOO_LONG)
        left_seconds = until - time.monotonic()
        if left_seconds < 0:
            raise StoreBusyError(_TOO_LONG)
        with _busy_timeout(left_seconds):
            yield
    finally:
        os.close(descriptor)  # gives the turn back


def checkpoint(*, at_bytes: int = CHECKPOINT_BYTES) -> int:
    """Copy the log into the database if it has `at_bytes`; return the bytes it had, else 0.

    Called by whoever has the turn, between transactions. Does nothing when somebody without a turn
    is writing: the next call will do it.
    """
    if connection.vendor != "sqlite":
        return 0
    database = str(connection.settings_dict["NAME"])
    try:
        size = Path(f"{database}-wal").stat().st_size
    except FileNotFoundError:
        return 0
    if size < at_bytes:
        return 0
    return size if _copy_log(database) is not None else 0


def rewrite_database() -> bool:
    """Write the database anew, and its log, without what was deleted; return whether that was done.

    SQLite overwrites what is deleted (`secure_delete`), yet a page that was divided may keep a copy
    of what it held. A database that is written anew has none, and the log is then cut to what was
    committed since. Nobody can write for as long as it takes, about a second for 100 MB.

    Called by whoever has the turn, outside of transactions. False when somebody still reads what
    was there before: the next call may do it. Does nothing on PostgreSQL, and returns True.
    """
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
    return _cut_log(str(connection.settings_dict["NAME"]))


def _cut_log(database: str) -> bool:
    """Let the log begin anew with a commit that changes nothing; return whether it did."""
    if not _copy_log(database):
        return False
    log = Path(f"{database}-wal")
    before = _beginning(log)
    with connection.cursor() as cursor:
        (limit,) = cursor.execute("PRAGMA journal_size_limit").fetchone()
        cursor.execute("PRAGMA journal_size_limit = 0")
        try:
            (version,) = cursor.execute("PRAGMA user_version").fetchone()
            cursor.execute(f"PRAGMA user_version = {version:d}")
        finally:
            cursor.execute(f"PRAGMA journal_size_limit = {limit:d}")
    return _beginning(log) != before


def _beginning(log: Path) -> bytes:
    """Return the log's header, which is another whenever it begins anew."""
    with log.open("rb") as file:
        return file.read(32)


def _copy_log(database: str) -> bool | None:
    """Copy the log into the database; return whether all of it, None when somebody else writes."""
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as guard:
        try:
            guard.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return None
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            busy, pages, copied = cursor.fetchone()
        guard.execute("ROLLBACK")
    return not busy and pages == copied


@contextmanager
def _busy_timeout(seconds: float) -> Iterator[None]:
    """Let SQLite wait so long for other writers, and as long as usual after the context."""
    usual_ms = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {max(1, int(seconds * 1000)):d}")
        cursor.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KB:d}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual_ms:d}")
