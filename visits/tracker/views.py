"""Serves the tracking script to pages of any origin, by its own names and those of Plausible's."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import brotli
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

# A weight of nothing: such an encoding is not to be sent.
_REFUSED: Final = re.compile(r";\s*q=0(\.0*)?\s*$")

TRACKER: Final = Path(__file__).parent
#: What `npm run build` made of source/.
BUILT: Final = TRACKER / "built"


@dataclass(frozen=True, slots=True)
class Script:
    """A file that pages load, in each encoding, with its ETag: a weak one, as it is of all."""

    encodings: dict[str, bytes]
    etag: str


@cache
def read_script(name: str) -> Script:
    """Return one of the built files, `script.js` with everything or the small `core.js`."""
    source = (BUILT / name).read_bytes()
    return Script(
        encodings={
            "br": brotli.compress(source),
            "gzip": gzip.compress(source, mtime=0),
            "": source,
        },
        etag=f'W/"{hashlib.sha256(source).hexdigest()[:16]}"',
    )


def _etag(request: HttpRequest, file: str = "script.js") -> str:
    return read_script(file).etag


@require_safe
@condition(etag_func=_etag)
def script(request: HttpRequest, file: str = "script.js") -> HttpResponse:
    """Return the script; browsers ask again after an hour and are told when nothing changed."""
    encoding = _choose_encoding(request.headers.get("Accept-Encoding", ""))
    response = HttpResponse(
        read_script(file).encodings[encoding],
        content_type="text/javascript; charset=utf-8",
        headers={
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "public, max-age=3600",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        },
    )
    if encoding:
        response["Content-Encoding"] = encoding
    return response


def _choose_encoding(accepted: str) -> str:
    """Return the best encoding that a browser takes; empty for none, or those it refuses by q=0."""
    parts = [part.strip().lower() for part in accepted.split(",")]
    names = {part.split(";")[0].strip() for part in parts if not _REFUSED.search(part)}
    return next((name for name in ("br", "gzip") if name in names), "")
