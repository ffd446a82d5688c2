"""A new password by e-mail, for who has forgotten the old one; where this server sends mail."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.views import (
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.core.cache import cache
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import reverse_lazy

from trackingsite.mail import sends_mail


class _NeedsMail:
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer where mail is sent."""
        if not sends_mail():
            raise Http404("This server sends no mail.")
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc,no-any-return]


#: To an address goes one letter in so many seconds, whoever asks: nobody's mailbox is filled.
SECONDS_BETWEEN: Final = 300


class AskView(_NeedsMail, PasswordResetView):
    """Asks for the address; answers alike whether or not there is an account with it."""

    template_name = "people/forgotten.html"
    email_template_name = "people/mail/password.txt"
    subject_template_name = "people/mail/password_subject.txt"

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Send the letter, unless one has just gone; each process counts its own."""
        address = form.cleaned_data["email"].casefold().encode()
        if cache.add(f"letter:{sha256(address).hexdigest()}", True, SECONDS_BETWEEN):
            return super().form_valid(form)
        return HttpResponseRedirect(self.get_success_url())


class SentView(_NeedsMail, PasswordResetDoneView):
    """Says that a letter is on its way, if there is such an account."""

    template_name = "people/forgotten_sent.html"


class ChooseView(_NeedsMail, PasswordResetConfirmView):
    """Takes the new password from who has the letter's address, once."""

    template_name = "people/forgotten_choose.html"
    success_url = reverse_lazy("login")
