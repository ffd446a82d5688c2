"""A Django and a Flask site, installed as the README says, tracked from the browser to the rows."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from trackingsite.tests.browser import SHOP, needs_chromium, open_chromium
from trackingsite.tests.live import ROOT, RunningServer, run_manage, running_server

pytestmark = [pytest.mark.server, pytest.mark.browser, needs_chromium]

CLIENTS: Final = ROOT / "clients"
KINDS: Final = ("django", "flask")
PATIENCE_SECONDS: Final = 90
MAKE_KEY: Final = f"""
from sites.keys import draw_key
from sites.models import ApiKey
from sites.services import add_site
add_site(domain="{SHOP}")
row = ApiKey(name="shop", can_send=True, all_sites=True)
key = draw_key(row)
row.save()
print("KEY", key)
"""


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Path, str]]:
    """A running server that knows the shop; its store; and a key that may send."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir) as server:
        done = run_manage("shell", "-c", MAKE_KEY, DATA_DIR=str(data_dir))
        assert done.returncode == 0, done.stdout
        yield server, data_dir / "db.sqlite3", done.stdout.split("KEY ")[1].split()[0]


@pytest.fixture(scope="module", params=KINDS)
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The kind of site, and the Python of a fresh environment with what the README installs."""
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    more = ["pytest", *(["pytest-django"] if kind == "django" else [])]
    install = [str(folder / "bin" / "pip"), "install", "-q", f"./clients[{kind}]", *more]
    done = subprocess.run(install, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return kind, folder / "bin" / "python"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for all of these tests."""
    with open_chromium() as browser:
        yield browser


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without what it has of our own settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return own | variables | {"PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def running_shop(kind: str, python: Path, **variables: str) -> Iterator[str]:
    """Serve the sample while the context lasts; give its address."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    commands = {
        "django": ["manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"],
        "flask": ["-m", "flask", "--app", "shop", "run", "--port", port],
    }
    process = subprocess.Popen(
        [str(python), *commands[kind]],
        cwd=CLIENTS / "samples" / f"{kind}_shop",
        env=environment(**variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"http://{SHOP}:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def stored(file: Path) -> list[Any]:
    """Return name, page and revenue of the events but engagement, in order of names."""
    with closing(sqlite3.connect(file)) as database:
        return database.execute(
            "SELECT name, page, CAST(revenue_amount AS REAL) FROM visits_event "
            "WHERE name <> 'engagement' ORDER BY name, page"
        ).fetchall()


def wait_for(file: Path, expected: list[Any]) -> None:
    """Wait until exactly these events are stored, then forget them."""
    until = time.monotonic() + PATIENCE_SECONDS
    while stored(file) != expected and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(0.3)
    assert stored(file) == expected
    with closing(sqlite3.connect(file, timeout=5)) as database, database:
        database.execute("DELETE FROM visits_event")
        database.execute("DELETE FROM visits_visit")


def test_its_own_tests_pass(python: tuple[str, Path]) -> None:
    kind, path = python
    sample = CLIENTS / "samples" / f"{kind}_shop"
    command = [str(path), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=sample, env=environment(), capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("server_side", ["off", "on"])
def test_a_visit_arrives(
    server_side: str,
    python: tuple[str, Path],
    backend: tuple[RunningServer, Path, str],
    browser: Browser,
) -> None:
    """By the script from the site's own address; or by the server, and events by the script."""
    server, file, key = backend
    variables = {"TRACKING_BACKEND_URL": server.url, "TRACKING_KEY": key}
    kind, path = python
    with running_shop(kind, path, TRACKING_SERVER_SIDE=server_side, **variables) as origin:
        context = browser.new_context()
        page = context.new_page()
        page.goto(origin)
        page.wait_for_timeout(300)
        page.click("#buy")
        page.wait_for_load_state()
        page.evaluate("trackingsite('looked')")
        page.wait_for_timeout(300)
        context.close()
        views = [("pageview", "/", None)] * 2
        wait_for(file, [("looked", "/", None), *views, ("purchase", "/buy/", 12.3)])


def test_a_backend_that_is_away_changes_nothing_and_gets_each_hit_once(
    python: tuple[str, Path], tmp_path: Path, browser: Browser
) -> None:
    """The shop's pages come as quickly as without it; what happened meanwhile arrives."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_server(tmp_path) as server:
        assert server.url
        done = run_manage("shell", "-c", MAKE_KEY, DATA_DIR=str(tmp_path))
        key = done.stdout.split("KEY ")[1].split()[0]
    variables = {"TRACKING_BACKEND_URL": f"http://127.0.0.1:{port}", "TRACKING_KEY": key}
    problems: list[str] = []
    kind, path = python
    with running_shop(kind, path, **variables) as origin:
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))

        def seconds_for_pages() -> float:
            times = []
            for _ in range(5):
                began = time.monotonic()
                page.goto(f"{origin}/buy/")
                times.append(time.monotonic() - began)
            return min(times)

        away = seconds_for_pages()
        with running_server(tmp_path, port=port):
            sent = [("pageview", "/", None)] * 5 + [("purchase", "/buy/", 12.3)] * 5
            wait_for(tmp_path / "db.sqlite3", sent)
            there = seconds_for_pages()
        page.close()

    assert problems == []
    assert away < 3 * there + 0.05
