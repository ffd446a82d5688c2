"""How the ingestion endpoint writes its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer


class PlainTextRenderer(BaseRenderer):
    """Text as it is, anything else as JSON; the content type follows what is written."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body of the answer, empty for none."""
        if data is None:
            return b""
        if isinstance(data, str):
            return data.encode()
        if renderer_context is not None:
            renderer_context["response"]["Content-Type"] = "application/json"
        return orjson.dumps(data)
