"""Histories for tests: what people did, sent through the pipeline into the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from reports.tests.oracle import Action
from sites.models import Site
from visits.ingestion.hit import Hit, SentHit
from visits.ingestion.pipeline import ingest
from visits.models import Visit
from visits.services import add_event, add_visit

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
            screen_width=action.screen_width,
            props=dict(action.props),
            revenue_amount=Decimal(action.revenue[0]) if action.revenue else None,
            revenue_currency=action.revenue[1] if action.revenue else "",
        ),
        domain=site.domain,
        received_at=action.at,
        address=f"2001:db8::{action.person}",
        user_agent=USER_AGENT,
    )


def view(site: Site, *moments: datetime, visitor: int = 1, page: str = "/", **facts: Any) -> Visit:
    """Return a new visit that saw the page at each of these moments; past the pipeline."""
    visit = add_visit(site=site, visitor=visitor, started_at=moments[0], **facts)
    for moment in moments:
        add_event(visit=visit, page=page, happened_at=moment)
    return visit
