"""Counts a Flask site with trackingsite: `Tracking(app)`, and `{{ tracking_code() }}` in its pages.

| Config | Default | What |
|---|---|---|
| TRACKING_BACKEND_URL | needed | where trackingsite is: https://stats.example.org |
| TRACKING_DOMAIN | needed | the site's domain, as trackingsite knows it |
| TRACKING_KEY | "" | an API key that may send; events and own addresses need it |
| TRACKING_SERVER_SIDE | False | pages are counted by the server, events by the script |
| TRACKING_OWN_PATH | "" | where the site serves script and endpoint itself, such as /t |
| TRACKING_IN_DEBUG | False | counts in debug mode |
| TRACKING_PROXIES | 0 | how many proxies of ours stand before the site |
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, request
from markupsafe import Markup
from tracking_client.client import Client
from tracking_client.events import Event
from tracking_client.web import (
    OPT_OUT_COOKIE,
    SCRIPT,
    SCRIPT_HEADERS,
    is_page_view,
    is_prefetch,
    read_address,
    read_hit,
    read_wishes,
    tag_attributes,
)

_DEFAULTS: Final[dict[str, Any]] = {
    "TRACKING_KEY": "",
    "TRACKING_SERVER_SIDE": False,
    "TRACKING_OWN_PATH": "",
    "TRACKING_IN_DEBUG": False,
    "TRACKING_PROXIES": 0,
}


@lru_cache(maxsize=10)
def _client(backend_url: str, domain: str, key: str) -> Client:
    return Client(backend_url, domain, key)


class Tracking:
    """The extension. Raises ValueError when a setting is missing or wrong."""

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give the app's templates `tracking_code()`, and count pages where it says so."""
        for name, value in _DEFAULTS.items():
            app.config.setdefault(name, value)
        address = str(app.config.get("TRACKING_BACKEND_URL") or "")
        if urlsplit(address).scheme not in {"http", "https"}:
            raise ValueError(
                f"TRACKING_BACKEND_URL is {address!r}. Set it to where trackingsite is, such as "
                "https://stats.example.org."
            )
        if not app.config.get("TRACKING_DOMAIN"):
            raise ValueError("TRACKING_DOMAIN is empty. Set it to the site's domain.")
        own_path = app.config["TRACKING_OWN_PATH"]
        if (own_path or app.config["TRACKING_SERVER_SIDE"]) and not app.config["TRACKING_KEY"]:
            raise ValueError("TRACKING_KEY is empty. Set it to an API key that may send.")
        app.extensions["tracking"] = self
        app.jinja_env.globals["tracking_code"] = self.tracking_code
        app.after_request(self._count_page)
        if own_path:
            app.register_blueprint(_make_blueprint(self), url_prefix=own_path)

    @property
    def client(self) -> Client:
        """The client of the app at work."""
        config = current_app.config
        return _client(
            config["TRACKING_BACKEND_URL"], config["TRACKING_DOMAIN"], config["TRACKING_KEY"]
        )

    def is_counted(self) -> bool:
        """Return whether who sends the request is counted. Override it to leave staff out."""
        if current_app.debug and not current_app.config["TRACKING_IN_DEBUG"]:
            return False
        return not request.cookies.get(OPT_OUT_COOKIE)

    def tracking_code(self, nonce: str = "") -> Markup:
        """Return the script's tag, with the nonce of the page's policy; empty for who opted out."""
        if not self.is_counted():
            return Markup()
        config = current_app.config
        own_path = config["TRACKING_OWN_PATH"]
        root = own_path or config["TRACKING_BACKEND_URL"].rstrip("/")
        attributes = tag_attributes(
            domain=config["TRACKING_DOMAIN"],
            src=f"{root}/js/script.js",
            api=f"{own_path}/api/event" if own_path else "",
            nonce=nonce,
            is_manual=config["TRACKING_SERVER_SIDE"],
        )
        named = Markup("").join(Markup(' {}="{}"').format(*pair) for pair in attributes)
        return Markup("<script defer{}></script>").format(named)

    def track(self, name: str, *, url: str = "", **fields: Any) -> None:
        """Count an event of whoever sent the request; `fields` are those of Event."""
        if self.is_counted():
            self.client.send(
                Event(name, url or request.url, **self._visitor(), **self._wishes(), **fields)
            )

    def _visitor(self) -> dict[str, Any]:
        return {
            "address": read_address(request.environ, current_app.config["TRACKING_PROXIES"]),
            "user_agent": request.headers.get("User-Agent", ""),
        }

    def _wishes(self) -> dict[str, Any]:
        return read_wishes(request.environ)

    def _count_page(self, response: Response) -> Response:
        if not current_app.config["TRACKING_SERVER_SIDE"] or not self.is_counted():
            return response
        kind, status = response.content_type or "", response.status_code
        if is_page_view(request.environ, status=status, content_type=kind):
            self.track("pageview", referrer=request.headers.get("Referer", ""))
        return response


def _make_blueprint(tracking: Tracking) -> Blueprint:
    """Return the site's own addresses of script and endpoint."""
    blueprint = Blueprint("tracking", __name__)

    @blueprint.get("/js/script.js")  # type: ignore[untyped-decorator]
    def script() -> Response:
        return Response(SCRIPT, headers=dict(SCRIPT_HEADERS))

    @blueprint.post("/api/event")  # type: ignore[untyped-decorator]
    def event() -> Response:
        try:
            hit = read_hit(request.get_data())
        except ValueError:
            return Response('{"body": ["Send JSON in UTF-8."]}', 400, mimetype="application/json")
        if not is_prefetch(request.environ):
            tracking.client.forward(hit | tracking._wishes(), **tracking._visitor())
        return Response("ok", 202, mimetype="text/plain")

    return blueprint
