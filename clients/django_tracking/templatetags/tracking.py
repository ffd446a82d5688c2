"""`{% load tracking %}`, and `{% tracking_code %}` in the head of every page."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from tracking_client.web import tag_attributes

from django_tracking.conf import get, is_counted

register = template.Library()


@register.simple_tag(takes_context=True)
def tracking_code(context: Any) -> str:
    """Return the script's tag, with the nonce of the page's policy; empty for who is not counted.

    Staff, visitors who opted out, and pages with DEBUG on are silent, unless settings ask for them.
    """
    request = context.get("request")
    if request is None or not is_counted(request):
        return ""
    backend = get("TRACKING_BACKEND_URL").rstrip("/")
    src, api = f"{backend}/js/script.js", ""
    with suppress(NoReverseMatch):  # where the site has no address of its own for them
        src, api = reverse("django_tracking:script"), reverse("django_tracking:event")
    nonce = context.get("csp_nonce") or getattr(request, "csp_nonce", "")
    attributes = tag_attributes(
        domain=get("TRACKING_DOMAIN"),
        src=src,
        api=api,
        nonce=str(nonce),
        is_manual=get("TRACKING_SERVER_SIDE"),
    )
    return format_html("<script defer{}></script>", format_html_join("", ' {}="{}"', attributes))
