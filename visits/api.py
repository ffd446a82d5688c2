"""The ingestion endpoint: HTTP ends here. What goes on with a hit is in `ingestion/`."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping
from typing import IO, Any, Final

import orjson
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from visits.ingestion.addresses import client_address
from visits.ingestion.devices import MAX_USER_AGENT
from visits.ingestion.fields import LONG_NAMES, MalformedHitError, read_hit
from visits.ingestion.hit import Drop, Hit, SentHit
from visits.ingestion.pipeline import ingest
from visits.renderers import PlainTextRenderer

logger = logging.getLogger(__name__)

MAX_BODY: Final = 64 * 1024
RETRY_AFTER_SECONDS: Final = 5

DROPPED_HEADER: Final = "X-Tracking-Dropped"
CUT_HEADER: Final = "X-Tracking-Cut"

CORS_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"{DROPPED_HEADER}, {CUT_HEADER}, Retry-After",
}
PREFLIGHT_HEADERS: Final = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}

# More digits are no field's number, and thousands of them int() refuses.
_NUMBER: Final = re.compile(r"[0-9]{1,18}")

# A picture of one transparent pixel.
PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")


class BodyTooLargeError(APIException):
    """A body over MAX_BODY; it is not read to its end."""

    status_code = 413
    default_detail = f"A hit has at most {MAX_BODY // 1024} KB."


class HitParser(BaseParser):
    """Reads JSON whatever the content type says: sendBeacon sends JSON as text/plain."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the decoded body. Raises BodyTooLargeError, or MalformedHitError for no JSON."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise BodyTooLargeError
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise MalformedHitError({"body": ["Send JSON in UTF-8."]}) from None


class AnyNegotiation(BaseContentNegotiation):
    """Takes the parser and renderer there are: senders of hits negotiate nothing."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser."""
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Return the first renderer and its media type."""
        return renderers[0], renderers[0].media_type


class EventView(APIView):
    """`POST /api/event`: one hit, from any origin, without credentials.

    202 `ok`: stored, and on disk; or deliberately dropped, with the reason in a header.
    400: malformed, with the messages by field. 413: too large. 503: cannot be stored now.
    """

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (HitParser,)
    renderer_classes = (PlainTextRenderer,)
    content_negotiation_class = AnyNegotiation

    def post(self, request: Request) -> Response:
        """Read the hit, take it in, tell what became of it."""
        sent = read_hit(request.data)
        verdicts = ingest(make_hits(request._request, sent))
        return Response("ok", status=202, headers=verdict_headers(sent, verdicts))

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Allow any page to send JSON."""
        return Response(status=204, headers=PREFLIGHT_HEADERS)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer a malformed hit with its field errors and a store that cannot write with 503."""
        match exc:
            case MalformedHitError():
                return Response(exc.errors, status=400)
            case DatabaseError() | OSError():  # the rows, or the salts
                logger.exception("A hit could not be stored.")
                return Response(
                    "The hit cannot be stored now; send it again.",
                    status=503,
                    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                )
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let pages of any origin read the answer."""
        for name, value in CORS_HEADERS.items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)


@require_GET
def pixel(request: HttpRequest) -> HttpResponse:
    """`GET /pixel.gif?d=<domain>&u=<url>`: a pageview of a page that runs no script.

    Takes the contract's fields in its query; `u` defaults to the page that shows the picture, as
    its Referer header tells. Answers as the endpoint does, but with the picture and 200 in place
    of `ok` and 202, since browsers show a picture by them.
    """
    fields = {name: str(value) for name, value in request.GET.items() if value}
    if not {"n", "name"} & fields.keys():
        fields["name"] = "pageview"
    if not {"u", "url"} & fields.keys():
        fields["url"] = request.headers.get("Referer", "")
    try:
        sent = read_hit({name: _typed(name, value) for name, value in fields.items()})
    except MalformedHitError as error:
        return HttpResponse(orjson.dumps(error.errors), status=400, content_type="application/json")
    try:
        verdicts = ingest(make_hits(request, sent))
    except (DatabaseError, OSError):
        logger.exception("A hit could not be stored.")
        return HttpResponse(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HttpResponse(
        PIXEL,
        content_type="image/gif",
        headers={
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "cross-origin",
            **verdict_headers(sent, verdicts),
        },
    )


def make_hits(request: HttpRequest, sent: SentHit) -> list[Hit]:
    """Return what was sent as one hit for each domain it names, with what the request tells."""
    received_at = timezone.now()
    address = client_address(request.META, settings.TRUSTED_PROXIES)
    user_agent = request.headers.get("User-Agent", "")[:MAX_USER_AGENT]
    return [
        Hit(
            sent=sent,
            domain=domain,
            received_at=received_at,
            address=address,
            user_agent=user_agent,
            is_prefetch=_is_prefetch(request),
        )
        for domain in sent.domains
    ]


def verdict_headers(sent: SentHit, verdicts: list[Any]) -> dict[str, str]:
    """Return the headers that say why hits were dropped and which fields were cut."""
    headers = {}
    if reasons := dict.fromkeys(v.reason.value for v in verdicts if isinstance(v, Drop)):
        headers[DROPPED_HEADER] = ", ".join(reasons)
    if sent.cut:
        headers[CUT_HEADER] = ", ".join(sent.cut)
    return headers


def _is_prefetch(request: HttpRequest) -> bool:
    """Whether a browser says that it loads the page ahead: Sec-Purpose; Purpose, X-Moz formerly."""
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return any("prefetch" in purpose or "prerender" in purpose for purpose in purposes)


def _typed(name: str, value: str) -> str | int | bool:
    """Return a query's text as the JSON value that the field takes."""
    match LONG_NAMES.get(name, name):
        case "engagement_time" | "scroll_depth" | "screen_width" if _NUMBER.fullmatch(value):
            return int(value)
        case "interactive" | "hash_mode":
            return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return value
