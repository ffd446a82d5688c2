"""Fixtures that tests of every app use: a data folder of their own, sites, a sender of hits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser
from pytest_django import Settings

from archive import engine, live
from sites import keys, registry
from sites.models import Site
from sites.services import add_site
from trackingsite.tests.browser import open_chromium
from visits import senders
from visits.ingestion import cardinality, diagnosis, limits, salts
from visits.tests.hits import ADDRESS, CHROME, Sender

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

# How long an example takes is the machine's.
hypothesis_settings.register_profile("any-machine", deadline=None)
hypothesis_settings.load_profile("any-machine")


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A fresh data folder for each test: its salts are no other test's."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings.DATA_DIR = folder
    salts._known.clear()
    yield folder
    salts._known.clear()
    live.forget_rows()
    engine.close_engines()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a module: while it is open, nothing else may use the database."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Each test reads sites and keys anew: what the one before it had is rolled back."""
    kept = (keys._known, diagnosis._watches)
    for each in kept:
        each.clear()
    registry.forget_sites()
    limits.get_limits.cache_clear()
    cardinality.get_values.cache_clear()
    yield
    for each in kept:
        each.clear()


@pytest.fixture(autouse=True)
def connection_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the connection, which a test's transaction is on, as Django's test client does."""
    monkeypatch.setattr(senders, "close_old_connections", lambda: None)


@pytest.fixture
def site(db: None) -> Site:
    """The site example.com, whose days are those of UTC."""
    return add_site(domain="example.com")


@pytest.fixture
def other_site(db: None) -> Site:
    """A second site, other.example, which hits of the first must not reach."""
    return add_site(domain="other.example")


@pytest.fixture
def send(client: Client) -> Sender:
    """Sends a hit of an ordinary Chrome to /api/event and returns the answer."""

    def post(
        *,
        user_agent: str = CHROME,
        address: str = ADDRESS,
        content_type: str = "text/plain",
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Answer:
        hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"} | fields
        return client.post(
            "/api/event",
            data=json.dumps(hit),
            content_type=content_type,
            headers={"User-Agent": user_agent} | dict(headers or {}),
            REMOTE_ADDR=address,
        )

    return post
