"""Who writes now: one at a time, not for long in vain, and the log comes home meanwhile."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Thread, Timer
from typing import Final

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from visits.tests.hits import on_another_connection
from visits.tests.processes import other_processes
from visits.turns import (
    MAX_WAIT_SECONDS,
    StoreBusyError,
    checkpoint,
    rewrite_database,
    turn_to_write,
)

pytestmark = pytest.mark.django_db(transaction=True)

on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="SQLite alone has turns: PostgreSQL has many writers."
)

MEGABYTE: Final = 2**20

#: Takes the turn and keeps it until it is told to go on.
HOLD: Final = """
from visits.turns import turn_to_write
with turn_to_write():
    print("held", flush=True)
    sys.stdin.readline()
print("gone", flush=True)
"""


@pytest.fixture
def no_log() -> None:
    """Begin with a write-ahead log that holds nothing."""
    on_another_connection(empty_log)


def empty_log() -> None:
    """Copy the whole log and cut its file."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def commit(name: str, *, size: int = 0) -> None:
    """Commit a row of so many bytes."""
    Session.objects.create(
        session_key=name,
        session_data="x" * size,
        expire_date=timezone.now() + timedelta(days=1),
    )


def log_bytes() -> int:
    """Return the size of the log's file."""
    return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size


def rows_without_log() -> int:
    """Return how many rows are in the database's own file."""
    uri = f"file:{connection.settings_dict['NAME']}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as alone:
        return int(alone.execute("SELECT COUNT(*) FROM django_session").fetchone()[0])


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Do the work in threads with connections of their own; raise what the first raised."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def busy_timeout() -> int:
    """Return for how many milliseconds this connection waits for others."""
    with connection.cursor() as cursor:
        return int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])


@pytest.fixture
def usual() -> Iterator[None]:
    """Fail where a connection is left less patient than it was."""
    yield
    assert busy_timeout() == 5000


# Turns


@on_sqlite
def test_threads_take_turns(usual: None) -> None:
    inside: list[int] = []
    crowds: list[list[int]] = []

    def work(number: int) -> None:
        for _ in range(20):
            with turn_to_write(patient=number % 2 == 0):
                inside.append(number)
                time.sleep(0.0005)
                crowds.append(list(inside))
                inside.remove(number)

    in_threads(work, 4)

    assert len(crowds) == 80
    assert all(len(crowd) == 1 for crowd in crowds)


@on_sqlite
def test_processes_take_turns(tmp_path: Path) -> None:
    """Each reads a number and writes the next one, which without turns would lose some."""
    number = tmp_path / "number"
    number.write_text("0")
    count_up = """
from pathlib import Path
from visits.turns import turn_to_write
number = Path(arguments[0])
for _ in range(100):
    with turn_to_write(patient=True):
        value = int(number.read_text())
        number.write_text(str(value + 1))
"""
    with other_processes(count_up, number, count=3) as processes:
        for process in processes:
            process.go()
        for process in processes:
            process.finish()

    assert number.read_text() == "300"


@on_sqlite
def test_who_has_waited_for_long_enough_is_told_so(usual: None) -> None:
    with other_processes(HOLD) as [holder]:
        holder.go()
        assert holder.hear() == "held"

        for _ in range(2):
            started_at = time.monotonic()
            with pytest.raises(StoreBusyError), turn_to_write():
                pass
            assert MAX_WAIT_SECONDS <= time.monotonic() - started_at < 1.2

        holder.go()
        assert holder.hear() == "gone"
        with turn_to_write():
            pass


@on_sqlite
@pytest.mark.parametrize("patient", [False, True])
def test_a_turn_is_waited_for_as_long_as_one_says(patient: bool) -> None:
    with other_processes(HOLD) as [holder]:
        holder.go()
        assert holder.hear() == "held"
        started_at = time.monotonic()
        releaser = Timer(1.2, holder.go)
        releaser.start()
        with turn_to_write(until=started_at + 20, patient=patient):
            waited_seconds = time.monotonic() - started_at
        releaser.join()

    assert waited_seconds >= 1.2


@on_sqlite
def test_who_is_patient_gives_a_turn_back_that_came_too_late() -> None:
    """A group whose senders were told to come again is not stored after that."""
    with other_processes(HOLD) as [holder]:
        holder.go()
        assert holder.hear() == "held"
        releaser = Timer(0.5, holder.go)
        releaser.start()
        soon = time.monotonic() + 0.2
        with pytest.raises(StoreBusyError), turn_to_write(until=soon, patient=True):
            pass
        releaser.join()

    with turn_to_write():
        commit("after")


@on_sqlite
def test_the_turn_of_a_process_that_was_killed_comes_back() -> None:
    with other_processes(HOLD) as [holder]:
        holder.go()
        assert holder.hear() == "held"
        holder.kill()
        with turn_to_write():
            commit("after")

    assert on_another_connection(Session.objects.count) == 1


@on_sqlite
def test_a_turn_that_ends_in_an_error_is_given_back(usual: None) -> None:
    with pytest.raises(RuntimeError, match="inside"), turn_to_write():
        raise RuntimeError("inside")

    on_another_connection(take_turn)


def take_turn() -> None:
    """Have a turn."""
    with turn_to_write():
        pass


@on_sqlite
@pytest.mark.parametrize("patient", [False, True])
def test_who_writes_without_a_turn_is_not_waited_for_long(usual: None, *, patient: bool) -> None:
    other = connection.copy()
    with other.cursor() as holder:
        holder.execute("BEGIN IMMEDIATE")
        started_at = time.monotonic()
        with (
            pytest.raises(OperationalError, match="locked"),
            turn_to_write(patient=patient),
            transaction.atomic(),
        ):
            pass
        waited_seconds = time.monotonic() - started_at
        holder.execute("ROLLBACK")
    other.close()

    assert MAX_WAIT_SECONDS - 0.2 < waited_seconds < 1.2


# The log


@on_sqlite
def test_no_connection_copies_the_log_by_itself() -> None:
    def pages() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA wal_autocheckpoint").fetchone()[0])

    assert pages() == 0
    assert on_another_connection(pages) == 0


@on_sqlite
def test_a_log_that_is_large_is_copied(no_log: None) -> None:
    commit("large", size=2 * MEGABYTE)

    assert checkpoint(at_bytes=64 * MEGABYTE) == 0
    assert rows_without_log() == 0
    assert checkpoint(at_bytes=MEGABYTE) == log_bytes() > 2 * MEGABYTE
    assert rows_without_log() == 1


@on_sqlite
def test_a_log_that_was_copied_begins_anew(no_log: None) -> None:
    """Else it would be copied after every commit for ever."""
    commit("large", size=4 * MEGABYTE)
    assert checkpoint(at_bytes=3 * MEGABYTE) > 4 * MEGABYTE
    for number in range(3):
        commit(f"small {number}")
        assert checkpoint(at_bytes=3 * MEGABYTE) == 0
    assert log_bytes() < 3 * MEGABYTE


@on_sqlite
def test_nothing_is_copied_while_somebody_writes(no_log: None) -> None:
    commit("large", size=2 * MEGABYTE)
    other = connection.copy()
    with other.cursor() as writer:
        writer.execute("BEGIN IMMEDIATE")
        started_at = time.monotonic()
        assert checkpoint(at_bytes=MEGABYTE) == 0
        assert time.monotonic() - started_at < 0.5
        writer.execute("ROLLBACK")
    other.close()

    assert checkpoint(at_bytes=MEGABYTE) > MEGABYTE


@on_sqlite
def test_somebody_who_reads_keeps_what_was_there(no_log: None) -> None:
    commit("before")
    other = connection.copy()
    with other.cursor() as reader:
        reader.execute("BEGIN")
        count = "SELECT COUNT(*) FROM django_session"
        assert reader.execute(count).fetchone() == (1,)
        commit("large", size=2 * MEGABYTE)
        checkpoint(at_bytes=MEGABYTE)
        assert reader.execute(count).fetchone() == (1,)
        reader.execute("COMMIT")
        assert reader.execute(count).fetchone() == (2,)
    other.close()


@on_sqlite
def test_no_commit_is_lost_to_a_copy(no_log: None) -> None:
    """Two processes commit as fast as they can, with turns and without, while this one copies."""
    write = """
from django.contrib.sessions.models import Session
from django.utils import timezone
from contextlib import nullcontext
from visits.turns import turn_to_write
number = int(arguments[0])
for repeat in range(150):
    with turn_to_write(patient=True) if number else nullcontext():
        Session.objects.create(
            session_key=f"{number} {repeat}", session_data="x" * 5000, expire_date=timezone.now()
        )
"""
    copies = 0
    with other_processes(write, count=2) as processes:
        for process in processes:
            process.go()
        while any(process.process.poll() is None for process in processes):
            with turn_to_write(patient=True):
                copies += checkpoint(at_bytes=1) > 0
            time.sleep(0.01)
        for process in processes:
            process.finish()

    assert copies > 5
    assert on_another_connection(Session.objects.count) == 300
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# What was deleted


def files_hold(text: bytes) -> list[str]:
    """Return which of the database's files hold the text.

    Another process reads them: to close one here would let go of SQLite's locks on it.
    """
    database = Path(connection.settings_dict["NAME"])
    paths = sorted(database.parent.glob(f"{database.name}*"))
    command: list[str | bytes | Path] = [
        "grep",
        "--files-with-matches",
        "--fixed-strings",
        "--",
        text,
        *paths,
    ]
    found = subprocess.run(command, capture_output=True, check=False)
    return found.stdout.decode().splitlines()


@on_sqlite
def test_a_database_that_is_written_anew_has_nothing_that_was_deleted(no_log: None) -> None:
    """Rows of all sizes come, grow and go, so that pages are divided, joined and given back."""
    draw = random.Random(1)
    for n in range(3000):
        mark = "marker" if n % 3 else "public"
        commit(f"{mark} {draw.random()}"[:40], size=draw.randrange(600))
        if n % 10 == 0:
            Session.objects.filter(session_key__startswith="public").update(session_data="x" * 900)
    assert files_hold(b"marker")

    Session.objects.filter(session_key__startswith="marker").delete()
    with turn_to_write(patient=True):
        assert rewrite_database()

    assert files_hold(b"marker") == []
    assert Session.objects.count() == 1000


@on_sqlite
def test_a_reader_of_what_was_there_is_waited_for(no_log: None) -> None:
    commit("before", size=5000)
    other = connection.copy()
    with other.cursor() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM django_session").fetchone()
        Session.objects.all().delete()
        with turn_to_write(patient=True):
            assert not rewrite_database()
        reader.execute("COMMIT")
        with turn_to_write(patient=True):
            assert rewrite_database()
    other.close()


@on_sqlite
def test_what_is_deleted_is_overwritten() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA secure_delete").fetchone() == (1,)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="What SQLite does is tested above.")
def test_elsewhere_nobody_takes_turns_and_there_is_no_log() -> None:
    with turn_to_write():
        on_another_connection(take_turn)
    assert checkpoint(at_bytes=0) == 0
    assert rewrite_database()
