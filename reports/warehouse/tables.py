"""Tables in the engine's memory that questions share, made on the way to their answers."""

from __future__ import annotations

import duckdb

from archive.engine import new_table
from reports.conditions import Parameters


class MadeTables:
    """The tables that one connection has made: its own until it commits, then everybody's."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self.engine = engine
        self._names: list[str] = []

    def make(self, query: str, parameters: Parameters | None = None) -> str:
        """Return the name of a new table with the query's rows, in any order."""
        name = new_table()
        self.engine.execute(f"CREATE TABLE {name} AS {query}", parameters)
        self._names.append(name)
        return name

    def drop(self) -> None:
        """Free the memory that they take."""
        if self._names:
            self.engine.execute("".join(f"DROP TABLE {name};" for name in self._names))
            self._names.clear()
