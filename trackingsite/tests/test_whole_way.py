"""From an empty folder to a figure on a report, as somebody does it who has just heard of this."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from trackingsite.tests.browser import (
    SHOP,
    needs_chromium,
    open_chromium,
    serve_pages,
)
from trackingsite.tests.live import ROOT, find_free_port, running_program

#: Seconds in which the locked dependencies are installed.
INSTALLING: Final = 600

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]


def clone(folder: Path) -> Path:
    """Return a folder with the project's files, as a fresh clone of the working tree would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def take_picture(page: Page, name: str) -> None:
    """Keep the page's picture where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def sign_in(browser: Browser, url: str, password: str) -> Page:
    """Return a page on which the administrator is signed in."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/reports/")
    return page


def add_site(page: Page) -> str:
    """Add the shop in the admin; return the snippet that its page shows."""
    page.get_by_role("link", name="Add a site").first.click()
    page.get_by_label("Domain:").fill(SHOP)
    page.get_by_label("Time zone:").select_option("Europe/Berlin")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("No hit has arrived yet")).to_be_visible()
    take_picture(page, "whole-way-1-snippet")
    return page.locator("#tracking-code").inner_text()


def visit_shop(browser: Browser, origin: str) -> None:
    """Come from Google, read a page, go on to another without loading it, sign up, and leave."""
    context = browser.new_context(locale="de-DE", timezone_id="Europe/Berlin")
    page = context.new_page()

    def is_hit(response: Response) -> bool:
        return response.url.endswith("/api/event") and response.status == 202

    with page.expect_response(is_hit):
        page.goto(f"{origin}/", referer="https://www.google.com/")
    page.wait_for_timeout(300)
    # The engagement with the page that is left, and the view of the one that follows.
    with page.expect_response(is_hit), page.expect_response(is_hit):
        page.evaluate("history.pushState({}, '', '/spades')")
    with page.expect_response(is_hit):
        page.evaluate("trackingsite('signup', {props: {plan: 'pro'}})")
    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.wait_for_timeout(300)
    page.close(run_before_unload=True)
    context.close()


def read_headline(page: Page) -> dict[str, str]:
    """Return the overview's figures by their label."""
    tiles = page.locator(".headline .tile").all()
    return {
        tile.locator(".label").inner_text(): tile.locator(".value").inner_text() for tile in tiles
    }


def read_table(page: Page, name: str) -> list[list[str]]:
    """Return the rows of one of the page's tables, without the shares."""
    rows = page.get_by_role("region", name=name, exact=True).locator("tbody tr").all()
    return [
        [
            re.sub(r"(?<=\S)\s+\d+(\.\d)?%$", "", cell)
            for cell in row.locator("th, td").all_inner_texts()
        ]
        for row in rows
    ]


def test_the_whole_way_from_an_empty_folder_to_a_figure_on_a_report(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    port = find_free_port()
    with running_program(["make", "run"], folder=folder, port=port, patience=INSTALLING) as server:
        password = re.search(r"password: (\S+)", server.output)
        assert password is not None, server.output
        with open_chromium() as browser:
            staff = sign_in(browser, server.url, password[1])
            snippet = add_site(staff)
            shop_page = f"<!doctype html><head><title>Shop</title>{snippet}</head><h1>Shop</h1>"
            with serve_pages({"/": shop_page}) as origin:
                visit_shop(browser, origin)

            staff.goto(f"{server.url}/reports/{SHOP}/")
            take_picture(staff, "whole-way-2-report")
            headline = read_headline(staff)
            assert headline["Unique visitors"] == "1"
            assert headline["Visits"] == "1"
            assert headline["Pageviews"] == "2"
            assert headline["Bounce rate"] == "0%"
            assert read_table(staff, "Pages") == [["/", "1", "1"], ["/spades", "1", "1"]]
            assert read_table(staff, "Sources") == [["Google", "1", "0%"]]
            assert read_table(staff, "Places") == [["Germany", "1", "0%"]]
            assert read_table(staff, "Devices") == [["Chrome", "1", "0%"]]
            assert read_table(staff, "Events") == [["signup", "1", "1", "100%"]]
            chosen = staff.get_by_role("link", name="Operating system", exact=True)
            chosen.click()
            expect(chosen).to_have_attribute("aria-current", "true")
            assert read_table(staff, "Devices") == [["Windows", "1", "0%"]]

            staff.get_by_role("link", name="Visits", exact=True).click()
            staff.locator(".log tbody a").click()
            expect(staff.locator(".stay .page")).to_have_text(["/", "/spades"])
            expect(staff.locator(".own-event")).to_contain_text("signup plan: pro")
            take_picture(staff, "whole-way-3-visit")
        server.interrupt()
        assert "Traceback" not in server.output

    with running_program(["make", "run"], folder=folder, port=port) as again:
        assert "password:" not in again.output
        assert again.seconds_to_answer < 5
        with open_chromium() as browser:
            staff = sign_in(browser, again.url, password[1])
            staff.goto(f"{again.url}/reports/{SHOP}/")
            assert read_headline(staff)["Pageviews"] == "2"
