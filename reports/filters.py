"""Which events a question is about: conditions on dimensions, and how they are joined into one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from reports.dimensions import EVENT, Dimension
from visits.joining import ENGAGEMENT, PAGEVIEW


class Operator(StrEnum):
    """How a dimension's value is compared with those given."""

    IS = "is"
    CONTAINS = "contains"
    MATCHES = "matches"  # a regular expression of RE2, anywhere in the value


@dataclass(frozen=True, slots=True)
class Filter:
    """Only events whose dimension meets (or, negated, does not meet) one of these values."""

    dimension: Dimension
    values: tuple[str, ...]
    negated: bool = False
    operator: Operator = Operator.IS
    case_sensitive: bool = True

    @property
    def is_one_value(self) -> bool:
        """Whether events meet it whose dimension has one certain value, and no others."""
        is_one_of = self.operator is Operator.IS and self.case_sensitive and not self.negated
        return is_one_of and len(self.values) == 1


#: The site's own events alone.
OWN_EVENTS: Final = Filter(EVENT, (PAGEVIEW, ENGAGEMENT), negated=True)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Only events that meet each of these conditions; all events where there is none."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Only events that meet one of these conditions; no event where there is none."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Only events that do not meet the condition."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class HasDone:
    """Only events of visitors who have (or, negated, have no) event of the range that meets it."""

    condition: Condition
    negated: bool = False


Condition: TypeAlias = "Filter | AllOf | AnyOf | Not | HasDone"


def tells_action(condition: Condition) -> bool:
    """Return whether the condition is on what was done: an event's name or one of its properties.

    What a visitor has done besides, as HasDone asks, is not.
    """
    return any(part.dimension.tells_action for part in _filters(condition))


def dimensions_of(condition: Condition) -> set[Dimension] | None:
    """Return the dimensions that decide whether an event meets it; None: others decide too."""
    match condition:
        case HasDone():
            return None
        case Filter(dimension):
            return {dimension}
        case Not(part):
            return dimensions_of(part)
        case AllOf(parts) | AnyOf(parts):
            found: set[Dimension] = set()
            for part in parts:
                of_part = dimensions_of(part)
                if of_part is None:
                    return None
                found |= of_part
            return found


def put_in_place(condition: Condition, old: Dimension, new: Dimension) -> Condition:
    """Return the condition with a dimension in another's place, wherever it stands."""

    def change(part: Filter) -> Filter:
        return replace(part, dimension=new) if part.dimension == old else part

    return _changed(condition, change)


def _filters(condition: Condition) -> Iterator[Filter]:
    match condition:
        case Filter():
            yield condition
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _filters(part)
        case Not(part):
            yield from _filters(part)


def _changed(condition: Condition, change: Callable[[Filter], Filter]) -> Condition:
    match condition:
        case Filter():
            return change(condition)
        case AllOf(parts) | AnyOf(parts):
            return type(condition)(tuple(_changed(part, change) for part in parts))
        case Not(part) | HasDone(part):
            return replace(condition, condition=_changed(part, change))
