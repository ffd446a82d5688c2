"""Filters that write figures as text."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django import template

from reports.dimensions import DIMENSIONS
from reports.formats import (
    DASH,
    NO_DIRECTION,
    format_change,
    format_duration,
    format_figure,
    format_share,
)
from reports.metrics import Metric
from reports.queries import Change
from reports.tables import show_value
from reports.words import say, say_inside, write_day, write_moment, write_number

register = template.Library()


@register.filter
def figure(value: float | None, metric: Metric) -> str:
    """Return a metric's figure as people read it."""
    return format_figure(value, metric.unit)


@register.filter
def change_text(change: Change) -> str:
    """Return how much a figure changed."""
    return format_change(change)


@register.filter
def tone(change: Change) -> str:
    """Return "good", "bad" or "same", the class by which a change is coloured.

    A change that rounds to nothing is none.
    """
    if format_change(change).startswith(NO_DIRECTION):
        return "same"
    return {True: "good", False: "bad", None: "same"}[change.is_good]


@register.filter
def duration(seconds: float | None) -> str:
    """Return seconds as people read them; a dash for none."""
    return DASH if seconds is None else format_duration(seconds)


@register.filter
def share(fraction: float | None) -> str:
    """Return a fraction as a percentage; a dash for none."""
    return DASH if fraction is None else format_share(fraction)


@register.filter
def shown_as(value: str, dimension: str) -> str:
    """Return a value of a dimension, by its name, as tables show it."""
    return show_value(DIMENSIONS[dimension], value)


@register.filter
def number(count: int) -> str:
    """Return a whole number with its thousands apart."""
    return write_number(count)


@register.filter
def day(value: date) -> str:
    """Return a day as people read it."""
    return write_day(value)


@register.filter
def moment(value: datetime) -> str:
    """Return a day and the time of it as people read them."""
    return write_moment(value)


@register.filter
def inside(text: str) -> str:
    """Return a label of ours as it stands inside a sentence."""
    return say_inside(text)


@register.filter
def said(text: str) -> str:
    """Return a text of ours in the reader's language."""
    return say(text)


#: Keys of periods, by their names in the address.
_KEYS: Final = {
    "day": "d",
    "yesterday": "e",
    "7d": "w",
    "28d": "t",
    "month": "m",
    "year": "y",
    "12mo": "l",
    "all": "a",
}


@register.filter
def period_key(name: str) -> str:
    """Return the key that opens a period; empty for one without."""
    return _KEYS.get(name, "")
