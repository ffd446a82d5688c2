"""Light or dark pages, by the reader's choice; without one, as their device says."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

#: The reader's choices; "auto" is none.
THEMES: Final = ("auto", "light", "dark")
#: What the choice is called in a reader's session.
KEY: Final = "theme"


class ThemeView(LoginRequiredMixin, View):
    """Keeps the choice in the reader's session, as long as that lasts."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep the choice and lead back to the page on which it was made; 400 for another one."""
        theme = request.POST.get("theme", "")
        if theme not in THEMES:
            return HttpResponse(
                f"A theme is one of {', '.join(THEMES)}.\n", status=400, content_type="text/plain"
            )
        request.session[KEY] = theme
        return HttpResponseRedirect(page_left_by(request))


def page_left_by(request: HttpRequest) -> str:
    """Return the address of the page that was left, if it is one of ours, else of the sites."""
    page = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return page if own else resolve_url("reports:sites")
