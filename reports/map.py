"""Countries on the map of a page: how many of its visitors are from each, and what a click does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from reports.tables import Table
from reports.week import STRENGTHS
from reports.words import say_inside
from visits.ingestion.places import country_names

#: There are no more countries.
MOST_COUNTRIES: Final = 300
#: With the map above them, so many of a table's rows fit on its card.
ROWS_BELOW_MAP: Final = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A country with visitors: its code, its name with their number, and its colour's strength."""

    code: str
    text: str
    strength: int
    url: str


def mark_places(table: Table) -> list[Place]:
    """Return the countries of a table, those with most visitors first; codes of none have no place.

    Colours go by the root of how many there are: of one country there are often most.
    """
    greatest = max((row.bar_percent for row in table.rows), default=0)
    return [
        Place(
            code=row.value,
            text=f"{row.label}: {row.cells[0]} {say_inside(table.metrics[0].column_label)}",
            strength=max(1, math.ceil(STRENGTHS * math.sqrt(row.bar_percent / (greatest or 1)))),
            url=row.url,
        )
        for row in table.rows
        if row.value in country_names()
    ]
