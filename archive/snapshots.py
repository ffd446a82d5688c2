"""One state of the database for several statements, without keeping anybody from writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def one_state() -> Iterator[None]:
    """Let every statement of the context read the database as of its first one.

    Within a transaction they read what that one sees: nothing is begun, nothing ended.
    """
    if connection.in_atomic_block:
        yield
        return
    # A connection may have been away since its last use.
    connection.close_if_unusable_or_obsolete()
    begin = "BEGIN"
    if connection.vendor == "postgresql":
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")  # nothing was written
