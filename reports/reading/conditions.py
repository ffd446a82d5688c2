"""The conditions of a question: arrays within arrays, each with a word at its head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from reports.dimensions import GOAL
from reports.filters import AllOf, AnyOf, Condition, HasDone, Not, Operator
from reports.reading.patterns import PatternReader
from reports.reading.values import (
    MAX_VALUES,
    QuestionError,
    quote,
    read_array,
    read_flag,
    read_object,
    read_text,
    read_texts,
)
from reports.vocabulary import Term, find_term, make_condition, terms

#: How a value is compared, and whether the opposite is meant, by the word for it.
OPERATORS: Final = {
    f"{operator}{ending}": (operator, negated)
    for operator in Operator
    for ending, negated in (("", False), ("_not", True))
}
#: Words before other conditions.
JOINING: Final = ("and", "or", "not", "has_done", "has_not_done")

MAX_FILTERS: Final = 200
MAX_DEPTH: Final = 8
MAX_NAME: Final = 400


class ConditionReader:
    """Reads conditions within conditions, and counts what they ask for in all.

    `goals` returns what each of the site's goals asks of events, by its name; asked once, and only
    for questions about goals.
    """

    def __init__(self, goals: Callable[[], Mapping[str, Condition]] = dict) -> None:
        self._count = 0
        self._goals = goals
        self._patterns = PatternReader()

    def read(self, value: object) -> tuple[Condition, ...]:
        """Return the conditions, all of which hold."""
        return self._read_several(value, "#/filters", depth=1)

    def _read_several(self, value: object, place: str, depth: int) -> tuple[Condition, ...]:
        parts = read_array(value, place)
        return tuple(
            self._read_one(part, f"{place}/{number}", depth) for number, part in enumerate(parts)
        )

    def _read_one(self, value: object, place: str, depth: int) -> Condition:
        self._count += 1
        if self._count > MAX_FILTERS:
            raise QuestionError("#/filters", f"At most {MAX_FILTERS} conditions.")
        if depth > MAX_DEPTH:
            raise QuestionError(place, f"At most {MAX_DEPTH} conditions within each other.")
        parts = read_array(value, place)
        word = read_text(parts[0], f"{place}/0") if parts else ""
        if word in JOINING:
            if len(parts) != 2:
                raise QuestionError(place, f'"{word}" takes one thing after it.')
            return self._read_joined(word, parts[1], f"{place}/1", depth + 1)
        if word not in OPERATORS:
            words = ", ".join([*OPERATORS, *JOINING])
            raise QuestionError(place, f"A condition begins with one of {words}.")
        return self._read_simple(word, parts, place)

    def _read_joined(self, word: str, value: object, place: str, depth: int) -> Condition:
        match word:
            case "and":
                return AllOf(self._read_several(value, place, depth))
            case "or":
                return AnyOf(self._read_several(value, place, depth))
        part = self._read_one(value, place, depth)
        return Not(part) if word == "not" else HasDone(part, negated=word == "has_not_done")

    def _read_simple(self, word: str, parts: list[Any], place: str) -> Condition:
        operator, negated = OPERATORS[word]
        if len(parts) not in (3, 4):
            raise QuestionError(place, f'Write ["{word}", a dimension, [values]].')
        name = read_text(parts[1], f"{place}/1")
        if name == "segment":
            raise QuestionError(f"{place}/1", "There are no segments.")
        if name.partition(":")[0] == "time":
            raise QuestionError(f"{place}/1", "Time is asked for by the date_range.")
        term = read_term(name, f"{place}/1")
        if term.dimension is GOAL and (negated or operator is Operator.MATCHES):
            raise QuestionError(f"{place}/0", "Of event:goal ask is or contains.")
        values = read_texts(parts[2], f"{place}/2", most=MAX_VALUES)
        if operator is Operator.MATCHES:
            self._patterns.check(values, f"{place}/2")
        case_sensitive = _read_modifiers(parts[3:], f"{place}/3")
        condition = make_condition(
            term, values, operator, negated=negated, case_sensitive=case_sensitive
        )
        if term.dimension is not GOAL:
            return condition
        named = [
            asked
            for name, asked in self._goals().items()
            if names(name, values, operator, case_sensitive=case_sensitive)
        ]
        return AnyOf((condition, *named)) if named else condition


def names(goal: str, values: Iterable[str], operator: Operator, *, case_sensitive: bool) -> bool:
    """Whether a goal's name is one of the values, or contains one."""
    if not case_sensitive:
        goal, values = goal.lower(), [value.lower() for value in values]
    if operator is Operator.IS:
        return goal in values
    return any(value in goal for value in values)


def _read_modifiers(parts: list[Any], place: str) -> bool:
    """Whether capitals count, which they do unless the question says otherwise."""
    if not parts:
        return True
    modifiers = read_object(parts[0], place, frozenset(("case_sensitive",)))
    return read_flag(modifiers.get("case_sensitive", True), f"{place}/case_sensitive")


def read_term(name: str, place: str) -> Term:
    """Return the dimension of a name, other than of time. Raises QuestionError."""
    term = find_term(name) if len(name) <= MAX_NAME else None
    if term is None:
        raise QuestionError(
            place,
            f"There is no dimension {quote(name)}; take event:props: and a name, time, or one of"
            f" {', '.join(terms())}.",
        )
    return term
