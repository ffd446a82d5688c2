"""The settings, each with its default.

| Setting | Default | What |
|---|---|---|
| TRACKING_BACKEND_URL | needed | where trackingsite is: https://stats.example.org |
| TRACKING_DOMAIN | needed | the site's domain, as trackingsite knows it |
| TRACKING_KEY | "" | an API key that may send; events and own addresses need it |
| TRACKING_SERVER_SIDE | False | the middleware counts pages; the script then counts events alone |
| TRACKING_STAFF | False | staff are counted too |
| TRACKING_IN_DEBUG | False | counts with DEBUG on |
| TRACKING_PROXIES | 0 | how many proxies of ours stand before the site |
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from tracking_client.client import Client
from tracking_client.web import OPT_OUT_COOKIE, read_address, read_wishes

DEFAULTS: Final[dict[str, Any]] = {
    "TRACKING_BACKEND_URL": "",
    "TRACKING_DOMAIN": "",
    "TRACKING_KEY": "",
    "TRACKING_SERVER_SIDE": False,
    "TRACKING_STAFF": False,
    "TRACKING_IN_DEBUG": False,
    "TRACKING_PROXIES": 0,
}


def get(name: str) -> Any:
    """Return a setting, or its default."""
    return getattr(settings, name, DEFAULTS[name])


@lru_cache(maxsize=10)
def _client(backend_url: str, domain: str, key: str) -> Client:
    return Client(backend_url, domain, key)


def get_client() -> Client:
    """Return the client of the settings as they are. Raises ValueError where they are wrong."""
    return _client(get("TRACKING_BACKEND_URL"), get("TRACKING_DOMAIN"), get("TRACKING_KEY"))


def read_visitor(request: HttpRequest) -> dict[str, Any]:
    """Return what an event says of whoever sent the request, by the fields of Event."""
    return {
        "address": read_address(request.META, get("TRACKING_PROXIES")),
        "user_agent": request.META.get("HTTP_USER_AGENT", ""),
        **read_wishes(request.META),
    }


def is_counted(request: HttpRequest) -> bool:
    """Return whether who sends the request is counted: no staff, nobody who opted out."""
    if settings.DEBUG and not get("TRACKING_IN_DEBUG"):
        return False
    if request.COOKIES.get(OPT_OUT_COOKIE):
        return False
    user = getattr(request, "user", None)
    return bool(get("TRACKING_STAFF")) or not (user and user.is_active and user.is_staff)
