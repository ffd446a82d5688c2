"""What a user agent tells of browser, system and device."""

from __future__ import annotations

import pytest

from visits.ingestion.devices import MAX_USER_AGENT, read_device
from visits.ingestion.hit import Device
from visits.tests.hits import CHROME

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE}"


@pytest.mark.parametrize(
    ("user_agent", "browser", "system", "device"),
    [
        (CHROME, ("Chrome", "131"), ("Windows", "10"), "desktop"),
        (
            f"{MAC} {WEBKIT} Chrome/131.0.0.0 Safari/537.36",
            ("Chrome", "131"),
            ("macOS", "10.15"),
            "desktop",
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/131.0.0.0 Safari/537.36",
            ("Chrome", "131"),
            ("ChromeOS", "14541.0"),
            "desktop",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            ("Firefox", "133"),
            ("Linux", ""),
            "desktop",
        ),
        (
            CHROME + " Edg/131.0.0.0",
            ("Edge", "131"),
            ("Windows", "10"),
            "desktop",
        ),
        (
            f"{MAC} {APPLE} Version/17.5 Safari/605.1.15",
            ("Safari", "17"),
            ("macOS", "10.15"),
            "desktop",
        ),
        (
            f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
            ("Safari", "17"),
            ("iOS", "17.5"),
            "mobile",
        ),
        (
            f"{IPHONE} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
            ("Chrome", "131"),
            ("iOS", "17.5"),
            "mobile",
        ),
        (
            f"{IPHONE} FxiOS/133.0 Mobile/15E148 Safari/605.1.15",
            ("Firefox", "133"),
            ("iOS", "17.5"),
            "mobile",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
            ("Chrome", "131"),
            ("Android", "10"),
            "mobile",
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0",
            ("Firefox", "133"),
            ("Android", "14"),
            "mobile",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) {WEBKIT} SamsungBrowser/21.0 "
            "Chrome/110.0.5481.154 Mobile Safari/537.36",
            ("Samsung Internet", "21"),
            ("Android", "13"),
            "mobile",
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 15_5 like Mac OS X) {APPLE} "
            "Version/15.5 Mobile/15E148 Safari/604.1",
            ("Safari", "15"),
            ("iOS", "15.5"),
            "tablet",
        ),
        ("anything else", ("", ""), ("", ""), "other"),
        ("", ("", ""), ("", ""), "other"),
    ],
)
def test_reads_browser_system_and_device(
    user_agent: str, browser: tuple[str, str], system: tuple[str, str], device: str
) -> None:
    assert read_device(user_agent) == Device(
        browser=browser[0],
        browser_version=browser[1],
        operating_system=system[0],
        operating_system_version=system[1],
        device=device,
    )


def test_what_follows_a_long_user_agent_is_not_read() -> None:
    padding = "x" * MAX_USER_AGENT

    assert read_device(padding + CHROME) == read_device(padding)


def test_versions_and_names_fit_their_columns() -> None:
    device = read_device(f"Mozilla/5.0 (Windows NT 10.0) Chrome/{'1' * 200}.0 Safari/537.36")

    assert len(device.browser) <= 60
    assert len(device.browser_version) <= 20
