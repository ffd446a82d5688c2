"""Every figure that a report may show: its name, its unit, and the one place that says what it is.

A figure is an aggregate over rows of one of two kinds. For a question without dimensions there is
one group; with dimensions, one for each of their values.

`Level.VISIT`: a row for each visit that has an event in the range (and, with dimensions, in the
group). It has the visit's `visitor`, its `pageviews` and `events` in the range and group, and of
the visit as a whole `bounced`, `engaged` and `duration_seconds`.

`Level.PAGE`: a row for each page of each such visit that has engagement there, with the sum of
`engagement_seconds` and the greatest `scroll_depth`.

Left out of all of them are hits that the ingestion pipeline drops. docs/metrics.md says the same in
prose, one heading for each name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """What a figure's number means."""

    COUNT = "count"
    RATE = "rate"  # fraction from 0 to 1; pages show a percentage
    RATIO = "ratio"  # a number with decimals
    SECONDS = "seconds"
    PERCENT = "percent"  # 0 to 100


class Level(StrEnum):
    """Which rows a figure is an aggregate of."""

    VISIT = "visit"
    PAGE = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One named figure; its expression is NULL, shown as a dash, where it is over nothing."""

    name: str
    label: str
    unit: Unit
    level: Level
    expression: str
    higher_is_better: bool = True
    #: The label where there is little room, if it is another one.
    short_label: str = ""

    @property
    def column_label(self) -> str:
        """What stands above a column of a table."""
        return self.short_label or self.label


VISITORS: Final = Metric(
    name="visitors",
    label="Unique visitors",
    short_label="Visitors",
    unit=Unit.COUNT,
    level=Level.VISIT,
    expression="count(DISTINCT visitor)",
)
VISITS: Final = Metric(
    name="visits",
    label="Visits",
    unit=Unit.COUNT,
    level=Level.VISIT,
    expression="count(*)",
)
PAGEVIEWS: Final = Metric(
    name="pageviews",
    label="Pageviews",
    unit=Unit.COUNT,
    level=Level.VISIT,
    expression="coalesce(sum(pageviews), 0)",
)
EVENTS: Final = Metric(
    name="events",
    label="Events",
    unit=Unit.COUNT,
    level=Level.VISIT,
    expression="coalesce(sum(events), 0)",
)
VIEWS_PER_VISIT: Final = Metric(
    name="views_per_visit",
    label="Views per visit",
    unit=Unit.RATIO,
    level=Level.VISIT,
    expression="sum(pageviews) / nullif(count(*), 0)",
)
BOUNCE_RATE: Final = Metric(
    name="bounce_rate",
    label="Bounce rate",
    unit=Unit.RATE,
    level=Level.VISIT,
    expression="count(*) FILTER (bounced) / nullif(count(*), 0)",
    higher_is_better=False,
)
VISIT_DURATION: Final = Metric(
    name="visit_duration",
    label="Visit duration",
    short_label="Duration",
    unit=Unit.SECONDS,
    level=Level.VISIT,
    expression="avg(duration_seconds)",
)
ENGAGEMENT_RATE: Final = Metric(
    name="engagement_rate",
    label="Engagement rate",
    short_label="Engaged",
    unit=Unit.RATE,
    level=Level.VISIT,
    expression="count(*) FILTER (engaged) / nullif(count(*), 0)",
)
TIME_ON_PAGE: Final = Metric(
    name="time_on_page",
    label="Time on page",
    unit=Unit.SECONDS,
    level=Level.PAGE,
    expression="avg(engagement_seconds) FILTER (engagement_seconds > 0)",
)
SCROLL_DEPTH: Final = Metric(
    name="scroll_depth",
    label="Scroll depth",
    unit=Unit.PERCENT,
    level=Level.PAGE,
    expression="avg(scroll_depth)",
)

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        VISITORS,
        VISITS,
        PAGEVIEWS,
        EVENTS,
        VIEWS_PER_VISIT,
        BOUNCE_RATE,
        VISIT_DURATION,
        ENGAGEMENT_RATE,
        TIME_ON_PAGE,
        SCROLL_DEPTH,
    )
}

#: A visit is engaged that lasted this long, or had two pageviews.
ENGAGED_SECONDS: Final = 10
