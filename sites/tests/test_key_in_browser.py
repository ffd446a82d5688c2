"""The page of a new API key in a real browser: it can be copied, and is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from trackingsite.tests.browser import LOOKS, keep_picture, needs_chromium
from trackingsite.tests.live import RunningServer, running_server

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

PASSWORD: Final = "spade-and-fork-7"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with one site."""
    data_dir = tmp_path_factory.mktemp("data")
    setup = "from sites.services import add_site; add_site(domain='example.com')"
    with running_server(data_dir, password=PASSWORD, setup=setup) as server:
        yield server


@pytest.mark.parametrize("look", LOOKS)
def test_a_key_is_made_copied_and_gone(look: str, server: RunningServer, browser: Browser) -> None:
    problems: list[str] = []
    context = browser.new_context(**LOOKS[look])
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.goto(f"{server.url}/admin/login/?next=/admin/sites/apikey/add/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    page.get_by_label("Name").fill(f"shop server, {look}")
    page.locator(".field-sites .select2-selection").click()
    page.locator(".select2-results__option", has_text="example.com").click()
    page.get_by_label("May send").check()
    keep_picture(page, f"key-form-{look}")
    page.get_by_role("button", name="Save").click()

    field = page.locator("#made-key")
    key = field.input_value()
    assert key.startswith("tsk_")
    field.focus()
    assert page.evaluate("getSelection().toString()") == key
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    keep_picture(page, f"key-made-{look}")
    width = page.evaluate("document.querySelector('.made-key').scrollWidth")
    assert width <= LOOKS[look]["viewport"]["width"]

    page.get_by_role("link", name="Back to the list of keys").click()
    expect(page.locator("#result_list")).to_contain_text(f"{key[:8]}…")
    keep_picture(page, f"key-list-{look}")
    assert key not in page.content()
    page.get_by_role("link", name=f"shop server, {look}").click()
    expect(page.locator(".field-recognised_by")).to_contain_text(f"{key[:8]}…")
    keep_picture(page, f"key-change-{look}")
    assert key not in page.content()
    context.close()

    assert problems == []


def test_without_scripts_the_key_is_there_to_mark(server: RunningServer, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/admin/login/?next=/admin/sites/apikey/add/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Name").fill("without scripts")
    page.get_by_label("All sites").check()
    page.get_by_label("May read").check()
    page.get_by_role("button", name="Save").click()

    assert page.locator("#made-key").input_value().startswith("tsk_")
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    context.close()
