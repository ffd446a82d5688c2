"""Texts of our own in the reader's language, and numbers and days as that is written.

Registries hold their texts in English, marked to be translated; what shows them asks here.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.utils.dateformat import format as format_date
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, pgettext

#: Languages in which nouns begin with a capital wherever they stand.
_CAPITALISING: Final = ("de",)


def say(text: str) -> str:
    """Return one of our texts in the reader's language; empty for an empty one."""
    return gettext(text) if text else ""


def say_inside(text: str) -> str:
    """Return a label as it stands inside a sentence: in small letters, where nouns have them."""
    said = say(text)
    return said if (get_language() or "").startswith(_CAPITALISING) else said.lower()


def write_number(value: float | Decimal, decimals: int = 0) -> str:
    """Return a number with so many decimals, rounded, its thousands apart: `1,403`, `2.89`."""
    rounded = value if isinstance(value, int) else Decimal(f"{value:.{decimals}f}")
    return number_format(rounded, decimals or None, force_grouping=True)


def write_percentage(number: str) -> str:
    """Return a number as a percentage: `48%`, in other languages `48 %`."""
    return gettext("{number}%").format(number=number)


def write_day(day: date) -> str:
    """Return a day, such as "4 Mar 2026"."""
    return format_date(day, pgettext("a day", "j M Y"))


def write_moment(at: datetime) -> str:
    """Return a day and the time of it, such as "4 Mar 2026, 14:05"."""
    return format_date(at, pgettext("a day and time", "j M Y, H:i"))
