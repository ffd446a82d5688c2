"""Report pages in a real browser: they fit, they ask nobody else, they work without scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from trackingsite.tests.browser import USER_AGENT, needs_chromium, open_chromium
from trackingsite.tests.live import RunningServer, run_manage, running_server

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

PASSWORD: Final = "spade-and-fork-7"
DEMO: Final = "/reports/demo.example.com/"

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
    "admin-sites": "/admin/sites/site/",
    "admin-site": "/admin/sites/site/1/change/",
    "admin-visits": "/admin/visits/visit/",
    "admin-events": "/admin/visits/event/",
}

#: A site without a hit, and one whose page and titles are as long as they may be, in two scripts.
SITES: Final = """
from django.utils import timezone
from reports.models import Annotation, Segment
from sites.models import Site
from sites.services import add_site
from visits.services import add_event, add_visit
add_site(domain="empty.example.com")
add_site(domain="first.example.com")
now = timezone.now()
site = add_site(domain="long.example.com", name="Ein sehr langer Name " * 4)
for visitor, title in enumerate(["مرحبا بكم في موقعنا " * 20, "Donaudampfschifffahrt" * 20]):
    visit = add_visit(site=site, visitor=visitor, started_at=now, source="s" * 200, country="DE")
    add_event(visit=visit, page="/" + "path" * 499, title=title, happened_at=now)
    props = {"מפתח": "ערך" * 99}
    add_event(visit=visit, page="/שלום", name="x" * 100, props=props, happened_at=now)
for one in (site, Site.objects.get(domain="demo.example.com")):
    for text in ("New prices", "مرحبا بكم في موقعنا " * 10, "x" * 200):
        day = timezone.now().date()
        Annotation.objects.create(site=one, happened_on=day, text=text[:200], is_shared=True)
        filters = ["is,source,Google"]
        Segment.objects.create(site=one, name=text[:80], filters=filters, is_shared=True)
"""

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 780}, "is_mobile": True, "has_touch": True},
    "phone-dark": {
        "viewport": {"width": 360, "height": 780},
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "dark",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a year of a demo site's traffic, and the sites of SITES."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir, password=PASSWORD, KEEP_ROWS_DAYS="0") as server:
        for command in (["seed_demo", "--events", "20000"], ["shell", "-c", SITES]):
            done = run_manage(*command, DATA_DIR=str(data_dir))
            assert done.returncode == 0, done.stdout
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for all of these tests."""
    with open_chromium() as browser:
        yield browser


def sign_in(context: BrowserContext, server: RunningServer) -> Page:
    """Return a page of the administrator's."""
    page = context.new_page()
    page.goto(f"{server.url}/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/reports/")
    return page


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_and_asks_nobody_else(
    look: str, server: RunningServer, browser: Browser
) -> None:
    problems: list[str] = []
    hosts: set[str | None] = set()
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
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
    context.close()

    assert problems == []
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_serious_violation(look: str, server: RunningServer, browser: Browser) -> None:
    axe, found = Axe(), []
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
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
    context.close()

    assert found == []


def test_without_scripts_every_figure_can_be_read_and_every_period_chosen(
    server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = sign_in(context, server)
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
    context.close()


def test_the_pointer_shows_a_buckets_figure(server: RunningServer, browser: Browser) -> None:
    context = browser.new_context(**LOOKS["desktop"])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=28d")

    expect(page.locator(".tip")).to_be_hidden()
    mark = page.locator("rect.hit").nth(9)
    mark.hover()
    expect(page.locator(".tip strong")).to_have_text(mark.get_attribute("data-value") or "")
    context.close()


def test_a_menu_closes_by_escape_and_by_a_click_elsewhere(
    server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS["desktop"])
    page = sign_in(context, server)
    page.goto(server.url + DEMO)
    menu, body = page.locator("details.period summary"), page.locator("details.period .menu-body")

    menu.click()
    expect(body).to_be_visible()
    page.keyboard.press("Escape")
    expect(body).to_be_hidden()
    menu.click()
    expect(body).to_be_visible()
    page.locator("h1").click()
    expect(body).to_be_hidden()
    context.close()


def test_the_realtime_page_brings_itself_up_to_date(
    server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS["phone"])
    page = sign_in(context, server)
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
    context.close()


def test_keys_open_what_the_page_says(server: RunningServer, browser: Browser) -> None:
    context = browser.new_context(**LOOKS["desktop"])
    page = sign_in(context, server)
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
    context.close()


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_a_click_on_a_bucket_opens_its_days(
    look: str, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=28d&interval=week")

    page.locator("rect.hit").nth(1).click()
    page.wait_for_url("**?from=*")
    expect(page.locator(".as-table tbody tr")).to_have_count(7)
    page.locator("rect.hit").nth(2).click()
    expect(page.locator(".as-table tbody tr")).to_have_count(24)
    expect(page.locator("details.period summary")).not_to_contain_text("–")
    page.go_back()
    expect(page.locator(".as-table tbody tr")).to_have_count(7)
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_is_filtered_by_a_click(
    scripts: bool, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=91d")
    chips, visits = page.locator(".chip"), page.locator(".tile .value").nth(1)
    of_all = visits.inner_text()

    page.get_by_role("link", name="Google", exact=True).focus()
    page.keyboard.press("Enter")
    expect(chips).to_have_text("Source is Google", use_inner_text=True)
    expect(visits).not_to_have_text(of_all)
    of_google = visits.inner_text()
    page.get_by_text("Add filter").first.click()
    page.get_by_label("Only where").select_option("Device")
    page.get_by_label("Relation").select_option("is not")
    page.get_by_label("Value").fill("Desktop")
    page.get_by_role("button", name="Add filter").click()
    expect(chips).to_have_count(2)
    expect(visits).not_to_have_text(of_google)
    page.get_by_role("link", name="Unique Visitors", exact=True).click()
    expect(page.locator(".about h2")).to_have_text("Unique Visitors")
    expect(chips).to_have_count(2)
    page.get_by_role("link", name="Remove filter: Device is not Desktop").click()
    expect(chips).to_have_count(1)
    page.go_back()
    expect(chips).to_have_count(2)
    page.go_back()
    expect(page.locator(".about h2")).to_have_count(0)
    page.go_back()
    expect(chips).to_have_count(1)
    page.go_back()
    expect(chips).to_have_count(0)
    expect(visits).to_have_text(of_all)
    page.go_forward()
    expect(visits).to_have_text(of_google)
    page.get_by_role("link", name="Remove filter: Source is Google").click()
    expect(visits).to_have_text(of_all)
    context.close()


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_filters_are_kept_and_chosen_again(
    look: str, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=7d&f=is,device,mobile")
    name = f"Phones of the {look}"

    page.get_by_text("Save as segment").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Save").click()
    page.goto(f"{server.url}{DEMO}?period=28d")
    page.get_by_text("Add filter", exact=True).first.click()
    page.get_by_role("link", name=name).click()

    page.wait_for_url("**/?period=28d&f=is,device,mobile")
    expect(page.get_by_role("list", name="Filters")).to_contain_text("Device is Mobile")
    page.locator("summary", has_text="Add filter").click()
    page.get_by_role("button", name=f"Remove segment {name}").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    context.close()


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_a_day_is_annotated_and_the_pointer_shows_it(
    look: str, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?from=2026-01-01&to=2026-01-07")
    text = f"A sale on the {look}"

    page.get_by_text("Annotate").click()
    page.get_by_label("Day", exact=True).fill("2026-01-03")
    page.get_by_label("What happened").fill(text)
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("list", name="Annotations")).to_contain_text(f"3 Jan 2026 {text}")
    page.locator("rect.hit").nth(2).hover()
    expect(page.locator(".tip")).to_contain_text(text)
    page.get_by_role("button", name=f"Remove annotation: {text}").click()
    expect(page.get_by_text(text)).to_have_count(0)
    context.close()


def test_a_click_changes_the_page_in_place(server: RunningServer, browser: Browser) -> None:
    """Its scripts go on, its place stays; another page begins at its top; back opens the last."""
    context = browser.new_context(**LOOKS["desktop"])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=28d")
    page.evaluate("window.stays = true; scrollTo(0, 400)")
    chips = page.get_by_role("list", name="Filters")

    page.get_by_role("link", name="Google", exact=True).click()
    expect(chips).to_contain_text("Source is Google")
    assert page.evaluate("scrollY") == 400
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_role("link", name="Details").first.click()
    expect(page.get_by_role("heading", name="Unique Visitors by source")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("window.stays")
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Sources")).to_be_visible()
    expect(chips).to_have_count(0)
    page.go_forward()
    expect(chips).to_contain_text("Source is Google")
    context.close()


def test_what_is_wrong_with_an_address_is_said_in_place(
    server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS["desktop"])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}")

    page.locator("summary", has_text="Add filter").click()
    page.get_by_label("Relation").select_option("matches")
    page.get_by_label("Value").fill("[")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_text("This is no regular expression of RE2")).to_be_visible()
    page.get_by_role("link", name="Open the report of").click()

    expect(page.get_by_role("heading", name="Sources")).to_be_visible()
    context.close()


def test_a_page_whose_server_is_gone_is_opened_by_the_browser(
    server: RunningServer, browser: Browser
) -> None:
    """Which says so, in place of nothing at all."""
    context = browser.new_context(**LOOKS["desktop"])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}")
    context.set_offline(True)

    page.get_by_role("link", name="Google", exact=True).click()

    page.wait_for_url("chrome-error://**")
    context.close()


@pytest.mark.parametrize("sort", ["Visitors", "Change", "Last hit"])
def test_sites_are_searched_and_sorted(sort: str, server: RunningServer, browser: Browser) -> None:
    context = browser.new_context(**LOOKS["phone"])
    page = sign_in(context, server)

    page.get_by_role("link", name=sort, exact=True).click()
    expect(page.get_by_role("link", name=sort, exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    expect(page.locator(".site-name")).to_have_count(4)
    page.get_by_label("Search sites").fill("demo")
    page.get_by_label("Search sites").press("Enter")

    expect(page.locator(".site-name")).to_have_text(["Demo site"])
    context.close()


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_a_click_on_the_map_filters_the_page(
    look: str, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=12mo")

    page.locator('.map use[href$="#US"]').click()

    expect(page.get_by_role("list", name="Filters")).to_contain_text("Country is United States")
    expect(page.locator("#places")).to_contain_text("Region")
    context.close()


def test_the_hours_of_a_week_can_be_scrolled_by_keyboard(
    server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS["phone"])
    page = sign_in(context, server)
    page.goto(f"{server.url}{DEMO}?period=28d")
    hours = page.get_by_role("group", name="Hours of the week")

    hours.focus()
    page.keyboard.press("ArrowRight")

    expect(hours.get_by_role("row")).to_have_count(8)
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    context.close()


@pytest.mark.parametrize("look", ["desktop", "phone"])
@pytest.mark.parametrize("language", ["de", "fr"])
def test_pages_fit_in_other_languages_too(
    language: str, look: str, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS[look])
    page = sign_in(context, server)
    page.set_extra_http_headers({"Accept-Language": language})
    for name, path in PAGES.items():
        if name.startswith(("admin", "long")):
            continue
        page.goto(server.url + path)
        assert page.locator("html").get_attribute("lang") == language
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= LOOKS[look]["viewport"]["width"], path
    context.close()


def test_a_report_that_waits_for_the_first_hit_comes_by_itself(
    server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(**LOOKS["phone"])
    page = sign_in(context, server)
    page.goto(f"{server.url}/reports/first.example.com/")
    expect(page.get_by_role("heading", name="Waiting for the first hit")).to_be_visible()

    hit = {"name": "pageview", "url": "https://first.example.com/", "domain": "first.example.com"}
    answer = page.request.post(
        f"{server.url}/api/event", data=hit, headers={"User-Agent": USER_AGENT}
    )
    assert answer.ok, answer.text()

    expect(page.get_by_role("heading", name="Sources")).to_be_visible(timeout=15_000)
    expect(page.locator("#main")).to_have_count(1)
    context.close()
