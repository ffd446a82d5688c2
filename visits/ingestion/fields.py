"""The contract's fields, read from what a client sent: every limit, and every error, is here.

Short and long names are one field. Null counts as absent, unknown names are ignored. What a page's
author controls is refused when it is malformed; what only the visitor's browser controls (the
referrer, the title) is cut to its limit and named in the answer, so that no hit is lost by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from django.utils import timezone

from sites.domains import normalise_domain
from visits.data.currencies import CURRENCIES
from visits.ingestion.addresses import normalise_address
from visits.ingestion.click_ids import cut_click_id
from visits.ingestion.devices import MAX_USER_AGENT
from visits.ingestion.hit import SentHit
from visits.ingestion.text import clean_text
from visits.joining import ENGAGEMENT

LONG_NAMES: Final = {
    "n": "name",
    "u": "url",
    "d": "domain",
    "r": "referrer",
    "p": "props",
    "m": "props",
    "meta": "props",
    "$": "revenue",
    "i": "interactive",
    "e": "engagement_time",
    "sd": "scroll_depth",
    "h": "hash_mode",
    "hashMode": "hash_mode",
    "v": "version",
    "id": "event_id",
    "t": "title",
    "w": "screen_width",
    "l": "language",
    "tz": "timezone",
    "b": "automated",
}

MAX_NAME: Final = 120
MAX_URL: Final = 2000
MAX_DOMAINS: Final = 20
MAX_PROPS: Final = 30
MAX_PROP_KEY: Final = 300
MAX_PROP_VALUE: Final = 2000
#: Bytes of an object that is sent as text, as of a whole hit: what is longer is not parsed.
MAX_OBJECT_TEXT: Final = 64 * 1024
MAX_EVENT_ID: Final = 64
MAX_USER_ID: Final = 200
#: How long ago a hit may have happened, and how far ahead a sender's clock may be.
OLDEST: Final = timedelta(hours=48)
AHEAD: Final = timedelta(minutes=1)
#: Before this nobody had seen a page of the web: an earlier time is a mistake.
FIRST_PAGES_AT: Final = datetime(1991, 1, 1, tzinfo=UTC)
MAX_VISITOR: Final = 1000
MAX_TITLE: Final = 500
MAX_SCREEN_WIDTH: Final = 100_000
MAX_ENGAGEMENT_MS: Final = 24 * 60 * 60 * 1000
MAX_SCROLL_DEPTH: Final = 100
MISSING_SCROLL_DEPTH: Final = 255
#: Below this an amount has 15 digits before the point, also when it is rounded to four after it.
MAX_AMOUNT: Final = Decimal("999999999999999.99995")

# Schemes whose addresses are no pages: they carry content or code, or name a file of the visitor's.
_REFUSED_SCHEMES: Final = frozenset({"about", "blob", "data", "file", "javascript", "vbscript"})
_KEY_NEEDED: Final = "Only a sender with an API key may set this."
_WHO: Final = frozenset({"visitor", "user_id", "address"})
_WHO_NEEDED: Final = "Say who it was: visitor, user_id, or address and user_agent."
_WHOLE_ADDRESS: Final = "Send a whole address, such as https://example.com/path."
# Of an address: its scheme and host, or what stands in their place.
_BEFORE_PATH: Final = re.compile(r"(?:[^/?#]*://)?[^/?#]*")
# More digits are no field's number, and thousands of them int() refuses.
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class MalformedHitError(ValueError):
    """A hit that cannot be read; `errors` holds the messages by long field name."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


class FieldError(ValueError):
    """What is wrong with one field, in a sentence for the developer of the tracked site."""


def read_hit(data: object, *, trusted: bool = False) -> SentHit:
    """Return the hit that `data`, a decoded JSON object, describes.

    `trusted` allows the fields that tell of a visitor whom the sender is not: those of
    TRUSTED_READERS. Raises MalformedHitError with the messages of every field that is wrong, not
    only of the first.
    """
    fields = _name_fields(data)
    errors: dict[str, list[str]] = {}
    readers = READERS
    if not TRUSTED_READERS.keys().isdisjoint(fields):
        if trusted:
            readers = ALL_READERS
        else:
            errors = {name: [_KEY_NEEDED] for name in TRUSTED_READERS if name in fields}
    return _read_fields(fields, readers, REQUIRED, errors)


def read_past_hit(data: object, *, readers: Mapping[str, Reader] | None = None) -> SentHit:
    """Return the hit of any time past that `data`, a decoded JSON object, describes.

    It has to say when it happened, in `at`, and who it was: in `visitor`, any text that stands for
    one person, in `user_id`, or in `address` and `user_agent`. Raises MalformedHitError as
    `read_hit` does. `readers` do what PAST_READERS do, in another way.
    """
    fields = _name_fields(data)
    errors: dict[str, list[str]] = {}
    if fields.keys().isdisjoint(_WHO):
        errors["visitor"] = [_WHO_NEEDED]
    return _read_fields(fields, readers or PAST_READERS, REQUIRED_OF_PAST, errors)


def _name_fields(data: Any) -> dict[Any, Any]:
    """Return the fields by their long names, without those that are null."""
    if not isinstance(data, dict):
        raise MalformedHitError({"body": ["Send one JSON object."]})
    return {LONG_NAMES.get(key, key): value for key, value in data.items() if value is not None}


def _read_fields(
    fields: Mapping[str, Any],
    readers: Mapping[str, Reader],
    required: frozenset[str],
    errors: dict[str, list[str]],
) -> SentHit:
    """Return what the readers make of the fields. Raises MalformedHitError, also for `errors`."""
    values: dict[str, Any] = {}
    cut: list[str] = []
    for name in (*fields, *required.difference(fields)):
        if (reader := readers.get(name)) is None:
            continue
        try:
            values |= reader(fields.get(name), cut)
        except FieldError as error:
            errors[name] = [str(error)]
    if errors:
        raise MalformedHitError(errors)
    if values["name"] != ENGAGEMENT:  # no other event tells of them
        values["engagement_ms"] = values["scroll_depth"] = None
    values.setdefault("props", {})
    # In the order of the readers, in whichever one the fields came.
    return SentHit.of(**values, cut=tuple(name for name in readers if name in cut) if cut else ())


Reader = Callable[[Any, list[str]], dict[str, Any]]


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise FieldError("Send text.")
    text = clean_text(value)
    if len(text) > limit:
        raise FieldError(f"At most {limit:,} characters, not {len(text):,}.")
    return text


def _named(value: object) -> object:
    """Return a whole number, as databases name rows by, as the text that it stands for."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _cut_text(value: object, limit: int, name: str, cut: list[str]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError("Send text.")
    text = clean_text(value)
    if len(text) > limit:
        cut.append(name)
        text = text[:limit].rstrip()
    return text


def _whole_number(value: object, highest: int) -> int | None:
    number = _number(value)
    if number is not None and not 0 <= number <= highest:
        raise FieldError(f"Send a number from 0 to {highest:,}.")
    return number


def _number(value: object) -> int | None:
    """Return a whole number that was sent as one, as a fraction of nothing, or as text."""
    if value is None:
        return None
    if isinstance(value, str) and _DIGITS.fullmatch(text := value.strip()):
        return int(text)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldError("Send a whole number.")
    return value


def _switch(value: object, *, default: bool) -> bool:
    if value is None:
        return default
    if value in (0, 1):  # also False and True, which equal them
        return bool(value)
    raise FieldError("Send true or false.")


def _object(value: object) -> Mapping[str, object]:
    """Return an object that was sent as such or, as older scripts do, as JSON in a string.

    The bounds of a body hold for the string too: a batch has room for one of megabytes.
    """
    if isinstance(value, str):
        if len(value.encode(errors="replace")) > MAX_OBJECT_TEXT:
            raise FieldError(f"At most {MAX_OBJECT_TEXT // 1024} KB of JSON text.")
        try:
            value = orjson.loads(value) if value.strip() else {}
        except orjson.JSONDecodeError:
            raise FieldError("Send an object, or JSON text of one.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FieldError("Send an object, or JSON text of one.")
    return value


def _read_name(value: object, cut: list[str]) -> dict[str, Any]:
    name = "" if value is None else cut_click_id(_text(_named(value), MAX_NAME))
    if not name:
        raise FieldError("This field is required.")
    return {"name": name}


def _read_url(value: object, cut: list[str]) -> dict[str, Any]:
    url = "" if value is None else _text(value, MAX_URL)
    if not url:
        raise FieldError("This field is required.")
    if fault := _fault_of_address(_BEFORE_PATH.match(url)[0]):  # type: ignore[index]  # always
        raise FieldError(fault)
    return {"url": url}


@lru_cache(maxsize=1_000)
def _fault_of_address(start: str) -> str:
    """Return what is wrong with an address that starts so, up to its path; empty for nothing."""
    try:
        parts = urlsplit(start)
        scheme, hostname = parts.scheme, parts.hostname or ""
    except ValueError:
        return _WHOLE_ADDRESS
    if scheme in _REFUSED_SCHEMES or not start.lower().startswith(f"{scheme}://") or not scheme:
        return "Send an address with http, https or an app's scheme."
    if any(map(str.isspace, hostname)) or (scheme in {"http", "https"} and not hostname):
        return _WHOLE_ADDRESS
    return ""


def _read_domain(value: object, cut: list[str]) -> dict[str, Any]:
    domains = _domains_in("" if value is None else _text(value, MAX_URL))
    if not domains:
        raise FieldError("This field is required.")
    if len(domains) > MAX_DOMAINS:
        raise FieldError(f"At most {MAX_DOMAINS} domains, not {len(domains)}.")
    return {"domains": domains}


@lru_cache(maxsize=1_000)
def _domains_in(text: str) -> tuple[str, ...]:
    """Return the domains that the text names, each once and in its normal form."""
    domains = dict.fromkeys(normalise_domain(part) for part in text.split(","))
    domains.pop("", None)
    return tuple(domains)


def _read_referrer(value: object, cut: list[str]) -> dict[str, Any]:
    return {"referrer": _cut_text(value, MAX_URL, "referrer", cut)}


def _read_title(value: object, cut: list[str]) -> dict[str, Any]:
    return {"title": cut_click_id(_cut_text(_named(value), MAX_TITLE, "title", cut))}


def _read_props(value: object, cut: list[str]) -> dict[str, Any]:
    pairs = _object(value)
    if len(pairs) > MAX_PROPS:
        raise FieldError(f"At most {MAX_PROPS} properties, not {len(pairs)}.")
    props: dict[str, str] = {}
    for key, scalar in pairs.items():
        name = clean_text(key)
        if not 0 < len(name) <= MAX_PROP_KEY:
            raise FieldError(f"A property's key has 1 to {MAX_PROP_KEY} characters.")
        text = _scalar_text(scalar)
        if len(text) > MAX_PROP_VALUE:
            raise FieldError(f"{name[:40]}: at most {MAX_PROP_VALUE:,} characters.")
        if text := cut_click_id(text):
            props[name] = text
    return {"props": props}


def _scalar_text(scalar: object) -> str:
    match scalar:
        case None:
            return ""
        case str():
            return clean_text(scalar)
        case bool() | int() | float():
            return orjson.dumps(scalar).decode()
    raise FieldError("A property's value is text, a number, or true or false.")


def _read_revenue(value: object, cut: list[str]) -> dict[str, Any]:
    revenue = _object(value)
    if not revenue:
        return {"revenue_amount": None, "revenue_currency": ""}
    sent = revenue.get("currency")
    currency = sent.strip().upper() if isinstance(sent, str) else ""
    if currency not in CURRENCIES:
        raise FieldError("The currency is an ISO 4217 code, such as EUR.")
    try:
        amount = Decimal(str(revenue.get("amount")).replace("_", "?"))  # Python's own spelling
    except InvalidOperation:
        raise FieldError("The amount is a number, such as 12.30.") from None
    # Compared as it came: abs() would round it, and overflow on 1e9999999.
    if not amount.is_finite() or not -MAX_AMOUNT < amount < MAX_AMOUNT:
        raise FieldError("The amount has at most 15 digits before the point.")
    return {
        "revenue_amount": amount.quantize(Decimal("0.0001")),
        "revenue_currency": currency,
    }


def _read_interactive(value: object, cut: list[str]) -> dict[str, Any]:
    return {"interactive": _switch(value, default=True)}


def _read_hash_mode(value: object, cut: list[str]) -> dict[str, Any]:
    return {"hash_mode": _switch(value, default=False)}


def _read_engagement_time(value: object, cut: list[str]) -> dict[str, Any]:
    return {"engagement_ms": _whole_number(value, MAX_ENGAGEMENT_MS)}


def _read_scroll_depth(value: object, cut: list[str]) -> dict[str, Any]:
    depth = _number(value)
    if depth is None or depth == MISSING_SCROLL_DEPTH:
        return {"scroll_depth": None}
    if depth > MAX_SCROLL_DEPTH:  # a page that is pulled beyond its end
        cut.append("scroll_depth")
    return {"scroll_depth": _whole_number(min(depth, MAX_SCROLL_DEPTH), MAX_SCROLL_DEPTH)}


def _read_event_id(value: object, cut: list[str]) -> dict[str, Any]:
    return {"event_id": "" if value is None else _text(_named(value), MAX_EVENT_ID)}


def _read_screen_width(value: object, cut: list[str]) -> dict[str, Any]:
    return {"screen_width": _whole_number(value, MAX_SCREEN_WIDTH)}


def _read_language(value: object, cut: list[str]) -> dict[str, Any]:
    language = _cut_text(value, 35, "language", cut)
    return {"language": language if _LANGUAGE.fullmatch(language) else ""}


def _read_timezone(value: object, cut: list[str]) -> dict[str, Any]:
    return {"timezone": _cut_text(value, 64, "timezone", cut)}


def _read_automated(value: object, cut: list[str]) -> dict[str, Any]:
    return {"automated": _switch(value, default=False)}


def _read_gpc(value: object, cut: list[str]) -> dict[str, Any]:
    return {"gpc": _switch(value, default=False)}


def _read_dnt(value: object, cut: list[str]) -> dict[str, Any]:
    return {"dnt": _switch(value, default=False)}


def _read_address(value: object, cut: list[str]) -> dict[str, Any]:
    address = "" if value is None else normalise_address(_text(value, 100))
    if value is not None and not address:
        raise FieldError("Send an IPv4 or IPv6 address.")
    return {"address": address}


def _read_user_agent(value: object, cut: list[str]) -> dict[str, Any]:
    return {"user_agent": _cut_text(value, MAX_USER_AGENT, "user_agent", cut)}


def _read_at(value: object, cut: list[str]) -> dict[str, Any]:
    if value is None:
        return {"at": None}
    now = timezone.now()
    at = _past_time(value, now)
    if now - at > OLDEST:
        raise FieldError("At most 48 hours back.")
    return {"at": at}


def _read_past_at(value: object, cut: list[str]) -> dict[str, Any]:
    if value is None:
        raise FieldError("This field is required.")
    at = _past_time(value, timezone.now())
    if at < FIRST_PAGES_AT:
        raise FieldError(f"Not before {FIRST_PAGES_AT.year}.")
    return {"at": at}


def _past_time(value: object, now: datetime) -> datetime:
    """Return a time in UTC that is not after `now`; one that a fast clock puts there is `now`."""
    try:
        sent = datetime.fromisoformat(_text(value, 40).upper())
        at = sent.astimezone(UTC) if sent.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise FieldError("Send an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z.")
    if at - now > AHEAD:
        raise FieldError("This is in the future.")
    return min(at, now)


def _read_user_id(value: object, cut: list[str]) -> dict[str, Any]:
    return {"user_id": "" if value is None else _text(_named(value), MAX_USER_ID)}


def _read_visitor(value: object, cut: list[str]) -> dict[str, Any]:
    visitor = _text(_named(value), MAX_VISITOR)
    if not visitor:
        raise FieldError(_WHO_NEEDED)
    return {"visitor": visitor}


READERS: Final[dict[str, Reader]] = {
    "name": _read_name,
    "url": _read_url,
    "domain": _read_domain,
    "referrer": _read_referrer,
    "title": _read_title,
    "props": _read_props,
    "revenue": _read_revenue,
    "interactive": _read_interactive,
    "hash_mode": _read_hash_mode,
    "engagement_time": _read_engagement_time,
    "scroll_depth": _read_scroll_depth,
    "event_id": _read_event_id,
    "screen_width": _read_screen_width,
    "language": _read_language,
    "timezone": _read_timezone,
    "automated": _read_automated,
    "gpc": _read_gpc,
    "dnt": _read_dnt,
}

REQUIRED: Final = frozenset({"name", "url", "domain"})

#: What only a sender with an API key may set.
TRUSTED_READERS: Final[dict[str, Reader]] = {
    "address": _read_address,
    "user_agent": _read_user_agent,
    "at": _read_at,
    "user_id": _read_user_id,
}
ALL_READERS: Final = READERS | TRUSTED_READERS

#: What a hit of the past may say.
PAST_READERS: Final[dict[str, Reader]] = {
    **READERS,
    **TRUSTED_READERS,
    "at": _read_past_at,
    "visitor": _read_visitor,
}

REQUIRED_OF_PAST: Final = REQUIRED | {"at"}
