"""Spooled hits become visits, in the engine: the rule of visits.joining, for all of them at once.

Hits are taken in order of time; of one instant in the order of the file, engagement last. So they
make the visits that they would have made had they been sent live in that order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import duckdb

from archive.columns import COLUMNS, EVENT_COLUMNS
from archive.rows import EXPRESSIONS
from visits.daily import Counts
from visits.ingestion.hit import DropReason
from visits.joining import ENGAGEMENT, PAGEVIEW, VISIT_GAP
from visits.models import VISIT_FACTS
from visits.rows import reserve_visit_ids

#: Ids that are reserved at a time.
_CHUNK: Final = 100_000

_GAP_US: Final = int(VISIT_GAP.total_seconds() * 1_000_000)

#: A client's id of a hit as it is compared and kept: 16 bytes, whatever its length.
ID_HASH: Final = "unhex(md5(event_id))"

_WITH_ID: Final = f"""
CREATE TEMP TABLE with_id AS
SELECT place, {ID_HASH} AS id, happened_at, happened_on, name = '{ENGAGEMENT}' AS is_engagement
FROM {{source}} WHERE event_id <> ''
"""

# Hits that are not stored, as one with their id is; `first_place` is that one's, where this file
# has it. Were that left out, so is its repetition.
_REPEATED: Final = """
CREATE TEMP TABLE repeated AS
WITH known AS ({known}),
fresh AS (SELECT * FROM with_id ANTI JOIN known USING (id)),
several AS (SELECT id FROM fresh GROUP BY id HAVING count(*) > 1),
turns AS (
    SELECT place, happened_on, first_value(place) OVER turn AS first_place
    FROM fresh SEMI JOIN several USING (id)
    WINDOW turn AS (PARTITION BY id ORDER BY happened_at, is_engagement, place)
)
SELECT place, happened_on, NULL AS first_place FROM with_id SEMI JOIN known USING (id)
UNION ALL
SELECT * FROM turns WHERE place <> first_place
"""

_HITS: Final = f"""
CREATE TEMP TABLE hits AS
SELECT place, person, happened_at, happened_on,
    name = '{ENGAGEMENT}' AS is_engagement,
    name = '{PAGEVIEW}' AS is_view,
    interactive <> 0 AND name NOT IN ('{ENGAGEMENT}', '{PAGEVIEW}') AS is_action
FROM {{source}} ANTI JOIN repeated USING (place)
"""

# A run is of a person's hits with no gap. Engagement starts no visit: what of it a run begins with
# belongs to none, and the visit begins with the first other event.
_JOINED: Final = f"""
CREATE TEMP TABLE joined AS
WITH gaps AS (
    SELECT *, row_number() OVER following AS turn,
        epoch_us(happened_at) - lag(epoch_us(happened_at)) OVER following > {_GAP_US} AS has_gap
    FROM hits
    WINDOW following AS (PARTITION BY person ORDER BY happened_at, is_engagement, place)
),
runs AS (
    SELECT * EXCLUDE has_gap,
        count(*) FILTER (has_gap) OVER (
            PARTITION BY person ORDER BY turn ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM gaps
),
begun AS (
    SELECT person, run, min(turn) AS first_turn FROM runs WHERE NOT is_engagement GROUP BY ALL
)
SELECT runs.*, coalesce(turn >= first_turn, false) AS is_stored
FROM runs LEFT JOIN begun USING (person, run)
"""

_VISITS: Final = """
CREATE TEMP TABLE whole_visits AS
SELECT person, run,
    min(happened_at) AS started_at,
    min_by(happened_on, turn) AS started_on,
    max(happened_at) AS last_event_at,
    count(*) AS events,
    count(*) FILTER (is_view) AS pageviews,
    count(*) FILTER (is_action) AS interactive_events,
    min_by(place, turn) AS begins_with,
    min_by(place, turn) FILTER (is_view) AS entry_place,
    max_by(place, turn) FILTER (is_view) AS exit_place,
    max(place) AS last_place,
    min(place) AS first_place
FROM joined WHERE is_stored GROUP BY person, run
"""

_NUMBERED: Final = """
CREATE OR REPLACE TEMP TABLE numbered AS
SELECT *, row_number() OVER (ORDER BY started_at, begins_with) - 1 AS number
FROM whole_visits WHERE date_trunc('month', started_on) = DATE '{month}'
"""

_MONTH: Final = f"""
CREATE OR REPLACE TEMP TABLE month_visits AS
SELECT visit_id, numbered.* EXCLUDE (number, events, begins_with, entry_place, exit_place),
    began.visitor,
    coalesce(entered.page, '') AS entry_page,
    coalesce(left_by.page, '') AS exit_page,
    {", ".join(f"began.{name}" for name in VISIT_FACTS)}
FROM numbered
JOIN ids USING (number)
JOIN {{source}} AS began ON began.place = begins_with
LEFT JOIN {{source}} AS entered ON entered.place = entry_place
LEFT JOIN {{source}} AS left_by ON left_by.place = exit_place
"""

_EVENTS_OF_MONTH: Final = f"""
(SELECT {{columns}} FROM (
    SELECT visits.*, {", ".join(f"e.{name}" for name in EVENT_COLUMNS if name != "visit_id")}
    FROM joined
    JOIN month_visits AS visits USING (person, run)
    JOIN {{source}} AS e USING (place)
    WHERE is_stored
))
"""


_REPEATED_LEFT_OUT: Final = (
    "SELECT repeated.happened_on FROM repeated JOIN joined ON joined.place = first_place"
    " WHERE NOT is_stored"
)

#: A row for each event of the month, with its time and day alone.
TIMES_OF_MONTH: Final = (
    "(SELECT happened_at, happened_on FROM joined SEMI JOIN month_visits USING (person, run)"
    " WHERE is_stored)"
)


@dataclass(frozen=True, slots=True)
class Month:
    """The visits that began in a month: how many, and where in the file their hits are."""

    first_day: date
    visits: int
    events: int
    first_place: int
    last_place: int


class Joining:
    """The visits of one site's hits. `source` reads these, as SQL; see imports.spool."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, source: str) -> None:
        self.engine = engine
        self.source = source
        #: Hits whose event id was stored before, in the file or by the site.
        self.repeated = 0

    def join(self, known_ids: Iterable[str] = ()) -> None:
        """Find the visits. `known_ids` are relations of ids, by their hash, that the site has."""
        self._find_repeated(known_ids)
        self.engine.execute(_HITS.format(source=self.source))
        self.engine.execute(_JOINED)
        self.engine.execute("DROP TABLE hits")
        self.engine.execute(_VISITS)
        self.repeated = self._count("repeated") - self._count(f"({_REPEATED_LEFT_OUT})")

    def months(self) -> list[Month]:
        """Return the months in which visits began, in order."""
        rows = self.engine.execute(
            "SELECT date_trunc('month', started_on)::DATE, count(*), sum(events)::BIGINT,"
            " min(first_place), max(last_place) FROM whole_visits GROUP BY 1 ORDER BY 1"
        ).fetchall()
        return [Month(*row) for row in rows]

    def events_of(self, month: Month) -> str:
        """Give the month's visits their ids, and return their events as SQL, with every column."""
        self.engine.execute(_NUMBERED.format(month=month.first_day))
        self.engine.execute("CREATE OR REPLACE TEMP TABLE ids (number BIGINT, visit_id BIGINT)")
        with self.engine.appender("ids") as appender:
            appender.append_rows(_reserve(month.visits))
        near = (
            f"(SELECT * FROM {self.source}"
            f" WHERE place BETWEEN {month.first_place:d} AND {month.last_place:d})"
        )
        self.engine.execute(_MONTH.format(source=near))
        columns = ", ".join(f"{EXPRESSIONS.get(name, name)} AS {name}" for name in COLUMNS)
        return _EVENTS_OF_MONTH.format(columns=columns, source=near)

    def days(self) -> set[date]:
        """Return the site's days on which stored events fell."""
        rows = self.engine.execute("SELECT DISTINCT happened_on FROM joined WHERE is_stored")
        return {day for (day,) in rows.fetchall()}

    def left_out(self, site_id: int) -> Counts:
        """Return how many hits of each day belong to no visit, as drops are counted."""
        rows = self.engine.execute(
            "SELECT happened_on, count(*) FROM (SELECT happened_on FROM joined WHERE NOT is_stored"
            f" UNION ALL {_REPEATED_LEFT_OUT}) GROUP BY happened_on"
        ).fetchall()
        return Counter({(site_id, day, DropReason.NO_VISIT.value): n for day, n in rows})

    def _find_repeated(self, known_ids: Iterable[str]) -> None:
        known = " UNION ALL ".join(f"SELECT id FROM {ids}" for ids in known_ids)
        self.engine.execute(_WITH_ID.format(source=self.source))
        self.engine.execute(_REPEATED.format(known=known or "SELECT ''::BLOB AS id WHERE false"))

    def _count(self, relation: str) -> int:
        return int(self.engine.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])


def _reserve(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, _CHUNK):
        ids = reserve_visit_ids(min(_CHUNK, count - first))
        yield from enumerate(ids, first)
