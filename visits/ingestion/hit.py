"""A hit on its way from the door to the store, and the closed set of reasons to drop it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from sites.models import Site


class DropReason(StrEnum):
    """Why a well-formed hit was not stored; sent in the header X-Tracking-Dropped."""

    UNKNOWN_SITE = "unknown_site"  # no site has this domain
    SITE_PAUSED = "site_paused"  # staff switched collecting off
    GPC = "gpc"  # the browser asks for privacy, and the site grants it
    DNT = "dnt"  # the browser asks not to be tracked, and the site grants it
    PREFETCH = "prefetch"  # a browser fetched the page ahead; nobody has seen it
    AUTOMATION = "automation"  # the page's script found a browser that a program drives
    BOT = "bot"  # the user agent says that it is a program
    SPAM_REFERRER = "spam_referrer"  # the referrer is known for sending hits to be seen in reports
    RATE_LIMITED = "rate_limited"  # the site, or one network, sends more than may be
    SALT_GONE = "salt_gone"  # the salt of its day is destroyed: its visitor cannot be told
    EXCLUDED = "excluded"  # the site leaves out its network, country, path or host
    NO_VISIT = "no_visit"  # engagement with a page whose visit is over


class Forwarding(StrEnum):
    """What became of X-Forwarded-For, by which proxies tell whom they stand in front of."""

    NONE = "none"  # it did not come, or names no address
    BELIEVED = "believed"  # the visitor's address is the first that it names
    IGNORED = "ignored"  # it names another before: who sent it is no trusted proxy


@dataclass(frozen=True, slots=True)
class Drop:
    """The end of a hit that is deliberately not stored."""

    reason: DropReason
    #: The id of the site's exclusion that it met, of EXCLUDED alone.
    exclusion: int | None = None


class Part:
    """What steps add to, each making a new one."""

    @classmethod
    def of(cls, **parts: Any) -> Self:
        """Return one of these parts, the rest as the class has it.

        Four times as quick as the constructor, which looks at nothing either but whether a part is
        missing.
        """
        new = object.__new__(cls)
        object.__setattr__(new, "__dict__", parts)
        return new

    def put(self, **parts: Any) -> Self:
        """Return a copy with these parts; ten times as quick as `dataclasses.replace`."""
        new = object.__new__(type(self))
        object.__setattr__(new, "__dict__", {**self.__dict__, **parts})
        return new


@dataclass(frozen=True, kw_only=True)
class SentHit(Part):
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
    automated: bool = False
    gpc: bool = False
    dnt: bool = False
    # Only of a sender with an API key:
    address: str = ""
    user_agent: str = ""
    at: datetime | None = None
    user_id: str = ""
    # Only of an import:
    visitor: str = ""
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


@dataclass(frozen=True, kw_only=True)
class Origin(Part):
    """What brought the visitor: referrer, its display name, campaign and marketing group.

    `click_id` is the name of the click id in the page's address ("gclid"), `hosts` are those that
    the referrer and the campaign name, whether or not anything shows them; neither is stored.
    """

    referrer: str = ""
    source: str = ""
    kind: Kind = Kind.OTHER
    channel: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    click_id: str = ""
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the visitor is: ISO 3166-1 alpha-2 country, English names of region and city.

    Empty text where it is not known.
    """

    country: str = ""
    region: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor's id under the salt of the hit's day.

    Near midnight, and for a hit that comes late, also those under the salts of the days beside it,
    while there are any: the visit may have been last seen there.
    """

    id: int
    other_ids: tuple[int, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id by which the visit of this hit may be known."""
        return (self.id, *self.other_ids)


@dataclass(frozen=True, kw_only=True)
class Hit(Part):
    """One measurement as received, for one domain; each step of the pipeline may add a part."""

    sent: SentHit
    domain: str
    received_at: datetime
    address: str
    user_agent: str
    is_prefetch: bool = False
    #: What the browser asks for: Global Privacy Control, Do Not Track.
    gpc: bool = False
    dnt: bool = False
    #: Whether an API key that may send for the domain came with it.
    is_trusted: bool = False
    forwarding: Forwarding = Forwarding.NONE
    #: The address of the connection by which it came.
    peer: str = ""
    #: The country that a trusted proxy tells; empty where none does.
    cdn_country: str = ""

    site: Site | None = None
    page: Page = Page("", "/")
    device: Device = Device()
    origin: Origin = Origin()
    place: Place = Place()
    visitor: Visitor | None = None
    #: How many values the guard against too many has replaced.
    bounded_values: int = 0

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
    def own_hosts(self) -> tuple[str, ...]:
        """Hosts that are the site itself: that of the page, and its own."""
        return (self.page.hostname, self.own_host)

    @property
    def own_host(self) -> str:
        """The domain without its port: who sends the hit has no say in it, as in the page's."""
        return self.domain.partition(":")[0]

    @property
    def happened_at(self) -> datetime:
        """When it happened: when it came, unless a sender with an API key told the time."""
        return self.sent.at or self.received_at

    @cached_property
    def happened_on(self) -> date:
        """The site's day on which the hit fell."""
        return _day_of(self.known_site.timezone, int(self.happened_at.timestamp() // 60))


@lru_cache(maxsize=10_000)
def _day_of(timezone: str, minute: int) -> date:
    """Return the day of a minute since 1970. Days begin with one, in every zone of this century."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(timezone)).date()
