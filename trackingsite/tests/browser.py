"""A real Chromium, and pages of another origin for it to open."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

#: The tracked site of the tests; its name leads to this machine in the browser only.
SHOP: Final = "shop.example.com"

#: What a person's browser says; headless Chromium calls itself a program's.
USER_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)

CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

#: How a page is looked at.
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

needs_chromium: Final = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


# Chromium's, for every test.
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A page's own setting does not reach what it sends while it is left.
    f"--user-agent={USER_AGENT}",
    f"--host-resolver-rules=MAP {SHOP} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Without it `navigator.webdriver` is true in a driven browser, and every hit is left out as that
# of a program.
_HIDE_AUTOMATION: Final = "--disable-blink-features=AutomationControlled"


def keep_picture(page: Page, name: str) -> None:
    """Write what the page looks like, where somebody wants to see it."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Give a headless Chromium that reaches this machine alone, also by the shop's name."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright.chromium)
        try:
            yield browser
        finally:
            browser.close()


def launch_chromium(chromium: BrowserType, *, admits_automation: bool = False) -> Browser:
    """Start a Chromium as `open_chromium` gives it; its pages may see that a program drives it."""
    hide = () if admits_automation else (_HIDE_AUTOMATION,)
    return chromium.launch(executable_path=CHROMIUM, args=[*_ARGUMENTS, *hide])


@contextmanager
def look_at(url: str, profile: Path) -> Iterator[None]:
    """Have a headless Chromium show a page that nobody drives: a driven one renders none ahead."""
    command = [str(CHROMIUM), "--headless", f"--user-data-dir={profile}", *_ARGUMENTS, url]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def serve_pages(pages: Mapping[str, str]) -> Iterator[str]:
    """Serve these pages, by path, under the shop's name; give the address of their origin.

    What is none of them is answered with 404, and with the page named so. A page that begins with
    `//` is a module of JavaScript.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            body = pages.get("404", "") if body is None else body
            kind = "javascript" if body.startswith("//") else "html"
            self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{SHOP}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
