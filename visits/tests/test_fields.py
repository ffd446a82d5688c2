"""The contract of a hit, field by field: what is taken, what is cut, what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visits.ingestion.fields import LONG_NAMES, MalformedHitError, read_hit
from visits.ingestion.hit import SentHit

REQUIRED = {"name": "pageview", "url": "https://example.com/", "domain": "example.com"}


def read(**fields: Any) -> SentHit:
    """Return the hit of `fields` on top of the three that are required."""
    return read_hit(REQUIRED | fields)


def errors_of(fields: object) -> dict[str, list[str]]:
    """Return the errors for which `fields` are refused."""
    with pytest.raises(MalformedHitError) as refusal:
        read_hit(fields)
    return refusal.value.errors


def test_three_fields_are_a_hit() -> None:
    assert read_hit(REQUIRED) == SentHit(
        name="pageview",
        url="https://example.com/",
        domains=("example.com",),
        referrer="",
        props={},
        revenue_amount=None,
        revenue_currency="",
        interactive=True,
        engagement_ms=None,
        scroll_depth=None,
        hash_mode=False,
        event_id="",
        title="",
        screen_width=None,
        language="",
        timezone="",
        automated=False,
        address="",
        user_agent="",
        at=None,
        user_id="",
        cut=(),
    )


@pytest.mark.parametrize("missing", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "  ", "\x00", "absent"])
def test_name_url_and_domain_are_required(missing: str, value: str | None) -> None:
    fields: dict[str, Any] = REQUIRED | {missing: value}
    if value == "absent":
        del fields[missing]

    assert errors_of(fields) == {missing: ["This field is required."]}


NAMES = [
    ("n", "name", "signup", {"name": "signup"}),
    ("u", "url", "https://example.com/a", {"url": "https://example.com/a"}),
    ("d", "domain", "other.example", {"domains": ("other.example",)}),
    ("r", "referrer", "https://news.example/", {"referrer": "https://news.example/"}),
    ("p", "props", {"plan": "pro"}, {"props": {"plan": "pro"}}),
    ("m", "props", {"plan": "pro"}, {"props": {"plan": "pro"}}),
    ("meta", "props", {"plan": "pro"}, {"props": {"plan": "pro"}}),
    (
        "$",
        "revenue",
        {"currency": "EUR", "amount": "12.30"},
        {"revenue_currency": "EUR", "revenue_amount": Decimal("12.30")},
    ),
    ("i", "interactive", False, {"interactive": False}),
    ("e", "engagement_time", 1500, {"engagement_ms": 1500}),
    ("sd", "scroll_depth", 80, {"scroll_depth": 80}),
    ("h", "hash_mode", 1, {"hash_mode": True}),
    ("hashMode", "hash_mode", 1, {"hash_mode": True}),
    ("v", "version", 4, {}),
    ("id", "event_id", "a-1", {"event_id": "a-1"}),
    ("t", "title", "Prices", {"title": "Prices"}),
    ("w", "screen_width", 1280, {"screen_width": 1280}),
    ("l", "language", "de-AT", {"language": "de-AT"}),
    ("tz", "timezone", "Europe/Vienna", {"timezone": "Europe/Vienna"}),
    ("b", "automated", True, {"automated": True}),
]


@pytest.mark.parametrize(("short", "long", "value", "fields"), NAMES)
def test_short_and_long_names_are_one_field(
    short: str, long: str, value: Any, fields: dict[str, Any]
) -> None:
    engagement = {"name": "engagement"} if short in {"e", "sd"} else {}
    ordinary = {key: text for key, text in REQUIRED.items() if key != long}

    by_short = read_hit(ordinary | engagement | {short: value})

    assert by_short == read_hit(ordinary | engagement | {long: value})
    assert {name: getattr(by_short, name) for name in fields} == fields


def test_the_table_of_names_above_is_whole() -> None:
    assert {short: long for short, long, *_ in NAMES} == LONG_NAMES


@pytest.mark.parametrize("name", [*{long for _, long, *_ in NAMES} - REQUIRED.keys(), "unknown"])
def test_null_counts_as_absent(name: str) -> None:
    assert read(**{name: None}) == read()


def test_a_null_does_not_hide_the_other_name() -> None:
    assert read_hit(REQUIRED | {"title": "Prices", "t": None}).title == "Prices"


def test_unknown_fields_are_ignored() -> None:
    assert read(beta="b", screen={"depth": 24}) == read()


@pytest.mark.parametrize(
    ("field", "taken", "read_as"),
    [
        ("name", "n" * 120, {"name": "n" * 120}),
        ("name", 404, {"name": "404"}),
        ("url", "https://example.com/" + "u" * 1980, {"url": "https://example.com/" + "u" * 1980}),
        ("url", "app://home", {"url": "app://home"}),
        ("url", "capacitor://localhost/x", {"url": "capacitor://localhost/x"}),
        ("url", "HTTPS://example.com/", {"url": "HTTPS://example.com/"}),
        ("domain", "www.Example.com", {"domains": ("example.com",)}),
        ("domain", "b.example, a.example ,", {"domains": ("b.example", "a.example")}),
        ("domain", "a.example,www.a.example", {"domains": ("a.example",)}),
        (
            "domain",
            ",".join(f"{number}.example" for number in range(20)),
            {"domains": tuple(f"{number}.example" for number in range(20))},
        ),
        ("event_id", 123, {"event_id": "123"}),
        ("event_id", 0, {"event_id": "0"}),
        ("event_id", 2**63, {"event_id": "9223372036854775808"}),
        ("title", 2026, {"title": "2026"}),
        ("interactive", True, {"interactive": True}),
        ("interactive", 0, {"interactive": False}),
        ("hash_mode", False, {"hash_mode": False}),
        ("hash_mode", 0, {"hash_mode": False}),
        ("event_id", "e" * 64, {"event_id": "e" * 64}),
        ("screen_width", 0, {"screen_width": 0}),
        ("screen_width", 100_000, {"screen_width": 100_000}),
        ("screen_width", 1280.0, {"screen_width": 1280}),
        ("screen_width", "1280", {"screen_width": 1280}),
        ("language", "zh-Hant-TW", {"language": "zh-Hant-TW"}),
        ("language", "no language", {"language": ""}),
        ("language", "<script>", {"language": ""}),
        ("props", {}, {"props": {}}),
        ("props", "", {"props": {}}),
        ("props", '{"plan": "pro"}', {"props": {"plan": "pro"}}),
        ("props", "null", {"props": {}}),
        ("props", "{}".ljust(64 * 1024), {"props": {}}),
        ("props", {"k" * 300: "v" * 2000}, {"props": {"k" * 300: "v" * 2000}}),
        (
            "props",
            {f"key {number}": "value" for number in range(30)},
            {"props": {f"key {number}": "value" for number in range(30)}},
        ),
        (
            "props",
            {"text": " a\x00b ", "whole": 3, "part": 1.5, "yes": True, "none": None, "empty": ""},
            {"props": {"text": "ab", "whole": "3", "part": "1.5", "yes": "true"}},
        ),
        ("revenue", {}, {"revenue_amount": None, "revenue_currency": ""}),
        (
            "revenue",
            {"currency": "JPY", "amount": 1200},
            {"revenue_amount": Decimal(1200), "revenue_currency": "JPY"},
        ),
        (
            "revenue",
            {"currency": " eur", "amount": "12.3"},
            {"revenue_amount": Decimal("12.3"), "revenue_currency": "EUR"},
        ),
        (
            "revenue",
            {"currency": "EUR", "amount": 12.3},
            {"revenue_amount": Decimal("12.3"), "revenue_currency": "EUR"},
        ),
        (
            "revenue",
            '{"currency": "USD", "amount": "-0.99999"}',
            {"revenue_amount": Decimal("-1.0000"), "revenue_currency": "USD"},
        ),
        (
            "revenue",
            {"currency": "USD", "amount": "999999999999999.9999"},
            {"revenue_amount": Decimal("999999999999999.9999")},
        ),
        ("revenue", {"currency": "USD", "amount": "1e-9999999"}, {"revenue_amount": Decimal(0)}),
    ],
)
def test_takes(field: str, taken: Any, read_as: dict[str, Any]) -> None:
    sent = read(**{field: taken})

    assert {name: getattr(sent, name) for name in read_as} == read_as
    assert sent.cut == ()


@pytest.mark.parametrize(
    ("taken", "engagement_ms", "scroll_depth"),
    [
        ({}, None, None),
        ({"e": 0, "sd": 0}, 0, 0),
        ({"e": 86_400_000, "sd": 100}, 86_400_000, 100),
        ({"e": 10, "sd": 255}, 10, None),
        ({"e": "12000", "sd": " 80 "}, 12_000, 80),
        ({"e": "0", "sd": "255"}, 0, None),
        ({"e": 12_000.0, "sd": 80.0}, 12_000, 80),
    ],
)
def test_engagement_brings_time_and_depth(
    taken: dict[str, Any], engagement_ms: int | None, scroll_depth: int | None
) -> None:
    sent = read(name="engagement", **taken)

    assert (sent.engagement_ms, sent.scroll_depth) == (engagement_ms, scroll_depth)


@pytest.mark.parametrize("depth", [101, 254, 256, "101", 2**63, 1e300])
def test_a_depth_beyond_the_page_is_its_end_and_named(depth: Any) -> None:
    sent = read(name="engagement", sd=depth)

    assert (sent.scroll_depth, sent.cut) == (100, ("scroll_depth",))


def test_time_and_depth_of_other_events_are_left_out() -> None:
    sent = read(name="pageview", e=1000, sd=50)

    assert (sent.engagement_ms, sent.scroll_depth) == (None, None)


@pytest.mark.parametrize(
    ("field", "refused", "message"),
    [
        ("name", "n" * 121, "At most 120 characters, not 121."),
        ("name", True, "Send text."),
        ("name", ["pageview"], "Send text."),
        ("url", "https://example.com/" + "u" * 1981, "At most 2,000 characters, not 2,001."),
        ("url", "localhost:8000/x", "Send an address with http, https or an app's scheme."),
        ("url", "mailto:a@example.com", "Send an address with http, https or an app's scheme."),
        ("url", "http://", "Send a whole address, such as https://example.com/path."),
        ("url", "http://a b/", "Send a whole address, such as https://example.com/path."),
        ("url", "/about", "Send an address with http, https or an app's scheme."),
        ("url", "example.com/about", "Send an address with http, https or an app's scheme."),
        ("url", "javascript:alert(1)", "Send an address with http, https or an app's scheme."),
        ("url", "data:text/html,x", "Send an address with http, https or an app's scheme."),
        ("url", "file:///etc/passwd", "Send an address with http, https or an app's scheme."),
        (
            "url",
            "blob:https://example.com/x",
            "Send an address with http, https or an app's scheme.",
        ),
        ("url", "about:blank", "Send an address with http, https or an app's scheme."),
        ("url", "https://[::1", "Send a whole address, such as https://example.com/path."),
        ("url", 5, "Send text."),
        ("domain", ",, ,", "This field is required."),
        ("domain", "d" * 2001, "At most 2,000 characters, not 2,001."),
        (
            "domain",
            ",".join(f"{number}.example" for number in range(21)),
            "At most 20 domains, not 21.",
        ),
        ("domain", ["example.com"], "Send text."),
        ("referrer", 5, "Send text."),
        ("title", {"text": "Prices"}, "Send text."),
        ("props", [1], "Send an object, or JSON text of one."),
        ("props", 5, "Send an object, or JSON text of one."),
        ("props", "{plan: pro}", "Send an object, or JSON text of one."),
        ("props", '["plan"]', "Send an object, or JSON text of one."),
        ("props", '{"plan": NaN}', "Send an object, or JSON text of one."),
        ("props", '{"a":' * 1025 + "1" + "}" * 1025, "Send an object, or JSON text of one."),
        ("props", "[" * 1025 + "]" * 1025, "Send an object, or JSON text of one."),
        ("props", '{"plan": ' + "9" * 5000 + "}", "Send an object, or JSON text of one."),
        ("props", '{"plan": 1e400}', "Send an object, or JSON text of one."),
        ("props", "{}".ljust(64 * 1024 + 1), "At most 64 KB of JSON text."),
        ("props", '{"plan": "' + "é" * 32 * 1024 + '"}', "At most 64 KB of JSON text."),
        ("revenue", "{}".ljust(64 * 1024 + 1), "At most 64 KB of JSON text."),
        ("props", {f"key {n}": "v" for n in range(31)}, "At most 30 properties, not 31."),
        ("props", {"k" * 301: "v"}, "A property's key has 1 to 300 characters."),
        ("props", {" \x00": "v"}, "A property's key has 1 to 300 characters."),
        ("props", {"plan": "v" * 2001}, "plan: at most 2,000 characters."),
        ("props", {"plan": ["pro"]}, "A property's value is text, a number, or true or false."),
        ("props", {"plan": {"a": 1}}, "A property's value is text, a number, or true or false."),
        ("revenue", 12.3, "Send an object, or JSON text of one."),
        ("revenue", "EUR 12.30", "Send an object, or JSON text of one."),
        ("revenue", {"amount": "1"}, "The currency is an ISO 4217 code, such as EUR."),
        (
            "revenue",
            {"currency": "XXX", "amount": "1"},
            "The currency is an ISO 4217 code, such as EUR.",
        ),
        (
            "revenue",
            {"currency": ["EUR"], "amount": "1"},
            "The currency is an ISO 4217 code, such as EUR.",
        ),
        ("revenue", {"currency": "EUR"}, "The amount is a number, such as 12.30."),
        (
            "revenue",
            {"currency": "EUR", "amount": "12,30"},
            "The amount is a number, such as 12.30.",
        ),
        ("revenue", {"currency": "EUR", "amount": True}, "The amount is a number, such as 12.30."),
        ("revenue", {"currency": "EUR", "amount": {}}, "The amount is a number, such as 12.30."),
        (
            "revenue",
            {"currency": "EUR", "amount": "NaN"},
            "The amount has at most 15 digits before the point.",
        ),
        (
            "revenue",
            {"currency": "EUR", "amount": "-Infinity"},
            "The amount has at most 15 digits before the point.",
        ),
        (
            "revenue",
            {"currency": "EUR", "amount": 10**15},
            "The amount has at most 15 digits before the point.",
        ),
        (
            "revenue",
            {"currency": "EUR", "amount": "999999999999999.99995"},
            "The amount has at most 15 digits before the point.",
        ),
        (
            "revenue",
            {"currency": "EUR", "amount": "1e9999999"},
            "The amount has at most 15 digits before the point.",
        ),
        ("interactive", "false", "Send true or false."),
        ("interactive", 2, "Send true or false."),
        ("interactive", [], "Send true or false."),
        ("hash_mode", "1", "Send true or false."),
        ("engagement_time", -1, "Send a number from 0 to 86,400,000."),
        ("engagement_time", 86_400_001, "Send a number from 0 to 86,400,000."),
        ("engagement_time", "ten", "Send a whole number."),
        ("engagement_time", "", "Send a whole number."),
        ("engagement_time", "-1", "Send a whole number."),
        ("engagement_time", "1.5", "Send a whole number."),
        ("engagement_time", "٣", "Send a whole number."),
        ("engagement_time", "1" * 5000, "Send a whole number."),
        ("engagement_time", "86400001", "Send a number from 0 to 86,400,000."),
        ("engagement_time", 1.5, "Send a whole number."),
        ("engagement_time", True, "Send a whole number."),
        ("scroll_depth", -1, "Send a number from 0 to 100."),
        ("scroll_depth", 80.5, "Send a whole number."),
        ("scroll_depth", True, "Send a whole number."),
        ("event_id", "e" * 65, "At most 64 characters, not 65."),
        ("event_id", True, "Send text."),
        ("event_id", 1.5, "Send text."),
        ("title", True, "Send text."),
        ("screen_width", -1, "Send a number from 0 to 100,000."),
        ("screen_width", 100_001, "Send a number from 0 to 100,000."),
        ("screen_width", 1e300, "Send a number from 0 to 100,000."),
        ("screen_width", "1280px", "Send a whole number."),
        ("language", 5, "Send text."),
        ("timezone", 60, "Send text."),
        ("address", "198.51.100.1", "Only a sender with an API key may set this."),
        ("user_agent", "curl/8", "Only a sender with an API key may set this."),
        ("at", "2026-03-10T12:00:00Z", "Only a sender with an API key may set this."),
        ("user_id", "ada", "Only a sender with an API key may set this."),
    ],
)
def test_refuses(field: str, refused: Any, message: str) -> None:
    assert errors_of(REQUIRED | {field: refused}) == {field: [message]}


@pytest.mark.parametrize(
    ("field", "limit"), [("referrer", 2000), ("title", 500), ("language", 35), ("timezone", 64)]
)
def test_what_only_the_browser_controls_is_cut_and_named(field: str, limit: int) -> None:
    letters = "a" * 8 + "-aaaaaaaa" * 300

    whole = read(**{field: letters[:limit]})
    cut = read(**{field: letters[: limit + 1]})

    assert whole.cut == ()
    assert cut.cut == (field,)
    assert getattr(cut, field) == getattr(whole, field) == letters[:limit]


def test_a_blank_at_the_cut_is_left_out() -> None:
    assert read(title="t" * 499 + " tail").title == "t" * 499


def test_limits_count_clean_characters() -> None:
    assert read(name="\x00" * 50 + "e\u0301" * 120).name == "\u00e9" * 120


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = {"n": "", "d": 5, "p": [], "$": {}, "sd": -1, "w": "wide", "user_id": "ada"}

    assert errors_of(wrong).keys() == {
        "name",
        "url",
        "domain",
        "props",
        "scroll_depth",
        "screen_width",
        "user_id",
    }


@pytest.mark.parametrize("body", [None, [], [REQUIRED], "pageview", 5, True])
def test_a_hit_is_one_object(body: object) -> None:
    assert errors_of(body) == {"body": ["Send one JSON object."]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*LONG_NAMES, *LONG_NAMES.values()]), JSON))
def test_whatever_is_sent_is_read_or_refused_by_field(fields: dict[str, Any]) -> None:
    errors: dict[str, list[str]] = {}
    try:
        sent = read_hit(REQUIRED | fields)
    except MalformedHitError as refusal:
        errors = refusal.errors
    else:
        assert sent.name
        assert sent.domains
    assert errors.keys() <= set(LONG_NAMES.values())


@given(
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.decimals(min_value=-(10**16), max_value=10**16)
)
def test_an_amount_that_is_taken_fits_its_column(amount: Decimal) -> None:
    try:
        taken = read(revenue={"currency": "EUR", "amount": str(amount)}).revenue_amount
    except MalformedHitError:
        assert abs(amount) >= Decimal("999999999999999.99995")
    else:
        assert taken is not None
        assert abs(taken) < 10**15
        assert abs(taken - amount) <= Decimal("0.00005")
