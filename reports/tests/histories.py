"""Histories for tests: what people did, sent through the pipeline into the store."""

from __future__ import annotations

from collections.abc import Iterable

from reports.tests.oracle import Action
from sites.models import Site
from visits.ingestion.hit import Hit, SentHit
from visits.ingestion.pipeline import ingest

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def send_actions(site: Site, actions: Iterable[Action]) -> None:
    """Take each action in as a hit of its own, as it would arrive from a page."""
    for action in actions:
        ingest([make_hit(site, action)])


def make_hit(site: Site, action: Action) -> Hit:
    """Return the hit that a page would send; people differ by their address."""
    query = f"?utm_source={action.source}" if action.source else ""
    return Hit(
        sent=SentHit(
            name=action.name,
            url=f"https://{site.domain}{action.page}{query}",
            domains=(site.domain,),
            title=action.title,
            interactive=action.interactive,
            engagement_ms=action.engagement_ms,
            scroll_depth=action.scroll_depth,
        ),
        domain=site.domain,
        received_at=action.at,
        address=f"2001:db8::{action.person}",
        user_agent=USER_AGENT,
    )
