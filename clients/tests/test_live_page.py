"""A page in a browser whose hits come into the outbox of the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from tracking_client.pytest_plugin import tracking_outbox, tracking_page
from tracking_client.testing import Outbox

from trackingsite.tests.browser import needs_chromium, open_chromium, serve_pages

pytestmark = [pytest.mark.browser, needs_chromium]

__all__ = ["tracking_outbox", "tracking_page"]  # fixtures, as installing the package brings them

PAGE = """<!doctype html><title>Shop</title>
<script defer data-domain="shop.example" src="https://stats.example/js/script.js"></script>
<button data-event-name="Bought" data-event-item="lamp">buy</button>"""


@pytest.fixture
def page() -> Iterator[Page]:
    """A page as pytest-playwright has it."""
    with open_chromium() as browser:
        yield browser.new_page()


def test_what_a_page_sends_comes_into_the_outbox(
    tracking_page: Page, tracking_outbox: Outbox
) -> None:
    with serve_pages({"/": PAGE}) as origin:
        tracking_page.goto(origin.replace("shop.example.com", "127.0.0.1"))
        with tracking_page.expect_request("https://stats.example/api/event"):
            tracking_page.click("button")
        tracking_page.wait_for_timeout(300)

    event = tracking_outbox.assert_tracked("Bought", props={"item": "lamp"}, url="/", count=1)
    tracking_outbox.assert_tracked("pageview", count=1)
    assert event.title == "Shop"
    assert "Chrome" in event.user_agent
