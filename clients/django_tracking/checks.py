"""System checks: what is wrong with the settings, before a visitor finds out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.urls import NoReverseMatch, reverse

from django_tracking.conf import get

MIDDLEWARE = "django_tracking.middleware.tracking_middleware"


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong, with what to do."""
    found: list[CheckMessage] = []
    address = get("TRACKING_BACKEND_URL")
    if urlsplit(address).scheme not in {"http", "https"}:
        hint = "Set it to where trackingsite is, such as https://stats.example.org."
        found.append(Error(f"TRACKING_BACKEND_URL is {address!r}.", hint, id="tracking.E001"))
    if not get("TRACKING_DOMAIN"):
        hint = "Set it to the site's domain, as trackingsite knows it."
        found.append(Error("TRACKING_DOMAIN is empty.", hint, id="tracking.E002"))
    has_middleware = MIDDLEWARE in settings.MIDDLEWARE
    if get("TRACKING_SERVER_SIDE") and not has_middleware:
        hint = f"Add {MIDDLEWARE} to MIDDLEWARE, last."
        found.append(Error("TRACKING_SERVER_SIDE counts nothing.", hint, id="tracking.E003"))
    if not get("TRACKING_KEY") and (get("TRACKING_SERVER_SIDE") or _has_own_address()):
        hint = "Make an API key that may send in trackingsite's admin."
        found.append(Error("TRACKING_KEY is empty.", hint, id="tracking.E004"))
    if has_middleware and not get("TRACKING_SERVER_SIDE"):
        hint = "Set TRACKING_SERVER_SIDE, or take the middleware out."
        found.append(Warning("The tracking middleware counts nothing.", hint, id="tracking.W001"))
    return found


def _has_own_address() -> bool:
    try:
        reverse("django_tracking:event")
    except NoReverseMatch:
        return False
    return True
