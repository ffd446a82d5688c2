"""An address becomes the page it shows, and the campaign it carries."""

from __future__ import annotations

import pytest

from visits.ingestion.hit import Page
from visits.ingestion.pages import read_page, read_query


@pytest.mark.parametrize(
    ("url", "hostname", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("https://example.com/", "example.com", "/"),
        ("https://WWW.Example.com/About", "example.com", "/About"),
        ("https://example.com:8443/about", "example.com", "/about"),
        ("https://ada:secret@example.com/about", "example.com", "/about"),
        ("https://example.com/a/b/?q=1#part", "example.com", "/a/b/"),
        ("https://example.com?utm_source=x", "example.com", "/"),
        ("https://example.com/caf%C3%A9", "example.com", "/café"),
        ("https://example.com/cafe%CC%81", "example.com", "/café"),
        ("https://example.com/a%20b", "example.com", "/a b"),
        ("https://example.com/a%00b%0A", "example.com", "/ab"),
        ("https://example.com/%FF", "example.com", "/\ufffd"),
        ("https://example.com/100%", "example.com", "/100%"),
        ("https://[2001:db8::1]/x", "2001:db8::1", "/x"),
        ("app://com.example.app/home", "com.example.app", "/home"),
        ("app:home", "", "home"),
    ],
)
def test_reads_host_and_path(url: str, hostname: str, path: str) -> None:
    assert read_page(url, hash_mode=False) == Page(hostname, path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com/#/cart", "/#/cart"),
        ("https://example.com/app?x=1#/cart?y=2", "/app#/cart"),
        ("https://example.com#caf%C3%A9", "/#café"),
        ("https://example.com/app#", "/app"),
        ("https://example.com/app", "/app"),
    ],
)
def test_the_fragment_belongs_to_the_path_in_hash_mode(url: str, path: str) -> None:
    assert read_page(url, hash_mode=True).path == path


def test_host_and_path_fit_their_columns() -> None:
    page = read_page(f"https://{'h' * 300}.com/{'p' * 1990}#{'f' * 300}", hash_mode=True)

    assert (len(page.hostname), len(page.path)) == (253, 2000)


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {}),
        ("utm_source=news", {"utm_source": "news"}),
        ("UTM_Source=News&utm_source=later", {"utm_source": "News"}),
        ("utm_campaign=spring+sale%21", {"utm_campaign": "spring sale!"}),
        ("ref=a%00b%E2%80%AE", {"ref": "ab"}),
        ("empty=&flag", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
    ],
)
def test_reads_the_first_of_each_parameter(query: str, parameters: dict[str, str]) -> None:
    assert read_query(f"https://example.com/?{query}") == parameters
