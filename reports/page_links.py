"""Where a report page leads: to itself with other days, filters, or another chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reports.comparison import COMPARISONS, Comparison
from reports.dates import (
    EARLIEST_DAY,
    LATEST_DAY,
    PRESETS,
    Bucket,
    DateRange,
    Interval,
    next_month,
    today_in,
)
from reports.dimensions import TIME
from reports.filters import Filter
from reports.forms import ALL, ALL_TIME, ReportPeriod
from reports.page_filters import write_query
from reports.words import say


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of a menu, by its name in the address."""

    name: str
    label: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PageLinks:
    """What the address of a page says, and the addresses that differ from it in one thing.

    `asked_of_chart` and `tabs` are parameters of the address: those of the chart, those of cards.
    """

    period: ReportPeriod
    filters: tuple[Filter, ...]
    comparison: Comparison
    asked_of_chart: dict[str, str]
    tabs: dict[str, str]
    now: datetime

    @property
    def choices(self) -> dict[str, str]:
        """What stays whatever the days, the filters and the chart are, as parameters."""
        return {**dict(self.comparison.parameters), **self.tabs}

    @property
    def parameters(self) -> dict[str, str]:
        """All but the filters, as parameters; of the chart what was to be had."""
        asked = dict(self.asked_of_chart)
        if asked.get("interval") != self.period.interval:
            asked.pop("interval", None)
        return {**self.period.parameters, **asked, **self.choices}

    @property
    def parameters_but_comparison(self) -> dict[str, str]:
        """What a page that compares with something else keeps, as parameters."""
        own = dict(self.comparison.parameters)
        return {name: value for name, value in self.parameters.items() if name not in own}

    @property
    def kept_query(self) -> str:
        """The query of other pages of the site about the same."""
        return self.query_with({})

    def query_with(self, own: Mapping[str, str]) -> str:
        """Return the query of a page about the same, with its own parameters that are not empty."""
        said = {name: value for name, value in own.items() if value}
        return write_query(self.filters, {**self.period.parameters, **self.choices, **said})

    @property
    def all_time_query(self) -> str:
        """The query of the page about all days."""
        return write_query(self.filters, {"period": ALL, **self.choices})

    def filtered(self, filters: tuple[Filter, ...]) -> str:
        """Return the address with these filters in place of its own."""
        return f"?{write_query(filters, self.parameters)}"

    def showing(self, card: str, dimension: str) -> str:
        """Return the address on which a card shows the dimension; it leads to the card."""
        return f"?{write_query(self.filters, {**self.parameters, card: dimension})}#{card}"

    def about(self, days: DateRange) -> str:
        """Return the address about other days; empty where reports do not reach."""
        if days.first_day < EARLIEST_DAY or days.end_day > LATEST_DAY:
            return ""
        metric = {name: asked for name, asked in self.asked_of_chart.items() if name == "metric"}
        period = {"from": f"{days.first_day}", "to": f"{days.last_day}"}
        return f"?{write_query(self.filters, {**period, **metric, **self.choices})}"

    def about_bucket(self, bucket: Bucket) -> str:
        """Return the address about a bucket's days; empty for hours, and on a page of one day."""
        days = self.period.range
        if isinstance(bucket.key, datetime) or days.days == 1:
            return ""
        first = max(bucket.key, days.first_day)
        end = min(today_in(days.zone, bucket.ends_at), days.end_day)
        return self.about(DateRange(first_day=first, end_day=end, zone=days.zone))

    def earlier(self) -> str:
        """Return the address about as many days right before; empty where reports do not reach."""
        return self.about(self._whole_range.beside(-1))

    def later(self) -> str:
        """Return the address about as many days right after; empty where none of them has come."""
        later = self._whole_range.beside(1)
        is_to_come = later.first_day > today_in(later.zone, self.now)
        return "" if is_to_come else self.about(later)

    @property
    def periods(self) -> list[Choice]:
        """The presets of the period's menu."""
        names = {preset.name: preset.label for preset in PRESETS.values()} | {ALL: ALL_TIME}
        return [
            Choice(
                name,
                say(label),
                f"?{write_query(self.filters, {'period': name, **self.choices})}",
                name == self.period.name,
            )
            for name, label in names.items()
        ]

    @property
    def comparisons(self) -> list[Choice]:
        """The ways to compare that have a name."""
        kept = self.parameters_but_comparison
        return [
            Choice(
                each.name,
                say(each.label),
                f"?{write_query(self.filters, {**kept, **dict(each.parameters)})}",
                each == self.comparison,
            )
            for each in COMPARISONS.values()
        ]

    def intervals(self, *, with_hours: bool) -> list[Choice]:
        """Return the widths of the chart's buckets that suit the days, the narrowest first."""
        days = {**self.period.parameters, **self.choices}
        return [
            Choice(
                interval.value,
                TIME[interval].title,
                f"?{write_query(self.filters, {**days, 'interval': interval.value})}",
                interval is self.period.interval,
            )
            for interval in Interval
            if interval in self.period.range.intervals()
            and (with_hours or interval is not Interval.HOUR)
        ]

    @property
    def _whole_range(self) -> DateRange:
        """The page's days; this month is whole."""
        days = self.period.range
        if self.period.name == "month":
            return replace(days, end_day=next_month(days.first_day))
        return days
