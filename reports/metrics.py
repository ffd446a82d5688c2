"""Every figure that a report may show: its name, its unit, and the one place that says what it is.

A figure is an expression over components: the whole numbers of reports.components, counted over the
events of the range and, with dimensions, of each of their values. A visit or visitor is counted
there if any of its events is. docs/metrics.md says the same in prose, one heading for each name.

Left out of all of them are hits that the ingestion pipeline drops.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from django.utils.translation import gettext_noop as _

from reports import components
from reports.components import Component
from reports.words import say


class Unit(StrEnum):
    """What a figure's number means."""

    COUNT = "count"
    RATE = "rate"  # fraction from 0 to 1; pages show a percentage
    RATIO = "ratio"  # a number with decimals
    SECONDS = "seconds"
    PERCENT = "percent"  # 0 to 100
    MONEY = "money"  # Money, an amount of one currency


class Money(NamedTuple):
    """An amount, exact to a ten thousandth, and the code of its currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One named figure; its expression is NULL, shown as a dash, where it is over nothing."""

    name: str
    label: str
    unit: Unit
    #: What the expression is over, by their names.
    components: tuple[Component, ...]
    expression: str
    higher_is_better: bool = True
    #: The label where there is little room, if it is another one.
    short_label: str = ""

    @property
    def title(self) -> str:
        """The label in the reader's language."""
        return say(self.label)

    @property
    def column_label(self) -> str:
        """What stands above a column of a table."""
        return self.short_label or self.label

    @property
    def column_title(self) -> str:
        """The same in the reader's language."""
        return say(self.column_label)


VISITORS: Final = Metric(
    name="visitors",
    label=_("Unique visitors"),
    short_label=_("Visitors"),
    unit=Unit.COUNT,
    components=(components.VISITORS,),
    expression="visitors",
)
VISITS: Final = Metric(
    name="visits",
    label=_("Visits"),
    unit=Unit.COUNT,
    components=(components.VISITS,),
    expression="visits",
)
PAGEVIEWS: Final = Metric(
    name="pageviews",
    label=_("Pageviews"),
    unit=Unit.COUNT,
    components=(components.PAGEVIEWS,),
    expression="pageviews",
)
EVENTS: Final = Metric(
    name="events",
    label=_("Events"),
    unit=Unit.COUNT,
    components=(components.EVENTS,),
    expression="events",
)
VIEWS_PER_VISIT: Final = Metric(
    name="views_per_visit",
    label=_("Views per visit"),
    unit=Unit.RATIO,
    components=(components.PAGEVIEWS, components.VISITS),
    expression="pageviews / nullif(visits, 0)",
)
BOUNCE_RATE: Final = Metric(
    name="bounce_rate",
    label=_("Bounce rate"),
    unit=Unit.RATE,
    components=(components.BOUNCES, components.VISITS),
    expression="bounces / nullif(visits, 0)",
    higher_is_better=False,
)
VISIT_DURATION: Final = Metric(
    name="visit_duration",
    label=_("Visit duration"),
    short_label=_("Duration"),
    unit=Unit.SECONDS,
    components=(components.DURATION_US, components.VISITS),
    expression="duration_us / 1e6 / nullif(visits, 0)",
)
ENGAGEMENT_RATE: Final = Metric(
    name="engagement_rate",
    label=_("Engagement rate"),
    short_label=_("Engaged"),
    unit=Unit.RATE,
    components=(components.ENGAGED_VISITS, components.VISITS),
    expression="engaged_visits / nullif(visits, 0)",
)
TIME_ON_PAGE: Final = Metric(
    name="time_on_page",
    label=_("Time on page"),
    unit=Unit.SECONDS,
    components=(components.ENGAGEMENT_MS, components.STAYS),
    expression="engagement_ms / 1e3 / nullif(stays, 0)",
)
SCROLL_DEPTH: Final = Metric(
    name="scroll_depth",
    label=_("Scroll depth"),
    unit=Unit.PERCENT,
    components=(components.SCROLL_DEPTH, components.SCROLLED_STAYS),
    expression="scroll_depth / nullif(scrolled_stays, 0)",
)

EXIT_RATE: Final = Metric(
    name="exit_rate",
    label=_("Exit rate"),
    unit=Unit.RATE,
    components=(components.EXITS, components.PAGES_PAGEVIEWS),
    expression="exits / nullif(pages_pageviews, 0)",
)
PERCENTAGE: Final = Metric(
    name="percentage",
    label=_("Share of visitors"),
    short_label=_("Share"),
    unit=Unit.RATE,
    components=(components.VISITORS, components.WHOLE_VISITORS),
    expression="visitors / nullif(whole_visitors, 0)",
)
CONVERSION_RATE: Final = Metric(
    name="conversion_rate",
    label=_("Conversion rate"),
    short_label=_("Conversion"),
    unit=Unit.RATE,
    components=(components.VISITORS, components.EVERYONE),
    expression="visitors / nullif(everyone, 0)",
)
GROUP_CONVERSION_RATE: Final = Metric(
    name="group_conversion_rate",
    label=_("Conversion rate in the group"),
    unit=Unit.RATE,
    components=(components.VISITORS, components.GROUP_EVERYONE),
    expression="visitors / nullif(group_everyone, 0)",
)


def _money(ten_thousandths: str) -> str:
    """An amount and its currency; NULL where there is no revenue, or of several currencies."""
    amount = f"CAST({ten_thousandths} AS DECIMAL(34, 0)) * CAST(0.0001 AS DECIMAL(5, 4))"
    money = f"struct_pack(amount := {amount}, currency := currency)"
    return f"CASE WHEN currency IS NOT NULL THEN {money} END"


TOTAL_REVENUE: Final = Metric(
    name="total_revenue",
    label=_("Total revenue"),
    unit=Unit.MONEY,
    components=(components.REVENUE, components.CURRENCY),
    expression=_money("revenue"),
)
AVERAGE_REVENUE: Final = Metric(
    name="average_revenue",
    label=_("Average revenue"),
    unit=Unit.MONEY,
    components=(components.REVENUE, components.REVENUE_EVENTS, components.CURRENCY),
    expression=_money("round(revenue / revenue_events)"),
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
        EXIT_RATE,
        PERCENTAGE,
        CONVERSION_RATE,
        GROUP_CONVERSION_RATE,
        TOTAL_REVENUE,
        AVERAGE_REVENUE,
    )
}
