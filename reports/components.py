"""What is counted before any figure is made: whole numbers, each over rows of one level.

A component is an aggregate over the events that a question is about, in the whole or in one group.
Since all of them are whole numbers (and a currency, where all amounts have the same), an answer is
the same in whatever order the rows come and however they are split.

`Level.VISITOR`: a row for each visitor with such an event. `Level.VISIT`: a row for each visit,
with what is known of it as a whole: `bounced`, `engaged`, `duration_us`. `Level.EVENT`: the events
themselves. `Level.STAY`: a row for each page of a visit that has engagement there, with the sum of
`engagement_ms` and the greatest `scroll_depth`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """Which rows a component is an aggregate of."""

    VISITOR = "visitor"
    VISIT = "visit"
    EVENT = "event"
    STAY = "stay"


class Scope(StrEnum):
    """Of which question a component is counted, seen from the one that is asked.

    Actions are conditions and dimensions on what was done: an event's name or property.
    """

    GROUP = "own"  # of the question itself, in each of its groups
    WHOLE = "whole"  # without dimensions
    EVERYONE = "everyone"  # without dimensions, whatever was done
    GROUP_EVERYONE = "group_everyone"  # in each group, whatever was done
    PAGES = "pages"  # of pages, where exit pages are asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One number to count: its name, its level and its aggregate over the level's rows.

    `columns` are those of an event that the aggregate needs; `nothing` is what it is without rows.
    """

    name: str
    level: Level
    expression: str
    columns: tuple[str, ...] = ()
    scope: Scope = Scope.GROUP
    nothing: str = "0"


VISITORS: Final = Component(name="visitors", level=Level.VISITOR, expression="count(*)")

VISITS: Final = Component(name="visits", level=Level.VISIT, expression="count(*)")
BOUNCES: Final = Component(
    name="bounces",
    level=Level.VISIT,
    expression="count(*) FILTER (bounced)",
    columns=("bounced",),
)
ENGAGED_VISITS: Final = Component(
    name="engaged_visits",
    level=Level.VISIT,
    expression="count(*) FILTER (engaged)",
    columns=("engaged",),
)
DURATION_US: Final = Component(
    name="duration_us",
    level=Level.VISIT,
    expression="sum(duration_us)",
    columns=("duration_us",),
)

PAGEVIEWS: Final = Component(
    name="pageviews",
    level=Level.EVENT,
    expression="count(*) FILTER (name = 'pageview')",
    columns=("name",),
)
EVENTS: Final = Component(
    name="events",
    level=Level.EVENT,
    expression="count(*) FILTER (name <> 'engagement')",
    columns=("name",),
)
#: Visits that ended on a page whose view is asked about.
EXITS: Final = Component(
    name="exits",
    level=Level.EVENT,
    expression="count(DISTINCT visit_id) FILTER (name = 'pageview' AND page = exit_page)",
    columns=("visit_id", "name", "page", "exit_page"),
)
#: In ten thousandths of whatever the currency is.
REVENUE: Final = Component(
    name="revenue",
    level=Level.EVENT,
    expression="sum((revenue_amount * 10000)::HUGEINT)",
    columns=("revenue_amount",),
)
REVENUE_EVENTS: Final = Component(
    name="revenue_events",
    level=Level.EVENT,
    expression="count(revenue_amount)",
    columns=("revenue_amount",),
)
#: NULL where there are several, or none.
CURRENCY: Final = Component(
    name="currency",
    level=Level.EVENT,
    expression=(
        "CASE WHEN count(DISTINCT revenue_currency) FILTER (revenue_amount IS NOT NULL) = 1"
        " THEN min(revenue_currency) FILTER (revenue_amount IS NOT NULL) END"
    ),
    columns=("revenue_amount", "revenue_currency"),
    nothing="NULL",
)

STAYS: Final = Component(
    name="stays", level=Level.STAY, expression="count(*) FILTER (engagement_ms > 0)"
)
ENGAGEMENT_MS: Final = Component(
    name="engagement_ms", level=Level.STAY, expression="sum(engagement_ms)"
)
SCROLLED_STAYS: Final = Component(
    name="scrolled_stays", level=Level.STAY, expression="count(scroll_depth)"
)
SCROLL_DEPTH: Final = Component(
    name="scroll_depth", level=Level.STAY, expression="sum(scroll_depth)"
)

WHOLE_VISITORS: Final = replace(VISITORS, name="whole_visitors", scope=Scope.WHOLE)
EVERYONE: Final = replace(VISITORS, name="everyone", scope=Scope.EVERYONE)
GROUP_EVERYONE: Final = replace(VISITORS, name="group_everyone", scope=Scope.GROUP_EVERYONE)
PAGES_PAGEVIEWS: Final = replace(PAGEVIEWS, name="pages_pageviews", scope=Scope.PAGES)

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
        EXITS,
        REVENUE,
        REVENUE_EVENTS,
        CURRENCY,
        STAYS,
        ENGAGEMENT_MS,
        SCROLLED_STAYS,
        SCROLL_DEPTH,
        WHOLE_VISITORS,
        EVERYONE,
        GROUP_EVERYONE,
        PAGES_PAGEVIEWS,
    )
}
