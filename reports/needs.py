"""Which columns of an event a question needs, so that no more of them are read."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from archive.columns import COLUMNS
from reports.components import Component
from reports.dates import Interval
from reports.dimensions import HOUR_OF_DAY, TIME
from reports.filters import dimensions_of
from reports.queries import ReportQuery
from reports.sql import LEVEL_COLUMNS, levels_of

_WORD: Final = re.compile(r"\w+")
_BY_INSTANT: Final = {TIME[Interval.MINUTE], TIME[Interval.HOUR], HOUR_OF_DAY}


@cache
def columns_of(text: str) -> frozenset[str]:
    """Return the columns of an event that an expression is over."""
    return frozenset(_WORD.findall(text)) & COLUMNS.keys()


def columns_for(query: ReportQuery, components: list[Component]) -> set[str]:
    """Return the columns that `reports.sql.count_events` reads of the events asked about.

    Not those of conditions that other events decide.
    """
    asked = set(query.dimensions)
    for condition in query.filters:
        asked |= dimensions_of(condition) or set()
    columns = {"site_id", "happened_on"}
    for dimension in asked:
        columns |= columns_of(dimension.expression) | columns_of(dimension.condition)
    if query.range.since or query.range.until or not asked.isdisjoint(_BY_INSTANT):
        columns.add("happened_at")
    for level in levels_of(components):
        columns.update(LEVEL_COLUMNS[level])
    for component in components:
        columns.update(component.columns)
    return columns
