"""What a user agent tells of browser, system and device."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from visits.ingestion import bots, devices
from visits.ingestion.bots import is_declared_bot
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


#: What parsers of user agents look for, and what regular expressions stumble over when it repeats.
TOKENS = (
    *("Mozilla/5.0 (", "Linux; U; Android 4.4; ", "Dalvik/", "Build/", "Mobile Safari/", "iPhone"),
    *(
        "Opera Mini/",
        "Chrome/",
        "Version/",
        "Windows NT ",
        "CFNetwork/",
        "Nokia",
        "SAMSUNG-",
        "HTC_",
    ),
    *(
        "compatible; ",
        "MIDP-2.0 ",
        "bot",
        "cubot ",
        "http",
        "://",
        "+",
        "@",
        "(at) ",
        "feed ",
        "link",
    ),
    *("(", ")", "((", "[", "{", "|", ";", ";;", ",", " ", "  ", "\t", "_", "-", ".", "/", "\\"),
    *("0", "9.", "1_", "a", "x.", "é", "\u4e00", "😀", "\ud800", "\x00"),
)
LENGTHS = (1024, 4096, 16_384, 65_536)
SLOWEST_SECONDS = 0.005


def repeat_to(text: str, length: int) -> str:
    """Return a text again and again, cut to `length`."""
    return (text * (length // len(text) + 1))[:length]


def crafted_user_agents() -> Iterator[str]:
    """Give over 3,000 strings made to take long: one token, or a few, again and again."""
    draw = random.Random(13)
    for length in LENGTHS:
        for token in TOKENS:
            yield repeat_to(token, length)
        for _ in range(750):
            tokens = draw.choices(TOKENS, k=draw.randint(2, 5))
            head = CHROME[: draw.choice((0, 0, 13, 60, len(CHROME)))]
            text = head + "".join(draw.choices(tokens, k=MAX_USER_AGENT))
            yield repeat_to(text, length)


def seconds_to_read(user_agent: str) -> float:
    """Measure both questions of a hit, with nothing remembered."""
    bots._is_declared_bot.cache_clear()
    devices._read.cache_clear()
    started_at = time.perf_counter()
    is_declared_bot(user_agent)
    read_device(user_agent)
    return time.perf_counter() - started_at


def best_time(user_agent: str) -> float:
    """Measure again while it seems slow: others are busy on this machine too, not every time."""
    best = seconds_to_read(user_agent)
    for _ in range(20):
        if best < SLOWEST_SECONDS:
            break
        best = min(best, seconds_to_read(user_agent))
    return best


def test_no_crafted_user_agent_takes_over_5_ms() -> None:
    texts = list(crafted_user_agents())
    slow = [text[:80] for text in texts if best_time(text) >= SLOWEST_SECONDS]

    assert len(texts) > 3000
    assert slow == []


def test_a_user_agent_is_parsed_once_and_remembered_without_its_tail() -> None:
    devices._read.cache_clear()
    bots._is_declared_bot.cache_clear()
    is_declared_bot("Some/1.0 thing of nobody" + " " * MAX_USER_AGENT)
    read_device("Some/1.0 thing of nobody" + " " * MAX_USER_AGENT + "more")

    assert devices._read.cache_info().misses == 1
    assert bots._is_declared_bot.cache_info().currsize == 1
    assert devices._read.cache_info().maxsize == 10_000
