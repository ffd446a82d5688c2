"""Serves the tracking script to pages of any origin."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

SCRIPT_FILE = Path(__file__).with_name("script.js")


@cache
def read_script() -> tuple[bytes, bytes, str]:
    """Return the script, the script compressed, and its ETag, a weak one as it stands for both."""
    source = SCRIPT_FILE.read_bytes()
    return source, gzip.compress(source, mtime=0), f'W/"{hashlib.sha256(source).hexdigest()[:16]}"'


def _etag(request: HttpRequest) -> str:
    return read_script()[2]


@require_safe
@condition(etag_func=_etag)
def script(request: HttpRequest) -> HttpResponse:
    """Return the script; browsers ask again after an hour and are told when nothing changed."""
    source, compressed, _ = read_script()
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(
        compressed if zipped else source,
        content_type="text/javascript; charset=utf-8",
        headers={
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "public, max-age=3600",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        },
    )
    if zipped:
        response["Content-Encoding"] = "gzip"
    return response
