"""Sites by domain, as every hit asks for one: kept in memory for a moment.

A change in the admin counts at once in its own process, and in others within KEPT_SECONDS.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from sites.models import Exclusion, Site

KEPT_SECONDS: Final = 1.0

_by_domain: dict[str, Site] = {}
_watched: tuple[Site, ...] = ()
_good_until = 0.0


def find_site(domain: str) -> Site | None:
    """Return the site with this domain, in its normal form; None when there is none.

    All sites are read at once, with their exclusions: anybody may send any number of domains that
    no site has, and none of them shall cost a question to the database.
    """
    global _by_domain, _watched, _good_until  # replaced as wholes, so that threads need no lock
    now = time.monotonic()
    if now >= _good_until:
        sites = Site.objects.order_by().prefetch_related("exclusions")
        by_domain = {site.domain: site for site in sites}
        _watched = tuple(site for site in by_domain.values() if site.watched_until)
        moment = timezone.now()
        for site in list(by_domain.values()):
            if site.former_domain_until and site.former_domain_until > moment:
                by_domain.setdefault(site.former_domain, site)
        _by_domain = by_domain
        _good_until = now + KEPT_SECONDS
    return _by_domain.get(domain)


def watched_sites(at: datetime) -> list[Site]:
    """Return the sites whose hits staff watch at that moment, as `find_site` last read them."""
    return [site for site in _watched if site.watched_until and site.watched_until > at]


def may_be_watched() -> bool:
    """Whether staff watch a site, or may since sites were last read; asks no database."""
    return bool(_watched) or time.monotonic() >= _good_until


def forget_sites() -> None:
    """Read sites anew from now on."""
    global _good_until
    _good_until = 0.0


@receiver([post_save, post_delete], sender=Site)
@receiver([post_save, post_delete], sender=Exclusion)
def _on_change(**kwargs: Any) -> None:
    """Read sites anew, in this transaction now, in other threads once it is committed."""
    forget_sites()
    transaction.on_commit(forget_sites)
