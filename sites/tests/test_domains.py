"""Domains have one form, and only domains pass."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from sites.domains import normalise_domain, validate_domain


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
    ],
)
def test_every_way_to_write_a_domain_gives_one_form(sent: str, stored: str) -> None:
    assert normalise_domain(sent) == stored


@given(
    st.text()
    | st.lists(st.sampled_from(["www.", ".", " ", "W", "ww.", "example", "com", "İ"])).map("".join)
)
@example("www. www.example.com . ")
def test_a_normal_domain_is_not_changed_again(text: str) -> None:
    once = normalise_domain(text)

    assert normalise_domain(once) == once


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
