"""Sharing in a real browser: a viewer sees one site, its owner shares it, a stranger reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from trackingsite.tests.browser import LOOKS, keep_picture, needs_chromium
from trackingsite.tests.live import RunningServer, running_server

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

PASSWORD: Final = "spade-and-fork-7"
SETUP: Final = f"""
from django.contrib.auth.models import User
from sites.models import Membership
from sites.services import add_site
from visits.services import add_event, add_visit
from django.utils import timezone
site = add_site(domain="example.com")
add_site(domain="other.example")
visit = add_visit(site=site, visitor=1, started_at=timezone.now())
add_event(visit=visit, page="/docs", happened_at=timezone.now())
for name in ("viewer", "owner"):
    user = User.objects.create_user(name, password="{PASSWORD}")
    Membership.objects.create(site=site, user=user, role=name)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two sites, and two members of the first."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir, password=PASSWORD, setup=SETUP) as server:
        yield server


def sign_in(server: RunningServer, context: BrowserContext, name: str) -> Page:
    """Return a page on which somebody is signed in."""
    page = context.new_page()
    page.goto(f"{server.url}/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page


def test_staff_add_a_site_and_who_they_invite_sees_it_alone(
    server: RunningServer, browser: Browser
) -> None:
    staff, stranger = browser.new_context(), browser.new_context(**LOOKS["phone-dark"])
    page = sign_in(server, staff, "admin")
    page.goto(f"{server.url}/admin/sites/site/add/")
    page.locator("#id_domain").fill("new.example")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Open the report").click()
    page.get_by_role("link", name="People").click()
    page.get_by_label("For whom").fill("Bob")
    page.get_by_role("button", name="Make the invitation").click()
    address = page.get_by_role("textbox", name="Address").input_value()
    keep_picture(page, "people")

    other = stranger.new_page()
    other.goto(address)
    keep_picture(other, "invitation")
    other.get_by_label("Username").fill("bob")
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_label("Password confirmation").fill(PASSWORD)
    other.get_by_role("button", name="Make an account and join").click()
    expect(other.get_by_role("heading", name="new.example")).to_be_visible()
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
    other.goto(f"{server.url}/reports/")
    expect(other.get_by_role("main")).to_contain_text("new.example")
    expect(other.get_by_role("main")).not_to_contain_text("other.example")
    page.reload()
    page.goto(f"{server.url}/reports/new.example/people/")
    expect(page.get_by_label("bob")).to_have_value("viewer")
    keep_picture(page, "people-members")
    staff.close()
    stranger.close()


def test_a_viewer_sees_their_site_alone(server: RunningServer, browser: Browser) -> None:
    context = browser.new_context()
    page = sign_in(server, context, "viewer")

    expect(page.get_by_role("main")).to_contain_text("example.com")
    expect(page.get_by_role("main")).not_to_contain_text("other.example")
    answer = page.goto(f"{server.url}/reports/other.example/")
    assert answer is not None
    assert answer.status == 404
    page.goto(f"{server.url}/reports/example.com/")
    expect(page.get_by_role("link", name="Sharing")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("look", ["desktop", "phone-dark"])
def test_a_link_works_in_a_fresh_browser_until_it_is_revoked(
    look: str, server: RunningServer, browser: Browser
) -> None:
    problems: list[str] = []
    owners, strangers = browser.new_context(**LOOKS[look]), browser.new_context(**LOOKS[look])
    page = sign_in(server, owners, "owner")
    page.goto(f"{server.url}/reports/example.com/")
    page.get_by_role("link", name="Sharing").click()
    page.get_by_label("Name").fill(f"for the board, {look}")
    page.get_by_label("Password").fill("rake-and-hoe-9")
    page.get_by_role("button", name="Make the link").click()
    address = page.get_by_label("Address").first.input_value()
    keep_picture(page, f"sharing-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    other = strangers.new_page()
    sent: list[tuple[str, str]] = []
    other.on("request", lambda r: sent.append((r.url, r.headers.get("referer", ""))))
    other.on("pageerror", lambda error: problems.append(f"{other.url}: {error}"))
    other.goto(address)
    other.get_by_label("Password").fill("rake-and-hoe-9")
    keep_picture(other, f"share-password-{look}")
    other.get_by_role("button", name="Open the reports").click()
    expect(other.get_by_role("main")).to_contain_text("Unique visitors")
    keep_picture(other, f"shared-{look}")
    other.get_by_role("link", name="Pageviews", exact=True).first.click()
    expect(other.get_by_role("heading", name="Pageviews").first).to_be_visible()
    assert other.url.startswith(address)
    assert all(url.startswith(server.url) for url, _ in sent)
    assert [referrer for _, referrer in sent if "/share/" in referrer] == []
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Revoke").first.click()
    expect(page.get_by_label("Address")).to_have_count(0)
    answer = other.goto(address)
    assert answer is not None
    assert answer.status == 404
    owners.close()
    strangers.close()
    assert problems == []
