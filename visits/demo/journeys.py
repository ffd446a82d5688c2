"""What a visitor does on the demo site, from page to page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from visits.bulk import PastEvent
from visits.demo.draws import chances, draws, heavy_tailed
from visits.demo.pages import DOWNLOAD, LANDING, PAGES, PATHS_ON, SIGNUP, WELCOME, Page, Section
from visits.joining import ENGAGEMENT, PAGEVIEW

SIGNED_UP: Final = "Signup"
DOWNLOADED: Final = "Download"
LEFT_BY_LINK: Final = "Outbound Link: Click"
BANNER_SHOWN: Final = "Banner Shown"

_MILLISECOND: Final = timedelta(milliseconds=1)
# No visitor stays longer on a page between two events: after 30 minutes the visit would be over.
_LONGEST_MS: Final = 26 * 60 * 1000
_MOST_PAGES: Final = 24

_PLANS: Final = {"free": 70.0, "solo": 20, "team": 10}
_PRICES: Final = {"solo": Decimal("9.00"), "team": Decimal("49.00")}
_FILES: Final = {"larkspur-mac.pkg": 44.0, "larkspur-linux.tar.gz": 32, "larkspur-windows.msi": 24}
_LINKS: Final = {
    "https://github.com/larkspur-demo/larkspur": 40.0,
    "https://status.example.com/": 20,
    "https://developer.mozilla.org/en-US/docs/Web/HTTP/Headers": 18,
    "https://www.rfc-editor.org/rfc/rfc9111": 12,
    "https://caniuse.com/": 10,
}


class Journeys:
    """An endless supply of journeys through the site."""

    def __init__(self, rng: Random) -> None:
        everything = {s: heavy_tailed(list(pages)) for s, pages in PAGES.items()}
        everything[Section.SIGNUP] = {SIGNUP: 1.0}  # WELCOME only follows a signup
        self._pages = {section: draws(rng, weights) for section, weights in everything.items()}
        self._sections = {section: draws(rng, weights) for section, weights in PATHS_ON.items()}
        self._more_pages = draws(rng, {n: 0.72**n for n in range(2, _MOST_PAGES + 1)})
        self._pace = draws(
            rng, dict.fromkeys((rng.lognormvariate(-0.25, 0.8) for _ in range(4096)), 1)
        )
        self._attention = draws(rng, {share / 100: 1 for share in range(45, 100, 3)})
        self._depth = draws(rng, {depth: 1 + (depth == 100) * 18 for depth in range(12, 101)})
        self._engages = chances(rng, 0.86)
        self._loading_ms = draws(rng, dict.fromkeys(range(60, 1400, 7), 1.0))
        self._signs_up = chances(rng, 0.34)
        self._downloads = chances(rng, 0.5)
        self._leaves = chances(rng, 0.035)
        self._sees_banner = chances(rng, 0.06)
        self._plans, self._files, self._links = (
            draws(rng, _PLANS),
            draws(rng, _FILES),
            draws(rng, _LINKS),
        )

    def page_in(self, sections: Iterator[Section]) -> Page:
        """Return a page of the next section drawn, popular ones more often."""
        return next(self._pages[next(sections)])

    def walk(self, page: Page, at: datetime, *, one_page: bool) -> list[PastEvent]:
        """Return the events of a visit that enters by `page` at `at`, in order of time."""
        events: list[PastEvent] = []
        for _ in range(1 if one_page else next(self._more_pages)):
            signed_up, at = self._stay(page, at, events)
            at += next(self._loading_ms) * _MILLISECOND
            page = WELCOME if signed_up else self._page_after(page)
        return events

    def _stay(self, page: Page, at: datetime, events: list[PastEvent]) -> tuple[bool, datetime]:
        """Add the events of one page; return whether the visitor signed up, and the time after."""
        path = page.path
        events.append(PastEvent(PAGEVIEW, at, path, page.title))
        stay_ms = min(int(page.seconds * 1000 * next(self._pace)), _LONGEST_MS)
        signed_up = self._act(page, at + stay_ms * 6 // 10 * _MILLISECOND, events)
        at += stay_ms * _MILLISECOND
        if next(self._engages):
            used_ms = int(stay_ms * next(self._attention))
            events.append(PastEvent(ENGAGEMENT, at, path, "", used_ms, next(self._depth)))
        return signed_up, at

    def _act(self, page: Page, at: datetime, events: list[PastEvent]) -> bool:
        """Add what the visitor does on the page, if anything; return whether they signed up."""
        if page is SIGNUP:
            if next(self._signs_up):
                events.append(self._signup(at))
                return True
        elif page is DOWNLOAD:
            if next(self._downloads):
                events.append(_custom(DOWNLOADED, at, page, {"file": next(self._files)}))
        elif next(self._leaves):
            events.append(_custom(LEFT_BY_LINK, at, page, {"url": next(self._links)}))
        elif (page is LANDING or page.section is Section.BLOG) and next(self._sees_banner):
            events.append(_custom(BANNER_SHOWN, at, page, {"banner": "larkspur-3"}, active=False))
        return False

    def _signup(self, at: datetime) -> PastEvent:
        plan = next(self._plans)
        event = _custom(SIGNED_UP, at, SIGNUP, {"plan": plan})
        if plan not in _PRICES:
            return event
        return event._replace(revenue_amount=_PRICES[plan], revenue_currency="EUR")

    def _page_after(self, page: Page) -> Page:
        for _ in range(3):
            following = self.page_in(self._sections[page.section])
            if following is not page:
                break
        return following


def _custom(
    name: str, at: datetime, page: Page, props: Mapping[str, str], *, active: bool = True
) -> PastEvent:
    return PastEvent(name, at, page.path, props=props, interactive=active)
