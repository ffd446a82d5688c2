"""The ingestion endpoint: HTTP ends here. What goes on with a hit is in `ingestion/`.

The views are coroutines: a request that waits for its commit holds no thread.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.http import require_GET
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sites.registry import may_be_watched
from visits.ingestion.fields import LONG_NAMES, MalformedHitError, read_hit
from visits.ingestion.hit import Drop, Hit, SentHit
from visits.ingestion.queue import refuse_when_late, store
from visits.ingestion.tally import note_malformed, note_refused
from visits.ingestion.watching import keep_malformed
from visits.renderers import PlainTextRenderer
from visits.senders import ANYONE, Sender, find_sender, in_thread, note_sender
from visits.turns import StoreBusyError

MAX_BODY: Final = 64 * 1024
MAX_BATCH_BODY: Final = 4 * 1024 * 1024
MAX_BATCH: Final = 1_000
#: Hits of a batch, where some name several domains.
MAX_BATCH_HITS: Final = 2_000
#: Batches over MAX_BODY on their way at once; a thousand hits take about a fifth of a second.
MAX_BATCHES: Final = 4
#: What it may take to read a batch.
READING_SECONDS: Final = 2.0
# What a body may hold at most, counted before it is read: a few bytes can become an object each. A
# thousand hits with all their properties have a third of it.
MAX_OBJECTS: Final = 10 * MAX_BATCH
MAX_VALUES: Final = 100 * MAX_BATCH
RETRY_AFTER_SECONDS: Final = 5

DROPPED_HEADER: Final = "X-Tracking-Dropped"
CUT_HEADER: Final = "X-Tracking-Cut"

CORS_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"{DROPPED_HEADER}, {CUT_HEADER}, Retry-After",
    "X-Content-Type-Options": "nosniff",
}
PREFLIGHT_HEADERS: Final = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Max-Age": "86400",
}

# A text of JSON, in which braces and commas mean nothing.
_TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

# A picture of one transparent pixel.
PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")


class BodyTooLargeError(APIException):
    """A body over its view's `max_body`, which is not read to its end, or with too much in it.

    Its message is that of the field `body`.
    """

    status_code = 413


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
        most = parser_context["view"].max_body if parser_context else MAX_BODY
        body = stream.read(most + 1)
        if len(body) > most:
            raise BodyTooLargeError(f"At most {most // 1024} KB.")
        if has_too_many_values(body):
            raise BodyTooLargeError("Too many values.")
        return _decode(body)


def _decode(body: bytes) -> Any:
    """Return what JSON says. Raises MalformedHitError for what is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedHitError({"body": ["Send JSON in UTF-8."]}) from None


def has_too_many_values(body: bytes) -> bool:
    """Return whether JSON has more than MAX_OBJECTS objects and arrays, or MAX_VALUES values.

    Counts signs first, which is quick, and leaves out those within texts only if there are too
    many.
    """
    objects = body.count(b"{") + body.count(b"[")
    values = body.count(b",")
    if objects <= MAX_OBJECTS and values <= MAX_VALUES:
        return False
    for number, text in enumerate(_TEXT.finditer(body)):
        if number > 2 * MAX_VALUES:  # each value has a name at most
            return True
        start, end = text.span()
        objects -= body.count(b"{", start, end) + body.count(b"[", start, end)
        values -= body.count(b",", start, end)
    return objects > MAX_OBJECTS or values > MAX_VALUES


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


class IngestionView(APIView):
    """What the endpoints that take hits have in common: from any origin, without cookies.

    An API key in `Authorization: Bearer` lets a sender tell of visitors that it is not itself.
    """

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (HitParser,)
    renderer_classes = (PlainTextRenderer,)
    content_negotiation_class = AnyNegotiation
    max_body = MAX_BODY

    async def dispatch(  # type: ignore[override]  # a coroutine, as Django's own View may have
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """Do what APIView does, for handlers that are coroutines."""
        self.args, self.kwargs = args, kwargs
        self.request = drf_request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(drf_request, *args, **kwargs)
            name = (drf_request.method or "").lower()
            handler = getattr(self, name, None) if name in self.http_method_names else None
            handler = handler or self.http_method_not_allowed
            response = handler(drf_request, *args, **kwargs)
            if not isinstance(response, Response):
                response = await response
        except Exception as error:
            response = self.handle_exception(error)
        self.response = self.finalize_response(drf_request, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Choose how to answer, and refuse what cannot be stored in time before it is read.

        Nobody signs in here, and limits are the pipeline's.
        """
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(
            request
        )
        if request.method == "POST":
            refuse_when_late()

    async def options(  # type: ignore[override]  # as above
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Response:
        """Allow any page to send JSON."""
        return Response(status=204, headers=PREFLIGHT_HEADERS)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer what is malformed or too large with its errors by field.

        A store that cannot write is answered with 503.
        """
        match exc:
            case MalformedHitError():
                note_malformed()
                return Response(exc.errors, status=400)
            case BodyTooLargeError():
                return Response({"body": [str(exc.detail)]}, status=exc.status_code)
            case UnreadablePostError():
                return Response({"body": ["The body broke off."]}, status=400)
            case DatabaseError() | OSError():  # the rows, or the salts
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


class EventView(IngestionView):
    """`POST /api/event`: one hit.

    202 `ok`: stored, and on disk; or deliberately dropped, with the reason in a header.
    400: malformed, with the messages by field. 413: too large. 503: cannot be stored now.
    """

    async def post(self, request: Request) -> Response:
        """Read the hit, take it in, tell what became of it."""
        sender = await find_sender(request._request)
        data = request.data
        try:
            sent = await in_thread(sender.read, data) if sender.is_trusted else sender.read(data)
        except MalformedHitError as error:
            await _show(data, error)
            raise
        verdicts = await store(make_hits(request._request, sender, sent))
        await note_sender(sender)
        return Response("ok", status=202, headers=verdict_headers(sent, verdicts))


class EventsView(IngestionView):
    """`POST /api/events`: an array of up to 1,000 hits, each with a verdict of its own.

    202 and an array in the same order, once all that is stored is on disk: for each hit what
    `POST /api/event` would have answered, as `status`, and where there are any `dropped`, `cut` and
    `errors`. 400: no array. 413: too large. 503: cannot be stored now; none of them was.
    """

    max_body = MAX_BATCH_BODY
    #: Large batches that are being read, or wait for their commit.
    in_progress = 0

    async def post(self, request: Request) -> Response:
        """Take the batch in, unless so many are on their way that it would wait for too long."""
        if _length(request) <= MAX_BODY:
            return await self.take(request)
        if EventsView.in_progress >= MAX_BATCHES:
            note_refused(1)
            raise StoreBusyError("Too many batches wait to be stored.")
        EventsView.in_progress += 1
        try:
            return await self.take(request)
        finally:
            EventsView.in_progress -= 1

    async def take(self, request: Request) -> Response:
        """Read the hits, store those that can be read, tell what became of each."""
        sender = await find_sender(request._request)
        # In a thread: to read a thousand hits takes longer than other requests should wait.
        readings = await in_thread(self.read_batch, request, sender, seconds=READING_SECONDS)
        hits = [hit for reading in readings if isinstance(reading, tuple) for hit in reading[1]]
        verdicts = iter(await store(hits))
        await note_sender(sender)
        answers: list[dict[str, Any]] = []
        for item, reading in zip(request.data, readings, strict=True):
            if isinstance(reading, MalformedHitError):
                note_malformed()
                await _show(item, reading)
                answers.append({"status": 400, "errors": reading.errors})
            else:
                sent, own = reading
                answers.append(verdict_entry(sent, [next(verdicts) for _ in own]))
        return Response(answers, status=202)

    def read_batch(
        self, request: Request, sender: Sender
    ) -> list[tuple[SentHit, list[Hit]] | MalformedHitError]:
        """Return what was sent with its hits, or what is wrong with it, for each in order.

        Raises MalformedHitError for what is no array, BodyTooLargeError for one too long.
        """
        batch = request.data
        if not isinstance(batch, list):
            raise MalformedHitError({"body": ["Send an array of hits."]})
        if len(batch) > MAX_BATCH:
            raise BodyTooLargeError(f"At most {MAX_BATCH:,} hits, not {len(batch):,}.")
        readings: list[tuple[SentHit, list[Hit]] | MalformedHitError] = []
        count = 0
        for item in batch:
            try:
                sent = sender.read(item)
            except MalformedHitError as error:
                readings.append(error)
                continue
            hits = make_hits(request._request, sender, sent)
            readings.append((sent, hits))
            count += len(hits)
        if count > MAX_BATCH_HITS:
            raise BodyTooLargeError(f"At most {MAX_BATCH_HITS:,} hits, one for each domain named.")
        return readings


@require_GET
async def pixel(request: HttpRequest) -> HttpResponse:
    """`GET /pixel.gif?d=<domain>&u=<url>`: a pageview of a page that runs no script.

    Takes the contract's fields in its query, or a whole hit as JSON in `hit`; `u` defaults to the
    page that shows the picture, as its Referer header tells. Answers as the endpoint does, but with
    the picture and 200 in place of `ok` and 202, since browsers show a picture by them.
    """
    try:
        sent = read_hit(_pixel_fields(request))
    except MalformedHitError as error:
        note_malformed()
        return HttpResponse(orjson.dumps(error.errors), status=400, content_type="application/json")
    try:
        verdicts = await store(make_hits(request, ANYONE, sent))
    except (DatabaseError, OSError):
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


def _pixel_fields(request: HttpRequest) -> Any:
    """Return the fields of the pixel's query, or the hit that it has as JSON, in `hit`.

    Raises MalformedHitError for too many of them, or no JSON.
    """
    try:
        fields = {name: str(value) for name, value in request.GET.items() if value}
    except TooManyFieldsSent:
        most = f"At most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} parameters."
        raise MalformedHitError({"query": [most]}) from None
    if "hit" in fields:
        return _decode(fields["hit"].encode(errors="surrogatepass"))
    if not {"n", "name"} & fields.keys():
        fields["name"] = "pageview"
    if not {"u", "url"} & fields.keys():
        fields["url"] = request.headers.get("Referer", "")
    return {name: _typed(name, value) for name, value in fields.items()}


def make_hits(request: HttpRequest, sender: Sender, sent: SentHit) -> list[Hit]:
    """Return what was sent as one hit for each domain it names, with what the request tells."""
    visitor = sender.describe_visitor(request, sent)
    common = {
        "sent": sent,
        "received_at": timezone.now(),
        "address": visitor.address,
        "user_agent": visitor.user_agent,
        "cdn_country": visitor.cdn_country,
        "forwarding": visitor.forwarding,
        "peer": request.META.get("REMOTE_ADDR", ""),
        "is_prefetch": _is_prefetch(request),
        "gpc": sent.gpc or request.META.get("HTTP_SEC_GPC") == "1",
        "dnt": sent.dnt or request.META.get("HTTP_DNT") == "1",
        "is_trusted": sender.is_trusted,
    }
    return [Hit.of(**common, domain=domain) for domain in sent.domains]


def verdict_headers(sent: SentHit, verdicts: Sequence[Any]) -> dict[str, str]:
    """Return the headers that say why hits were dropped and which fields were cut."""
    headers = {}
    if reasons := dict.fromkeys(v.reason.value for v in verdicts if isinstance(v, Drop)):
        headers[DROPPED_HEADER] = ", ".join(reasons)
    if sent.cut:
        headers[CUT_HEADER] = ", ".join(sent.cut)
    return headers


def verdict_entry(sent: SentHit, verdicts: Sequence[Any]) -> dict[str, Any]:
    """Return what became of one hit of a batch: the single answer's status and headers."""
    headers = verdict_headers(sent, verdicts)
    names = {DROPPED_HEADER: "dropped", CUT_HEADER: "cut"}
    return {"status": 202} | {names[header]: value for header, value in headers.items()}


async def _show(data: object, error: MalformedHitError) -> None:
    """Let staff who watch the site see what was refused; the answer is the same without."""
    if may_be_watched():
        with suppress(DatabaseError, ValueError):
            await in_thread(keep_malformed, data, error.errors)


def _length(request: Request) -> int:
    """Return how many bytes the body is said to have; 0 where that is no number, as Django does."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _is_prefetch(request: HttpRequest) -> bool:
    """Whether a browser says that it loads the page ahead: Sec-Purpose; Purpose, X-Moz formerly."""
    for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"):
        purpose = request.META.get(name)
        if purpose and ("prefetch" in purpose or "prerender" in purpose):
            return True
    return False


def _typed(name: str, value: str) -> str | bool:
    """Return a query's text as the JSON value that the field takes."""
    if LONG_NAMES.get(name, name) in {"interactive", "hash_mode", "automated", "gpc", "dnt"}:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return value
