"""Values of a question by their kind; another kind raises a QuestionError that says where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

#: What an array may have at most, unless it is said otherwise.
MAX_VALUES: Final = 1_000

Value = TypeVar("Value")


class QuestionError(ValueError):
    """What is wrong with a question, and where; `str` gives the sentence for the asker."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}")
        self.sentence = sentence


def read_object(value: object, place: str, keys: frozenset[str] | None = None) -> Mapping[str, Any]:
    """Return the object; with `keys`, one that has no others."""
    if not isinstance(value, dict):
        raise QuestionError(place, "An object has to stand here.")
    for key in value if keys is not None else ():
        if key not in (keys or ()):
            known = ", ".join(sorted(keys or ()))
            raise QuestionError(f"{place}/{shorten(key)}", f"There is no such key; take {known}.")
    return value


def read_array(value: object, place: str, most: int = MAX_VALUES) -> list[Any]:
    """Return the array, of `most` values at most."""
    if not isinstance(value, list):
        raise QuestionError(place, "An array has to stand here.")
    if len(value) > most:
        raise QuestionError(place, f"At most {most:,}, not {len(value):,}.")
    return value


def read_texts(value: object, place: str, most: int = MAX_VALUES) -> list[str]:
    """Return the array of texts."""
    array = read_array(value, place, most)
    return [read_text(item, f"{place}/{number}") for number, item in enumerate(array)]


def read_text(value: object, place: str) -> str:
    """Return the text."""
    return _of_kind(value, str, place, "A text has to stand here.")


def read_flag(value: object, place: str) -> bool:
    """Return the true or false."""
    return _of_kind(value, bool, place, "Write true or false.")


def read_number(value: object, place: str, least: int, most: int) -> int:
    """Return the whole number within the limits."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise QuestionError(place, f"Write a whole number from {least:,} to {most:,}.")
    return value


def _of_kind(value: object, kind: type[Value], place: str, sentence: str) -> Value:
    if not isinstance(value, kind):
        raise QuestionError(place, sentence)
    return value


def check_once(names: list[str], place: str) -> None:
    """Refuse a name that stands twice."""
    for number, name in enumerate(names):
        if name in names[:number]:
            raise QuestionError(f"{place}/{number}", f"{quote(name)} is asked for twice.")


def quote(text: str) -> str:
    """Return a text of the asker's in quotes, cut short."""
    return f'"{shorten(text)}"'


def shorten(text: str) -> str:
    """Return the text, cut so that an answer is not as long as any question."""
    return text if len(text) <= 60 else f"{text[:60]}…"
