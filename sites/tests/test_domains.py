"""Domains have one form, and only domains pass."""

from __future__ import annotations

from functools import partial
from timeit import repeat

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from sites.domains import (
    _normalise_unicode,
    normalise_domain,
    show_domain,
    validate_domain,
)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("www.example.com", "example.com"),
        ("WWW.Example.com.", "example.com"),
        ("  example.com\n", "example.com"),
        ("www.www.example.com", "example.com"),
        ("example.com..", "example.com"),
        ("www2.example.com", "www2.example.com"),
        ("shop.www.example.com", "shop.www.example.com"),
        ("localhost:8000", "localhost:8000"),
        ("", ""),
        # Other letters than ASCII's: as people write them, and as browsers send them.
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("www.MÜNCHEN.Example.", "xn--mnchen-3ya.example"),
        ("mu\u0308nchen.example", "xn--mnchen-3ya.example"),
        ("XN--MNCHEN-3YA.EXAMPLE", "xn--mnchen-3ya.example"),
        ("\u3000münchen。example", "xn--mnchen-3ya.example"),
        ("mün\u00adchen.example", "xn--mnchen-3ya.example"),
        ("münchen.example:8000", "xn--mnchen-3ya.example:8000"),
        ("straße.example", "xn--strae-oqa.example"),
        ("Пример.РФ:80", "xn--e1afmkfd.xn--p1ai:80"),
        ("\uff45xample\uff0ecom", "example.com"),
        # What is no name of a host, as it was.
        ("Ü" * 64, "ü" * 64),
        ("ü." * 200 + "de", "ü." * 200 + "de"),
    ],
)
def test_every_way_to_write_a_domain_gives_one_form(sent: str, stored: str) -> None:
    assert normalise_domain(sent) == stored


@given(
    st.text()
    | st.lists(
        st.sampled_from(
            ["www.", ".", " ", "W", "ww.", "example", "com", "İ", "ü", "ẞ", "。", "℡", ":", "xn--"]
        )
    ).map("".join)
)
@example("www. www.example.com . ")
def test_a_normal_domain_is_not_changed_again(text: str) -> None:
    once = normalise_domain(text)

    assert normalise_domain(once) == once


@pytest.mark.parametrize(
    ("domain", "shown"),
    [
        ("example.com", "example.com"),
        ("xn--mnchen-3ya.example", "münchen.example"),
        ("xn--e1afmkfd.xn--p1ai:80", "пример.рф:80"),
        ("xn--mnchen-3ya.xn--p1ai.example", "münchen.рф.example"),
        # What is no punycode, or that of letters that nobody may send so.
        ("xn--.example", "xn--.example"),
        ("xn--\u00fc.example", "xn--\u00fc.example"),
        ("xn--999999999.example", "xn--999999999.example"),
        ("xn--A-example", "xn--A-example"),
        ("xn--a-ecp.example", "xn--a-ecp.example"),
    ],
)
def test_a_domain_is_shown_as_people_write_it(domain: str, shown: str) -> None:
    assert show_domain(domain) == shown


@given(st.text("aüßжф-.", max_size=20))
def test_what_is_shown_is_the_same_domain(text: str) -> None:
    domain = normalise_domain(text)

    assert normalise_domain(show_domain(domain)) == domain


def test_the_longest_name_costs_little() -> None:
    names = [".".join(chr(0x4E00 + 7 * n) * 62 for n in range(4)), "ü." * 126, "ü" * 2000]

    for name in names:
        assert min(repeat(partial(_normalise_unicode.__wrapped__, name), number=1)) < 0.05


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "a.b.c.example.co.uk",
        "xn--mnchen-3ya.de",
        "localhost",
        "localhost:8000",
        "192.0.2.1",
        "192.0.2.1:8080",
        "example.com:1",
        "example.com:65535",
    ],
)
def test_takes_names_and_addresses_with_or_without_a_port(domain: str) -> None:
    validate_domain(domain)


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ("", "Enter a domain"),
        ("example", "Enter a domain"),
        ("https://example.com", "without https://"),
        ("example.com/path", "Enter a domain"),
        ("exam ple.com", "Enter a domain"),
        ("-example.com", "Enter a domain"),
        ("256.256.256.256", "Enter a domain"),
        ("example.com,other.example", "Enter a domain"),
        ("example.com:", "port"),
        ("example.com:0", "port"),
        ("example.com:65536", "port"),
        ("example.com:http", "port"),
        ("example.com:٨٠", "port"),
        ("example.com:" + "1" * 5000, "port"),
        ("2001:db8::1", "port"),
    ],
)
def test_refuses_what_is_no_domain(domain: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        validate_domain(domain)
