"""Which columns of an event a question needs, so that no more of them are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from archive.columns import COLUMNS
from reports.components import Component
from reports.dates import Interval
from reports.dimensions import TIME, Dimension
from reports.filters import dimensions_of
from reports.queries import ReportQuery
from reports.sql import LEVEL_COLUMNS, counted_parts, levels_of

_WORD: Final = re.compile(r"\w+")
_BY_INSTANT: Final = {TIME[Interval.MINUTE], TIME[Interval.HOUR]}


def columns_of(dimensions: Iterable[Dimension]) -> set[str]:
    """Return the columns of an event that the dimensions are made of."""
    texts = [f"{dimension.expression} {dimension.condition}" for dimension in dimensions]
    return {word for text in texts for word in _WORD.findall(text)} & COLUMNS.keys()


def columns_for(query: ReportQuery, components: Iterable[Component]) -> set[str]:
    """Return the columns that `reports.sql.count_events` reads of the events asked about.

    Not those of conditions that other events decide.
    """
    components = list(components)
    asked = set(query.dimensions)
    for condition in query.filters:
        asked |= dimensions_of(condition) or set()
    columns = {"site_id", "happened_on", *columns_of(asked)}
    if query.range.since or query.range.until or not asked.isdisjoint(_BY_INSTANT):
        columns.add("happened_at")
    for level in levels_of(components):
        columns.update(LEVEL_COLUMNS[level])
    for component in components:
        columns.update(component.columns)
    return columns


def columns_for_all(queries: Iterable[ReportQuery]) -> set[str]:
    """Return the columns that are read to answer the questions, whatever is counted for them."""
    parts = [part for query in queries for part in counted_parts(query)]
    return set().union(*(columns_for(part, components) for _, part, components in parts))
