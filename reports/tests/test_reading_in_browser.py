"""What readers do on report pages, in a real browser: on a desktop and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Download, Route, expect

from reports.tests.browsing import DEMO, reading
from trackingsite.tests.browser import USER_AGENT, needs_chromium
from trackingsite.tests.live import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

BOTH = pytest.mark.parametrize("look", ["desktop", "phone"])


@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_is_filtered_by_a_click(
    scripts: bool, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, java_script_enabled=scripts) as page:
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


@BOTH
def test_filters_are_kept_and_chosen_again(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
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


@BOTH
def test_a_day_is_annotated_and_the_pointer_shows_it(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
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


def test_a_click_changes_the_page_in_place(server: RunningServer, browser: Browser) -> None:
    """Its scripts go on, its place stays; another page begins at its top; back opens the last."""
    with reading(browser, server, "desktop") as page:
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
        page.evaluate("history.back()")
        expect(page.get_by_role("heading", name="Sources")).to_be_visible()
        page.evaluate("history.back()")
        expect(chips).to_have_count(0)
        page.evaluate("history.forward()")
        expect(chips).to_contain_text("Source is Google")


def test_what_is_wrong_with_an_address_is_said_in_place(
    server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, "desktop") as page:
        page.goto(f"{server.url}{DEMO}")

        page.locator("summary", has_text="Add filter").click()
        page.get_by_label("Relation").select_option("matches")
        page.get_by_label("Value").fill("[")
        page.get_by_role("button", name="Add filter").click()
        expect(page.get_by_text("This is no regular expression of RE2")).to_be_visible()
        page.get_by_role("link", name="Open the report of").click()

        expect(page.get_by_role("heading", name="Sources")).to_be_visible()


def test_a_page_whose_server_is_gone_is_opened_by_the_browser(
    server: RunningServer, browser: Browser
) -> None:
    """Which says so, in place of nothing at all."""
    with reading(browser, server, "desktop") as page:
        page.goto(f"{server.url}{DEMO}")
        page.context.set_offline(True)

        page.get_by_role("link", name="Google", exact=True).click()

        # Not by waiting for the navigation, which fails: that is what the browser then shows.
        expect(page).to_have_url(re.compile("^chrome-error://"))


@pytest.mark.parametrize("sort", ["Visitors", "Change", "Last hit"])
def test_sites_are_searched_and_sorted(sort: str, server: RunningServer, browser: Browser) -> None:
    with reading(browser, server, "phone") as page:
        page.get_by_role("link", name=sort, exact=True).click()
        expect(page.get_by_role("link", name=sort, exact=True)).to_have_attribute(
            "aria-current", "true"
        )
        expect(page.locator(".site-name")).to_have_count(4)
        page.get_by_label("Search sites").fill("demo")
        page.get_by_label("Search sites").press("Enter")

        expect(page.locator(".site-name")).to_have_text(["Demo site"])


@BOTH
def test_a_click_on_the_map_filters_the_page(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.goto(f"{server.url}{DEMO}?period=12mo")

        page.locator('.map use[href$="#US"]').click()

        expect(page.get_by_role("list", name="Filters")).to_contain_text("Country is United States")
        expect(page.locator("#places")).to_contain_text("Region")


def test_the_hours_of_a_week_can_be_scrolled_by_keyboard(
    server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, "phone") as page:
        page.goto(f"{server.url}{DEMO}?period=28d")
        hours = page.get_by_role("group", name="Hours of the week")

        hours.focus()
        page.keyboard.press("ArrowRight")

        expect(hours.get_by_role("row")).to_have_count(8)
        # Asked from outside: what a page evaluates by itself, its policy forbids.
        for _ in range(100):
            if page.evaluate("document.activeElement.scrollLeft") > 0:
                break
            page.wait_for_timeout(50)
        assert page.evaluate("document.activeElement.scrollLeft") > 0


def test_a_report_that_waits_for_the_first_hit_comes_by_itself(
    server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, "phone") as page:
        page.goto(f"{server.url}/reports/first.example.com/")
        expect(page.get_by_role("heading", name="Waiting for the first hit")).to_be_visible()

        hit = {
            "name": "pageview",
            "url": "https://first.example.com/",
            "domain": "first.example.com",
        }
        answer = page.request.post(
            f"{server.url}/api/event", data=hit, headers={"User-Agent": USER_AGENT}
        )
        assert answer.ok, answer.text()

        expect(page.get_by_role("heading", name="Sources")).to_be_visible(timeout=15_000)
        expect(page.locator("#main")).to_have_count(1)


@BOTH
def test_a_figure_puts_its_series_into_the_chart(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.goto(f"{server.url}{DEMO}?period=28d")

        page.locator("a.tile", has_text="Bounce rate").click()
        expect(page.locator("figcaption")).to_contain_text("Bounce rate")
        page.locator(".intervals").get_by_role("link", name="Week").click()

        expect(page.locator(".intervals [aria-current]")).to_have_text("Week")
        expect(page.locator("figcaption")).to_contain_text("Bounce rate")
        expect(page.locator("rect.hit")).to_have_count(5)
        page.get_by_text("Show as a table").click()
        expect(page.locator(".as-table tbody tr").first).to_contain_text("%")


@BOTH
def test_days_and_what_they_are_compared_with_are_chosen(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.goto(server.url + DEMO)
        period, comparison = page.locator("details.period"), page.locator("details.comparison")

        period.locator("summary").click()
        period.get_by_role("link", name="Last 7 days").click()
        expect(period.locator("summary")).to_contain_text("Last 7 days")
        page.get_by_role("link", name="The days before").click()
        expect(page.get_by_role("link", name="The days after")).to_be_visible()
        period.locator("summary").click()
        period.get_by_label("From").fill("2026-06-01")
        period.get_by_label("To").fill("2026-06-10")
        period.get_by_role("button", name="Apply").click()
        expect(period.locator("summary")).to_contain_text("1 Jun 2026 – 10 Jun 2026")
        comparison.locator("summary").click()
        comparison.get_by_label("Other days, from").fill("2026-05-01")
        comparison.get_by_label("To").fill("2026-05-10")
        comparison.get_by_role("button", name="Compare").click()

        expect(page.locator(".legend")).to_contain_text("1 May 2026 – 10 May 2026")
        comparison.locator("summary").click()
        comparison.get_by_role("link", name="No comparison").click()
        expect(page.locator(".line.before")).to_have_attribute("d", "")
        expect(page.locator(".tile .change")).to_have_count(0)


@BOTH
def test_a_card_shows_another_tab_and_all_of_its_list(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.goto(f"{server.url}{DEMO}?period=12mo")
        card = page.locator("#sources")

        card.get_by_role("link", name="Referrer").click()
        expect(card.locator(".card-tabs [aria-current]")).to_have_text("Referrer")
        card.get_by_role("link", name=re.compile("more|Details")).click()
        expect(page.get_by_role("heading", name="Unique Visitors by referrer")).to_be_visible()
        page.get_by_role("searchbox").fill("google")
        page.get_by_role("searchbox").press("Enter")
        page.wait_for_url("**q=google*")
        page.get_by_role("columnheader", name="Visitors").get_by_role("link").click()
        expect(page.locator("[aria-sort]")).to_contain_text("Visitors")

        expect(page.locator("tbody tr").first).to_contain_text("google")


@BOTH
def test_a_figure_is_explained_down_to_a_visit(
    look: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look) as page:
        page.goto(f"{server.url}{DEMO}?period=28d")

        page.get_by_role("link", name="Explain: Bounce rate").click()
        expect(page.get_by_role("heading", name="What was left out")).to_be_visible()
        page.get_by_role("link", name="All visits behind it").click()
        expect(page.locator(".log tbody tr")).to_have_count(50)
        page.get_by_role("link", name="Older").click()
        expect(page.locator(".pages")).to_contain_text("51 to 100")
        page.locator(".log tbody a").first.click()

        expect(page.get_by_role("heading", name="A visit on")).to_be_visible()
        expect(page.locator(".stay").first).to_be_visible()


@BOTH
@pytest.mark.parametrize(
    ("link", "ending"),
    [("Figures and lists", "zip"), ("Events CSV", "csv"), ("Events Parquet", "parquet")],
)
def test_a_page_is_taken_home(
    look: str, link: str, ending: str, server: RunningServer, browser: Browser
) -> None:
    with reading(browser, server, look, accept_downloads=True) as page:
        page.goto(f"{server.url}{DEMO}?period=7d")

        page.locator("summary", has_text="Export").click()
        with page.expect_download() as started:
            page.get_by_role("link", name=link).click()

        download: Download = started.value
        assert download.suggested_filename.endswith(f".{ending}")
        assert download.path().stat().st_size > 100
        with page.expect_download() as of_list:
            page.locator("#sources").get_by_role("link", name="CSV").click()
        assert of_list.value.suggested_filename.endswith(".csv")


@BOTH
def test_colours_are_chosen_and_kept(look: str, server: RunningServer, browser: Browser) -> None:
    with reading(browser, server, look) as page:
        page.goto(server.url + DEMO)

        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")

        ground = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(ground) == "rgb(18, 22, 24)"
        page.get_by_role("link", name="Realtime").click()
        expect(page.get_by_role("heading", name="Demo site")).to_be_visible()
        assert page.evaluate(ground) == "rgb(18, 22, 24)"
        page.get_by_role("button", name="As the device says").click()
        expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
        assert page.evaluate(ground) == "rgb(246, 245, 242)"


def test_the_last_click_counts(server: RunningServer, browser: Browser) -> None:
    """What an earlier one asked for is not waited for, and never comes in its place."""
    with reading(browser, server) as page:
        page.goto(f"{server.url}{DEMO}?period=12mo")

        def delay(route: Route) -> None:
            page.wait_for_timeout(1500)
            route.continue_()

        page.route("**/pageviews/**", delay)

        page.get_by_role("link", name="Pageviews", exact=True).click(no_wait_after=True)
        page.get_by_role("link", name="User Engagement", exact=True).click()

        expect(page.locator(".about h2")).to_have_text("User Engagement")
        page.wait_for_timeout(2500)
        expect(page.locator(".about h2")).to_have_text("User Engagement")
