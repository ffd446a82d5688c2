"""The tracking script is served to every page, stays in caches, and stores nothing."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterator
from importlib import reload
from pathlib import Path
from typing import Final

import brotli
import pytest
from django.test import Client, RequestFactory
from django.urls import clear_url_caches
from pytest_django import Settings

import trackingsite.urls
import visits.urls
from sites.models import Site
from trackingsite.tests.browser import USER_AGENT
from trackingsite.tests.npm import installed_packages, needs_npm
from visits.models import Event
from visits.tracker.snippet import tracking_snippet
from visits.tracker.views import BUILT, TRACKER

PERSON: Final = {"User-Agent": USER_AGENT}
SOURCE: Final = (BUILT / "script.js").read_bytes()


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
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br, gzip, deflate", "br"),
        ("gzip, br;q=0", "gzip"),
        ("BR;q=0.5", "br"),
        ("identity", None),
        ("", None),
    ],
)
def test_the_script_is_compressed_for_those_who_ask(
    client: Client, accepted: str, encoding: str | None
) -> None:
    answer = client.get("/js/script.js", headers={"Accept-Encoding": accepted})

    assert answer.get("Content-Encoding") == encoding
    opened = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}
    assert opened[encoding](answer.content) == SOURCE


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


def test_the_script_names_nothing_that_stores_in_a_browser_but_the_choice_to_opt_out() -> None:
    script = SOURCE.decode()

    assert "keepalive:!0" in script
    assert script.count("localStorage") == script.count("localStorage.plausible_ignore") == 2
    assert not re.findall(
        r"cookie|sessionStorage|indexedDB|openDatabase|caches|serviceWorker|window\.name|canvas|plugins",
        script,
        re.IGNORECASE,
    )


def test_the_script_sends_no_credentials_and_outlives_its_page() -> None:
    script = SOURCE.decode()

    assert script.count("fetch(") == 1
    assert 'credentials:"omit"' in script


@pytest.mark.parametrize(("file", "most"), [("script.js", 2000), ("core.js", 1000)])
def test_a_script_is_small(file: str, most: int, client: Client) -> None:
    answer = client.get(f"/js/{file}", headers={"Accept-Encoding": "br"})

    assert answer["Content-Encoding"] == "br"
    assert len(answer.content) <= most


@pytest.mark.parametrize(
    "name",
    [
        "plausible.js",
        "script.hash.outbound-links.js",
        "script.file-downloads.tagged-events.local.js",
        "pa-AbC_1-x.js",
    ],
)
def test_the_script_goes_by_the_names_of_plausibles_too(name: str, client: Client) -> None:
    assert client.get(f"/js/{name}").content == SOURCE


def test_what_is_no_name_of_a_script_is_not_found(client: Client) -> None:
    assert client.get("/js/other.js").status_code == 404


@needs_npm
def test_the_built_files_come_from_their_source(tmp_path: Path) -> None:
    installed_packages()
    built = tmp_path / "built"
    subprocess.run(["node", "build.js", str(built)], cwd=TRACKER, check=True, timeout=60)

    assert sorted(path.name for path in built.iterdir()) == ["core.js", "script.js"]
    for path in built.iterdir():
        assert path.read_bytes() == (BUILT / path.name).read_bytes(), "npm run build"


@needs_npm
def test_the_modules_pass_their_own_tests() -> None:
    done = subprocess.run(
        ["node", "--test"], cwd=TRACKER, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stdout


@pytest.fixture
def own_paths(settings: Settings) -> Iterator[None]:
    """A server whose script and endpoint have names of their own."""
    settings.SCRIPT_PATH, settings.EVENT_PATH = "assets/site.js", "assets/note"
    modules = [visits.urls, trackingsite.urls]
    for module in modules:
        reload(module)
    clear_url_caches()
    yield
    settings.SCRIPT_PATH = settings.EVENT_PATH = ""
    for module in modules:
        reload(module)
    clear_url_caches()


@pytest.mark.django_db(transaction=True)
def test_script_and_endpoint_have_names_that_no_blocker_knows(
    own_paths: None, client: Client, site: Site, rf: RequestFactory
) -> None:
    assert client.get("/assets/site.js").content == SOURCE
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
    answer = client.post("/assets/note", hit, content_type="application/json")

    assert answer.status_code == 202
    assert tracking_snippet(rf.get("/"), site) == (
        '<script defer data-domain="example.com" data-api="http://testserver/assets/note"'
        ' src="http://testserver/assets/site.js"></script>'
    )


@pytest.mark.django_db(transaction=True)
def test_the_picture_takes_a_whole_hit(client: Client, site: Site) -> None:
    hit = (
        '{"n":"signup","u":"https://example.com/a","d":"example.com","p":{"plan":"pro"},"i":false}'
    )

    assert client.get("/api/event.gif", {"hit": hit}, headers=PERSON).status_code == 200
    assert client.get("/api/event.gif", {"hit": hit[1:]}).status_code == 400

    event = Event.objects.get()
    assert (event.name, event.page, event.props) == ("signup", "/a", {"plan": "pro"})
    assert event.interactive is False
