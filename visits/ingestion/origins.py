"""What brought a visitor: the referrer, the campaign and the source that follow from a hit."""

from __future__ import annotations

from functools import lru_cache

from visits.ingestion.click_ids import find_click_id, medium_of_click
from visits.ingestion.hit import Origin
from visits.ingestion.pages import read_query
from visits.ingestion.sources import MAX_SOURCE, choose_source, read_referrer


def read_origin(url: str, referrer: str, *, own_hosts: tuple[str, ...]) -> Origin:
    """Return what brought the visitor to `url`, without its channel.

    The campaign names the source if it has one, else the referring host does: `utm_source` wins
    over `source`, that over `ref`, and any of them over the referrer. Of a click id only the
    parameter's name goes on from here, never its value. Pages under `own_hosts` refer nobody.
    """
    query = read_query(url)
    if not query:
        return _origin_of_referrer(referrer, own_hosts)
    utm = {
        name: query.get(name, "")[:MAX_SOURCE].rstrip()
        for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
    }
    click_id = find_click_id(query)
    page = read_referrer(referrer, own_hosts=own_hosts)
    source = choose_source(
        named=utm["utm_source"] or query.get("source", "") or query.get("ref", ""),
        referrer=page,
        click_id=click_id,
    )
    utm["utm_medium"] = utm["utm_medium"] or medium_of_click(click_id, source=source.name)
    return Origin(
        referrer=page.address if page else "",
        source=source.name,
        kind=source.kind,
        click_id=click_id,
        **utm,
    )


# Most hits have no campaign, and come from a few pages of their own site or from a few others.
@lru_cache(maxsize=10_000)
def _origin_of_referrer(referrer: str, own_hosts: tuple[str, ...]) -> Origin:
    page = read_referrer(referrer, own_hosts=own_hosts)
    source = choose_source(named="", referrer=page, click_id="")
    return Origin(referrer=page.address if page else "", source=source.name, kind=source.kind)
