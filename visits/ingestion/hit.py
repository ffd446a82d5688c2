"""A hit on its way from the door to the store, and the closed set of reasons to drop it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sites.models import Site


class DropReason(StrEnum):
    """Why a well-formed hit was not stored; sent in the header X-Tracking-Dropped."""

    PREFETCH = "prefetch"  # a browser fetched the page ahead; nobody has seen it
    BOT = "bot"  # the user agent says that it is a program
    UNKNOWN_SITE = "unknown_site"  # no site has this domain
    SITE_PAUSED = "site_paused"  # staff switched collecting off
    NO_VISIT = "no_visit"  # engagement with a page whose visit is over


@dataclass(frozen=True, slots=True)
class Drop:
    """The end of a hit that is deliberately not stored."""

    reason: DropReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SentHit:
    """What the client sent, read and checked: the fields of the contract, in clean text."""

    name: str
    url: str
    domains: tuple[str, ...]
    referrer: str = ""
    props: dict[str, str] = field(default_factory=dict)
    revenue_amount: Decimal | None = None
    revenue_currency: str = ""
    interactive: bool = True
    engagement_ms: int | None = None
    scroll_depth: int | None = None
    hash_mode: bool = False
    event_id: str = ""
    title: str = ""
    screen_width: int | None = None
    language: str = ""
    timezone: str = ""
    #: Long names of the fields that were longer than their limit and were cut to it.
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Where the event happened: host without `www.`, and path."""

    hostname: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a user agent tells; empty text where it tells nothing."""

    browser: str = ""
    browser_version: str = ""
    operating_system: str = ""
    operating_system_version: str = ""
    device: str = ""


class Kind(StrEnum):
    """What a source is, where its channel depends on it."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    ASSISTANT = "assistant"
    EMAIL = "email"
    OTHER = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What brought the visitor: referrer, its display name, campaign and marketing group."""

    referrer: str = ""
    source: str = ""
    kind: Kind = Kind.OTHER
    channel: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the visitor is: ISO 3166-1 alpha-2 country; empty text where it is not known."""

    country: str = ""
    region: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor's id under the salt of the hit's day.

    Near midnight, also that under the salt of the day on the other side, while there is one: an
    open visit may have been last seen there.
    """

    id: int
    id_across_midnight: int | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id by which an open visit of this visitor may be known."""
        return (self.id,) if self.id_across_midnight is None else (self.id, self.id_across_midnight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One measurement as received, for one domain; each step of the pipeline may add a part."""

    sent: SentHit
    domain: str
    received_at: datetime
    address: str
    user_agent: str
    is_prefetch: bool = False

    site: Site | None = None
    page: Page = Page("", "/")
    device: Device = Device()
    origin: Origin = Origin()
    place: Place = Place()
    visitor: Visitor | None = None

    @property
    def known_site(self) -> Site:
        """The site, once `put_site` has found it."""
        assert self.site is not None, "put_site comes first"  # noqa: S101 -- order of the steps
        return self.site

    @property
    def known_visitor(self) -> Visitor:
        """The visitor, once `put_visitor` has named it."""
        assert self.visitor is not None, "put_visitor comes first"  # noqa: S101 -- see above
        return self.visitor

    @property
    def happened_on(self) -> date:
        """The site's day on which the hit fell."""
        return self.received_at.astimezone(self.known_site.zone).date()
