"""An invitation as who was invited sees it: to take up with an account, or to make one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from sites.models import Invitation
from sites.services import accept, find_invitation
from sites.trail import note_changed


@method_decorator(sensitive_post_parameters(), name="dispatch")
class InvitationView(View):
    """Makes whoever has the address a member, once; 404 when it was taken up, or is a week old."""

    http_method_names = ["get", "head", "post"]
    invitation: Invitation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the invitation; let no answer tell its address to others or stay anywhere."""
        invitation = find_invitation(kwargs["token"])
        if invitation is None:
            raise Http404("There is no such invitation.")
        self.invitation = invitation
        response = super().dispatch(request, *args, **kwargs)
        # Browsers tell a form's origin by this policy, and by none the form could not be trusted.
        response["Referrer-Policy"] = "same-origin"
        response["Cache-Control"] = "no-store"
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Say what it is an invitation to."""
        return self._show(UserCreationForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Take it up: as who is signed in, else with the account that the form makes."""
        user: Any = request.user
        if not user.is_authenticated:
            form = UserCreationForm[User](request.POST)
            if not form.is_valid():
                return self._show(form, status=400)
            user = form.save(commit=False)
            user.email = self.invitation.email  # which the letter with this address went to
            user.save()
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        if not accept(self.invitation, user):
            raise Http404("Somebody was quicker.")
        note_changed(user, self.invitation, f"Taken up: sees {self.invitation.site.domain} now.")
        return HttpResponseRedirect(resolve_url(self.invitation.site))

    def _show(self, form: UserCreationForm[User], status: int = 200) -> HttpResponse:
        form.fields["username"].help_text = ""
        context = {"invitation": self.invitation, "form": form}
        return render(self.request, "reports/invitation.html", context, status=status)
