"""What the tracking script counts without a line of code, and by its options, in a real browser.

Each test opens a page of the shop, does something, and looks at what arrived in the database.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from trackingsite.tests.browser import SHOP, needs_chromium, open_chromium, serve_pages
from trackingsite.tests.live import run_manage, running_server
from trackingsite.tests.npm import installed_packages, needs_npm

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

#: Longer than a hit takes to arrive on a busy machine.
PATIENCE_MS: Final = 10_000

VIEW: Final[tuple[str, str, dict[str, str]]] = ("pageview", "/", {})
OTHER: Final = "http://other.example/?a=1"

BODY: Final = f"""
    <a id="out" href="{OTHER}">out</a>
    <a id="file" href="/price list.PDF?v=2">no ending that counts</a>
    <a id="pdf" href="/prices.pdf?v=2">a file</a>
    <a id="own" href="/files/data.xyz">a file of a kind of our own</a>
    <a id="tagged" href="/b" class="x plausible-event-name=Sign+Up plausible-event-plan=pro">
      <b>b</b></a>
    <button id="button" data-event-name="Bought" data-event-item="1+1"
      data-revenue-amount="12.30" data-revenue-currency="EUR">buy</button>
    <form id="form" action="/b"><input name="q"><button id="send">send</button></form>
    <form id="asked" data-event-name="Asked" action="/b"><button id="ask">ask</button></form>
    <form id="empty" action="/b"><input required><button id="refused">refused</button></form>
    <my-part id="part"></my-part>
    <script>
      document.getElementById("part").attachShadow({{mode: "open"}}).innerHTML =
        '<button id="inside" data-event-name="Inside">inside</button>';
    </script>
"""


class Shop:
    """A server, its store, and pages of the shop made for one test."""

    def __init__(self, file: Path, server: str) -> None:
        self.file = file
        self.server = server
        self.pages: dict[str, str] = {}
        self.origin = ""

    def show(
        self, context: BrowserContext, tag: str = "", *, head: str = "", path: str = "/"
    ) -> Page:
        """Open the shop, whose every page has this tag; its attributes, or the whole."""
        whole = tag if "<script" in tag else self.tag(tag)
        self.pages.clear()
        page = f"<!doctype html><title>Shop</title>{head}{whole}{BODY}"
        self.pages.update(dict.fromkeys(["/", "/b", "/404", "404", "/a/b"], page))
        opened = context.new_page()
        opened.goto(self.origin + path)
        return opened

    def tag(self, attributes: str, file: str = "script.js") -> str:
        """Return the script's tag."""
        address = f"{self.server}/js/{file}"
        return f'<script defer data-domain="{SHOP}" {attributes} src="{address}"></script>'

    def ask(self, sql: str) -> list[Any]:
        """Return what a statement gives."""
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """Change rows, as the admin does."""
        with closing(sqlite3.connect(self.file, timeout=5)) as database, database:
            database.execute(sql)

    def events(self) -> list[tuple[str, str, dict[str, str]]]:
        """Return name, page and properties of each event but engagement, in order."""
        rows = self.ask(
            "SELECT name, page, props FROM visits_event WHERE name <> 'engagement' ORDER BY id"
        )
        return [(name, page, orjson.loads(props)) for name, page, props in rows]

    def wait_for(self, page: Page, *expected: tuple[str, str, dict[str, str]]) -> None:
        """Wait until exactly these events are stored, in any order, and a moment longer."""
        wanted = sorted(expected, key=str)
        self.wait_until(page, lambda: sorted(self.events(), key=str) == wanted)
        page.wait_for_timeout(200)
        assert sorted(self.events(), key=str) == wanted

    def wait_until(self, page: Page, is_so: Callable[[], bool]) -> None:
        """Wait until something is so; fail with the events when it does not come."""
        for _ in range(PATIENCE_MS // 50):
            if is_so():
                return
            page.wait_for_timeout(50)
        raise AssertionError(self.ask("SELECT name, page, props FROM visits_event"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A running server that knows the shop, and the shop's own."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir, EVENT_PATH="assets/note", SCRIPT_PATH="assets/site.js") as server:
        add = "from sites.services import add_site; "
        add += f"[add_site(domain=name) for name in ('{SHOP}', 'all.example.com')]"
        done = run_manage("shell", "-c", add, DATA_DIR=str(data_dir))
        assert done.returncode == 0, done.stdout
        shop = Shop(data_dir / "db.sqlite3", server.url)
        with serve_pages(shop.pages) as origin:
            shop.origin = origin
            yield shop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for all of these tests."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def shop(served: Shop) -> Shop:
    """The shop, without a visit."""
    with closing(sqlite3.connect(served.file, timeout=5)) as database, database:
        database.execute("DELETE FROM visits_event")
        database.execute("DELETE FROM visits_visit")
    return served


@pytest.fixture
def context(browser: Browser, shop: Shop) -> Iterator[BrowserContext]:
    """A visitor's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.route("http://other.example/**", lambda route: route.fulfill(body="other"))
    yield context
    context.close()
    time.sleep(0.4)  # what its pages send as they close is not the next test's


@pytest.mark.parametrize(
    ("selector", "event"),
    [
        ("#out", ("Outbound Link: Click", "/", {"url": OTHER})),
        ("#pdf", ("File Download", "/", {"url": "{origin}/prices.pdf"})),
        ("#tagged b", ("Sign Up", "/", {"plan": "pro", "url": "{origin}/b"})),
        ("#button", ("Bought", "/", {"item": "1+1"})),
        ("#send", ("Form: Submission", "/", {})),
        ("#ask", ("Asked", "/", {})),
        ("#part >> #inside", ("Inside", "/", {})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_click_that_counts(
    selector: str, event: tuple[str, str, dict[str, str]], shop: Shop, context: BrowserContext
) -> None:
    page = shop.show(context)
    shop.wait_for(page, VIEW)

    page.click(selector)

    name, path, props = event
    props = {key: value.replace("{origin}", shop.origin) for key, value in props.items()}
    shop.wait_until(page, lambda: (name, path, props) in shop.events())
    page.wait_for_timeout(200)
    assert [one[0] for one in shop.events() if one[0] not in {"pageview", "404"}] == [name]


@pytest.mark.parametrize("selector", ["#file", "#own", "#refused"])
def test_a_click_that_does_not(selector: str, shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context)
    shop.wait_for(page, VIEW)

    page.click(selector)
    page.wait_for_timeout(400)

    assert {name for name, _, _ in shop.events()} <= {"pageview", "404"}


def test_the_wheel_opens_another_tab_and_counts(shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context)
    page.click("#out", button="middle")

    shop.wait_for(page, VIEW, ("Outbound Link: Click", "/", {"url": OTHER}))


def test_revenue_of_a_button_and_of_a_call(shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context)
    page.click("#button")
    page.evaluate(
        "trackingsite('Sold', {revenue: {amount: 7, currency: 'USD'}, interactive: false})"
    )
    shop.wait_for(page, VIEW, ("Bought", "/", {"item": "1+1"}), ("Sold", "/", {}))

    rows = shop.ask(
        "SELECT name, CAST(revenue_amount AS REAL), revenue_currency, interactive "
        "FROM visits_event WHERE revenue_amount IS NOT NULL ORDER BY name"
    )
    assert rows == [("Bought", 12.3, "EUR", 1), ("Sold", 7.0, "USD", 0)]


@pytest.mark.parametrize(
    ("attributes", "selector"),
    [
        ('data-outbound-links="false"', "#out"),
        ('data-file-downloads="false"', "#pdf"),
        ('data-file-downloads="xyz,zip"', "#pdf"),
        ('data-form-submissions="false"', "#send"),
    ],
)
def test_what_is_switched_off(
    attributes: str, selector: str, shop: Shop, context: BrowserContext
) -> None:
    page = shop.show(context, attributes)
    shop.wait_for(page, VIEW)

    page.click(selector)
    page.wait_for_timeout(400)

    assert {name for name, _, _ in shop.events()} <= {"pageview", "404"}


@pytest.mark.parametrize(
    "attributes", ['data-file-downloads="xyz"', 'file-types="xyz"', 'add-file-types="xyz"']
)
def test_files_of_other_kinds(attributes: str, shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context, attributes)
    page.click("#own")

    event = ("File Download", "/", {"url": f"{shop.origin}/files/data.xyz"})
    shop.wait_until(page, lambda: event in shop.events())


def test_a_page_that_is_missing_is_told_once(shop: Shop, context: BrowserContext) -> None:
    missing = ("404", "/nowhere", {"path": "/nowhere"})
    page = shop.show(context, path="/nowhere")
    shop.wait_for(page, ("pageview", "/nowhere", {}), missing)
    # As pages do that tell it themselves.
    page.evaluate("trackingsite('404', {props: {path: location.pathname}})")
    shop.wait_for(page, ("pageview", "/nowhere", {}), missing)

    assert shop.ask("SELECT interactive FROM visits_event WHERE name = '404'") == [(0,)]


def test_a_fragment_is_a_page_where_the_site_says_so(shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context, "data-hash", path="/#/one")
    page.evaluate("location.hash = '/two'")

    shop.wait_for(page, ("pageview", "/#/one", {}), ("pageview", "/#/two", {}))


def test_properties_of_the_tag_and_of_a_call(shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context, 'event-author="Ada" event-paid="no"')
    page.evaluate("trackingsite('read', {props: {paid: 'yes'}})")

    first = ("pageview", "/", {"author": "Ada", "paid": "no"})
    shop.wait_for(page, first, ("read", "/", {"author": "Ada", "paid": "yes"}))


def test_a_page_changes_what_is_sent_or_keeps_it_back(shop: Shop, context: BrowserContext) -> None:
    head = """<script>
        function clean(hit) {
          if (hit.n === "secret") return null;
          return {...hit, u: hit.u.replace("/a/b", "/a/:id")};
        }
    </script>"""
    page = shop.show(context, 'data-transform-request="clean"', head=head, path="/a/b")
    page.evaluate("trackingsite('secret'); trackingsite('open')")

    shop.wait_for(page, ("pageview", "/a/:id", {}), ("open", "/a/:id", {}))


@pytest.mark.parametrize("name", ["trackingsite", "plausible"])
def test_calls_before_the_script_is_there_wait_for_it(
    name: str, shop: Shop, context: BrowserContext
) -> None:
    head = f"""<script>
        window.{name} = function() {{ ({name}.q = {name}.q || []).push(arguments) }};
        {name}.init = function(options) {{ {name}.o = options }};
        {name}.init({{customProperties: (event) => ({{of: event}}), hashBasedRouting: true}});
        {name}("early", {{props: {{a: "1"}}}});
    </script>"""
    page = shop.show(context, head=head, path="/#x")

    shop.wait_for(
        page, ("pageview", "/#x", {"of": "pageview"}), ("early", "/#x", {"of": "early", "a": "1"})
    )


def test_pages_are_counted_by_call_alone_where_the_site_says_so(
    shop: Shop, context: BrowserContext
) -> None:
    page = shop.show(context, shop.tag("", "script.manual.js"))
    page.evaluate("history.pushState({}, '', '/b')")
    page.wait_for_timeout(300)
    assert shop.events() == []

    page.evaluate("plausible('pageview', {u: 'https://shop.example.com/own', props: {x: 'y'}})")
    shop.wait_for(page, ("pageview", "/own", {"x": "y"}))


@pytest.mark.parametrize(
    ("attributes", "is_counted"),
    [
        ('data-exclude="/a/*"', False),
        ('data-exclude="/b, /**"', False),
        ('data-exclude="/*"', True),
        ('data-include="/a/**"', True),
        ('data-include="/b"', False),
    ],
)
def test_pages_that_are_left_out(
    attributes: str, is_counted: bool, shop: Shop, context: BrowserContext
) -> None:
    page = shop.show(context, attributes, path="/a/b")
    page.wait_for_timeout(500)

    assert [path for _, path, _ in shop.events()] == (["/a/b"] if is_counted else [])


def test_staff_take_their_browser_out_and_in_again(shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context, path="/#trackingsite-ignore")
    page.goto(shop.origin + "/b")
    page.evaluate("trackingsite('mine')")
    page.wait_for_timeout(500)
    assert shop.events() == []

    page.goto("about:blank")
    page.goto(shop.origin + "/b#trackingsite-count")
    shop.wait_for(page, ("pageview", "/b", {}))


@pytest.mark.parametrize(("attributes", "count"), [("", 0), ("data-local", 1)])
def test_a_developers_own_machine_is_left_out_unless_asked(
    attributes: str, count: int, shop: Shop, context: BrowserContext
) -> None:
    shop.show(context, attributes).close()
    page = context.new_page()
    shop.wait_until(page, lambda: len(shop.events()) == 1)

    page.goto(shop.origin.replace(SHOP, "127.0.0.1"))
    page.wait_for_timeout(500)

    assert len(shop.events()) == 1 + count


@pytest.mark.parametrize(("header", "reason"), [("Sec-GPC", "gpc"), ("DNT", "dnt")])
def test_a_browsers_wish_is_followed_where_the_site_says_so(
    header: str, reason: str, shop: Shop, context: BrowserContext
) -> None:
    context.set_extra_http_headers({header: "1"})
    page = shop.show(context)
    shop.wait_for(page, VIEW)
    page.goto("about:blank")
    try:
        shop.change(f"UPDATE sites_site SET respects_{reason} = 1")
        page.wait_for_timeout(1200)  # sites are read anew each second
        with page.expect_response("**/api/event") as answer:
            page.goto(shop.origin)
        assert answer.value.header_value("X-Tracking-Dropped") == reason
    finally:
        shop.change("UPDATE sites_site SET respects_gpc = 0, respects_dnt = 0")
        page.wait_for_timeout(1200)

    shop.wait_for(page, VIEW)


def test_one_page_counts_for_several_sites(shop: Shop, context: BrowserContext) -> None:
    tag = shop.tag("").replace(SHOP, f"{SHOP},all.example.com")
    page = shop.show(context, tag)
    shop.wait_for(page, VIEW, VIEW)

    sites = "SELECT domain FROM visits_event JOIN sites_site ON sites_site.id = site_id"
    assert sorted(shop.ask(sites)) == [("all.example.com",), (SHOP,)]


def test_a_page_with_the_tag_twice_counts_once(shop: Shop, context: BrowserContext) -> None:
    page = shop.show(context, shop.tag("") + shop.tag(""))
    page.click("#button")

    shop.wait_for(page, VIEW, ("Bought", "/", {"item": "1+1"}))


def test_script_and_endpoint_by_names_of_our_own(shop: Shop, context: BrowserContext) -> None:
    tag = shop.tag(f'data-api="{shop.server}/assets/note"').replace(
        "js/script.js", "assets/site.js"
    )
    context.route("**/api/**", lambda route: route.abort())
    page = shop.show(context, tag)

    shop.wait_for(page, VIEW)


def test_a_policy_that_stops_requests_lets_a_picture_through(
    shop: Shop, context: BrowserContext
) -> None:
    head = """<meta http-equiv="Content-Security-Policy" content="connect-src 'self'">"""
    page = shop.show(context, head=head)
    page.click("#button")

    shop.wait_for(page, VIEW, ("Bought", "/", {"item": "1+1"}))


def test_a_tab_behind_counts_once_somebody_looks(shop: Shop, context: BrowserContext) -> None:
    context.add_init_script(
        "window.behind = true;"
        "Object.defineProperty(document, 'hidden', {get: () => window.behind});"
    )
    page = shop.show(context)
    page.evaluate("trackingsite('early')")
    page.wait_for_timeout(400)
    assert shop.events() == []

    page.evaluate("window.behind = false; document.dispatchEvent(new Event('visibilitychange'))")
    shop.wait_for(page, VIEW, ("early", "/", {}))


def test_engagement_is_told_again_after_a_return(shop: Shop, context: BrowserContext) -> None:
    context.add_init_script(
        "window.behind = false;"
        "Object.defineProperty(document, 'hidden', {get: () => window.behind});"
    )
    page = shop.show(context, head='<p style="height: 4000px">Tall</p>')
    shop.wait_for(page, VIEW)
    event = "new Event('visibilitychange', {bubbles: true})"
    for milliseconds in (400, 1200, 100):
        page.wait_for_timeout(milliseconds)
        page.evaluate(f"window.behind = true; document.dispatchEvent({event})")
        page.evaluate(f"window.behind = false; document.dispatchEvent({event})")

    rows = (
        "SELECT engagement_ms, scroll_depth FROM visits_event WHERE name = 'engagement' ORDER BY id"
    )
    shop.wait_until(page, lambda: len(shop.ask(rows)) >= 2)
    page.wait_for_timeout(200)
    (first, depth), (second, again), *more = shop.ask(rows)
    assert 400 <= first < PATIENCE_MS
    assert 1200 <= second < PATIENCE_MS
    assert 10 <= depth == again < 50
    # The third return was too short to be worth a hit, unless the machine slept.
    assert all(milliseconds >= 1000 for milliseconds, _ in more)


def test_the_small_script_counts_pages_reading_and_events(
    shop: Shop, context: BrowserContext
) -> None:
    page = shop.show(context, shop.tag("", "core.js"))
    page.evaluate("history.pushState({}, '', '/b'); trackingsite('paid', {props: {a: 'b'}})")
    page.goto("about:blank")

    shop.wait_for(page, VIEW, ("pageview", "/b", {}), ("paid", "/b", {"a": "b"}))
    shop.wait_until(
        page, lambda: shop.ask("SELECT 1 FROM visits_event WHERE name = 'engagement'") != []
    )


@needs_npm
def test_plausibles_own_tracker_is_counted_the_same(shop: Shop, context: BrowserContext) -> None:
    """The one of its npm package, its host set to ours."""
    tracker = installed_packages() / "@plausible-analytics" / "tracker" / "plausible.js"
    tag = f"""<script type="module">
        import {{ init, track }} from "/tracker.js";
        init({{domain: "{SHOP}", endpoint: "{shop.server}/api/event", outboundLinks: true,
          fileDownloads: true, formSubmissions: true}});
        window.trackingsite = track;
    </script>"""

    def act(page: Page) -> tuple[list[Any], list[Any]]:
        shop.wait_until(page, lambda: len(shop.events()) == 1)
        page.evaluate("document.querySelectorAll('a').forEach(a => a.onclick = () => false)")
        page.evaluate("document.addEventListener('submit', event => event.preventDefault())")
        for selector in ("#pdf", "#tagged b", "#send"):
            page.click(selector)
        page.evaluate(
            "trackingsite('Sold', {revenue: {amount: 7, currency: 'USD'}, props: {a: 'b'}})"
        )
        page.evaluate("history.pushState({}, '', '/b')")
        shop.wait_until(page, lambda: len(shop.events()) >= 6)
        page.goto("about:blank")
        page.wait_for_timeout(500)
        visits = shop.ask(
            "SELECT pageviews, interactive_events, entry_page, exit_page, source, channel, browser "
            "FROM visits_visit"
        )
        names = shop.ask("SELECT name, page, props, revenue_amount, interactive FROM visits_event")
        return sorted(visits), sorted(row for row in names if row[0] != "engagement")

    ours = act(shop.show(context))
    with closing(sqlite3.connect(shop.file, timeout=5)) as database, database:
        database.execute("DELETE FROM visits_event")
        database.execute("DELETE FROM visits_visit")
    context.route(
        "**/tracker.js",
        lambda route: route.fulfill(body=tracker.read_text(), content_type="text/javascript"),
    )
    theirs = act(shop.show(context, tag))

    assert theirs == ours
    assert len(ours[0]) == 1


#: The least that such a script does: ask for the time zone, and send.
LEAST: Final = """<script>
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    fetch("/b", {method: "POST", body: JSON.stringify({zone, u: location.href})}).catch(() => {});
</script>"""


def test_one_request_a_page_view_and_nothing_that_the_page_waits_for(
    shop: Shop, context: BrowserContext
) -> None:
    """No layout but the page's own, and not three times the work of asking and sending alone."""
    sent: list[str] = []
    context.on("request", lambda request: sent.append(request.url))
    measured: dict[str, list[dict[str, float]]] = {}
    for head in (LEAST, shop.tag("")) * 4:
        shop.pages.clear()
        shop.pages["/"] = f"<!doctype html><title>Shop</title>{head}{BODY}"
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(shop.origin)
        page.wait_for_timeout(300)
        metrics = session.send("Performance.getMetrics")["metrics"]
        found = {metric["name"]: metric["value"] for metric in metrics}
        measured.setdefault(head, []).append(found)
        page.close()

    def least(name: str, head: str) -> float:
        return min(metrics[name] for metrics in measured[head])

    tag = shop.tag("")
    assert least("LayoutCount", tag) <= least("LayoutCount", LEAST)
    assert least("ScriptDuration", tag) < 3 * least("ScriptDuration", LEAST)
    hits = [url for url in sent if url == f"{shop.server}/api/event"]
    assert 4 <= len(hits) <= 8  # four views, and how each was read
