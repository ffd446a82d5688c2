"""An account in a real browser: a second factor, a lost phone, a key of one's own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from django_otp.oath import totp
from playwright.sync_api import Browser, Page, expect

from trackingsite.tests.browser import LOOKS, keep_picture, needs_chromium
from trackingsite.tests.live import RunningServer, running_server

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

PASSWORD: Final = "spade-and-fork-7"
SETUP: Final = f"""
from django.contrib.auth.models import User
from sites.services import add_site
site = add_site(domain="example.com")
for name in ("desktop", "phone-dark"):
    site.members.add(User.objects.create_user(name, password="{PASSWORD}"))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a site and a member for each look."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir, password=PASSWORD, setup=SETUP) as server:
        yield server


def look_at(page: Page, name: str) -> None:
    """Keep a picture; refuse what is wider than the window, or hard to use without seeing it."""
    keep_picture(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    violations = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("look", ["desktop", "phone-dark"])
def test_a_second_factor_and_a_lost_phone(
    look: str, server: RunningServer, browser: Browser
) -> None:
    problems: list[str] = []
    context = browser.new_context(**LOOKS[look])
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))

    def show_password() -> None:
        page.goto(f"{server.url}/login/?next=/reports/example.com/")
        page.get_by_label("Username").fill(look)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    show_password()
    page.get_by_role("link", name="Account").click()
    look_at(page, f"account-{look}")
    page.get_by_role("link", name="Set it up").click()
    look_at(page, f"second-factor-{look}")
    secret = base64.b32decode(page.get_by_label("Secret", exact=True).input_value())
    page.get_by_label("Code").fill(f"{totp(secret):06d}")
    page.get_by_role("button", name="Turn on").click()
    codes = page.locator(".codes").inner_text().split()
    look_at(page, f"recovery-codes-{look}")
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("main")).to_contain_text("A second factor is on.")
    page.get_by_role("button", name="Sign out").click()

    show_password()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    look_at(page, f"code-{look}")
    page.goto(f"{server.url}/reports/example.com/")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{server.url}/reports/example.com/")

    page.get_by_role("link", name="Account").click()
    page.get_by_label("What uses the key").fill("my sheet")
    page.get_by_role("button", name="Make a key").click()
    assert page.get_by_label("my sheet").input_value().startswith("tsk_")
    look_at(page, f"own-key-{look}")
    context.close()
    assert problems == []
