"""The tracking script in a real browser: each test looks at what arrived in the database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from trackingsite.tests.browser import (
    SHOP,
    launch_chromium,
    look_at,
    needs_chromium,
    open_chromium,
    serve_pages,
)
from trackingsite.tests.live import run_manage, running_server
from visits.tracker.views import BUILT

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

#: Longer than a hit takes to arrive on a busy machine.
PATIENCE_MS: Final = 10_000

Rows = list[tuple[str, str]]

#: Renders /later ahead, and goes there a while after.
RENDERS_AHEAD: Final = """
    <script type="speculationrules">
      {"prerender": [{"urls": ["/later"], "eagerness": "immediate"}]}
    </script>
    <script>setTimeout(() => { location.href = "/later" }, 3000)</script>
"""
#: Sends an event and changes its address as soon as it is there, seen or not.
TELLS_AT_ONCE: Final = """
    <script>
      addEventListener("load", () => {
        trackingsite("ready", {props: {ahead: document.prerendering}});
        history.replaceState({}, "", "/tab");
      });
    </script>
"""


class Store:
    """The events of the server's database, read as they are committed."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Return what a statement gives."""
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(sql).fetchall()

    def events(self) -> Rows:
        """Return name and page of each event but engagement, in order."""
        return self.ask(  # type: ignore[return-value]
            "SELECT name, page FROM visits_event WHERE name <> 'engagement' ORDER BY id"
        )

    def clear(self) -> None:
        """Forget all visits."""
        with closing(sqlite3.connect(self.file, timeout=5)) as database, database:
            database.execute("DELETE FROM visits_event")
            database.execute("DELETE FROM visits_visit")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    """A running server that knows the shop, and the origin of the shop's pages."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir) as server:
        add = f"from sites.services import add_site; add_site(domain='{SHOP}')"
        done = run_manage("shell", "-c", add, DATA_DIR=str(data_dir))
        assert done.returncode == 0, done.stdout
        tag = f'<script defer data-domain="{SHOP}" src="{server.url}/js/script.js"></script>'
        tall = '<p style="height: 4000px">Tall</p>'
        pages = {
            path: f"<!doctype html><title>{path}</title>{tag}<a href='/b'>b</a>{tall}"
            for path in ("/", "/b")
        }
        pages["404"] = pages["/"]
        pages["/ahead"] = f"<!doctype html>{tag}{RENDERS_AHEAD}"
        pages["/later"] = f"<!doctype html>{tag}{TELLS_AT_ONCE}"
        with serve_pages(pages) as origin:
            yield Store(data_dir / "db.sqlite3"), origin


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for all of these tests."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def store(served: tuple[Store, str]) -> Store:
    """The server's store, empty."""
    served[0].clear()
    return served[0]


@pytest.fixture
def context(browser: Browser, store: Store) -> Iterator[BrowserContext]:
    """A visitor's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, served: tuple[Store, str], store: Store) -> Page:
    """The shop's first page, once its view has been stored."""
    page = context.new_page()
    page.goto(f"{served[1]}/?utm_source=news")
    wait_for(page, lambda: store.events() == [("pageview", "/")], store.events)
    return page


def wait_for(page: Page, is_so: Callable[[], bool], shown: Callable[[], object]) -> None:
    """Wait until something is so; fail with what is `shown` when it does not come."""
    for _ in range(PATIENCE_MS // 50):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError(shown())


def wait_until(is_so: Callable[[], bool], shown: Callable[[], object]) -> None:
    """Wait as `wait_for` does, where no page is driven."""
    for _ in range(PATIENCE_MS // 50):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(shown())


def wait_for_events(page: Page, store: Store, expected: Rows) -> None:
    """Wait until exactly these events are stored, and a moment longer in case more come."""
    wait_for(page, lambda: store.events() == expected, store.events)
    page.wait_for_timeout(200)
    assert store.events() == expected


@pytest.mark.parametrize(
    ("step", "further"),
    [
        ("history.pushState({}, '', '/c')", [("pageview", "/c")]),
        ("history.replaceState({}, '', '/d')", [("pageview", "/d")]),
        ("history.replaceState({state: 1}, '', location.href)", []),
        ("history.pushState({}, '', '#part')", []),
        ("history.pushState({}, '', '?page=2')", []),
        ("location.hash = 'part'", []),
        ("trackingsite('signup')", [("signup", "/")]),
        (
            "history.pushState({}, '', '/c'); trackingsite('signup')",
            [("pageview", "/c"), ("signup", "/c")],
        ),
        (
            "history.pushState({}, '', '/c'); setTimeout(() => history.back(), 300)",
            [("pageview", "/c"), ("pageview", "/")],
        ),
    ],
    ids=[
        "push",
        "replace",
        "replace same",
        "push fragment",
        "push query",
        "fragment",
        "event",
        "both",
        "back",
    ],
)
def test_what_a_step_on_the_page_sends(step: str, further: Rows, page: Page, store: Store) -> None:
    page.evaluate(step)

    wait_for(page, lambda: len(store.events()) == 1 + len(further), store.events)
    page.wait_for_timeout(200)
    assert sorted(store.events()) == sorted([("pageview", "/"), *further])


def test_a_page_view_tells_title_source_screen_and_language(page: Page, store: Store) -> None:
    assert store.ask("SELECT title FROM visits_event") == [("/",)]
    assert store.ask("SELECT source, screen_width, language FROM visits_visit") == [
        ("news", 1280, "en-US")
    ]


def test_a_long_title_is_cut_between_characters_and_a_long_address_loses_its_query(
    page: Page, store: Store
) -> None:
    page.evaluate("document.title = 'a'.repeat(499) + '😀😀'")
    page.evaluate("history.pushState({}, '', '/c?click=' + 'x'.repeat(3000))")
    wait_for_events(page, store, [("pageview", "/"), ("pageview", "/c")])

    assert store.ask("SELECT title FROM visits_event WHERE page = '/c'") == [("a" * 499 + "😀",)]


def test_a_custom_event_brings_its_properties(page: Page, store: Store) -> None:
    page.evaluate("trackingsite('order', {props: {plan: 'pro', seats: 3, trial: false}})")
    wait_for_events(page, store, [("pageview", "/"), ("order", "/")])

    assert store.ask("SELECT props FROM visits_event WHERE name = 'order'") == [
        ('{"plan": "pro", "seats": "3", "trial": "false"}',)
    ]


def test_the_next_page_is_of_the_same_visit_and_the_site_is_no_source(
    page: Page, store: Store
) -> None:
    page.click("a")
    wait_for_events(page, store, [("pageview", "/"), ("pageview", "/b")])

    assert store.ask("SELECT pageviews, source FROM visits_visit") == [(2, "news")]


def test_leaving_tells_how_long_and_how_far_somebody_read(page: Page, store: Store) -> None:
    page.evaluate("scrollTo(0, 1250)")
    page.wait_for_timeout(700)
    page.goto("about:blank")

    def engagement() -> list[tuple[object, ...]]:
        return store.ask(
            "SELECT page, engagement_ms, scroll_depth FROM visits_event WHERE name = 'engagement'"
        )

    wait_for(page, lambda: len(engagement()) == 1, engagement)
    ((where, ms, depth),) = engagement()
    assert where == "/"
    assert isinstance(ms, int)
    assert 700 <= ms < PATIENCE_MS
    assert isinstance(depth, int)
    assert 40 <= depth <= 60  # 1,250 and a screen of 800, of some 4,070


def test_a_page_that_comes_back_from_the_history_is_viewed_again(page: Page, store: Store) -> None:
    page.click("a")
    wait_for_events(page, store, [("pageview", "/"), ("pageview", "/b")])
    page.go_back()

    wait_for_events(page, store, [("pageview", "/"), ("pageview", "/b"), ("pageview", "/")])


def test_nothing_is_stored_in_the_browser(
    page: Page, context: BrowserContext, store: Store
) -> None:
    page.evaluate("trackingsite('signup')")
    wait_for_events(page, store, [("pageview", "/"), ("signup", "/")])

    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("indexedDB.databases().then(all => all.length)") == 0


def test_a_page_works_where_the_server_does_not(context: BrowserContext, browser: Browser) -> None:
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    context.route("**/api/event", lambda route: route.abort())
    with serve_pages({"/": "<!doctype html><title>x</title>"}) as origin:
        page.goto(origin)
        script = (BUILT / "script.js").read_text(encoding="utf-8")
        context.route(
            "**/js/script.js",
            lambda route: route.fulfill(body=script, content_type="text/javascript"),
        )
        page.add_script_tag(url=f"{origin}/js/script.js")
        page.evaluate("trackingsite('signup')")
        page.wait_for_timeout(200)

    assert problems == []


def test_a_page_that_is_rendered_ahead_counts_once_somebody_sees_it(
    served: tuple[Store, str], store: Store, tmp_path: Path
) -> None:
    with look_at(f"{served[1]}/ahead", tmp_path):
        wait_until(lambda: store.events() != [], store.events)
        time.sleep(1.5)
        before = store.events()
        wait_until(lambda: len(store.events()) == 3, store.events)
        time.sleep(0.2)

    assert before == [("pageview", "/ahead")]
    assert sorted(store.events()[1:]) == [("pageview", "/tab"), ("ready", "/tab")]
    assert store.ask("SELECT props FROM visits_event WHERE name = 'ready'") == [
        ('{"ahead": "true"}',)
    ]


def test_a_browser_that_a_program_drives_is_left_out_and_told_so(
    browser: Browser, served: tuple[Store, str], store: Store
) -> None:
    driven = launch_chromium(browser.browser_type, admits_automation=True)
    try:
        page = driven.new_page()
        with page.expect_response("**/api/event") as answer:
            page.goto(served[1])
        assert answer.value.header_value("X-Tracking-Dropped") == "automation"
    finally:
        driven.close()

    assert store.events() == []


@pytest.mark.parametrize("mark", ["__nightmare", "_phantom", "callPhantom", "Cypress"])
def test_marks_of_programs_that_drive_browsers_are_known(
    mark: str, context: BrowserContext, served: tuple[Store, str], store: Store
) -> None:
    context.add_init_script(f"window.{mark} = {{}}")
    page = context.new_page()
    with page.expect_response("**/api/event") as answer:
        page.goto(served[1])

    assert answer.value.header_value("X-Tracking-Dropped") == "automation"
    assert store.events() == []
