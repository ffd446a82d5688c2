"""Script and endpoint from the site's own origin: hits go on to trackingsite by themselves."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from tracking_client.web import (
    SCRIPT,
    SCRIPT_HEADERS,
    is_prefetch,
    read_address,
    read_hit,
    read_wishes,
)

from django_tracking.conf import get, get_client


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """Return the tracking script, as this package brings it along."""
    return HttpResponse(SCRIPT, headers=dict(SCRIPT_HEADERS))


@csrf_exempt
@require_POST
def event(request: HttpRequest) -> HttpResponse:
    """Take a browser's hit, and let it be sent with the visitor's address and agent.

    202 at once: whether trackingsite answers changes nothing for the visitor.
    """
    try:
        hit = read_hit(request.body)
    except ValueError:
        return JsonResponse({"body": ["Send JSON in UTF-8."]}, status=400)
    if not is_prefetch(request.META):
        get_client().forward(
            hit | read_wishes(request.META),
            address=read_address(request.META, get("TRACKING_PROXIES")),
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
        )
    return HttpResponse("ok", status=202, content_type="text/plain")
