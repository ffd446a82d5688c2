"""Report pages in a real browser: they fit, they ask nobody else, they work without scripts."""

from __future__ import annotations

import json
import os
from typing import Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from reports.tests.browsing import DEMO, reading
from trackingsite.tests.browser import LOOKS, USER_AGENT, needs_chromium
from trackingsite.tests.live import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

PAGES: Final = {
    "sites": "/reports/",
    "overview": DEMO,
    "overview-day": f"{DEMO}?period=day",
    "realtime": f"{DEMO}realtime/",
    "overview-year": f"{DEMO}?period=12mo&metric=bounce_rate",
    "pageviews": f"{DEMO}pageviews/",
    "visitors": f"{DEMO}visitors/",
    "bounce-rates": f"{DEMO}bounce-rates/",
    "engagement": f"{DEMO}engagement/",
    "breakdown": f"{DEMO}pageviews/title/?period=12mo",
    "filtered": f"{DEMO}?f=is,source,Google,Bing&f=is_not,property:{'long' * 20},{'x' * 999}",
    "filtered-out": f"{DEMO}?f=is,source,Nobody",
    "visits": f"{DEMO}visits/",
    "visit": f"{DEMO}visits/1/",
    "nothing-in-range": f"{DEMO}?from=2001-01-01&to=2001-01-02",
    "no-hit-yet": "/reports/empty.example.com/",
    "long-texts": "/reports/long.example.com/",
    "long-breakdown": "/reports/long.example.com/pageviews/title/",
    "long-visits": "/reports/long.example.com/visits/",
    "explanation": f"{DEMO}explain/bounce_rate/",
    "goals": f"{DEMO}goals/?period=91d",
    "sharing": f"{DEMO}sharing/",
    "people": f"{DEMO}people/",
    "long-goals": "/reports/long.example.com/goals/",
    "account": "/account/",
    "second-factor": "/account/second-factor/",
    "admin-sites": "/admin/sites/site/",
    "admin-site": "/admin/sites/site/1/change/",
    "admin-site-changes": "/admin/sites/site/1/changes/",
    "admin-visits": "/admin/visits/visit/",
    "admin-events": "/admin/visits/event/",
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_and_asks_nobody_else(
    look: str, server: RunningServer, browser: Browser
) -> None:
    problems: list[str] = []
    hosts: set[str | None] = set()
    with reading(browser, server, look) as page:
        page.on("console", lambda message: problems.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        for name, path in PAGES.items():
            answer = page.goto(server.url + path)
            assert answer is not None
            assert answer.status == 200, path
            if not name.startswith("admin"):
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= LOOKS[look]["viewport"]["width"], path
            if folder := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{folder}/{name}-{look}.png", full_page=True)

    assert problems == []
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_serious_violation(look: str, server: RunningServer, browser: Browser) -> None:
    axe, found = Axe(), []
    with reading(browser, server, look) as page:
        for name, path in PAGES.items():
            if not name.startswith("admin"):
                page.goto(server.url + path)
                violations = axe.run(page).response["violations"]
                found += [
                    f"{path}: {violation['id']} at {node['target']}: {node['failureSummary']}"
                    for violation in violations
                    if violation["impact"] in {"serious", "critical"}
                    for node in violation["nodes"][:3]
                ]

    assert found == []


def test_without_scripts_every_figure_can_be_read_and_every_period_chosen(
    server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, java_script_enabled=False) as page:
        page.goto(server.url + DEMO)

        page.locator("details.period summary").click()
        page.get_by_role("link", name="Last 7 days").click()
        expect(page.locator("details.period summary")).to_contain_text("Last 7 days")
        page.get_by_text("Show as a table").click()
        expect(page.locator(".as-table tbody tr")).to_have_count(7)
        page.get_by_role("link", name="Bounce rate").first.click()
        expect(page.locator("figcaption")).to_contain_text("Bounce rate")
        page.locator("details.period summary").click()
        page.get_by_label("From", exact=True).fill("2026-01-01")
        page.locator("#to").fill("2026-01-31")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("details.period summary")).to_contain_text("1 Jan 2026 – 31 Jan 2026")


def test_the_pointer_shows_a_buckets_figure(server: RunningServer, browser: Browser) -> None:
    with reading(browser, server, "desktop") as page:
        page.goto(f"{server.url}{DEMO}?period=28d")

        expect(page.locator(".tip")).to_be_hidden()
        mark = page.locator("rect.hit").nth(9)
        mark.hover()
        expect(page.locator(".tip strong")).to_have_text(mark.get_attribute("data-value") or "")


def test_a_menu_closes_by_escape_and_by_a_click_elsewhere(
    server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, "desktop") as page:
        page.goto(server.url + DEMO)
        menu, body = (
            page.locator("details.period summary"),
            page.locator("details.period .menu-body"),
        )

        menu.click()
        expect(body).to_be_visible()
        page.keyboard.press("Escape")
        expect(body).to_be_hidden()
        menu.click()
        expect(body).to_be_visible()
        page.locator("h1").click()
        expect(body).to_be_hidden()


def test_the_realtime_page_brings_itself_up_to_date(
    server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, "phone") as page:
        page.clock.install()
        page.goto(f"{server.url}/reports/long.example.com/realtime/")
        views = page.locator(".tile .value").nth(2)
        before = int(views.inner_text())

        page.get_by_text("Show as a table").click()
        hit = {"n": "pageview", "u": "https://long.example.com/new", "d": "long.example.com"}
        sent = page.request.post(
            f"{server.url}/api/event", data=json.dumps(hit), headers={"User-Agent": USER_AGENT}
        )
        assert sent.status == 202
        page.clock.run_for(11_000)
        expect(views).to_have_text(str(before + 1))
        expect(page.locator(".as-table tbody tr")).to_have_count(30)
        expect(page.locator(".as-table")).to_have_attribute("open", "")

        page.route("**/realtime/", lambda route: route.abort())
        for _ in range(3):
            with page.expect_event("requestfailed"):
                page.clock.run_for(11_000)
        expect(page.locator("[data-stopped]")).to_be_visible()


def test_keys_open_what_the_page_says(server: RunningServer, browser: Browser) -> None:
    with reading(browser, server, "desktop") as page:
        page.goto(server.url + DEMO)
        period = page.locator("details.period summary")

        page.keyboard.press("w")
        expect(period).to_contain_text("Last 7 days")
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**?from=*")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("x")
        expect(page.locator("details.comparison summary")).to_contain_text("No comparison")
        page.keyboard.press("f")
        expect(page.get_by_label("Only where")).to_be_focused()
        page.keyboard.press("d")  # typed into the form
        page.keyboard.press("Escape")
        expect(page.get_by_label("Only where")).to_be_hidden()
        page.locator("h1").click()
        page.keyboard.press("c")
        expect(page.get_by_label("From", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        page.locator("h1").click()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Last 7 days")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.keyboard.press("Control+d")
        expect(page.locator("details.comparison summary")).to_contain_text("No comparison")
        page.keyboard.press("d")
        expect(period).to_contain_text("Today")


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_a_click_on_a_bucket_opens_its_days(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.goto(f"{server.url}{DEMO}?period=28d&interval=week")

        page.locator("rect.hit").nth(1).click()
        page.wait_for_url("**?from=*")
        expect(page.locator(".as-table tbody tr")).to_have_count(7)
        page.locator("rect.hit").nth(2).click()
        expect(page.locator(".as-table tbody tr")).to_have_count(24)
        expect(page.locator("details.period summary")).not_to_contain_text("–")
        page.go_back()
        expect(page.locator(".as-table tbody tr")).to_have_count(7)


@pytest.mark.parametrize("look", ["desktop", "phone"])
@pytest.mark.parametrize("language", ["de", "fr"])
def test_pages_fit_in_other_languages_too(
    language: str, look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.set_extra_http_headers({"Accept-Language": language})
        for name, path in PAGES.items():
            if name.startswith(("admin", "long")):
                continue
            page.goto(server.url + path)
            assert page.locator("html").get_attribute("lang") == language
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= LOOKS[look]["viewport"]["width"], path
