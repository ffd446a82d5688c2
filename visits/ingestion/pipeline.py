"""What is counted, what is left out, and why: the journey of a hit, one named step after another.

A step takes a hit and returns it, with something added, or a Drop with its reason. What comes out
at the end goes to the writer, which joins it to a visit and stores it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sites.models import Site
from visits.ingestion.channels import choose_channel
from visits.ingestion.devices import is_declared_bot, read_device
from visits.ingestion.hit import Drop, DropReason, Hit, Kind, Origin
from visits.ingestion.pages import read_page, read_query
from visits.ingestion.places import read_place
from visits.ingestion.sources import (
    MAX_SOURCE,
    read_referrer,
    source_of_host,
    source_of_name,
)
from visits.ingestion.visitors import identify_visitor
from visits.ingestion.writer import Stored, store_group

Step = Callable[[Hit], Hit | Drop]


def drop_prefetch(hit: Hit) -> Hit | Drop:
    """Leave out pages that a browser fetched or rendered ahead: nobody has seen them."""
    return Drop(DropReason.PREFETCH) if hit.is_prefetch else hit


def drop_bot(hit: Hit) -> Hit | Drop:
    """Leave out programs that say what they are."""
    return Drop(DropReason.BOT) if is_declared_bot(hit.user_agent) else hit


def put_site(hit: Hit) -> Hit | Drop:
    """Find the site by its domain; a hit of no site, or of a paused one, ends here."""
    site = Site.objects.filter(domain=hit.domain).first()
    if site is None:
        return Drop(DropReason.UNKNOWN_SITE)
    if not site.collects:
        return Drop(DropReason.SITE_PAUSED)
    return replace(hit, site=site)


def put_page(hit: Hit) -> Hit:
    """Add host and path."""
    return replace(hit, page=read_page(hit.sent.url, hash_mode=hit.sent.hash_mode))


def put_device(hit: Hit) -> Hit:
    """Add browser, operating system and kind of device."""
    return replace(hit, device=read_device(hit.user_agent))


def put_source(hit: Hit) -> Hit:
    """Add referrer, campaign and the source's name: the campaign's if it has one, else the host's.

    `utm_source` wins over `source`, that over `ref`, and any of them over the referrer.
    """
    query = read_query(hit.sent.url)
    utm = {
        name: query.get(name, "")[:MAX_SOURCE]
        for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
    }
    named = utm["utm_source"] or query.get("source", "") or query.get("ref", "")
    referrer = read_referrer(
        hit.sent.referrer, own_hosts=(hit.page.hostname, hit.domain.partition(":")[0])
    )
    source = None
    if named:
        source = source_of_name(named)
    elif referrer is not None:
        source = source_of_host(referrer.hostname)
    return replace(
        hit,
        origin=Origin(
            referrer=referrer.address if referrer else "",
            source=source.name if source else "",
            kind=source.kind if source else Kind.OTHER,
            **utm,
        ),
    )


def put_channel(hit: Hit) -> Hit:
    """Add the marketing group that source and campaign belong to."""
    return replace(hit, origin=replace(hit.origin, channel=choose_channel(hit.origin)))


def put_place(hit: Hit) -> Hit:
    """Add the country."""
    return replace(hit, place=read_place(hit.sent.timezone))


def put_visitor(hit: Hit) -> Hit:
    """Add the visitor's id; from here on nothing needs the address but a site that keeps it."""
    return replace(
        hit,
        visitor=identify_visitor(
            hit.known_site,
            at=hit.received_at,
            address=hit.address,
            user_agent=hit.user_agent,
        ),
    )


STEPS: Final[tuple[Step, ...]] = (
    drop_prefetch,
    drop_bot,
    put_site,
    put_page,
    put_device,
    put_source,
    put_channel,
    put_place,
    put_visitor,
)


def ingest(hits: Sequence[Hit]) -> list[Stored | Drop]:
    """Take hits through the steps, store what remains in one transaction; return their verdicts.

    The verdicts come in the order of the hits, and only after the commit: a Stored hit is on disk.
    Raises django.db.Error when the store cannot take them; none of them is stored then.
    """
    verdicts: list[Stored | Drop | None] = [None] * len(hits)
    kept: list[tuple[int, Hit]] = []
    for place, hit in enumerate(hits):
        match enrich(hit):
            case Drop() as drop:
                verdicts[place] = drop
            case Hit() as enriched:
                kept.append((place, enriched))
    stored = store_group([hit for _, hit in kept])
    for (place, _), verdict in zip(kept, stored, strict=True):
        verdicts[place] = verdict
    return [verdict for verdict in verdicts if verdict is not None]


def enrich(hit: Hit) -> Hit | Drop:
    """Take one hit through every step, or to the one that drops it."""
    for step in STEPS:
        result = step(hit)
        if isinstance(result, Drop):
            return result
        hit = result
    return hit
