"""What a page's figures are compared with: a period before, a year before, other days, nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from reports.dates import DateRange, format_days

#: The name of a comparison with days that the address gives.
CUSTOM: Final = "custom"

_Before = Callable[[DateRange, datetime], DateRange | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way to compare: the address's word for it, and what people read.

    `label` stands in the menu, `legend` beside the chart's line, `phrase` after a figure of then.
    `parameters` are those of an address; there are none for what pages do by themselves.
    """

    name: str
    label: str
    legend: str
    phrase: str
    before: _Before
    parameters: tuple[tuple[str, str], ...]


def _way(name: str, label: str, legend: str, phrase: str, before: _Before) -> Comparison:
    return Comparison(name, label, legend, phrase, before, (("compare", name),))


#: The one of pages whose address says nothing.
PREVIOUS: Final = Comparison(
    "previous",
    _("Period before"),
    _("period before"),
    _("in the period before"),
    lambda days, now: days.previous(now),
    (),
)
NONE: Final = _way("none", _("No comparison"), "", "", lambda days, now: None)

COMPARISONS: Final[dict[str, Comparison]] = {
    each.name: each
    for each in (
        PREVIOUS,
        _way(
            "previous_weekdays",
            _("Period before, same weekdays"),
            _("period before, same weekdays"),
            _("in the period before"),
            lambda days, now: days.previous(now, match_weekdays=True),
        ),
        _way(
            "year",
            _("Year before"),
            _("year before"),
            _("a year before"),
            lambda days, now: days.year_before(now),
        ),
        _way(
            "year_weekdays",
            _("Year before, same weekdays"),
            _("year before, same weekdays"),
            _("a year before"),
            lambda days, now: days.year_before(now, match_weekdays=True),
        ),
        NONE,
    )
}


def compare_with(days: DateRange) -> Comparison:
    """Return the comparison with certain days, whatever days a page shows."""
    text = format_days(days.first_day, days.last_day)
    return Comparison(
        CUSTOM,
        text,
        text,
        gettext("on {days}").format(days=text),
        lambda _days, _now: days,
        (("compare_from", f"{days.first_day}"), ("compare_to", f"{days.last_day}")),
    )
