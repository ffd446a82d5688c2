"""What is counted, what is left out, and why: the journey of a hit, one named step after another.

A step takes a hit and returns it, with something added, or a Drop with its reason. What comes out
at the end goes to the writer, which joins it to a visit and stores it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from sites.registry import find_site
from visits.daily import BOUNDED_VALUES, HITS, Counts
from visits.ingestion.bots import is_declared_bot
from visits.ingestion.cardinality import get_values
from visits.ingestion.channels import choose_channel
from visits.ingestion.devices import read_device
from visits.ingestion.diagnosis import note_address
from visits.ingestion.exclusions import count_name, find_exclusion
from visits.ingestion.hit import Drop, DropReason, Hit, Origin
from visits.ingestion.limits import get_limits
from visits.ingestion.origins import read_origin
from visits.ingestion.pages import read_page
from visits.ingestion.places import read_place
from visits.ingestion.salts import SaltGoneError
from visits.ingestion.spam import is_spam
from visits.ingestion.unkept import without_unkept
from visits.ingestion.visitors import identify_user, identify_visitor
from visits.ingestion.watching import keep_watched
from visits.ingestion.writer import Stored, store_group
from visits.turns import Turn

Step = Callable[[Hit], Hit | Drop]


def put_site(hit: Hit) -> Hit | Drop:
    """Find the site by its domain; a hit of no site, or of a paused one, ends here."""
    site = find_site(hit.domain)
    if site is None:
        return Drop(DropReason.UNKNOWN_SITE)
    if not site.takes_hits:
        return Drop(DropReason.SITE_PAUSED)
    return hit.put(site=site)


def drop_over_limit(hit: Hit) -> Hit | Drop:
    """Leave out what a site, or one network, sends beyond its rate."""
    return hit if get_limits().allow(hit) else Drop(DropReason.RATE_LIMITED)


def drop_wish(hit: Hit) -> Hit | Drop:
    """Leave out whose browser asks for it, on a site that grants this wish."""
    site = hit.known_site
    if hit.gpc and site.respects_gpc:
        return Drop(DropReason.GPC)
    return Drop(DropReason.DNT) if hit.dnt and site.respects_dnt else hit


def drop_prefetch(hit: Hit) -> Hit | Drop:
    """Leave out pages that a browser fetched or rendered ahead: nobody has seen them."""
    return Drop(DropReason.PREFETCH) if hit.is_prefetch else hit


def drop_bot(hit: Hit) -> Hit | Drop:
    """Leave out programs that say what they are, and who says nothing.

    A sender with an API key who tells no user agent is no visitor: that of its request is its own.
    """
    if hit.is_trusted and not hit.user_agent:
        return hit
    return Drop(DropReason.BOT) if is_declared_bot(hit.user_agent) else hit


def drop_automation(hit: Hit) -> Hit | Drop:
    """Leave out browsers that a program drives, as the page's script found."""
    return Drop(DropReason.AUTOMATION) if hit.sent.automated else hit


def put_page(hit: Hit) -> Hit:
    """Add host and path."""
    return hit.put(page=read_page(hit.sent.url, hash_mode=hit.sent.hash_mode))


def put_device(hit: Hit) -> Hit:
    """Add browser, operating system and kind of device, where a user agent tells them."""
    return hit.put(device=read_device(hit.user_agent)) if hit.user_agent else hit


def put_source(hit: Hit) -> Hit:
    """Add referrer, campaign and source: the one that the campaign names, else the host's."""
    sent = hit.sent
    return hit.put(origin=read_origin(sent.url, sent.referrer, own_hosts=hit.own_hosts))


def drop_spam_referrer(hit: Hit) -> Hit | Drop:
    """Leave out hits whose referrer, or campaign's source, is there to be seen in reports."""
    return Drop(DropReason.SPAM_REFERRER) if is_spam(hit.origin, own_host=hit.own_host) else hit


def put_channel(hit: Hit) -> Hit:
    """Add the marketing group that source and campaign belong to."""
    return hit.put(origin=_with_channel(hit.origin))


# Most hits come from a few pages of their own site or of a few others.
@lru_cache(maxsize=1_000)
def _with_channel(origin: Origin) -> Origin:
    return origin.put(channel=choose_channel(origin))


def put_place(hit: Hit) -> Hit:
    """Add country, region and city."""
    place = read_place(address=hit.address, timezone=hit.sent.timezone, cdn_country=hit.cdn_country)
    return hit.put(place=place)


def drop_excluded(hit: Hit) -> Hit | Drop:
    """Leave out what the site does not want: networks, countries, paths, hosts."""
    exclusion = find_exclusion(hit)
    return hit if exclusion is None else Drop(DropReason.EXCLUDED, exclusion)


def forget_unkept(hit: Hit) -> Hit:
    """Throw away what the site does not keep: places, language, screen width, properties."""
    return hit if hit.known_site.keeps_all else without_unkept(hit)


def put_bounded_values(hit: Hit) -> Hit:
    """Put "(other)" in place of values that are more than a field may have on one day."""
    return get_values().bound(hit)


def put_visitor(hit: Hit) -> Hit | Drop:
    """Add the visitor's id; from here on nothing needs the address but a site that keeps it."""
    if hit.sent.user_id:
        return hit.put(visitor=identify_user(hit.known_site, hit.sent.user_id))
    try:
        visitor = identify_visitor(
            hit.known_site,
            at=hit.happened_at,
            now=hit.received_at,
            address=hit.address,
            user_agent=hit.user_agent,
        )
    except SaltGoneError:
        if hit.sent.at is None:
            raise  # a broken file; to come again may help
        return Drop(DropReason.SALT_GONE)
    return hit.put(visitor=visitor)


STEPS: Final[tuple[Step, ...]] = (
    put_site,
    drop_over_limit,
    drop_wish,
    drop_prefetch,
    drop_automation,
    drop_bot,
    put_page,
    put_source,
    drop_spam_referrer,
    put_channel,
    put_device,
    put_place,
    drop_excluded,
    forget_unkept,
    put_bounded_values,
    put_visitor,
)


def ingest(
    hits: Sequence[Hit],
    *,
    patient: bool = False,
    until: float | None = None,
    turn: Turn | None = None,
) -> list[Stored | Drop]:
    """Take hits through the steps, store what remains in one transaction; return their verdicts.

    The verdicts come in the order of the hits, and only after the commit: a Stored hit is on disk,
    and a drop is counted. `until`, `turn` and `patient` say how long to wait for other writers, as
    `store_group` has it. Raises django.db.Error when the store cannot take them,
    OSError when their salts cannot be read; none of them is stored then.
    """
    counts: Counts = Counter()
    verdicts: list[Stored | Drop | None] = [None] * len(hits)
    kept: list[tuple[int, Hit]] = []
    seen = list(hits)
    for place, hit in enumerate(hits):
        match enrich(hit, counts):
            case Drop() as drop:
                verdicts[place] = drop
            case Hit() as enriched:
                kept.append((place, enriched))
                seen[place] = enriched
    stored = store_group([hit for _, hit in kept], counts, patient=patient, until=until, turn=turn)
    for (place, _), verdict in zip(kept, stored, strict=True):
        verdicts[place] = verdict
    answers = [verdict for verdict in verdicts if verdict is not None]
    keep_watched(seen, answers)
    return answers


def enrich(hit: Hit, counts: Counts) -> Hit | Drop:
    """Take one hit through every step, or to the one that drops it; count it, and the drop."""
    result = take_steps(hit, STEPS, counts)
    if isinstance(result, Hit):
        note_address(result, counts)
    return result


def take_steps(hit: Hit, steps: Sequence[Step], counts: Counts) -> Hit | Drop:
    """Take one hit through `steps`, or to the one that drops it; count it, and the drop."""
    for step in steps:
        result = step(hit)
        if isinstance(result, Drop):
            if hit.site is not None:
                counts[hit.site.id, hit.happened_on, HITS] += 1
                counts[hit.site.id, hit.happened_on, result.reason.value] += 1
                if result.exclusion is not None:
                    name = count_name(result.exclusion)
                    counts[hit.site.id, hit.happened_on, name] += 1
            return result
        hit = result
    counts[hit.known_site.id, hit.happened_on, HITS] += 1
    if hit.bounded_values:
        counts[hit.known_site.id, hit.happened_on, BOUNDED_VALUES] += hit.bounded_values
    return hit
