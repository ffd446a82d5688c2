"""The rows behind the server, read as any program could: by SQLite's or PostgreSQL's own driver."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import psycopg


@dataclass(frozen=True)
class Store:
    """The database that this DATABASE_URL names; opened for each question, and only read."""

    url: str

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.url.startswith("sqlite:")

    @property
    def file(self) -> str:
        """The path of the SQLite database."""
        return unquote(self.url.removeprefix("sqlite:///"))

    def count_rows(self, event_ids: Iterable[str], prefix: str) -> Counter[str]:
        """Return how many events there are of each id, the ids all having this prefix."""
        found: Counter[str] = Counter()
        for event_id, rows in self.ask(
            "SELECT event_id, count(*) FROM visits_event WHERE event_id <> '' "
            f"AND event_id LIKE '{prefix}-%' GROUP BY site_id, event_id"
        ):
            found[event_id] += rows
        return Counter({event_id: found[event_id] for event_id in event_ids})

    def count_torn(self) -> int:
        """Return how many visits count other pageviews than they have: 0, if groups are whole."""
        [(torn,)] = self.ask(
            "SELECT count(*) FROM visits_visit WHERE pageviews <> (SELECT count(*) FROM "
            "visits_event WHERE visit_id = visits_visit.id AND name = 'pageview')"
        )
        return int(torn)

    def count_damages(self) -> int:
        """Return how many damages SQLite's quick check finds; 0 of PostgreSQL, which has none."""
        if not self.is_sqlite:
            return 0
        return sum(line != "ok" for (line,) in self.ask("PRAGMA quick_check"))

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that only reads."""
        if self.is_sqlite:
            # Not to be the one that recovers the file after a crash: that is the server's.
            path = f"file:{self.file}?mode=ro"
            with closing(sqlite3.connect(path, uri=True, timeout=30)) as file:
                return file.execute(statement).fetchall()
        with psycopg.connect(self.url, connect_timeout=10) as server:
            return server.execute(statement).fetchall()
