"""Counts pages where they are rendered: for visitors whose browsers run no script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from tracking_client.web import is_page_view

from django_tracking.conf import get, get_client, is_counted, read_visitor


@sync_and_async_middleware
def tracking_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Count each page that is found, where TRACKING_SERVER_SIDE says so."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> Any:
            response = await get_response(request)
            count_page(request, response)
            return response

        return answer_later

    def answer(request: HttpRequest) -> Any:
        response = get_response(request)
        count_page(request, response)
        return response

    return answer


def count_page(request: HttpRequest, response: HttpResponseBase) -> None:
    """Count the page, if it is one that somebody opened."""
    if not get("TRACKING_SERVER_SIDE") or not is_counted(request):
        return
    kind = response.get("Content-Type", "")
    if is_page_view(request.META, status=response.status_code, content_type=kind):
        get_client().track(
            "pageview",
            request.build_absolute_uri(),
            referrer=request.META.get("HTTP_REFERER", ""),
            **read_visitor(request),
        )
