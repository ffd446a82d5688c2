"""What visitors browse with: user agents in the forms that browsers send, in plausible shares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

_CHROMIUM: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0"
_WEBKIT: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version}"
_WINDOWS: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
_MAC: Final = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
_LINUX: Final = "Mozilla/5.0 (X11; Linux x86_64"
_ANDROID: Final = "Mozilla/5.0 (Linux; Android 10; K) "


def chromium_version(on: date, behind: int) -> str:
    """Return the major version that was new on the day, or `behind` versions before it."""
    return str(131 + (on - date(2024, 11, 12)).days // 28 - behind)


def firefox_version(on: date, behind: int) -> str:
    """Return the major version that was new on the day, or `behind` versions before it."""
    return str(132 + (on - date(2024, 10, 29)).days // 28 - behind)


def safari_version(on: date, behind: int) -> str:
    """Return the version, such as 18.4, of the day or `behind` times two months before it.

    A year's version comes in September and gets a new minor one every two months; it was 18 in
    2024, and since 2025 the version is the year to come.
    """
    months = on.year * 12 + on.month - 9 - 2 * behind
    year, month = divmod(months, 12)
    return f"{year - 1999 if year >= 2025 else year - 2006}.{month // 2}"


class Browser(NamedTuple):
    """A browser on a system: its user agent, its version on a day, its share and its screens."""

    template: str
    version: Callable[[date, int], str]
    share: float
    screens: tuple[int, ...]

    def user_agent(self, on: date, behind: int) -> str:
        """Return the user agent of the version that was new on the day, or an older one."""
        version = self.version(on, behind)
        return self.template.format(version=version, underscored=version.replace(".", "_"))


_DESKTOP: Final = (1280, 1366, 1440, 1536, 1920, 1920, 2560)
_MACBOOK: Final = (1440, 1470, 1512, 1680, 1728)
_PHONE: Final = (360, 384, 393, 412)
_IPHONE: Final = (375, 390, 393, 402, 430)

BROWSERS: Final = (
    Browser(_WINDOWS + ") " + _CHROMIUM + " Safari/537.36", chromium_version, 24, _DESKTOP),
    Browser(_MAC + _CHROMIUM + " Safari/537.36", chromium_version, 13, _MACBOOK),
    Browser(_LINUX + ") " + _CHROMIUM + " Safari/537.36", chromium_version, 4, _DESKTOP),
    Browser(_ANDROID + _CHROMIUM + " Mobile Safari/537.36", chromium_version, 16, _PHONE),
    Browser(_ANDROID + _CHROMIUM + " Safari/537.36", chromium_version, 1, (800, 962, 1280)),
    Browser(
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + _CHROMIUM + " Safari/537.36",
        chromium_version,
        0.7,
        (1366, 1536),
    ),
    Browser(
        _WINDOWS + ") " + _CHROMIUM + " Safari/537.36 Edg/{version}.0.0.0",
        chromium_version,
        6,
        _DESKTOP,
    ),
    Browser(
        _WINDOWS + ") " + _CHROMIUM + " Safari/537.36 OPR/{version}.0.0.0",
        chromium_version,
        1,
        _DESKTOP,
    ),
    Browser(
        _ANDROID + "AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 "
        "Chrome/{version}.0.0.0 Mobile Safari/537.36",
        chromium_version,
        2,
        _PHONE,
    ),
    Browser(_MAC + _WEBKIT + " Safari/605.1.15", safari_version, 6, _MACBOOK),
    Browser(
        "Mozilla/5.0 (iPhone; CPU iPhone OS {underscored} like Mac OS X) "
        + _WEBKIT
        + " Mobile/15E148 Safari/604.1",
        safari_version,
        15,
        _IPHONE,
    ),
    Browser(
        "Mozilla/5.0 (iPad; CPU OS {underscored} like Mac OS X) "
        + _WEBKIT
        + " Mobile/15E148 Safari/604.1",
        safari_version,
        1.5,
        (744, 820, 1024),
    ),
    Browser(
        _WINDOWS + "; rv:{version}.0) Gecko/20100101 Firefox/{version}.0",
        firefox_version,
        5,
        _DESKTOP,
    ),
    Browser(
        _LINUX + "; rv:{version}.0) Gecko/20100101 Firefox/{version}.0",
        firefox_version,
        3.5,
        _DESKTOP,
    ),
    Browser(
        "Mozilla/5.0 (Android 15; Mobile; rv:{version}.0) Gecko/{version}.0 Firefox/{version}.0",
        firefox_version,
        1.3,
        _PHONE,
    ),
)

#: How many versions a browser is behind, by weight.
BEHIND: Final[dict[int, float]] = {0: 62, 1: 22, 2: 6, 3: 4, 5: 3, 9: 3}
