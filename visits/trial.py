"""A hit that staff send to see whether hits of a site are stored."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from sites.models import Site
from visits.ingestion.addresses import client_address
from visits.ingestion.hit import Drop, Hit, SentHit
from visits.ingestion.pipeline import ingest

#: What the event is called; it is no pageview, and no visit counts as more than a bounce by it.
NAME: Final = "Test hit"


def send_trial(site: Site, request: HttpRequest) -> str:
    """Send a hit as if a page had, from the browser of `request`; return what became of it.

    "stored", or the reason for which it was dropped. Raises django.db.Error where it cannot be
    stored.
    """
    hit = Hit(
        sent=SentHit(name=NAME, url=site.base_url, domains=(site.domain,), interactive=False),
        domain=site.domain,
        received_at=timezone.now(),
        address=client_address(request.META, settings.TRUSTED_PROXIES),
        user_agent=request.headers.get("User-Agent", ""),
    )
    (verdict,) = ingest([hit])
    return f"left out: {verdict.reason}" if isinstance(verdict, Drop) else "stored"
