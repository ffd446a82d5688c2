"""What all pages have: compression, and an answer of their own while the database is away."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware
from django.template.loader import render_to_string
from django.utils.translation import deactivate
from django.views.defaults import server_error

from trackingsite.logs import SeldomLogger

_logger: Final = SeldomLogger(logging.getLogger(__name__))

#: Where the pages for readers are.
READERS_PATHS: Final = (
    "/reports/",
    "/share/",
    "/invitations/",
    "/login/",
    "/logout/",
    "/account/",
)

AWAY: Final = (OperationalError, InterfaceError)
RETRY_AFTER_SECONDS: Final = 10

#: Kinds of answers that are smaller compressed; files are what they are.
COMPRESSED: Final = ("text/html", "application/json")


class CompressionMiddleware(GZipMiddleware):
    """Compresses pages and JSON, with some random bytes more, so that no length tells a secret."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Return the response, compressed where that helps and the browser can read it."""
        if response.streaming or not response.get("Content-Type", "").startswith(COMPRESSED):
            return response
        return super().process_response(request, response)


class ReaderLanguageMiddleware(LocaleMiddleware):
    """Speaks the language that a reader's browser asks for, on pages for readers.

    Programs are answered in English, whatever they ask for, and so is the admin.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Choose the language."""
        if request.path_info.startswith(READERS_PATHS):
            super().process_request(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Say which language it is, and that another browser may get another one.

        What the thread answers next, and what it writes into the log, is in English again.
        """
        if request.path_info.startswith(READERS_PATHS):
            response = super().process_response(request, response)
            deactivate()
        return response


class DatabaseAwayMiddleware:
    """Answers 503 where a view could not reach the database, or waited too long for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the answer; None for any other error, and while developing, which shows all."""
        if settings.DEBUG or not isinstance(exception, AWAY):
            return None
        _logger.error("The database cannot be reached; pages answer 503.", exception)
        return say_away(request)


def answer_error(request: HttpRequest) -> HttpResponseBase:
    """Answer an error that no view caught, or a middleware made, such as a session not saved."""
    if isinstance(sys.exc_info()[1], AWAY):
        return say_away(request)
    return server_error(request)


def say_away(request: HttpRequest) -> HttpResponse:
    """Return the 503: a page for people, a line for programs."""
    if request.path.startswith("/api/") or not request.accepts("text/html"):
        text = "The database cannot be reached now; try again.\n"
        response = HttpResponse(text, status=503, content_type="text/plain")
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response["Cache-Control"] = "no-store"
    # Django would log every answer of this kind; the error is told above.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
