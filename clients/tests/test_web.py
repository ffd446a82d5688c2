"""What of a request is read, and what of a page is a view."""

from __future__ import annotations

import pytest
from tracking_client.testing import Outbox
from tracking_client.web import (
    SCRIPT,
    is_page_view,
    read_address,
    read_hit,
    read_wishes,
    tag_attributes,
)

from trackingsite.tests.live import ROOT
from visits.tracker.views import BUILT

PAGE = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": "text/html,*/*"}


def test_the_script_that_is_brought_along_is_the_servers() -> None:
    """`npm run build` copies it."""
    assert (BUILT / "script.js").read_bytes() == SCRIPT
    assert (ROOT / "clients" / "tracking_client" / "script.js").read_bytes() == SCRIPT


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (None, 0, "10.0.0.1"),
        ("203.0.113.7", 0, "10.0.0.1"),  # nobody of ours wrote it
        (None, 1, "10.0.0.1"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", 1, "203.0.113.7"),  # the visitor wrote the first
        ("6.6.6.6, 203.0.113.7, 10.0.0.2", 2, "203.0.113.7"),
        ("203.0.113.7", 2, "203.0.113.7"),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(
    forwarded: str | None, proxies: int, address: str
) -> None:
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}

    assert read_address(environ, proxies) == address


@pytest.mark.parametrize(
    ("changes", "status", "kind", "is_view"),
    [
        ({}, 200, "text/html; charset=utf-8", True),
        ({"HTTP_SEC_FETCH_DEST": "document"}, 200, "text/html", True),
        ({"HTTP_SEC_FETCH_DEST": "iframe"}, 200, "text/html", False),
        ({"HTTP_SEC_FETCH_DEST": "empty"}, 200, "text/html", False),
        ({"HTTP_SEC_PURPOSE": "prefetch;prerender"}, 200, "text/html", False),
        ({"HTTP_HX_REQUEST": "true"}, 200, "text/html", False),
        ({"HTTP_ACCEPT": "*/*"}, 200, "text/html", False),
        ({"REQUEST_METHOD": "POST"}, 200, "text/html", False),
        ({"REQUEST_METHOD": "HEAD"}, 200, "text/html", False),
        ({}, 404, "text/html", False),
        ({}, 302, "text/html", False),
        ({}, 200, "application/json", False),
    ],
)
def test_a_view_is_a_page_that_somebody_opened(
    changes: dict[str, str], status: int, kind: str, is_view: bool
) -> None:
    assert is_page_view(PAGE | changes, status=status, content_type=kind) is is_view


def test_what_a_browser_asks_for_is_passed_on() -> None:
    assert read_wishes({"HTTP_SEC_GPC": "1", "HTTP_DNT": "0"}) == {"gpc": True}
    assert read_wishes({"HTTP_DNT": "1"}) == {"dnt": True}
    assert read_wishes({}) == {}


def test_the_tag_has_what_is_set() -> None:
    assert tag_attributes(domain="a.example", src="/s.js") == [
        ("data-domain", "a.example"),
        ("src", "/s.js"),
    ]
    assert dict(tag_attributes(domain="a", src="/s", nonce="n", is_manual=True)) == {
        "data-domain": "a",
        "src": "/s",
        "nonce": "n",
        "data-manual": "true",
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"a"', b"\xff", b" " * 70_000])
def test_what_is_no_hit_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_hit(body)


def test_the_outbox_tells_what_it_has_in_place_of_what_was_asked() -> None:
    from tracking_client import Client

    outbox = Outbox()
    outbox.start()
    try:
        Client("http://localhost", "a.example", "k").track(
            "signup", "https://a.example/welcome/", props={"plan": "pro", "seats": 3}
        )
    finally:
        outbox.stop()

    assert outbox.assert_tracked("signup", props={"plan": "pro"}, url="/welcome/", count=1)
    outbox.assert_not_tracked("signup", props={"plan": "free"})
    with pytest.raises(AssertionError, match=r"Tracked: signup .*'seats': 3"):
        outbox.assert_tracked("purchase")
    with pytest.raises(AssertionError, match="2 times, not 1"):
        outbox.assert_tracked("signup", count=2)
    with pytest.raises(AssertionError, match="was not to be tracked"):
        outbox.assert_not_tracked("signup")
