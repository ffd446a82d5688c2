"""`POST /api/v2/query`: programs ask any question of a site's figures, with an API key that reads.

200 with the answer. 400: the question cannot be read, or cannot be answered, with the reason. 401:
no key, a wrong one, or one that is not for the site. 413: too large.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import IO, Any, Final

import orjson
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.activity import find_first_hit
from reports.answers import answer
from reports.dates import today_in
from reports.exceptions import EventsDroppedError, ReportLimitError
from reports.questions import read_question, read_site_id
from reports.reading.ranges import Asker
from reports.reading.values import QuestionError
from reports.warehouse.embedded import open_warehouse
from sites.domains import normalise_domain
from sites.keys import find_key, note_use, read_bearer
from sites.models import ApiKey, Site
from sites.registry import find_site
from visits.api import AnyNegotiation

logger = logging.getLogger(__name__)

MAX_BODY: Final = 256 * 1024


class TooLargeError(APIException):
    """A question over MAX_BODY; it is not read to its end."""

    status_code = 413
    default_detail = f"A question has {MAX_BODY // 1024} KB at most."


class NoAccessError(APIException):
    """No key, a wrong one, or one for other sites: which, is nobody's business."""

    status_code = 401
    default_detail = "Send an API key that may read this site: Authorization: Bearer tsk_…"


class QuestionParser(BaseParser):
    """Reads JSON, whatever the content type says."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the decoded body. Raises TooLargeError, or QuestionError for no JSON."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLargeError
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise QuestionError("#", "Send JSON in UTF-8.") from None


class QueryView(APIView):
    """Answers questions; the holder of the key sees the figures of its sites."""

    http_method_names = ("post",)
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (QuestionParser,)
    content_negotiation_class = AnyNegotiation

    def post(self, request: Request) -> Response:
        """Find the key, read the question, ask, answer."""
        now = timezone.now()
        key = find_reader(request._request)
        site = find_readable_site(key, read_site_id(request.data))
        first_hit_at = find_first_hit(site) or now
        asker = Asker(site, now, today_in(site.zone, first_hit_at))
        question = read_question(request.data, asker)
        with open_warehouse(site) as warehouse:
            answered = answer(warehouse, question)
        _note_use(key)
        return Response(answered, headers={"Cache-Control": "no-store"})

    def handle_exception(self, exc: Exception) -> Response:
        """Answer what is wrong as `{"error": a sentence}`."""
        match exc:
            case QuestionError():
                return Response({"error": str(exc)}, status=400)
            case EventsDroppedError():  # nor will they be there when it is asked again
                return Response({"error": f"#/date_range: {exc}"}, status=400)
            case ReportLimitError():
                return Response({"error": f"#: {exc}"}, status=503)
            case NoAccessError():
                headers = {"WWW-Authenticate": "Bearer"}
                return Response({"error": str(exc.detail)}, status=401, headers=headers)
            case MethodNotAllowed():
                return Response({"error": "Send a POST."}, status=405, headers={"Allow": "POST"})
            case APIException():
                return Response({"error": str(exc.detail)}, status=exc.status_code)
        return super().handle_exception(exc)


def find_reader(request: HttpRequest) -> ApiKey:
    """Return the key that comes with a request. Raises NoAccessError unless it may read."""
    token = read_bearer(str(request.META.get("HTTP_AUTHORIZATION", "")))
    key = find_key(token) if token else None
    if key is None or not key.can_read:
        raise NoAccessError
    return key


def find_readable_site(key: ApiKey, domain: str) -> Site:
    """Return the site with a domain. Raises NoAccessError where the key is not for it."""
    site = find_site(normalise_domain(domain))
    if site is None or not key.allows(site):
        raise NoAccessError
    return site


def _note_use(key: ApiKey) -> None:
    try:
        note_use(key, timezone.now())
    except DatabaseError as error:
        logger.warning("The use of an API key could not be noted: %s", error)
