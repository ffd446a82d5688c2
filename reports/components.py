"""What is counted before any figure is made: whole numbers, each over rows of one level.

A component is an aggregate over the events that a question is about, in the whole or in one group.
Since all of them are whole numbers, an answer is the same in whatever order the rows come and
however they are split.

`Level.VISITOR`: a row for each visitor with such an event. `Level.VISIT`: a row for each visit,
with what is known of it as a whole: `bounced`, `engaged`, `duration_us`. `Level.EVENT`: the events
themselves. `Level.STAY`: a row for each page of a visit that has engagement there, with the sum of
`engagement_ms` and the greatest `scroll_depth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """Which rows a component is an aggregate of."""

    VISITOR = "visitor"
    VISIT = "visit"
    EVENT = "event"
    STAY = "stay"


@dataclass(frozen=True, slots=True)
class Component:
    """One whole number: its name, its level, its aggregate; 0 where there are no rows."""

    name: str
    level: Level
    expression: str


VISITORS: Final = Component("visitors", Level.VISITOR, "count(*)")

VISITS: Final = Component("visits", Level.VISIT, "count(*)")
BOUNCES: Final = Component("bounces", Level.VISIT, "count(*) FILTER (bounced)")
ENGAGED_VISITS: Final = Component("engaged_visits", Level.VISIT, "count(*) FILTER (engaged)")
DURATION_US: Final = Component("duration_us", Level.VISIT, "sum(duration_us)")

PAGEVIEWS: Final = Component("pageviews", Level.EVENT, "count(*) FILTER (name = 'pageview')")
EVENTS: Final = Component("events", Level.EVENT, "count(*) FILTER (name <> 'engagement')")

STAYS: Final = Component("stays", Level.STAY, "count(*) FILTER (engagement_ms > 0)")
ENGAGEMENT_MS: Final = Component("engagement_ms", Level.STAY, "sum(engagement_ms)")
SCROLLED_STAYS: Final = Component("scrolled_stays", Level.STAY, "count(scroll_depth)")
SCROLL_DEPTH: Final = Component("scroll_depth", Level.STAY, "sum(scroll_depth)")

COMPONENTS: Final[dict[str, Component]] = {
    component.name: component
    for component in (
        VISITORS,
        VISITS,
        BOUNCES,
        ENGAGED_VISITS,
        DURATION_US,
        PAGEVIEWS,
        EVENTS,
        STAYS,
        ENGAGEMENT_MS,
        SCROLLED_STAYS,
        SCROLL_DEPTH,
    )
}
