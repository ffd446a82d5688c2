"""What a user agent tells of browser, system and kind of device, and whether it is a program."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import crawleruseragents
import ua_parser
import user_agents.parsers

from visits.ingestion.hit import Device

#: Longer user agents are cut before they are parsed: browsers send less.
MAX_USER_AGENT: Final = 512


class _ParsedUserAgent(user_agents.parsers.UserAgent):  # type: ignore[misc]
    """user-agents' rules for the kind of device, over ua-parser's Rust engine.

    Its own constructor would parse with Python's regular expressions, some forty times slower.
    """

    def __init__(self, text: str) -> None:
        parsed = ua_parser.parse(text).with_defaults()
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


# Most hits of an hour come from a few thousand user agents.
@lru_cache(maxsize=10_000)
def read_device(user_agent: str) -> Device:
    """Return browser, operating system, their versions and the kind of device.

    The kind is desktop, mobile, tablet or other. Texts are empty where the user agent tells
    nothing.
    """
    parsed = _ParsedUserAgent(user_agent[:MAX_USER_AGENT])
    browser, system = parsed.browser.family, parsed.os.family
    return Device(
        browser="" if browser == "Other" else _BROWSER_NAMES.get(browser, browser)[:60],
        browser_version=parsed.browser_major[:20],
        operating_system="" if system == "Other" else _SYSTEM_NAMES.get(system, system)[:60],
        operating_system_version=parsed.os_version[:20],
        device=_kind(parsed),
    )


def _kind(parsed: _ParsedUserAgent) -> str:
    if parsed.is_tablet:
        return "tablet"
    if parsed.is_mobile:
        return "mobile"
    return "desktop" if parsed.is_pc else "other"


@lru_cache(maxsize=10_000)
def is_declared_bot(user_agent: str) -> bool:
    """Return whether the user agent says that it is a program, or says nothing at all.

    Programs are those of the crawler-user-agents list and those that ua-parser calls a spider.
    """
    text = user_agent[:MAX_USER_AGENT].strip()
    if not text:
        return True
    return bool(crawleruseragents.is_crawler(text)) or _ParsedUserAgent(text).is_bot
