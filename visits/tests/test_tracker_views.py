"""The tracking script is served to every page, stays in caches, and stores nothing."""

from __future__ import annotations

import gzip
import re

import pytest
from django.test import Client

from visits.tracker.views import SCRIPT_FILE

SOURCE = SCRIPT_FILE.read_bytes()


def test_the_script_may_be_loaded_by_any_page(client: Client) -> None:
    answer = client.get("/js/script.js")

    assert answer.status_code == 200
    assert answer.content == SOURCE
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert "Accept-Encoding" in answer["Vary"]


def test_the_script_asks_for_no_credentials_and_sets_no_cookie(client: Client) -> None:
    answer = client.get("/js/script.js")

    assert not answer.cookies
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Cookie" not in answer["Vary"]


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [("gzip", True), ("br, gzip, deflate", True), ("br", False), ("identity", False)],
)
def test_the_script_is_compressed_for_those_who_ask(
    client: Client, accepted: str, zipped: bool
) -> None:
    answer = client.get("/js/script.js", headers={"Accept-Encoding": accepted})

    assert answer.get("Content-Encoding") == ("gzip" if zipped else None)
    assert (gzip.decompress(answer.content) if zipped else answer.content) == SOURCE


def test_a_browser_that_has_the_script_is_told_so(client: Client) -> None:
    etag = client.get("/js/script.js")["ETag"]

    unchanged = client.get("/js/script.js", headers={"If-None-Match": etag})
    changed = client.get("/js/script.js", headers={"If-None-Match": '"another"'})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged["ETag"] == etag
    assert changed.status_code == 200


def test_the_script_can_be_asked_for_and_not_sent_to(client: Client) -> None:
    assert client.head("/js/script.js").status_code == 200
    assert client.post("/js/script.js").status_code == 405


def test_the_script_names_nothing_that_stores_in_a_browser() -> None:
    script = re.sub(r"^\s*//.*$", "", SOURCE.decode(), flags=re.MULTILINE)

    assert "sendBeacon" in script
    assert not re.findall(
        r"cookie|storage|indexedDB|openDatabase|caches|serviceWorker|window\.name|canvas|plugins",
        script,
        re.IGNORECASE,
    )


def test_the_script_sends_no_credentials_and_outlives_its_page() -> None:
    script = SOURCE.decode()

    assert script.count("fetch(") == 1
    assert 'credentials: "omit"' in script
    assert "keepalive: true" in script


def test_the_script_is_small() -> None:
    assert len(gzip.compress(SOURCE)) < 2048
