"""Hits as staff watch them arrive: each with its verdict, its address's source, what it gave.

Nothing is kept of a site that nobody watches. Of one that is, each hit becomes a row after it is
stored, for some minutes; the hit's own way is the same, and what cannot be kept here is let go.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from sites.domains import normalise_domain
from sites.models import Site
from sites.registry import find_site, forget_sites, watched_sites
from visits.ingestion.addresses import normalise_address, pack_address, shorten_address
from visits.ingestion.diagnosis import NETWORKS
from visits.ingestion.hit import Drop, DropReason, Forwarding, Hit
from visits.ingestion.pages import read_page
from visits.ingestion.tally import MALFORMED, STORED
from visits.ingestion.text import clean_text
from visits.ingestion.writer import Stored, facts_of
from visits.models import VISIT_FACTS, WatchedHit
from visits.turns import turn_to_write

logger = logging.getLogger(__name__)

#: How long staff watch before they have to say so again.
WATCH_TIME: Final = timedelta(minutes=10)
#: How long a hit is shown; it goes when what is to be forgotten is next looked for.
KEPT_TIME: Final = timedelta(minutes=15)
#: Hits of one second that a process keeps: more than anybody reads.
MOST_PER_SECOND: Final = 20
#: How long a hit that is stored already may wait to be kept here too.
WAIT_SECONDS: Final = 0.2

#: The verdict on a hit whose id the site already had; others are those of the tally, and drops.
REPEATED: Final = "repeated"

_second: int = 0
_kept_of_second: int = 0


def watch(site: Site, now: datetime) -> None:
    """Keep the site's hits from now on, for WATCH_TIME."""
    site.watched_until = now + WATCH_TIME
    site.save(update_fields=["watched_until"])


def stop_watching(site: Site) -> None:
    """Keep no more, and forget what was kept."""
    site.watched_until = None
    site.save(update_fields=["watched_until"])
    WatchedHit.objects.filter(site=site).delete()


def forget_watched(now: datetime) -> None:
    """Delete the hits that have been shown for long enough."""
    old = WatchedHit.objects.filter(received_at__lt=now - KEPT_TIME)
    if old.exists():  # it is seldom so, and to write is to take a turn
        with turn_to_write():
            old.delete()


def keep_watched(hits: Sequence[Hit], verdicts: Sequence[Stored | Drop]) -> None:
    """Keep those of the hits whose site is watched, each with its verdict.

    A hit of a domain that no site has is shown where the page is on the domain of a watched site:
    there somebody looks for it. Raises nothing: the hits are stored, and must not be told to be
    otherwise.
    """
    watched = {site.domain: site for site in watched_sites(timezone.now())}
    if not watched:
        return
    try:
        _keep(_rows_of(watched, hits, verdicts))
    except Exception:  # whatever it is, see above
        logger.exception("Watched hits could not be kept.")


def _rows_of(
    watched: Mapping[str, Site], hits: Sequence[Hit], verdicts: Sequence[Stored | Drop]
) -> list[WatchedHit]:
    rows = []
    for hit, verdict in zip(hits, verdicts, strict=True):
        domain = hit.domain
        if verdict == Drop(DropReason.UNKNOWN_SITE):
            domain = read_page(hit.sent.url, hash_mode=False).hostname
        if site := watched.get(domain):
            rows.append(_row_of(site, hit, verdict))
    return rows


def keep_malformed(data: object, errors: Mapping[str, Sequence[str]]) -> None:
    """Keep what was refused with 400, with its errors, where it names a watched site."""
    fields: Mapping[Any, Any] = data if isinstance(data, dict) else {}
    domain = fields.get("domain") or fields.get("d")
    site = find_site(normalise_domain(domain)) if isinstance(domain, str) else None
    now = timezone.now()
    if site is None or site not in watched_sites(now):
        return
    name, url = (
        text if isinstance(text, str) else ""
        for text in (fields.get("name") or fields.get("n"), fields.get("url") or fields.get("u"))
    )
    page = ""
    with suppress(ValueError):
        page = _write_page(url)
    refused = {field: " ".join(messages) for field, messages in errors.items()}
    _keep(
        [
            WatchedHit(
                site=site,
                received_at=now,
                verdict=MALFORMED,
                name=clean_text(name)[:120],
                page=page,
                facts={"refused": refused},
            )
        ]
    )


def _row_of(site: Site, hit: Hit, verdict: Stored | Drop) -> WatchedHit:
    facts = {"sent": _tell_sent(hit), "address": _tell_address(site, hit)}
    if hit.visitor is not None:
        facts["derived"] = _tell_derived(hit)
    if isinstance(verdict, Stored):
        word = REPEATED if verdict.visit_id is None else STORED
        facts["derived"] |= {"visit": str(verdict.visit_id)} if word == STORED else {}
    else:
        word = verdict.reason.value
        if verdict.reason == DropReason.BOT:  # nobody's: it says what program this is
            facts["sent"]["user agent"] = clean_text(hit.user_agent) or "none"
        if verdict.exclusion is not None:
            facts["derived"] = {"exclusion": _tell_exclusion(site, verdict.exclusion)}
        if verdict.reason == DropReason.UNKNOWN_SITE:
            facts["sent"]["domain"] = hit.domain
    return WatchedHit(
        site=site,
        received_at=hit.received_at,
        verdict=word,
        name=hit.sent.name,
        page=_write_page(hit.sent.url, hash_mode=hit.sent.hash_mode),
        facts={group: told for group, told in facts.items() if told},
    )


def _tell_exclusion(site: Site, pk: int) -> str:
    return next((str(each) for each in site.exclusions.all() if each.pk == pk), "removed")


def _write_page(url: str, *, hash_mode: bool = False) -> str:
    page = read_page(url, hash_mode=hash_mode)
    return page.hostname + page.path


def _tell_sent(hit: Hit) -> dict[str, str]:
    """Return what came with the hit and is shown nowhere else, as text by name."""
    sent = hit.sent
    told: dict[str, Any] = {
        "title": sent.title,
        **{f"property {name}": value for name, value in sent.props.items()},
        "engagement ms": sent.engagement_ms,
        "scroll depth": sent.scroll_depth,
        "event id": sent.event_id,
        "happened": sent.at and sent.at.isoformat(),
        "user id": "told; it is not kept" if sent.user_id else "",
        "interactive": "" if sent.interactive else "no",
        "cut to their limit": ", ".join(sent.cut),
        "wishes": ", ".join(name for name in ("gpc", "dnt") if getattr(hit, name)),
    }
    if sent.revenue_amount is not None:
        told["revenue"] = f"{sent.revenue_amount.normalize():f} {sent.revenue_currency}"
    return {name: str(value) for name, value in told.items() if value not in (None, "")}


def _tell_address(site: Site, hit: Hit) -> dict[str, str]:
    """Return where the visitor's address was taken from, its kind, and what the site keeps."""
    packed = pack_address(hit.address)
    told = {"taken from": _address_source(hit)}
    if packed is None:
        return told
    kinds = (sign for sign, networks in NETWORKS if packed in networks)
    kind = next(kinds, "public_address").removesuffix("_address")
    told["kind"] = f"{kind}, IPv{4 if len(packed) == 4 else 6}"
    told["country by"] = f"header, {hit.cdn_country}" if hit.cdn_country else ""
    match site.address_kept:
        case Site.AddressKept.WHOLE:
            told["address"] = hit.address
        case Site.AddressKept.SHORTENED:
            told["address"] = shorten_address(hit.address)
    return {name: value for name, value in told.items() if value}


def _address_source(hit: Hit) -> str:
    if not hit.address:
        return "nowhere: none was told"
    if hit.is_trusted and hit.sent.address:
        return "the hit's own field, by API key"
    if hit.forwarding == Forwarding.BELIEVED:
        by = "by API key" if hit.is_trusted else "from a trusted proxy"
        return f"X-Forwarded-For, {by}"
    if normalise_address(hit.peer) != hit.address:
        return "X-Forwarded-For, past an address that no trusted proxy told"
    if hit.forwarding == Forwarding.IGNORED:
        return "the connection; X-Forwarded-For was not believed, as no trusted proxy sent it"
    return "the connection"


def _tell_derived(hit: Hit) -> dict[str, str]:
    """Return what the steps made of the hit, as text by name; what is empty left out."""
    told = dict(zip(VISIT_FACTS, facts_of(hit), strict=True))
    if hit.bounded_values:
        told["values over their day's limit"] = hit.bounded_values
    named = {name.replace("_", " "): value for name, value in told.items()}
    shown = {name: str(value) for name, value in named.items() if value not in (None, "")}
    return {"day": hit.happened_on.isoformat(), **shown}


def _keep(rows: list[WatchedHit]) -> None:
    """Write the rows, of those that come in one second the first; let go what cannot be written."""
    global _second, _kept_of_second
    second = int(time.monotonic())
    if second != _second:
        _second, _kept_of_second = second, 0
    rows = rows[: MOST_PER_SECOND - _kept_of_second]
    if not rows:
        return
    _kept_of_second += len(rows)
    try:
        with turn_to_write(until=time.monotonic() + WAIT_SECONDS), transaction.atomic():
            WatchedHit.objects.bulk_create(rows)
    except (DatabaseError, OSError) as error:
        logger.warning("Watched hits could not be kept: %s", error)
        forget_sites()  # a site that was deleted meanwhile is watched no more
