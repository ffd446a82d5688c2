"""How visitors arrive: the address that brought them, and what the pipeline makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from visits.demo.pages import HOME, LANDING, PRICING, SPIKE, Page, Section
from visits.ingestion.hit import Hit, SentHit
from visits.ingestion.pages import read_page
from visits.ingestion.pipeline import put_channel, put_source
from visits.joining import PAGEVIEW


class Stream(StrEnum):
    """Traffic with an ebb and flow of its own."""

    USUAL = "usual"
    CAMPAIGN = "campaign"
    SPIKE = "spike"


class Arrival(NamedTuple):
    """A way to the site: its share, where it leads, and the share of visits that see one page."""

    share: float
    referrer: str
    query: str
    #: A page, or sections by weight.
    leads_to: Page | dict[Section, float]
    one_page: float


_SEARCH: Final = {
    Section.BLOG: 42.0,
    Section.DOCS: 34,
    Section.HOME: 14,
    Section.PRODUCT: 8,
    Section.COMPANY: 2,
}
_TYPED: Final = {Section.HOME: 62.0, Section.DOCS: 22, Section.PRICING: 8, Section.BLOG: 8}
_LINKED: Final = {Section.BLOG: 60.0, Section.HOME: 24, Section.DOCS: 12, Section.PRODUCT: 4}
_ANSWERED: Final = {Section.DOCS: 56.0, Section.BLOG: 24, Section.PRICING: 12, Section.HOME: 8}
_MAILED: Final = {Section.BLOG: 76.0, Section.HOME: 14, Section.PRODUCT: 10}

ARRIVALS: Final[dict[Stream, tuple[Arrival, ...]]] = {
    Stream.USUAL: (
        Arrival(31, "https://www.google.com/", "", _SEARCH, 0.53),
        Arrival(27, "", "", _TYPED, 0.40),
        Arrival(4.2, "https://www.bing.com/", "", _SEARCH, 0.50),
        Arrival(3, "https://duckduckgo.com/", "", _SEARCH, 0.50),
        Arrival(1.1, "https://www.ecosia.org/", "", _SEARCH, 0.50),
        Arrival(4.4, "https://chatgpt.com/", "utm_source=chatgpt.com", _ANSWERED, 0.42),
        Arrival(1.4, "https://www.perplexity.ai/", "", _ANSWERED, 0.42),
        Arrival(1, "https://claude.ai/", "", _ANSWERED, 0.42),
        Arrival(3.4, "https://t.co/x8Rk2Lq0aB", "", _LINKED, 0.66),
        Arrival(2.2, "https://www.linkedin.com/", "", _LINKED, 0.60),
        Arrival(2, "https://www.reddit.com/r/webdev/", "", _LINKED, 0.62),
        Arrival(1, "https://bsky.app/", "", _LINKED, 0.58),
        Arrival(0.8, "https://mastodon.social/@larkspur", "", _LINKED, 0.55),
        Arrival(0.7, "https://www.facebook.com/", "", _LINKED, 0.66),
        Arrival(0.5, "https://news.ycombinator.com/", "", _LINKED, 0.70),
        Arrival(
            3, "https://github.com/larkspur-demo/larkspur", ""
            , {Section.DOCS: 70.0, Section.HOME: 30}, 0.38,
        ),
        Arrival(1.3, "https://www.youtube.com/", "", {Section.HOME: 60.0, Section.DOCS: 40}, 0.50),
        Arrival(
            0.7, "https://en.wikipedia.org/wiki/Web_hosting_service", ""
            , {Section.HOME: 100.0}, 0.52,
        ),
        Arrival(
            1.2, "https://blog.example.net/tools-we-use", ""
            , {Section.HOME: 70.0, Section.PRODUCT: 30}, 0.44,
        ),
        Arrival(
            4.6, "", "utm_source=newsletter&utm_medium=email&utm_campaign=monthly", _MAILED, 0.38
        ),
        Arrival(
            1, "https://mail.google.com/", "utm_source=changelog&utm_medium=email",
            _MAILED, 0.40,
        ),
        Arrival(
            2.4, "https://www.google.com/",
            "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_term=larkspur+hosting",
            HOME, 0.38,
        ),
        Arrival(
            1.2, "https://www.google.com/",
            "utm_source=google&utm_medium=cpc&utm_campaign=hosting&utm_term=web+page+hosting",
            PRICING, 0.48,
        ),
    ),
    Stream.CAMPAIGN: (
        Arrival(
            40, "https://www.linkedin.com/",
            "utm_source=linkedin&utm_medium=paid-social&utm_campaign=larkspur-3&utm_content=video",
            LANDING, 0.52,
        ),
        Arrival(
            25, "https://www.facebook.com/",
            "utm_source=facebook&utm_medium=paid-social&utm_campaign=larkspur-3&utm_content=picture",
            LANDING, 0.58,
        ),
        Arrival(
            20, "", "utm_source=newsletter&utm_medium=email&utm_campaign=larkspur-3", LANDING, 0.34
        ),
        Arrival(
            15, "https://www.example.org/",
            "utm_source=example.org&utm_medium=banner&utm_campaign=larkspur-3", LANDING, 0.66,
        ),
    ),
    Stream.SPIKE: (
        Arrival(82, "https://news.ycombinator.com/", "", SPIKE, 0.72),
        Arrival(12, "", "", SPIKE, 0.70),
        Arrival(6, "https://hckrnews.com/", "", SPIKE, 0.72),
    ),
}  # fmt: skip


def read_origin(domain: str, arrival: Arrival) -> dict[str, Any]:
    """Return referrer, campaign, source and channel, by the pipeline's own steps."""
    url = f"https://{domain}/?{arrival.query}"
    hit = Hit(
        sent=SentHit(name=PAGEVIEW, url=url, domains=(domain,), referrer=arrival.referrer),
        domain=domain,
        received_at=datetime.min.replace(tzinfo=UTC),
        address="",
        user_agent="",
        page=read_page(url, hash_mode=False),
    )
    origin = put_channel(put_source(hit)).origin
    return {name: getattr(origin, name) for name in ORIGIN_FACTS}


ORIGIN_FACTS: Final = (
    "referrer",
    "source",
    "channel",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
)
