"""How an address writes filters, what is wrong with others, and how they read."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.dimensions import (
    COUNTRY,
    DEVICE,
    DIMENSIONS,
    EVENT,
    PAGE,
    SOURCE,
    TITLE,
    property_dimension,
)
from reports.filters import Filter, Operator
from reports.page_filters import (
    RELATIONS,
    Chip,
    make_conditions,
    narrow,
    read_filters,
    read_typed,
    write_filters,
    write_query,
)
from reports.reading.conditions import OPERATORS
from reports.reading.values import QuestionError

CONTAINS, MATCHES = Operator.CONTAINS, Operator.MATCHES
SUCH: Final = ", ".join(DIMENSIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is,source,Google", Filter(SOURCE, ("Google",))),
        ("is,source,Google,Bing", Filter(SOURCE, ("Google", "Bing"))),
        ("is,source,", Filter(SOURCE, ("",))),
        ("is,source,,Bing", Filter(SOURCE, ("", "Bing"))),
        ("is_not,page,/admin", Filter(PAGE, ("/admin",), negated=True)),
        ("contains,page,/blog", Filter(PAGE, ("/blog",), operator=CONTAINS)),
        ("contains_not,page,/blog", Filter(PAGE, ("/blog",), True, CONTAINS)),
        (r"matches,page,^/\\d+$", Filter(PAGE, (r"^/\d+$",), operator=MATCHES)),
        ("matches_not,page,a|b", Filter(PAGE, ("a|b",), True, MATCHES)),
        (r"is,title,Salt\, pepper", Filter(TITLE, ("Salt, pepper",))),
        (r"is,title,C:\\,D", Filter(TITLE, ("C:\\", "D"))),
        ("is,title,one\ntwo\x07", Filter(TITLE, ("one\ntwo\x07",))),
        ("is,property:plan,solo", Filter(property_dimension("plan"), ("solo",))),
        (r"is,property:a\,b,1", Filter(property_dimension("a,b"), ("1",))),
        ("is,event,signup", Filter(EVENT, ("signup",))),
    ],
)
def test_reads_and_writes_filters(text: str, expected: Filter) -> None:
    assert read_filters([text]) == (expected,)
    assert write_filters([expected]) == [text]


def texts(*, least: int = 0) -> st.SearchStrategy[str]:
    """Any text that may be stored."""
    return st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        min_size=least,
        max_size=20,
    )


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """Any filter, of whole values or parts of them."""
    operator = draw(st.sampled_from([Operator.IS, CONTAINS]))
    values = draw(st.lists(texts(least=operator is CONTAINS), min_size=1, max_size=5))
    named = st.sampled_from([*DIMENSIONS.values()])
    dimension = draw(named | texts(least=1).map(property_dimension))
    return Filter(dimension, tuple(values), draw(st.booleans()), operator)


@given(st.lists(filters(), unique=True, max_size=20))
def test_what_is_written_is_read_again(drawn: list[Filter]) -> None:
    assert read_filters(write_filters(drawn)) == tuple(drawn)


@given(
    st.text()
    | st.tuples(st.sampled_from([*OPERATORS]), st.sampled_from([*DIMENSIONS]), st.text()).map(
        ",".join
    )
)
def test_every_text_is_a_filter_or_gets_a_sentence(text: str) -> None:
    with suppress(QuestionError):
        make_conditions(read_filters([text]))


def test_an_address_can_be_read_and_is_one() -> None:
    filters = read_filters(["is,source,Google,Bing", "contains,page,/blog", r"is,title,a&b=\, +ü"])

    assert write_query(filters, {"period": "30d"}) == (
        "period=30d&f=is,source,Google,Bing&f=contains,page,/blog&f=is,title,a%26b%3D%5C,%20%2B%C3%BC"
    )


def test_a_filter_stands_once_and_an_empty_one_is_none() -> None:
    assert len(read_filters(["", "is,page,/", "is,page,/"])) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "source",
            "Write an operator, a dimension and values, such as is,source,Google,Bing.",
        ),
        (
            "is,source",
            "Write an operator, a dimension and values, such as is,source,Google,Bing.",
        ),
        (
            "was,source,Google",
            "A filter begins with one of is, is_not, contains, contains_not, matches, matches_not.",
        ),
        (
            "is,sauce,Google",
            f'There is no dimension "sauce"; take property: and a name, or one of {SUCH}.',
        ),
        (
            "is,property:,Google",
            f'There is no dimension "property:"; take property: and a name, or one of {SUCH}.',
        ),
        (r"is,page,C:\temp", r"Write \\ for a backslash and \, for a comma in a value."),
        ("is,page,/\\", r"Write \\ for a backslash and \, for a comma in a value."),
        ("contains,page,", "Say what it contains, such as contains,page,/blog."),
        ("matches_not,page,a,", "Say what it does not match, such as matches_not,page,/blog."),
        ("matches,page,a(", "This is no regular expression of RE2: missing ): a(."),
        ("matches,page,(?=a)", "This is no regular expression of RE2: invalid perl operator: (?=."),
        (f"matches,page,{'a' * 501}", "A pattern has 500 characters at most."),
        (f"matches,page{',a' * 51}", "At most 50 patterns in a question."),
        (f"is,page,{'a' * 2001}", "A value has 2,000 characters at most."),
        (f"is,page{',a' * 101}", "At most 100 values, not 101."),
        ("is,page,\0", "It has a NUL or half a character in it, as no value has."),
        ("is,page,\ud83d", "It has a NUL or half a character in it, as no value has."),
    ],
)
def test_says_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(QuestionError) as raised:
        read_filters(["is,page,/", text])

    assert str(raised.value).startswith(f'"{text[:60]}')
    assert raised.value.sentence == sentence


def test_an_address_has_no_more_than_it_may() -> None:
    with pytest.raises(QuestionError, match="filters: At most 20, not 21"):
        read_filters(["is,page,/"] * 21)
    with pytest.raises(QuestionError, match="filters: At most 8,000 characters"):
        read_filters([f"is,page,{'a' * 1600}"] * 5)
    with pytest.raises(QuestionError, match="At most 50 patterns"):
        read_filters([f"matches,page{',a' * 26}", f"matches,title{',a' * 26}"])


@pytest.mark.parametrize(
    ("word", "name", "value", "expected"),
    [
        ("is", "source", "Google", Filter(SOURCE, ("Google",))),
        ("is", "source", "", Filter(SOURCE, ("",))),
        ("is", "source", "Direct / None", Filter(SOURCE, ("",))),
        ("is_not", "country", "germany", Filter(COUNTRY, ("DE",), negated=True)),
        ("is", "country", "de", Filter(COUNTRY, ("DE",))),
        ("is", "country", "Atlantis", Filter(COUNTRY, ("Atlantis",))),
        ("is", "device", "Desktop", Filter(DEVICE, ("desktop",))),
        ("contains", "country", "land", Filter(COUNTRY, ("land",), operator=CONTAINS)),
        ("is", "page", r"/a,b\c", Filter(PAGE, (r"/a,b\c",))),
    ],
)
def test_people_write_values_as_pages_show_them(
    word: str, name: str, value: str, expected: Filter
) -> None:
    assert read_typed(word, name, value) == expected


def test_parts_of_names_are_looked_for_in_names() -> None:
    (countries, devices) = make_conditions(
        read_filters(["contains,country,German", "matches_not,device,^(Mob|Tab)"])
    )

    assert countries == Filter(COUNTRY, ("DE",))
    assert devices == Filter(DEVICE, ("mobile", "tablet"), negated=True)


GOOGLE: Final = Filter(SOURCE, ("Google",))
BLOG: Final = Filter(PAGE, ("/blog",), operator=CONTAINS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), (GOOGLE,)),
        ((BLOG,), (BLOG, GOOGLE)),
        ((GOOGLE, BLOG), (GOOGLE, BLOG)),
        ((Filter(SOURCE, ("Google", "Bing")), BLOG), (BLOG, GOOGLE)),
        # These say something else.
        (
            (Filter(SOURCE, ("Bing",), negated=True), Filter(SOURCE, ("Goo",), False, CONTAINS)),
            (
                Filter(SOURCE, ("Bing",), negated=True),
                Filter(SOURCE, ("Goo",), False, CONTAINS),
                GOOGLE,
            ),
        ),
    ],
)
def test_a_value_is_added_to_filters(before: tuple[Filter, ...], after: tuple[Filter, ...]) -> None:
    assert narrow(before, SOURCE, "Google") == after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("is,source,Google,Bing", "Source is Google or Bing"),
        ("is_not,source,", "Source is not Direct / None"),
        ("is,utm_term,", "UTM term is (none)"),
        ("contains,page,/blog", "Page contains /blog"),
        ("contains_not,page,/admin", "Page does not contain /admin"),
        ("matches,page,^/$", "Page matches ^/$"),
        ("matches_not,page,^/$", "Page does not match ^/$"),
        ("is,country,DE", "Country is Germany"),
        ("contains,country,DE", "Country contains DE"),
        ("is,device,desktop", "Device is Desktop"),
        ("is,property:plan,solo", "plan is solo"),
    ],
)
def test_a_chip_says_it_in_words(text: str, words: str) -> None:
    (read,) = read_filters([text])

    assert Chip(read, "").text == words


def test_every_operator_has_words() -> None:
    assert RELATIONS.keys() == OPERATORS.keys()
