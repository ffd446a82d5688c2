"""Links that share a site's reports: made, listed and revoked by its owners."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reports.access import Need
from reports.forms import without_nul
from reports.models import Segment, ShareLink
from reports.views.base import SiteView
from sites.models import Site
from sites.trail import note_added, note_changed

#: The pages that a link may be limited to, as readers call them.
_PAGES = (
    ("overview", _("Overview")),
    ("realtime", _("Realtime")),
    ("pageviews", _("Pageviews")),
    ("visitors", _("Unique Visitors")),
    ("bounce-rates", _("Bounce Rates")),
    ("engagement", _("User Engagement")),
    ("goals", _("Goals")),
    ("visits", _("Visits")),
)


class ShareLinkForm(forms.ModelForm[ShareLink]):
    """What a new link shows, to whom, and for how long."""

    pages = forms.MultipleChoiceField(
        label=_("Pages"),
        choices=_PAGES,
        widget=forms.CheckboxSelectMultiple,
        initial=[name for name, _title in _PAGES if name != "visits"],
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    last_day = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    class Meta:
        """What people choose; the rest is drawn."""

        model = ShareLink
        fields = ("name", "pages", "segment", "may_be_embedded", "theme")
        # Of the link, not of a person: browsers would offer to fill it in beside a password.
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}

    def __init__(self, site: Site, reader: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.site, self.reader = site, reader
        segments = Segment.objects.visible_to(reader, site)
        self.fields["segment"].queryset = segments  # type: ignore[attr-defined]
        if not site.shows_visits:
            self.fields["pages"].choices = _PAGES[:-1]  # type: ignore[attr-defined]

    def clean_password(self) -> str:
        """Return the password; a weak one is refused."""
        password: str = self.cleaned_data["password"]
        if password:
            validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        """Refuse what could not work."""
        fields = super().clean() or {}
        if fields.get("password") and fields.get("may_be_embedded"):
            sentence = gettext("A page within another site's cannot ask for a password.")
            self.add_error("password", sentence)
        if fields.get("segment") and "visits" in fields.get("pages", ()):
            self.add_error("pages", gettext("Visits are not limited to a segment."))
        return fields

    def keep(self) -> ShareLink:
        """Return the new link."""
        link, fields = self.instance, self.cleaned_data
        link.site, link.created_by = self.site, self.reader
        link.password = make_password(fields["password"]) if fields["password"] else ""
        if last_day := fields["last_day"]:
            end = last_day + timedelta(days=1)
            link.expires_at = datetime.combine(end, time.min, self.site.zone)
        link.save()
        return link


class SharingView(SiteView):
    """The site's links, and the form that makes one."""

    template_name = "reports/sharing.html"
    page_name = "sharing"
    needs = Need.SHARE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make a link; the form again where something is wrong."""
        form = ShareLinkForm(self.site, request.user, without_nul(request.POST))
        if not form.is_valid():
            context = self.get_context_data(link_form=form)
            return render(request, self.template_name, context, status=400)
        note_added(request.user, form.keep(), f"On {self.site.domain}.")
        return HttpResponseRedirect(request.path)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the links, those that are good first, and the form."""
        kwargs.setdefault("link_form", ShareLinkForm(self.site, self.request.user))
        good = set(self._links().good(self.now))
        return super().get_context_data(
            share_links=[
                (link, self.request.build_absolute_uri(link.get_absolute_url()), link in good)
                for link in sorted(self._links(), key=lambda link: link not in good)
            ],
            page_titles=dict(_PAGES),
            **kwargs,
        )

    def _links(self) -> Any:
        return ShareLink.objects.filter(site=self.site).select_related("segment")


class RevokeLink(SiteView):
    """Ends a link for good, at once."""

    http_method_names = ["post", "options"]
    needs = Need.SHARE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Revoke it and lead back to the list; again changes nothing."""
        link = get_object_or_404(ShareLink, site=self.site, pk=self.kwargs["pk"])
        if link.revoked_at is None:
            link.revoked_at = timezone.now()
            link.save()
            note_changed(request.user, link, "Revoked.")
        return HttpResponseRedirect(resolve_url("reports:sharing", self.site.domain))
