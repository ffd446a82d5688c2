"""Figures as text: one way to write each unit, on pages and charts."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext

from reports.metrics import Money, Unit
from reports.queries import Change
from reports.words import write_number, write_percentage

#: What is shown for a figure over nothing.
DASH: Final = "–"
#: How a change begins that rounds to nothing.
NO_DIRECTION: Final = "±"


def format_figure(value: float | Money | None, unit: Unit) -> str:
    """Return a figure as people read it; a dash for one over nothing."""
    if value is None:
        return DASH
    if isinstance(value, Money):
        return f"{write_number(value.amount, 2)} {value.currency}"
    match unit:
        case Unit.COUNT:
            return write_number(round(value))
        case Unit.RATE:
            return format_share(value)
        case Unit.RATIO:
            return write_number(value, 2)
        case Unit.SECONDS:
            return format_duration(value)
        case Unit.PERCENT:
            return write_percentage(write_number(value))
        case Unit.MONEY:
            raise TypeError("An amount of money has a currency.")


def format_brief(count: int) -> str:
    """Return a count where there is little room: `9,999`, then `10k`, `1.2M`, rounded down."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if count >= max(size, 10_000):
            tenths = count * 10 // size
            if tenths < 100 and tenths % 10:
                return f"{write_number(tenths / 10, 1)}{sign}"
            return f"{write_number(tenths // 10)}{sign}"
    return write_number(count)


def format_share(fraction: float) -> str:
    """Return a fraction as a percentage: whole from 10 % on, one decimal below."""
    percent = fraction * 100
    decimals = 0 if percent >= 9.95 or percent == 0 else 1
    return write_percentage(write_number(percent, decimals))


def format_duration(seconds: float) -> str:
    """Return seconds as `45s`, `3m 05s` or `2h 10m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def format_change(change: Change) -> str:
    """Return how much a figure changed: `+12%`, `−3.1 pts` for rates, a dash where unknown."""
    difference = change.difference
    if difference is None:
        return DASH
    match change.metric.unit:
        case Unit.RATE:
            text = gettext("{number} pts").format(number=write_number(abs(difference) * 100, 1))
        case Unit.PERCENT:
            text = gettext("{number} pts").format(number=write_number(abs(difference), 1))
        case _:
            text = write_percentage(write_number(abs(difference) * 100))
    # What rounds to nothing has no direction.
    if not any(digit in text for digit in "123456789"):
        return f"{NO_DIRECTION}{text}"
    return f"{'+' if difference > 0 else '−'}{text}"
