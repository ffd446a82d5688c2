"""The way in, and what people change of their own accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, Final

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import AccessMixin, LoginRequiredMixin
from django.contrib.auth.views import LoginView, PasswordChangeView, RedirectURLMixin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic import FormView, TemplateView, View

from people.provider import provider_name
from people.second_factor import (
    Missing,
    check_code,
    confirm,
    count_recovery_codes,
    draft_device,
    draw_recovery_codes,
    has_second_factor,
    let_in,
    missing,
    remove_second_factor,
    waiting_user,
)
from sites.keys import make_key, replace_key, revoke_keys
from sites.models import ApiKey, Site
from sites.trail import note_added, note_changed, note_each_changed
from trackingsite.mail import sends_mail

WRONG_CODE: Final = _("This code is not right, or was used. After wrong ones, wait a bit.")

PAGES: Final = {Missing.CODE: "code", Missing.SET_UP: "second_factor"}


def page_for_waiting(request: HttpRequest, target: str) -> str | None:
    """Return the address of what comes after the password; None where nobody waits for it."""
    what = missing(request)
    if what is None:
        return None
    return f"{reverse(PAGES[what])}?{urlencode({'next': target})}"


class SignInView(LoginView):
    """Takes name and password; leads who has a second factor on to its code."""

    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead who has shown a password already to what comes next."""
        address = page_for_waiting(request, self.get_redirect_url())
        if address and request.method in {"GET", "HEAD"} and "again" not in request.GET:
            return HttpResponseRedirect(address)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the other ways in."""
        return super().get_context_data(provider=provider_name(), sends_mail=sends_mail(), **kwargs)


class CodeForm(forms.Form):
    """A code of six digits, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class CodeView(RedirectURLMixin, FormView[CodeForm]):
    """Takes the code of the second factor from who has shown a password."""

    template_name = "people/code.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead everybody else away: there is nothing to do here."""
        if missing(request) is not Missing.CODE:
            is_in = request.user.is_authenticated
            return HttpResponseRedirect(self.get_success_url() if is_in else resolve_url("login"))
        return super().dispatch(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        """Return the page after signing in, where the address names none of ours."""
        return resolve_url("reports:sites")

    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Sign the user in; the page again where the code is wrong."""
        user: Any = waiting_user(self.request)
        device = check_code(user, form.cleaned_data["code"])
        if device is None:
            form.add_error("code", WRONG_CODE)
            return self.form_invalid(form)
        let_in(self.request, user, device)
        return HttpResponseRedirect(self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where it leads on to."""
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SecondFactorView(RedirectURLMixin, AccessMixin, FormView[CodeForm]):
    """Sets the second factor up, draws recovery codes anew, or removes it.

    Also for staff who have to have one and are signed in by password alone.
    """

    template_name = "people/second_factor.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find out whose it is."""
        is_new = missing(request) is Missing.SET_UP
        person: Any = waiting_user(request) if is_new else request.user
        self.person = person
        if not self.person.is_authenticated:
            return self.handle_no_permission()
        return super().dispatch(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        """Return the account's page."""
        return resolve_url("account")

    @sensitive_variables("codes")
    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Do what the button says, where the code is right; show new recovery codes this once."""
        code = form.cleaned_data["code"]
        if not has_second_factor(self.person):
            device = draft_device(self.person)
            codes = confirm(device, code)
            if codes is not None:
                let_in(self.request, self.person, device)
                note_changed(self.person, self.person, "Has a second factor now.")
                return self._show(codes)
        elif check_code(self.person, code) is not None:
            if "remove" in self.request.POST:
                remove_second_factor(self.person)
                note_changed(self.person, self.person, "Has no second factor any more.")
                return HttpResponseRedirect(resolve_url("account"))
            note_changed(self.person, self.person, "Drew new recovery codes.")
            return self._show(draw_recovery_codes(self.person))
        form.add_error("code", WRONG_CODE)
        return self.form_invalid(form)

    def _show(self, codes: list[str]) -> HttpResponse:
        context = {"codes": codes, "target": self.get_success_url()}
        return render(self.request, "people/recovery_codes.html", context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the secret as a picture and as text, or how many recovery codes are left."""
        if has_second_factor(self.person):
            return super().get_context_data(left=count_recovery_codes(self.person), **kwargs)
        device = draft_device(self.person)
        picture = segno.make(device.config_url, error="m").svg_data_uri(scale=4, border=2)
        secret = device.config_url.partition("secret=")[2].partition("&")[0]
        return super().get_context_data(
            picture=picture, secret=secret, has_to=missing(self.request) is not None, **kwargs
        )


class AccountView(LoginRequiredMixin, TemplateView):
    """A person's own account: password, second factor, API keys."""

    template_name = "people/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the keys, and whether there is a second factor."""
        user: Any = self.request.user
        kwargs.setdefault("key_form", KeyForm(user))
        return super().get_context_data(
            has_second_factor=has_second_factor(user),
            keys=ApiKey.objects.filter(person=user, revoked_at=None).prefetch_related("sites"),
            **kwargs,
        )


class ChangePasswordView(PasswordChangeView):
    """Changes the password, and signs other browsers out."""

    template_name = "people/password.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Note it."""
        response = super().form_valid(form)
        note_changed(self.request.user, form.user, "Changed the password.")
        messages.success(self.request, gettext("The password is changed."))
        return response


class KeyForm(forms.Form):
    """What a person decides about a key of their own: for what they may see, and edit."""

    name = forms.CharField(label=_("What uses the key"), max_length=100)
    site = forms.ModelChoiceField(
        label=_("Site"), queryset=Site.objects.none(), required=False, empty_label=_("all my sites")
    )
    can_send = forms.BooleanField(
        label=_("It sends hits too, to sites that I edit"), required=False
    )
    last_day = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["site"].queryset = Site.objects.visible_to(user)  # type: ignore[attr-defined]

    def clean_last_day(self) -> date | None:
        """Refuse a day that is over."""
        last_day: date | None = self.cleaned_data["last_day"]
        if last_day is not None and last_day < datetime.now(UTC).date():
            raise forms.ValidationError(gettext("This day is over."))
        return last_day

    def make(self) -> tuple[ApiKey, str]:
        """Return the key's row and the key; good to the end of its last day, in UTC."""
        fields = self.cleaned_data
        last_day = fields["last_day"]
        return make_key(
            name=fields["name"],
            sites=[fields["site"]] if fields["site"] else [],
            person=self.user,
            can_read=True,
            can_send=fields["can_send"],
            created_by=self.user,
            expires_at=last_day and datetime.combine(last_day, time.max, tzinfo=UTC),
        )


def show_key(request: HttpRequest, row: ApiKey, key: str) -> HttpResponse:
    """Return the page that shows a key, this once; no cache may store it."""
    response = render(request, "people/key.html", {"row": row, "key": key})
    response["Cache-Control"] = "no-store"
    return response


class MakeKeyView(LoginRequiredMixin, View):
    """Makes a key, and shows it this once."""

    http_method_names = ["post", "options"]

    @sensitive_variables("key")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Return the page that shows the key; the account's page again where something is wrong."""
        user: Any = request.user
        form = KeyForm(user, request.POST)
        if not form.is_valid():
            view = AccountView(request=request, args=(), kwargs={})
            context = view.get_context_data(key_form=form)
            return render(request, AccountView.template_name, context, status=400)
        row, key = form.make()
        note_added(user, row, "Their own.")
        return show_key(request, row, key)


class ReplaceKeyView(LoginRequiredMixin, View):
    """Makes a key in place of one of one's own, which is good for some days more."""

    http_method_names = ["post", "options"]

    @sensitive_variables("key")
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the new one; 404 for a key of somebody else, or one that has ended."""
        user: Any = request.user
        old = get_object_or_404(ApiKey, pk=pk, person=user.pk, revoked_at=None)
        if old.is_expired:
            raise Http404("The key has ended.")
        row, key = replace_key(old, by=user)
        note_added(user, row, f"In place of {old.prefix}….")
        return show_key(request, row, key)


class RevokeKeyView(LoginRequiredMixin, View):
    """Ends a key of one's own."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke it and lead back; 404 for a key of somebody else."""
        row = get_object_or_404(ApiKey, pk=pk, person=request.user.pk)
        revoked = revoke_keys(ApiKey.objects.filter(pk=row.pk))
        note_each_changed(request.user, revoked, "Revoked.")
        return HttpResponseRedirect(resolve_url("account"))
