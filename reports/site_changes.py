"""What staff do to a site as a whole: another domain, out of use, settings from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from reports.forms import without_nul
from reports.site_settings import (
    MOST_BYTES,
    SettingsFileError,
    apply_settings,
    read_settings,
    write_settings,
)
from sites.forms import TypedForm
from sites.models import Site
from sites.services import FORMER_FOR, archive, change_domain, take_back
from sites.trail import note_added, note_changed


class DomainForm(TypedForm):
    """Another domain."""

    domain = forms.CharField(label="New domain", max_length=300)
    typed = forms.CharField(label="The site's domain as it is now, typed", max_length=300)
    field_order = ("domain", "typed")

    def change(self) -> bool:
        """Change the domain, and return whether that could be done; the form says why not."""
        try:
            change_domain(self.site, self.cleaned_data["domain"])
        except ValidationError as error:
            for sentences in error.message_dict.values():
                self.add_error("domain", sentences)
        return not self.errors


class SettingsFileForm(forms.Form):
    """A file of settings."""

    file = forms.FileField(label="File")

    def clean_file(self) -> list[dict[str, Any]]:
        """Return the settings in it."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError("A file of settings has at most 1 MB.")
        try:
            return read_settings(file.read())
        except SettingsFileError as error:
            raise ValidationError(str(error)) from None


def change_site(request: HttpRequest, site: Site, context: dict[str, Any]) -> HttpResponse:
    """Show what can be done to a site as a whole; POST does what its button says."""
    user: Any = request.user
    data = without_nul(request.POST)
    what = data.get("what", "")
    domain_form = DomainForm(site, data if what == "domain" else None)
    archive_form = TypedForm(site, data if what == "archive" else None)
    file_form = SettingsFileForm(data, request.FILES) if what == "settings" else SettingsFileForm()
    before, done = site.shown_domain, ""
    if what == "domain" and domain_form.is_valid() and domain_form.change():
        done = f"The domain is {site.shown_domain} now; it was {before}."
    elif what == "archive" and archive_form.is_valid():
        archive(site)
        done = "The site is archived: it takes no hits."
    elif what == "take_back":
        take_back(site)
        done = "The site is in use again."
    elif what == "settings" and file_form.is_valid():
        done = _apply(site, file_form)
    if done:
        note_changed(user, site, done)
        messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site.pk]))
    context |= {
        "site": Site.objects.get(pk=site.pk),
        "title": f"Change {before}",
        "domain_form": domain_form,
        "archive_form": archive_form,
        "file_form": file_form,
        "former_hours": int(FORMER_FOR.total_seconds() // 3600),
    }
    status = 400 if what else 200
    return TemplateResponse(request, "admin/sites/site/changes.html", context, status=status)


def _apply(site: Site, form: SettingsFileForm) -> str:
    """Give the site a file's settings; return what was done, empty where the file is wrong."""
    every = form.cleaned_data["file"]
    if len(every) != 1:
        form.add_error("file", "The file holds several sites: import it on the list of sites.")
        return ""
    try:
        apply_settings(every[0], domain=site.domain)
    except SettingsFileError as error:
        form.add_error("file", str(error))
        return ""
    return "The site has the settings of the file now."


def import_sites(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Take a file of settings, of as many sites as it holds; all of them, or none."""
    form = SettingsFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                found = [apply_settings(each) for each in form.cleaned_data["file"]]
        except SettingsFileError as error:
            form.add_error("file", str(error))
        else:
            for site, is_new in found:
                if is_new:
                    note_added(request.user, site, "From a file of settings.")
                else:
                    note_changed(request.user, site, "Given the settings of a file.")
            messages.success(request, f"Sites with the settings of the file: {len(found)}.")
            return HttpResponseRedirect(reverse("admin:sites_site_changelist"))
    context |= {"title": "Import settings of sites", "file_form": form}
    status = 400 if request.method == "POST" else 200
    return TemplateResponse(request, "admin/sites/site/import.html", context, status=status)


def download_settings(sites: Iterable[Site]) -> HttpResponse:
    """Return the sites' settings as a file: of one site an object, of several a list."""
    every = [write_settings(site) for site in sites]
    text = json.dumps(every[0] if len(every) == 1 else every, indent=2, ensure_ascii=False)
    response = HttpResponse(f"{text}\n", content_type="application/json")
    day = f"{timezone.localdate()}"
    name = f"{every[0]['site']['domain'].replace(':', '-')}-{day}" if len(every) == 1 else day
    response["Content-Disposition"] = f'attachment; filename="settings-{name}.json"'
    return response
