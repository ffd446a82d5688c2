"""Reports as the holder of a link sees them: the same pages, to read, without an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.hashers import check_password
from django.db import DatabaseError
from django.db.models import F
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import get_script_prefix, resolve, reverse, set_script_prefix, set_urlconf
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from reports.models import ShareLink
from sites.tokens import hash_token

#: The pages below a link's address; each names the others by their names, as anywhere.
PAGES: Final = "reports.share_urls"

#: So many wrong passwords may be tried in so long; a link's password is then asked for no more.
MOST_FAILURES: Final = 10
FAILURE_WINDOW: Final = timedelta(minutes=15)
#: How long a password that was right need not be typed again.
OPEN_FOR: Final = timedelta(hours=12)


@method_decorator(sensitive_post_parameters(), name="dispatch")
@method_decorator(csrf_exempt, name="dispatch")  # nobody is signed in, and nothing changes
class ShareView(View):
    """Answers any report page for who has the link: GET and HEAD, and POST of its password alone.

    404 for a link that there is not, that has expired, or is revoked, at once.
    """

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the link; let no answer tell its address to others or stay anywhere."""
        links = ShareLink.objects.good(timezone.now()).select_related("site", "segment")
        link = links.filter(token_hash=hash_token(kwargs["token"])).first()
        if link is None:
            raise Http404("There is no such link.")
        self.link = link
        request.share_link = link  # type: ignore[attr-defined]
        response = super().dispatch(request, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        response["Cache-Control"] = "no-store"
        if link.may_be_embedded:
            response.xframe_options_exempt = True  # type: ignore[attr-defined]
            response._csp_replace = {"frame-ancestors": ["*"]}  # type: ignore[attr-defined]
        return response

    def get(self, request: HttpRequest, token: str, page: str) -> HttpResponseBase:
        """Return the page, or the form that asks for the password."""
        if not self._is_open(request):
            return self._ask()
        self._note_use()
        if not page:
            first = f"{self.link.site.domain}/{self._first_page()}"
            return HttpResponseRedirect(reverse("share", args=[token, first]))
        match = resolve(f"/{page}", PAGES)
        return self._answer_below(request, match, f"{get_script_prefix()}share/{token}/")

    def post(self, request: HttpRequest, token: str, page: str) -> HttpResponseBase:
        """Take the password, at the link's own address alone."""
        if page or not self.link.password:
            raise Http404("Nothing is sent here.")
        now = timezone.now()
        if self._is_blocked():
            response = self._ask(status=429)
            response["Retry-After"] = str(int(FAILURE_WINDOW.total_seconds()))
            return response
        if not check_password(request.POST.get("password", ""), self.link.password):
            self._note_failure()
            return self._ask(is_wrong=True, status=403)
        response = HttpResponseRedirect(request.path)
        response.set_signed_cookie(
            self._cookie,
            now.isoformat(),
            salt=self._salt,
            max_age=OPEN_FOR,
            path=request.path,
            httponly=True,
            secure=request.is_secure(),
            samesite="Lax",
        )
        return response

    def _answer_below(self, request: HttpRequest, match: Any, prefix: str) -> HttpResponseBase:
        """Return the page, every address on which is below the link's own."""
        before = get_script_prefix()
        set_script_prefix(prefix)
        set_urlconf(PAGES)
        try:
            response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
            if hasattr(response, "render"):
                response = response.render()
        finally:
            set_urlconf(None)
            set_script_prefix(before)
        return response

    def _first_page(self) -> str:
        shown = self.link.pages
        return "" if not shown or "overview" in shown else f"{shown[0]}/"

    def _ask(self, *, is_wrong: bool = False, status: int = 200) -> HttpResponse:
        context = {
            "link": self.link,
            "is_wrong": is_wrong,
            "is_blocked": status == 429,
            "action": reverse("share", args=[self.link.token]),
        }
        return render(self.request, "reports/share_password.html", context, status=status)

    @property
    def _cookie(self) -> str:
        return f"share_{self.link.pk}"

    @property
    def _salt(self) -> str:
        """What makes the cookie good for this link, as long as its password stays the same."""
        return f"reports.share:{self.link.pk}:{self.link.password}"

    def _is_open(self, request: HttpRequest) -> bool:
        if not self.link.password:
            return True
        cookie = request.get_signed_cookie(
            self._cookie, default="", salt=self._salt, max_age=OPEN_FOR
        )
        return bool(cookie)

    def _is_blocked(self) -> bool:
        since = self.link.failed_since
        is_recent = since is not None and timezone.now() - since < FAILURE_WINDOW
        return is_recent and self.link.failures >= MOST_FAILURES

    def _note_failure(self) -> None:
        """Count it in the database, which all processes share."""
        now = timezone.now()
        row = ShareLink.objects.filter(pk=self.link.pk)
        if not row.filter(failed_since__gt=now - FAILURE_WINDOW).update(failures=F("failures") + 1):
            row.update(failures=1, failed_since=now)

    def _note_use(self) -> None:
        today = timezone.now().date()
        if self.link.last_used_on != today:
            try:
                ShareLink.objects.filter(pk=self.link.pk).update(last_used_on=today)
            except DatabaseError:
                return  # to be read is more than to be noted
