"""Hits appear on the open page of a real browser as they arrive, and stay open."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from trackingsite.tests.browser import LOOKS, needs_chromium
from trackingsite.tests.live import RunningServer, running_server
from visits.tests.hits import CHROME

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

PASSWORD: Final = "spade-and-fork-7"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of two processes with one site: each has to know that it is watched."""
    data_dir = tmp_path_factory.mktemp("data")
    setup = "from sites.services import add_site; add_site(domain='example.com')"
    with running_server(data_dir, password=PASSWORD, setup=setup, WEB_WORKERS="2") as server:
        yield server


def send(server: RunningServer, *, user_agent: str = CHROME, **fields: object) -> None:
    """Post a hit to the server."""
    hit = {"n": "pageview", "d": "example.com", "u": "https://example.com/"} | fields
    request = urllib.request.Request(
        f"{server.url}/api/event", json.dumps(hit).encode(), {"User-Agent": user_agent}
    )
    urllib.request.urlopen(request).close()


@pytest.mark.parametrize("look", ["dark", "phone"])
def test_hits_appear_as_they_arrive(look: str, server: RunningServer, browser: Browser) -> None:
    problems: list[str] = []
    context = browser.new_context(**LOOKS[look])
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.goto(f"{server.url}/admin/login/?next=/admin/sites/site/1/change/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Watch hits arrive").click()
    page.get_by_role("button", name="Watch for 10 minutes").click()
    expect(page.get_by_role("status")).to_contain_text("Waiting for the first hit")
    page.wait_for_timeout(1_500)  # until the other process has read the sites anew

    send(server, u="https://example.com/" + "long-" * 60, t="عنوان الصفحة", p={"plan": "pro"})
    rows = page.locator("#hits details")
    expect(rows).to_have_count(1)
    rows.first.locator("summary").click()
    expect(rows.first).to_contain_text("property plan")
    send(server, user_agent="curl/8.5.0")
    send(server, d="exmaple.com")
    expect(rows).to_have_count(3)
    expect(page.locator("#hits .verdict")).to_have_text(["unknown_site", "bot", "stored"])
    assert rows.last.get_attribute("open") is not None
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/hits-{look}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Stop and forget").click()
    expect(page.locator("#hits details")).to_have_count(0)
    context.close()
    assert problems == []
