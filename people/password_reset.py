"""A new password by e-mail, for who has forgotten the old one; where this server sends mail."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import (
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse_lazy

from trackingsite.mail import sends_mail


class _NeedsMail:
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer where mail is sent."""
        if not sends_mail():
            raise Http404("This server sends no mail.")
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc,no-any-return]


class AskView(_NeedsMail, PasswordResetView):
    """Asks for the address; answers alike whether or not there is an account with it."""

    template_name = "people/forgotten.html"
    email_template_name = "people/mail/password.txt"
    subject_template_name = "people/mail/password_subject.txt"


class SentView(_NeedsMail, PasswordResetDoneView):
    """Says that a letter is on its way, if there is such an account."""

    template_name = "people/forgotten_sent.html"


class ChooseView(_NeedsMail, PasswordResetConfirmView):
    """Takes the new password from who has the letter's address, once."""

    template_name = "people/forgotten_choose.html"
    success_url = reverse_lazy("login")
