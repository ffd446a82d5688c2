"""The endpoints that take hits, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from visits.api import (
    CUT_HEADER,
    DROPPED_HEADER,
    MAX_BATCH,
    MAX_BATCH_BODY,
    MAX_BODY,
)
from visits.ingestion.devices import MAX_USER_AGENT
from visits.ingestion.fields import (
    LONG_NAMES,
    MAX_ENGAGEMENT_MS,
    MAX_EVENT_ID,
    MAX_NAME,
    MAX_PROP_KEY,
    MAX_PROP_VALUE,
    MAX_PROPS,
    MAX_SCREEN_WIDTH,
    MAX_TITLE,
    MAX_URL,
    MAX_USER_ID,
    REQUIRED,
)

_KEY: Final = " Only with an API key that may send."

#: The fields of a hit by their long names.
FIELDS: Final[dict[str, dict[str, Any]]] = {
    "name": {
        "type": "string",
        "maxLength": MAX_NAME,
        "description": "Required. Name of the event; `pageview` and `engagement` are reserved.",
    },
    "url": {
        "type": "string",
        "maxLength": MAX_URL,
        "description": "Required. Address of the page.",
    },
    "domain": {
        "type": "string",
        "description": "Required. The site, or several separated by commas.",
    },
    "referrer": {
        "type": "string",
        "nullable": True,
        "description": f"Address of the page before, cut to {MAX_URL:,} characters.",
    },
    "title": {
        "type": "string",
        "description": f"Title of the page, cut to {MAX_TITLE} characters.",
    },
    "props": {
        "type": "object",
        "additionalProperties": {},
        "maxProperties": MAX_PROPS,
        "description": (
            "Properties: an object of scalars, or a text that holds one. A name has"
            f" {MAX_PROP_KEY} characters at most, a value {MAX_PROP_VALUE:,}."
        ),
    },
    "revenue": {
        "type": "object",
        "properties": {
            "currency": {"type": "string", "description": "ISO 4217, such as EUR."},
            "amount": {"type": "string", "description": "Such as 12.30, or a number."},
        },
        "description": "An amount of money.",
    },
    "interactive": {
        "type": "boolean",
        "default": True,
        "description": "False: the event does not count against a bounce.",
    },
    "engagement_time": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_ENGAGEMENT_MS,
        "description": "Milliseconds for which the page was visible; with `engagement`.",
    },
    "scroll_depth": {
        "type": "integer",
        "minimum": 0,
        "maximum": 255,
        "description": "Greatest depth in percent, 255 for none; with `engagement`.",
    },
    "hash_mode": {"type": "boolean", "description": "True: the fragment is part of the page."},
    "event_id": {
        "type": "string",
        "maxLength": MAX_EVENT_ID,
        "description": "Chosen by the client: a hit sent again with it is stored once.",
    },
    "screen_width": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_SCREEN_WIDTH,
        "description": "In CSS pixels.",
    },
    "language": {"type": "string", "description": "BCP 47, such as en-GB."},
    "timezone": {"type": "string", "description": "IANA name, such as Europe/Berlin."},
    "automated": {"type": "boolean", "description": "True: a program drives the browser."},
    "gpc": {"type": "boolean", "description": "True: the browser sends Sec-GPC: 1."},
    "dnt": {"type": "boolean", "description": "True: the browser sends DNT: 1."},
    "version": {"description": "Version of the script; read by nothing yet."},
    "address": {"type": "string", "description": f"The visitor's address.{_KEY}"},
    "user_agent": {
        "type": "string",
        "maxLength": MAX_USER_AGENT,
        "description": f"The visitor's user agent.{_KEY}",
    },
    "at": {
        "type": "string",
        "format": "date-time",
        "description": f"When it happened, up to 48 hours back.{_KEY}",
    },
    "user_id": {
        "type": "string",
        "maxLength": MAX_USER_ID,
        "description": f"Who it was, as the site knows the person.{_KEY}",
    },
}


def describe_hit() -> dict[str, Any]:
    """Return the JSON Schema of a hit; short names are told beside the long ones."""
    short: dict[str, list[str]] = {}
    for name, long in LONG_NAMES.items():
        short.setdefault(long, []).append(f"`{name}`")
    fields = {name: dict(field) for name, field in FIELDS.items()}
    for name, names in short.items():
        fields[name]["description"] += f" Also {', '.join(names)}."
    return {
        "type": "object",
        "allOf": [
            {"anyOf": [{"required": [name.strip("`")]} for name in (long, *short[long])]}
            for long in sorted(REQUIRED)
        ],
        "properties": fields,
        "example": {
            "name": "pageview",
            "url": "https://example.com/docs",
            "domain": "example.com",
        },
    }


_ERRORS: Final = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "example": {"domain": ["This field is required."]},
}
_DROPPED: Final = OpenApiParameter(
    DROPPED_HEADER,
    str,
    OpenApiParameter.HEADER,
    response=[202],
    description="Why the hit was left out; not sent for one that is stored.",
)
_CUT: Final = OpenApiParameter(
    CUT_HEADER,
    str,
    OpenApiParameter.HEADER,
    response=[202],
    description="The fields that were cut to their greatest length.",
)
_REFUSALS: Final = {
    413: OpenApiResponse({"type": "string"}, "Too large."),
    503: OpenApiResponse({"type": "string"}, "It cannot be stored now; send it again later."),
}


class EventDescription(OpenApiViewExtension):
    """`POST /api/event`."""

    target_class = "visits.api.EventView"

    def view_replacement(self) -> Any:
        """Return the view with its description."""

        class Described(self.target_class):  # type: ignore[misc,name-defined]
            @extend_schema(
                operation_id="send_hit",
                tags=["Hits"],
                summary="Send a hit",
                description=(
                    "Stores one hit. 202 means that it is on disk, or left out on purpose; a header"
                    f" then says why. At most {MAX_BODY // 1024} KB."
                ),
                request={"application/json": describe_hit(), "text/plain": describe_hit()},
                parameters=[_DROPPED, _CUT],
                responses={
                    (202, "text/plain"): OpenApiResponse({"type": "string"}, "Taken: `ok`."),
                    400: OpenApiResponse(_ERRORS, "Malformed: what is wrong, by field."),
                    **_REFUSALS,
                },
                auth=[{}, {"key": []}],  # type: ignore[list-item]
            )
            def post(self, request: Any) -> Any:
                """Described above."""

        return Described


class EventsDescription(OpenApiViewExtension):
    """`POST /api/events`."""

    target_class = "visits.api.EventsView"

    def view_replacement(self) -> Any:
        """Return the view with its description."""
        verdict = {
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"type": "integer", "enum": [202, 400]},
                "dropped": {"type": "string", "description": "Why it was left out."},
                "cut": {"type": "string", "description": "Fields that were cut."},
                "errors": _ERRORS,
            },
        }

        class Described(self.target_class):  # type: ignore[misc,name-defined]
            @extend_schema(
                operation_id="send_hits",
                tags=["Hits"],
                summary="Send several hits",
                description=(
                    f"Stores up to {MAX_BATCH:,} hits, and tells for each what a request of its own"
                    f" would have been answered. At most {MAX_BATCH_BODY // 1024:,} KB."
                ),
                request={
                    "application/json": {
                        "type": "array",
                        "maxItems": MAX_BATCH,
                        "items": describe_hit(),
                    }
                },
                responses={
                    202: OpenApiResponse({"type": "array", "items": verdict}, "In their order."),
                    400: OpenApiResponse(_ERRORS, "No array."),
                    **_REFUSALS,
                },
                auth=[{}, {"key": []}],  # type: ignore[list-item]
            )
            def post(self, request: Any) -> Any:
                """Described above."""

        return Described
