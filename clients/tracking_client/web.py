"""What every web framework's client needs of a request, read from its WSGI environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

#: A visitor, or staff, who has this cookie is not counted.
OPT_OUT_COOKIE: Final = "trackingsite_ignore"
SCRIPT: Final = Path(__file__).with_name("script.js").read_bytes()
SCRIPT_HEADERS: Final = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=3600",
}
#: Bytes of one hit, as the server takes it.
MAX_BODY: Final = 64 * 1024


def read_address(environ: Mapping[str, Any], proxies: int) -> str:
    """Return the visitor's address: the peer's, or what the outermost of our own proxies saw.

    `proxies` is how many proxies of ours stand before the program; each adds one address to
    X-Forwarded-For, and what stands left of theirs anybody may have written.
    """
    peer = str(environ.get("REMOTE_ADDR") or "")
    hops = [hop.strip() for hop in str(environ.get("HTTP_X_FORWARDED_FOR") or "").split(",")]
    if not proxies or not hops[0]:
        return peer
    return hops[max(0, len(hops) - proxies)]


def is_prefetch(environ: Mapping[str, Any]) -> bool:
    """Return whether a browser loads the page ahead: nobody may ever see it."""
    names = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ")
    purposes = " ".join(str(environ.get(name) or "") for name in names)
    return "prefetch" in purposes or "prerender" in purposes


def read_wishes(environ: Mapping[str, Any]) -> dict[str, bool]:
    """Return what the browser asks for, as fields of the contract; the site decides."""
    wishes = {"gpc": environ.get("HTTP_SEC_GPC") == "1", "dnt": environ.get("HTTP_DNT") == "1"}
    return {name: True for name, is_asked in wishes.items() if is_asked}


def is_page_view(environ: Mapping[str, Any], *, status: int, content_type: str) -> bool:
    """Return whether an answer is a page that somebody opened: HTML, found, and no part of one."""
    if environ.get("REQUEST_METHOD") != "GET" or not 200 <= status < 300:
        return False
    if not content_type.startswith("text/html") or is_prefetch(environ):
        return False
    if environ.get("HTTP_HX_REQUEST") or environ.get("HTTP_X_REQUESTED_WITH"):
        return False
    if goal := environ.get("HTTP_SEC_FETCH_DEST"):
        return str(goal) == "document"
    return "text/html" in str(environ.get("HTTP_ACCEPT") or "")


def tag_attributes(
    *, domain: str, src: str, api: str = "", nonce: str = "", is_manual: bool = False
) -> list[tuple[str, str]]:
    """Return the attributes of the script's tag, their values still to be escaped."""
    attributes = {"data-domain": domain, "src": src, "data-api": api, "nonce": nonce}
    if is_manual:
        attributes["data-manual"] = "true"
    return [(name, value) for name, value in attributes.items() if value]


def read_hit(body: bytes) -> dict[str, Any]:
    """Return the hit that a browser sent. Raises ValueError for what is none."""
    if len(body) > MAX_BODY:
        raise ValueError("At most 64 KB.")
    hit = json.loads(body)
    if not isinstance(hit, dict):
        raise ValueError("Send one JSON object.")
    return hit
