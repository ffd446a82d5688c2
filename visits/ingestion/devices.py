"""What a user agent tells of browser, system and kind of device."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import user_agents.parsers
from ua_parser import Parser
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from visits.ingestion.hit import Device
from visits.ingestion.text import clean_text

#: Longer user agents are cut before they are parsed: browsers send less.
MAX_USER_AGENT: Final = 512

# ua-parser's rules in its Rust engine, without the cache of its own that it comes with.
_PARSER: Final = Parser(Resolver(load_lazy_builtins()))


class _ParsedUserAgent(user_agents.parsers.UserAgent):  # type: ignore[misc]
    """user-agents' rules for the kind of device, over ua-parser's Rust engine.

    Its own constructor would parse with Python's regular expressions, some forty times slower.
    """

    def __init__(self, text: str) -> None:
        parsed = _PARSER.parse(text).with_defaults()
        os, browser, device = parsed.os, parsed.user_agent, parsed.device
        self.ua_string = text
        self.os = user_agents.parsers.parse_operating_system(
            os.family, os.major, os.minor, os.patch, os.patch_minor
        )
        self.browser = user_agents.parsers.parse_browser(
            browser.family, browser.major, browser.minor, browser.patch, browser.patch_minor
        )
        self.device = user_agents.parsers.parse_device(device.family, device.brand, device.model)
        self.browser_major = browser.major or ""
        self.os_version = ".".join(part for part in (os.major, os.minor) if part)


# The names that people know, where the parser's differ.
_BROWSER_NAMES: Final = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome WebView",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari WebView",
    "Opera Mobile": "Opera",
    "Samsung Internet": "Samsung Internet",
}
_SYSTEM_NAMES: Final = {"Mac OS X": "macOS", "Chrome OS": "ChromeOS"}


def read_device(user_agent: str) -> Device:
    """Return browser, operating system, their versions and the kind of device.

    The kind is desktop, mobile, tablet or other. Texts are empty where the user agent tells
    nothing.
    """
    return _read(user_agent[:MAX_USER_AGENT])[0]


def is_spider(user_agent: str) -> bool:
    """Return whether ua-parser, which is read once for this and the device, calls it a spider."""
    return _read(user_agent[:MAX_USER_AGENT])[1]


# Most hits of an hour come from a few thousand user agents. Keyed by the cut text, so that the
# cache cannot grow beyond 10,000 times its length.
@lru_cache(maxsize=10_000)
def _read(user_agent: str) -> tuple[Device, bool]:
    parsed = _ParsedUserAgent(clean_text(user_agent))
    browser, system = parsed.browser.family, parsed.os.family
    device = Device(
        browser="" if browser == "Other" else _BROWSER_NAMES.get(browser, browser)[:60],
        browser_version=parsed.browser_major[:20],
        operating_system="" if system == "Other" else _SYSTEM_NAMES.get(system, system)[:60],
        operating_system_version=parsed.os_version[:20],
        device=_kind(parsed),
    )
    return device, parsed.is_bot


def _kind(parsed: _ParsedUserAgent) -> str:
    if parsed.is_tablet:
        return "tablet"
    if parsed.is_mobile:
        return "mobile"
    return "desktop" if parsed.is_pc else "other"
