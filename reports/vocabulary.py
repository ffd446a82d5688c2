"""The names by which programs ask: those of Plausible's Stats API v2, and a few of our own.

A question's `visit:os` is the dimension that pages call the operating system, its `Desktop` the
device `desktop`, its `(not set)` an empty value. Here they meet, in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from django.utils.translation import gettext_noop as _

from reports.dates import DateRange, Interval
from reports.dimensions import (
    COUNTRY,
    DEVICE,
    DIMENSIONS,
    EVENT,
    GOAL,
    PAGE,
    Dimension,
    property_dimension,
)
from reports.filters import AllOf, AnyOf, Condition, Filter, Operator
from reports.patterns import matching
from visits.ingestion.places import country_names
from visits.joining import ENGAGEMENT, PAGEVIEW

DIRECT: Final = "Direct / None"
NOT_SET: Final = "(not set)"
NONE: Final = "(none)"

PROPERTY: Final = "event:props:"
#: A goal that is the view of a page is written so, with `*` for any part of a name.
VISIT: Final = "Visit "

_DEVICES: Final = (
    ("desktop", _("Desktop")),
    ("mobile", _("Mobile")),
    ("tablet", _("Tablet")),
)


@dataclass(frozen=True, slots=True)
class Term:
    """A dimension as programs name it, and what they call an empty value of it."""

    name: str
    dimension: Dimension
    empty: str = NOT_SET

    def show(self, value: str) -> str:
        """Return a value as it stands in an answer."""
        return value or self.empty

    def understand(self, value: str) -> str:
        """Return the value of the dimension that a question names."""
        if value == self.empty:
            return ""
        return next((code for code, name in self.dimension.names if name == value), value)


@cache
def terms() -> dict[str, Term]:
    """Every dimension but properties and time, by its name in a question."""
    plain = {
        "event:page": PAGE,
        "event:hostname": DIMENSIONS["hostname"],
        "event:title": DIMENSIONS["title"],
        "event:name": EVENT,
        "event:goal": GOAL,
        "visit:os": DIMENSIONS["operating_system"],
        "visit:os_version": DIMENSIONS["operating_system_version"],
        "visit:device": replace(DEVICE, names=_DEVICES),
        "visit:country_name": replace(COUNTRY, names=tuple(country_names().items())),
        "visit:region_name": DIMENSIONS["region"],
        "visit:city_name": DIMENSIONS["city"],
    }
    same = (
        "entry_page exit_page source referrer channel utm_source utm_medium utm_campaign utm_term"
        " utm_content browser browser_version country region city screen language"
    )
    plain |= {f"visit:{name}": DIMENSIONS[name] for name in same.split()}
    empties = {"visit:source": DIRECT, "visit:referrer": DIRECT}
    return {
        name: Term(name, dimension, empties.get(name, NOT_SET)) for name, dimension in plain.items()
    }


def find_term(name: str) -> Term | None:
    """Return the term of a name; None for one that is none, or a dimension of time."""
    if name.startswith(PROPERTY) and name != PROPERTY:
        return Term(name, property_dimension(name.removeprefix(PROPERTY)), NONE)
    return terms().get(name)


def find_interval(name: str, days: DateRange) -> Interval | None:
    """Return the interval that a dimension of time names; for `time` one that suits the days."""
    if name == "time":
        if days.days <= 1:
            return Interval.HOUR
        return Interval.DAY if days.days <= 92 else Interval.MONTH
    word, _, width = name.partition(":")
    return Interval(width) if word == "time" and width in set(Interval) else None


def make_condition(
    term: Term,
    values: Iterable[str],
    operator: Operator,
    *,
    negated: bool = False,
    case_sensitive: bool = True,
) -> Condition:
    """Return the condition that a question states of a term, with the values it gives."""
    if term.dimension is GOAL:
        return _reached(list(values), operator, case_sensitive=case_sensitive)
    if operator is Operator.IS:
        values = [term.understand(value) for value in values]
    elif term.dimension.names:
        values = _named(term.dimension, values, operator, case_sensitive=case_sensitive)
        operator, case_sensitive = Operator.IS, True
    return Filter(
        dimension=replace(term.dimension, names=()),
        values=tuple(values),
        negated=negated,
        operator=operator,
        case_sensitive=case_sensitive,
    )


def _named(
    dimension: Dimension, values: Iterable[str], operator: Operator, *, case_sensitive: bool
) -> list[str]:
    """The dimension's values whose names contain or match one of those given."""
    codes = {name: code for code, name in dimension.names}
    found: set[str] = set()
    for value in values:
        if operator is Operator.MATCHES:
            found |= set(matching(value if case_sensitive else f"(?i){value}", codes))
        elif case_sensitive:
            found |= {name for name in codes if value in name}
        else:
            found |= {name for name in codes if value.lower() in name.lower()}
    return [codes[name] for name in sorted(found)]


def _reached(goals: list[str], operator: Operator, *, case_sensitive: bool) -> Condition:
    """The site's own events of these names, and views of pages that are goals."""
    own = Filter(EVENT, (PAGEVIEW, ENGAGEMENT), negated=True)
    named = Filter(EVENT, tuple(goals), operator=operator, case_sensitive=case_sensitive)
    ways: list[Condition] = [AllOf((own, named))]
    if operator is Operator.IS:
        pages = [goal.removeprefix(VISIT) for goal in goals if goal.startswith(VISIT)]
        seen = [match_page(page, case_sensitive=case_sensitive) for page in pages]
        ways += [AllOf((Filter(EVENT, (PAGEVIEW,)), page)) for page in seen]
    return AnyOf(tuple(ways))


def match_page(page: str, *, case_sensitive: bool = True) -> Filter:
    """Return what leaves the views of a page; `*` in its path stands for any part of one."""
    if "*" not in page:
        return Filter(PAGE, (page,), case_sensitive=case_sensitive)
    parts = [_quoted(part) for part in page.split("*")]
    pattern = f"^{'.*'.join(parts)}$"
    return Filter(PAGE, (pattern,), operator=Operator.MATCHES, case_sensitive=case_sensitive)


def _quoted(text: str) -> str:
    """The text as RE2 takes it word for word: signs that mean something are escaped."""
    return "".join(f"\\{sign}" if sign in r"\.+?()[]{}|^$" else sign for sign in text)
