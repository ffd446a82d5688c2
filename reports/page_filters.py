"""The filters of report pages: as an address writes them, and as people read them.

`f=is,source,Google,Bing`: an operator, a dimension, and values of which any will do. A comma or a
backslash in one of them has a backslash before it. All filters of an address hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final
from urllib.parse import quote as quote_for_address
from urllib.parse import urlencode

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from reports.dimensions import DIMENSIONS, Dimension, property_dimension
from reports.filters import Condition, Filter, Operator
from reports.reading.conditions import MAX_NAME, OPERATORS
from reports.reading.patterns import PatternReader
from reports.reading.values import QuestionError, quote
from reports.tables import show_value
from reports.vocabulary import Term, make_condition, terms
from reports.words import say

#: The parameter of an address, which may stand there several times.
PARAMETER: Final = "f"
#: Before the name of a property.
PROPERTY: Final = "property:"

MAX_FILTERS: Final = 20
MAX_VALUES: Final = 100
#: No longer value is stored.
MAX_VALUE: Final = 2_000
#: Every link of a page has all its filters in it.
MAX_CHARACTERS: Final = 8_000

#: How people read the operators.
RELATIONS: Final = {
    "is": _("is"),
    "is_not": _("is not"),
    "contains": _("contains"),
    "contains_not": _("does not contain"),
    "matches": _("matches"),
    "matches_not": _("does not match"),
}
#: Signs that stand in an address as they are, so that people can read its filters.
_PLAIN: Final = "/,:"
_WORDS: Final = {meaning: word for word, meaning in OPERATORS.items()}


def read_filters(texts: Sequence[str]) -> tuple[Filter, ...]:
    """Return the filters as they are written, each once. Raises QuestionError."""
    if len(texts) > MAX_FILTERS:
        raise QuestionError("filters", f"At most {MAX_FILTERS}, not {len(texts):,}.")
    if sum(map(len, texts)) > MAX_CHARACTERS:
        raise QuestionError("filters", f"At most {MAX_CHARACTERS:,} characters in all.")
    patterns = PatternReader()
    found = []
    for text in filter(None, texts):
        try:
            found.append(_read_filter(text, patterns))
        except QuestionError as error:
            raise QuestionError(quote(text), error.sentence) from None
    return tuple(dict.fromkeys(found))


def read_typed(word: str, name: str, value: str) -> Filter:
    """Return the filter of a form that people fill in. Raises QuestionError.

    A value of a whole dimension may be written as pages show it: "Germany", "Direct / None".
    """
    (typed,) = read_filters([_join([word, name, value])])
    if typed.operator is not Operator.IS:
        return typed
    return replace(typed, values=(_stored_value(typed.dimension, value),))


def write_filters(filters: Iterable[Filter]) -> list[str]:
    """Return the filters as an address has them: `read_filters` gives them back."""
    return [
        _join([_WORDS[part.operator, part.negated], part.dimension.name, *part.values])
        for part in filters
    ]


def write_query(filters: Iterable[Filter], parameters: Mapping[str, str]) -> str:
    """Return the query of an address with the filters and the parameters."""
    pairs = [*parameters.items(), *((PARAMETER, text) for text in write_filters(filters))]
    return urlencode(pairs, safe=_PLAIN, quote_via=quote_for_address)


def narrow(filters: tuple[Filter, ...], dimension: Dimension, value: str) -> tuple[Filter, ...]:
    """Return the filters, and that the dimension is this value.

    It takes the place of a filter that allows it among others.
    """
    only = Filter(dimension, (value,))
    if only in filters:
        return filters
    return (*(part for part in filters if not _allows(part, dimension, value)), only)


def make_conditions(filters: Iterable[Filter]) -> tuple[Condition, ...]:
    """Return what the filters ask of events: names of countries and devices become their codes."""
    return tuple(
        make_condition(
            Term(part.dimension.name, _named(part.dimension), empty=""),
            part.values,
            part.operator,
            negated=part.negated,
            case_sensitive=part.case_sensitive,
        )
        for part in filters
    )


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in words, and the address of the page without it."""

    filter: Filter
    url: str

    @property
    def relation(self) -> str:
        """What stands between dimension and values."""
        return say(RELATIONS[_WORDS[self.filter.operator, self.filter.negated]])

    @property
    def values(self) -> list[str]:
        """The values as tables show them; parts and patterns of values as they are."""
        if self.filter.operator is not Operator.IS:
            return [*self.filter.values]
        return [show_value(self.filter.dimension, value) for value in self.filter.values]

    @property
    def value_text(self) -> str:
        """The values in a row, such as "Google or Bing"."""
        return gettext(" or ").join(self.values)

    @property
    def text(self) -> str:
        """The sentence, such as "Source is Google or Bing"."""
        return f"{self.filter.dimension.title} {self.relation} {self.value_text}"


def _read_filter(text: str, patterns: PatternReader) -> Filter:
    parts = _split(text)
    if len(parts) < 3:
        raise _wrong("Write an operator, a dimension and values, such as is,source,Google,Bing.")
    word, name, *values = parts
    if word not in OPERATORS:
        raise _wrong(f"A filter begins with one of {', '.join(OPERATORS)}.")
    operator, negated = OPERATORS[word]
    dimension = _find_dimension(name)
    if len(values) > MAX_VALUES:
        raise _wrong(f"At most {MAX_VALUES} values, not {len(values):,}.")
    if any(len(value) > MAX_VALUE for value in values):
        raise _wrong(f"A value has {MAX_VALUE:,} characters at most.")
    if operator is not Operator.IS and "" in values:
        raise _wrong(f"Say what it {RELATIONS[word]}, such as {word},page,/blog.")
    if operator is Operator.MATCHES:
        patterns.check(values, PARAMETER)
    return Filter(dimension, tuple(values), negated, operator)


def _find_dimension(name: str) -> Dimension:
    if name.startswith(PROPERTY) and len(PROPERTY) < len(name) <= MAX_NAME:
        return property_dimension(name.removeprefix(PROPERTY))
    if name in DIMENSIONS:
        return DIMENSIONS[name]
    raise _wrong(
        f"There is no dimension {quote(name)}; take {PROPERTY} and a name, or one of"
        f" {', '.join(DIMENSIONS)}."
    )


def _split(text: str) -> list[str]:
    """The parts between commas, without the backslashes that protect."""
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise _wrong("It has a NUL or half a character in it, as no value has.")
    parts = [""]
    signs = iter(text)
    for sign in signs:
        if sign == ",":
            parts.append("")
            continue
        plain = next(signs, "") if sign == "\\" else sign
        if sign == "\\" and plain not in ("\\", ","):
            raise _wrong(r"Write \\ for a backslash and \, for a comma in a value.")
        parts[-1] += plain
    return parts


def _wrong(sentence: str) -> QuestionError:
    return QuestionError(PARAMETER, sentence)


def _join(parts: Iterable[str]) -> str:
    return ",".join(part.replace("\\", "\\\\").replace(",", "\\,") for part in parts)


def _allows(part: Filter, dimension: Dimension, value: str) -> bool:
    """Whether the filter is a list of the dimension's values that has this one."""
    is_list = part.operator is Operator.IS and not part.negated
    return is_list and part.dimension == dimension and value in part.values


@cache
def _dimensions_with_names() -> dict[str, Dimension]:
    found = [term.dimension for term in terms().values()]
    return {dimension.name: dimension for dimension in found if dimension.names}


def _named(dimension: Dimension) -> Dimension:
    """The dimension with what its values are called."""
    return _dimensions_with_names().get(dimension.name, dimension)


def _stored_value(dimension: Dimension, shown: str) -> str:
    """The value that people mean by what they write."""
    if shown in (dimension.empty, say(dimension.empty)):
        return ""
    meant = shown.casefold()
    for code, name in _named(dimension).names:
        names = (code, name, show_value(dimension, code))
        if meant in [each.casefold() for each in names]:
            return code
    return shown
