"""What a report's address says, read into days and an interval, or into what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from reports.cards import CARDS
from reports.comparison import COMPARISONS, CUSTOM, PREVIOUS, Comparison, compare_with
from reports.dates import (
    DAY,
    EARLIEST_DAY,
    LATEST_DAY,
    PRESETS,
    DateRange,
    Interval,
    format_days,
    preset_range,
)
from reports.filters import Filter
from reports.metrics import METRICS, Metric, Unit
from reports.page_filters import MAX_VALUE, read_filters, read_typed, write_filters
from reports.reading.values import QuestionError
from reports.words import say

ALL: Final = "all"
ALL_TIME: Final = _("All time")

#: Metrics that a chart can show: numbers that need nothing beside them.
CHARTED: Final = [metric for metric in METRICS.values() if metric.unit is not Unit.MONEY]

#: The last page of a long table that may be asked for.
LAST_PAGE: Final = 100_000


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """The days that a page shows, the name they go by, and the width of the chart's buckets."""

    name: str
    range: DateRange
    interval: Interval

    @property
    def label(self) -> str:
        """What people read, such as "Last 30 days" or "1 Mar 2026 – 4 Mar 2026"."""
        if self.name in PRESETS:
            return say(PRESETS[self.name].label)
        if self.name == ALL:
            return say(ALL_TIME)
        return format_days(self.range.first_day, self.range.last_day)

    @property
    def parameters(self) -> dict[str, str]:
        """The same, as an address's parameters."""
        if self.name != CUSTOM:
            return {"period": self.name}
        return {
            "from": self.range.first_day.isoformat(),
            "to": self.range.last_day.isoformat(),
        }

    def by_days(self) -> ReportPeriod:
        """Return the period without hours, whose figures need events."""
        if self.interval is Interval.HOUR:
            return replace(self, interval=Interval.DAY)
        return self


class PageForm(forms.Form):
    """`page=2`: which part of a long table."""

    page = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=LAST_PAGE,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"),
            format_lazy(
                gettext_lazy("Give a number from 1 to {last}, such as page=2."),
                last=f"{LAST_PAGE:,}",
            ),
        ),
    )

    def read_page_number(self) -> int:
        """Return the page asked for, the first by default."""
        return self.cleaned_data.get("page") or 1


class FiltersField(forms.Field):
    """`f=is,source,Google`, any number of times."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: list[str] | None) -> tuple[Filter, ...]:
        """Return the filters."""
        try:
            return read_filters(value or [])
        except QuestionError as error:
            raise forms.ValidationError(str(error)) from None


def _day_field(example: str) -> forms.DateField:
    wrong = gettext_lazy("Give a day like this: {example}.")
    return forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": format_lazy(wrong, example=example)},
    )


def _tab_field(card: str) -> forms.ChoiceField:
    """Return the field that says which dimension a card shows."""
    (tables,) = (each.tables for each in CARDS if each.name == card)
    choices = [(dimension.name, dimension.label) for dimension in tables]
    return forms.ChoiceField(required=False, choices=choices)


class ReportForm(PageForm):
    """`period=30d`, or `from=2026-03-01&to=2026-03-31`; optionally the chart's and a table's.

    `compare=year`, or `compare_from` and `compare_to`, say what the figures are compared with;
    `interval=day` and `metric=visits` are the chart's, `pages=exit_page` says what a card shows;
    filters are the whole page's. A form of a page cannot write one of these: what it sends is a
    filter to add. Names that are none of the form's are left alone: campaigns put theirs into any
    address.
    """

    period = forms.ChoiceField(
        required=False,
        choices=[
            *((preset.name, preset.label) for preset in PRESETS.values()),
            (ALL, ALL_TIME),
            (CUSTOM, "Custom"),
        ],
    )
    to = _day_field("to=2026-03-31")
    interval = forms.ChoiceField(
        required=False, choices=[(interval.value, interval.value) for interval in Interval]
    )
    metric = forms.ChoiceField(
        required=False, choices=[(metric.name, metric.label) for metric in CHARTED]
    )

    compare = forms.ChoiceField(
        required=False,
        choices=[
            *((each.name, each.label) for each in COMPARISONS.values()),
            (CUSTOM, "Other days"),
        ],
    )
    compare_from = _day_field("compare_from=2026-02-01")
    compare_to = _day_field("compare_to=2026-02-28")

    sources = _tab_field("sources")
    pages = _tab_field("pages")
    places = _tab_field("places")
    devices = _tab_field("devices")

    f = FiltersField(required=False)
    filter_by = forms.CharField(required=False)
    filter_how = forms.CharField(required=False)
    filter_value = forms.CharField(required=False)

    def __init__(
        self,
        *args: Any,
        zone: ZoneInfo,
        now: datetime,
        first_hit_at: datetime | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.now = zone, now
        self.today = now.astimezone(zone).date()
        self.first_day = first_hit_at.astimezone(zone).date() if first_hit_at else self.today
        # `from` is a word of Python's own.
        self.fields["from"] = _day_field("from=2026-03-01")

    def clean_period(self) -> str:
        """Return the name given, else the last 28 days, or today on a site's first day.

        Four whole weeks, so that the period before has the same weekdays.
        """
        if self.cleaned_data["period"]:
            return str(self.cleaned_data["period"])
        return "day" if self.first_day >= self.today else "28d"

    def clean(self) -> dict[str, Any]:
        """Put the range beside the fields, and the filter to add to the others."""
        fields = self.cleaned_data
        if self.errors:
            return fields
        if self.adds_filter:
            self._add_filter()
        if fields.get("from") or fields.get("to"):
            fields["period"] = CUSTOM
        if fields["period"] == CUSTOM:
            fields["range"] = self._custom_range("from", "to")
        elif fields["period"] == ALL:
            fields["range"] = self._range(min(self.first_day, self.today), self.today)
        else:
            fields["range"] = preset_range(fields["period"], self.zone, self.now)
        fields["comparison"] = self._comparison()
        return fields

    def read(self) -> ReportPeriod:
        """Return the period of a valid form."""
        days: DateRange = self.cleaned_data["range"]
        asked = self.cleaned_data["interval"]
        # A width that makes no readable chart of these days (another preset's) gives the default.
        interval = Interval(asked) if asked in days.intervals() else days.intervals()[0]
        return ReportPeriod(self.cleaned_data["period"], days, interval)

    def read_metric(self) -> Metric | None:
        """Return the metric that the chart is to show; None where the address names none."""
        return METRICS.get(self.cleaned_data["metric"])

    @property
    def adds_filter(self) -> bool:
        """Whether the address has a filter to add, and so is none to stay at."""
        return bool(self.cleaned_data["filter_by"])

    def read_filters(self) -> tuple[Filter, ...]:
        """Return the filters, with the one to add."""
        filters: tuple[Filter, ...] = self.cleaned_data["f"]
        return filters

    def read_chart(self) -> dict[str, str]:
        """Return what the address says of the chart, as an address's parameters."""
        return {
            name: self.cleaned_data[name]
            for name in ("interval", "metric")
            if self.cleaned_data[name]
        }

    def read_comparison(self) -> Comparison:
        """Return what the figures are compared with."""
        comparison: Comparison = self.cleaned_data["comparison"]
        return comparison

    def read_tabs(self) -> dict[str, str]:
        """Return what the address says that cards show, as an address's parameters."""
        names = (card.name for card in CARDS)
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}

    def _add_filter(self) -> None:
        fields = self.cleaned_data
        word = fields["filter_how"] or "is"
        try:
            typed = read_typed(word, fields["filter_by"], fields["filter_value"])
            fields["f"] = read_filters(write_filters((*fields["f"], typed)))
        except QuestionError as error:
            self.add_error("filter_by", str(error))

    def _comparison(self) -> Comparison | None:
        fields = self.cleaned_data
        if fields["compare"] == CUSTOM or fields["compare_from"] or fields["compare_to"]:
            days = self._custom_range("compare_from", "compare_to")
            return compare_with(days) if days else None
        return COMPARISONS.get(fields["compare"], PREVIOUS)

    def _custom_range(self, name: str, name_of_last: str) -> DateRange | None:
        """Return the days between two fields; None where something is wrong with them."""
        first, last = self.cleaned_data.get(name), self.cleaned_data.get(name_of_last)
        if first is None or last is None:
            self.add_error(
                name_of_last if last is None else name,
                gettext("Give both days, such as {example}.").format(
                    example=f"{name}=2026-03-01&{name_of_last}=2026-03-31"
                ),
            )
            return None
        if first > last:
            sentence = gettext("{first} is after {last}: exchange the two.")
            self.add_error(name, sentence.format(first=first, last=last))
            return None
        if first < EARLIEST_DAY or last >= LATEST_DAY:
            sentence = gettext("Reports reach from {first} to {last}.")
            self.add_error(name, sentence.format(first=EARLIEST_DAY, last=LATEST_DAY - DAY))
            return None
        return self._range(first, last)

    def _range(self, first: date, last: date) -> DateRange:
        return DateRange(first_day=first, end_day=last + DAY, zone=self.zone)


class BreakdownForm(ReportForm):
    """What else the page of a breakdown is asked: `q=blog`, values that have this in them.

    And `sort=-visits`, one of its columns, the greatest first with a minus.
    """

    q = forms.CharField(required=False, max_length=MAX_VALUE)

    def __init__(self, *args: Any, columns: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        orders = [f"{sign}{column}" for column in columns for sign in ("", "-")]
        self.fields["sort"] = forms.ChoiceField(
            required=False, choices=[(order, order) for order in orders]
        )

    def read_search(self) -> str:
        """Return what values are to have in them; empty for all."""
        return str(self.cleaned_data["q"])

    def read_sort(self) -> tuple[str, bool] | None:
        """Return the column to sort by, and whether its greatest come first; None if not told."""
        order: str = self.cleaned_data["sort"]
        return (order.removeprefix("-"), order.startswith("-")) if order else None


def without_nul(sent: QueryDict) -> QueryDict:
    """Return what was sent, without the sign that PostgreSQL takes in no text."""
    clean = sent.copy()
    for name, values in sent.lists():
        clean.setlist(name, [value.replace("\0", "") for value in values])
    return clean
