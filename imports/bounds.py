"""The guard of visits.ingestion.cardinality, over all hits of an import: whole days, exactly.

Of each field a site's day keeps as many values as the limits say, those that came first in order of
time; what is one too many becomes OTHER. So it is however the file's lines are ordered.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Final

import duckdb
from django.conf import settings

from visits.daily import BOUNDED_VALUES, Counts
from visits.ingestion import cardinality
from visits.ingestion.cardinality import FIELDS, OTHER
from visits.ingestion.fields import MAX_PROPS
from visits.joining import ENGAGEMENT, PAGEVIEW

#: Columns of the spool by the fields of a hit that have a limit, and that where it is one's own.
COLUMNS: Final = {
    "page" if field == "page.path" else field.partition(".")[2]: limit
    for field, limit in FIELDS.items()
}

#: What is never replaced, in whichever field.
_KNOWN: Final = f"('', '{PAGEVIEW}', '{ENGAGEMENT}')"

#: A hit's turn, as visits are joined: by time, engagement last, by its place in the file.
_TURN: Final = (
    f"(epoch_us(happened_at) * 2 + (name = '{ENGAGEMENT}')::INTEGER)::HUGEINT * 1000000000000"
    " + place"
)

_BUSY: Final = "SELECT happened_on FROM hits_of_days WHERE hits > {limit}"

# A day's values but for the first ones.
_TOO_MANY: Final = f"""
CREATE OR REPLACE TEMP TABLE other_{{column}} AS
SELECT happened_on, value FROM (
    SELECT happened_on, {{column}} AS value,
        row_number() OVER (PARTITION BY happened_on ORDER BY min({_TURN})) AS turn
    FROM {{source}} SEMI JOIN ({_BUSY}) USING (happened_on)
    WHERE {{column}} NOT IN {_KNOWN}
    GROUP BY happened_on, value
) WHERE turn > {{limit}}
"""

# A property of a hit each, of days that may have too many.
_PAIRS: Final = f"""
CREATE OR REPLACE TEMP TABLE pairs AS
SELECT place, happened_on, turn * 1000 + number AS turn, pair.key, pair.value FROM (
    SELECT place, happened_on, turn,
        unnest(entries) AS pair, generate_subscripts(entries, 1) AS number
    FROM (
        SELECT place, happened_on, {_TURN} AS turn,
            map_entries(CAST(CAST(props AS JSON) AS MAP(VARCHAR, VARCHAR))) AS entries
        FROM {{source}} SEMI JOIN ({_BUSY}) USING (happened_on)
        WHERE props <> '{{{{}}}}'
    )
)
"""

_TOO_MANY_KEYS: Final = """
CREATE OR REPLACE TEMP TABLE other_keys AS
SELECT happened_on, key FROM (
    SELECT happened_on, key,
        row_number() OVER (PARTITION BY happened_on ORDER BY min(turn)) AS turn
    FROM pairs GROUP BY happened_on, key
) WHERE turn > {limit}
"""

_TOO_MANY_VALUES: Final = """
CREATE OR REPLACE TEMP TABLE other_values AS
SELECT happened_on, key, value FROM (
    SELECT happened_on, key, value,
        row_number() OVER (PARTITION BY happened_on, key ORDER BY min(turn)) AS turn
    FROM pairs GROUP BY happened_on, key, value
) WHERE turn > {limit}
"""

# The pairs of hits of which one is too much, whole; of a key too many, key and value.
_BOUNDED_PAIRS: Final = f"""
CREATE OR REPLACE TEMP TABLE bounded_pairs AS
SELECT pairs.place, pairs.happened_on,
    CASE WHEN k.key IS NULL THEN pairs.key ELSE '{OTHER}' END AS key,
    CASE WHEN k.key IS NULL AND v.key IS NULL THEN pairs.value ELSE '{OTHER}' END AS value,
    k.key IS NOT NULL OR v.key IS NOT NULL AS is_replaced
FROM pairs
LEFT JOIN other_keys k ON k.happened_on = pairs.happened_on AND k.key = pairs.key
LEFT JOIN other_values v
    ON v.happened_on = pairs.happened_on AND v.key = pairs.key AND v.value = pairs.value
"""

_BOUNDED_PROPS: Final = """
CREATE OR REPLACE TEMP TABLE bounded_props AS
SELECT place, CAST(to_json(map_from_entries(list((key, value)))) AS VARCHAR) AS props FROM (
    SELECT place, key, max(value) AS value FROM bounded_pairs
    SEMI JOIN (SELECT place FROM bounded_pairs WHERE is_replaced) USING (place)
    GROUP BY place, key
) GROUP BY place
"""


class Bounds:
    """What is too much among the hits that `source` reads, as SQL.

    Its own `source` is then what reads them with OTHER in place of it; `replaced` says how many
    values that were on each day.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, source: str) -> None:
        self.engine = engine
        self.replaced: Counter[date] = Counter()
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE hits_of_days AS"
            f" SELECT happened_on, count(*) AS hits FROM {source} GROUP BY happened_on"
        )
        rows = engine.execute("SELECT max(hits) FROM hits_of_days").fetchall()
        self._busiest: int = rows[0][0] or 0
        self.source = self._bound_properties(self._bound_fields(source))

    def counts(self, site_id: int) -> Counts:
        """Return how many values were replaced, as they are counted for a site."""
        return Counter({(site_id, day, BOUNDED_VALUES): n for day, n in self.replaced.items()})

    def _bound_fields(self, source: str) -> str:
        limits = {name: limit or settings.MAX_DISTINCT_VALUES for name, limit in COLUMNS.items()}
        bounded = [
            name
            for name, limit in limits.items()
            if self._busiest > limit and self._find_too_many(source, name, limit)
        ]
        if not bounded:
            return source
        joins = " ".join(
            f"LEFT JOIN other_{name} ON hits.happened_on = other_{name}.happened_on"
            f" AND hits.{name} = other_{name}.value"
            for name in bounded
        )
        changes = ", ".join(
            f"CASE WHEN other_{name}.value IS NULL THEN hits.{name} ELSE '{OTHER}' END AS {name}"
            for name in bounded
        )
        return f"(SELECT hits.* REPLACE ({changes}) FROM {source} AS hits {joins})"

    def _find_too_many(self, source: str, column: str, limit: int) -> bool:
        self.engine.execute(_TOO_MANY.format(source=source, column=column, limit=limit))
        return self._count(
            f"SELECT hits.happened_on, count(*) FROM {source} AS hits JOIN other_{column} AS other"
            f" ON hits.happened_on = other.happened_on AND hits.{column} = other.value GROUP BY 1"
        )

    def _bound_properties(self, source: str) -> str:
        keys, values = cardinality.MAX_PROPERTIES, settings.MAX_DISTINCT_VALUES
        # A hit has several properties: days with fewer hits may have too many keys.
        self.engine.execute(_PAIRS.format(source=source, limit=min(keys, values) // MAX_PROPS))
        self.engine.execute(_TOO_MANY_KEYS.format(limit=keys))
        self.engine.execute(_TOO_MANY_VALUES.format(limit=values))
        self.engine.execute(_BOUNDED_PAIRS)
        if not self._count(
            "SELECT happened_on, count(*) FROM bounded_pairs WHERE is_replaced GROUP BY 1"
        ):
            return source
        self.engine.execute(_BOUNDED_PROPS)
        return (
            "(SELECT hits.* REPLACE (coalesce(bounded_props.props, hits.props) AS props)"
            f" FROM {source} AS hits LEFT JOIN bounded_props USING (place))"
        )

    def _count(self, query: str) -> bool:
        """Count what was replaced on each day; return whether anything was."""
        replaced = dict(self.engine.execute(query).fetchall())
        self.replaced.update(replaced)
        return bool(replaced)
