"""What brought a visitor: the referrer, the campaign and the source that follow from a hit."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from visits.ingestion.click_ids import find_click_id, medium_of_click
from visits.ingestion.hit import Origin
from visits.ingestion.pages import read_query
from visits.ingestion.sources import (
    MAX_SOURCE,
    Referrer,
    choose_source,
    host_of_name,
    is_own_host,
    read_referrer,
)

#: Parameters that name the source; the first that is there does.
_NAMES: Final = ("utm_source", "source", "ref")


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
    named = [name for parameter in _NAMES if (name := query.get(parameter, ""))]
    page, hosts = _read_page(referrer, own_hosts)
    source = choose_source(named=named[0] if named else "", referrer=page, click_id=click_id)
    utm["utm_medium"] = utm["utm_medium"] or medium_of_click(click_id, source=source.name)
    return Origin(
        referrer=page.address if page else "",
        source=source.name,
        kind=source.kind,
        click_id=click_id,
        hosts=(*hosts, *map(host_of_name, named)),
        **utm,
    )


# Most hits have no campaign, and come from a few pages of their own site or from a few others.
@lru_cache(maxsize=10_000)
def _origin_of_referrer(referrer: str, own_hosts: tuple[str, ...]) -> Origin:
    page, hosts = _read_page(referrer, own_hosts)
    source = choose_source(named="", referrer=page, click_id="")
    address = page.address if page else ""
    return Origin(referrer=address, source=source.name, kind=source.kind, hosts=hosts)


def _read_page(
    referrer: str, own_hosts: tuple[str, ...]
) -> tuple[Referrer | None, tuple[str, ...]]:
    """Return the page that refers, None for one under `own_hosts`; and its host in either case."""
    page = read_referrer(referrer)
    if page is None:
        return None, ()
    return None if is_own_host(page.hostname, own_hosts) else page, (page.hostname,)
