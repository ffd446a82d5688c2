"""Daily figures: rows that add up, over any days, to exactly what the events would say.

A row is the components of one day and one value of a dimension. Most of them simply add up from
day to day. Not so a visit that goes on across midnight: it is in the figures of both days, and over
both it counts once. So what a visit, visitor or stay adds to a later day stands in a row apart,
with the day on which it was last seen with that value, `previous_on`. A question that begins after
that day counts the row, any other leaves it out:

    sum of a component over [first, end) = its sum over rows with happened_on in [first, end)
                                           and previous_on before first, or none

The greatest scroll depth of a stay over several days is no sum either: a later day's rows hold by
how much it raises the greatest, once for every day that the question may begin after.

Users whom a site identifies are the same on every day: where there are any, visitors do not add up
and are counted from events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from archive.columns import VISIT_COLUMNS
from reports.components import (
    BOUNCES,
    DURATION_US,
    ENGAGED_VISITS,
    ENGAGEMENT_MS,
    EVENTS,
    PAGEVIEWS,
    SCROLL_DEPTH,
    SCROLLED_STAYS,
    STAYS,
    VISITORS,
    VISITS,
)
from reports.dimensions import (
    DIMENSIONS,
    EVENT,
    HOSTNAME,
    HOUR_OF_DAY,
    PAGE,
    SCREEN,
    TITLE,
    Dimension,
)

#: Of figures that are by no dimension.
WHOLE: Final = Dimension(name="", label="", expression="''")

#: Dimensions that a visit has one value of, so that its stays on pages tell all of them at once.
FACTS: Final = tuple(
    each for each in DIMENSIONS.values() if each.expression in VISIT_COLUMNS or each is SCREEN
)
#: Dimensions of single events.
OF_EVENTS: Final = (PAGE, TITLE, HOSTNAME, EVENT, HOUR_OF_DAY)

ROLLED_UP: Final[dict[str, Dimension]] = {
    dimension.name: dimension for dimension in (WHOLE, *FACTS, *OF_EVENTS)
}

#: Components that rows hold, in their order.
COUNTED: Final = (
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

ROLLUP_COLUMNS: Final = {
    "dimension": "VARCHAR",
    "value": "VARCHAR",
    "happened_on": "DATE",
    "previous_on": "DATE",
    **dict.fromkeys((component.name for component in COUNTED), "BIGINT"),
}

_VISIT_PARTS: Final = ("visitor", "started_on", "bounced", "engaged", "duration_us")
#: What a stay, or an event of one, adds up to.
_SUMS: Final = """
    count(*) FILTER (name = 'pageview') AS pageviews,
    count(*) FILTER (name <> 'engagement') AS events,
    coalesce(sum(engagement_ms) FILTER (name = 'engagement'), 0)::BIGINT AS engagement_ms,
    max(scroll_depth) FILTER (name = 'engagement') AS scroll_depth"""
#: What each component is of stays on the day on which their visit began. `is_first` marks one stay
#: of each visit, day and value.
_ON_FIRST_DAY: Final = {
    "visitors": "count(DISTINCT visitor) FILTER (happened_on = started_on)",
    "visits": "count(*) FILTER (is_first AND happened_on = started_on)",
    "bounces": "count(*) FILTER (bounced AND is_first AND happened_on = started_on)",
    "engaged_visits": "count(*) FILTER (engaged AND is_first AND happened_on = started_on)",
    "duration_us": "sum(duration_us) FILTER (is_first AND happened_on = started_on)",
    "pageviews": "sum(pageviews)",
    "events": "sum(events)",
    "stays": "count(*) FILTER (engagement_ms > 0 AND happened_on = started_on)",
    "engagement_ms": "sum(engagement_ms)",
    "scrolled_stays": "count(scroll_depth) FILTER (happened_on = started_on)",
    "scroll_depth": "sum(scroll_depth) FILTER (happened_on = started_on)",
}


@dataclass(frozen=True, slots=True)
class LaterDays:
    """What stays add to days after the one on which their visit began."""

    components: dict[str, str]
    #: The stays, each with its `previous_on`.
    stays: str


_LATER: Final = (
    LaterDays(
        {
            "visits": "count(*)",
            "bounces": "count(*) FILTER (bounced)",
            "engaged_visits": "count(*) FILTER (engaged)",
            "duration_us": "sum(duration_us)",
        },
        "SELECT *, lag(happened_on) OVER (PARTITION BY value, visit_id ORDER BY happened_on)"
        " AS previous_on FROM late WHERE is_first",
    ),
    LaterDays(
        {"visitors": "count(*)"},
        "SELECT *, lag(happened_on) OVER (PARTITION BY value, visitor ORDER BY happened_on)"
        " AS previous_on FROM (SELECT DISTINCT value, visitor, started_on, happened_on FROM late)",
    ),
    LaterDays(
        {"stays": "count(*)"},
        "SELECT *, lag(happened_on) OVER (PARTITION BY value, visit_id, page ORDER BY happened_on)"
        " AS previous_on FROM late WHERE engagement_ms > 0",
    ),
    LaterDays(
        {"scrolled_stays": "count(*)"},
        "SELECT *, lag(happened_on) OVER (PARTITION BY value, visit_id, page ORDER BY happened_on)"
        " AS previous_on FROM late WHERE scroll_depth IS NOT NULL",
    ),
    LaterDays(
        # By how much the depth is greater than any before, if the question begins on the
        # visit's first day; ...
        {"scroll_depth": "sum(greatest(scroll_depth - coalesce(deepest, 0), 0))"},
        "SELECT *, NULL::DATE AS previous_on, max(scroll_depth) OVER ("
        "PARTITION BY value, visit_id, page ORDER BY happened_on"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS deepest"
        " FROM late WHERE scroll_depth IS NOT NULL",
    ),
    LaterDays(
        # ... and how much more if it begins after each of the days before.
        {
            "scroll_depth": "sum(greatest(scroll_depth - since, 0)"
            " - greatest(scroll_depth - greatest(since, was), 0))"
        },
        "SELECT later.value, later.happened_on, later.started_on, later.scroll_depth,"
        " earlier.happened_on AS previous_on, earlier.scroll_depth AS was,"
        " coalesce(max(earlier.scroll_depth) OVER ("
        "PARTITION BY later.value, later.visit_id, later.page, later.happened_on"
        " ORDER BY earlier.happened_on DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        "), 0) AS since"
        " FROM late AS later JOIN late AS earlier ON later.value = earlier.value"
        " AND later.visit_id = earlier.visit_id AND later.page = earlier.page"
        " AND earlier.happened_on < later.happened_on"
        " WHERE later.scroll_depth IS NOT NULL AND earlier.scroll_depth IS NOT NULL",
    ),
)


def stored_name(dimension: Dimension, zone: ZoneInfo) -> str:
    """Return the name that rows of daily figures have for the dimension.

    Hours are those of a time zone: where the site has got another one since, they are told anew.
    """
    return f"{HOUR_OF_DAY.name} {zone.key}" if dimension is HOUR_OF_DAY else dimension.name


def zone_of(names: Iterable[str], otherwise: ZoneInfo) -> ZoneInfo:
    """Return the time zone of the hours among the stored names of dimensions."""
    hours = f"{HOUR_OF_DAY.name} "
    keys = [name.removeprefix(hours) for name in names if name.startswith(hours)]
    return ZoneInfo(keys[0]) if keys else otherwise


def write_stays(events: str) -> str:
    """Return a query for the stays of visits on pages, a row per visit, day and page.

    They hold all that figures by a fact of the visit, or by page, need. `events` is a relation.
    """
    facts = ", ".join(f"any_value({name}) AS {name}" for name in VISIT_COLUMNS)
    return (
        "SELECT *, row_number() OVER (PARTITION BY visit_id, happened_on) = 1 AS is_first FROM ("
        f"SELECT visit_id, happened_on, page, {facts}, any_value(bounced) AS bounced,"
        f" any_value(engaged) AS engaged, any_value(duration_us) AS duration_us, {_SUMS}"
        f" FROM {events} GROUP BY visit_id, happened_on, page)"
    )


def write_daily_figures(
    dimension: Dimension,
    names: Iterable[str],
    *,
    stays: str,
    events: str,
    since: str,
    with_later_days: bool = True,
) -> str:
    """Return a query for rows of daily figures: value, happened_on, previous_on, then `names`.

    The names are those of components that are COUNTED. `stays` is a relation as `write_stays`
    gives it, `events` one of events; both begin early enough to hold every day of the visits that
    have one from `since` on, from which day on there are rows. Where no visit goes on across
    midnight, the rows of later days may be left out.
    """
    names = list(names)
    first = ", ".join(f"coalesce({_ON_FIRST_DAY[name]}, 0)::BIGINT AS {name}" for name in names)
    parts = [
        f"SELECT value, happened_on, NULL::DATE AS previous_on, {first} FROM units"
        f" WHERE happened_on >= {since} GROUP BY value, happened_on"
    ]
    for later in _LATER:
        if with_later_days and any(name in later.components for name in names):
            columns = ", ".join(
                f"coalesce({later.components[name]}, 0)::BIGINT AS {name}"
                if name in later.components
                else f"0::BIGINT AS {name}"
                for name in names
            )
            parts.append(
                f"SELECT value, happened_on, previous_on, {columns} FROM ({later.stays})"
                f" WHERE happened_on > started_on AND happened_on >= {since}"
                " GROUP BY value, happened_on, previous_on"
            )
    return (
        f"WITH units AS ({_units(dimension, stays, events)}),"
        " late AS (SELECT * FROM units SEMI JOIN ("
        "SELECT visitor FROM units WHERE happened_on > started_on) USING (visitor))"
        f" {' UNION ALL '.join(parts)}"
    )


def _units(dimension: Dimension, stays: str, events: str) -> str:
    """The stays with the dimension's value, each visit's first of a day and value marked."""
    if dimension.name == PAGE.name:
        return f"SELECT * REPLACE (true AS is_first), page AS value FROM {stays}"
    if dimension not in OF_EVENTS:
        condition = dimension.condition or "true"
        return f"SELECT *, {dimension.expression} AS value FROM {stays} WHERE {condition}"
    parts = ", ".join(f"any_value({name}) AS {name}" for name in _VISIT_PARTS)
    condition = dimension.condition or "true"
    return (
        "SELECT *, row_number() OVER (PARTITION BY value, visit_id, happened_on) = 1 AS is_first"
        f" FROM (SELECT {dimension.expression} AS value, visit_id, happened_on, page, {parts},"
        f" {_SUMS} FROM {events} WHERE {condition} GROUP BY ALL)"
    )
