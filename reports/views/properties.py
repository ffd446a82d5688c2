"""Properties of events whose values a site's reports show: chosen by its editors."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reports.access import Need
from reports.forms import without_nul
from reports.models import ShownProperty
from reports.views.base import SiteView
from reports.views.removal import RemoveFromSite
from reports.views.theme import page_left_by
from sites.models import Site
from sites.trail import note_added

#: Of a site: each is a question of its own.
MOST_PROPERTIES: Final = 20


class PropertyForm(forms.ModelForm[ShownProperty]):
    """The name of a property, as pages send it."""

    class Meta:
        """The name alone."""

        model = ShownProperty
        fields = ("name",)
        labels = {"name": _("Name of the property")}

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.site = site

    def clean(self) -> dict[str, Any]:
        """Refuse a name that is there, or one too many."""
        fields = super().clean() or {}
        shown = ShownProperty.objects.filter(site=self.instance.site)
        if shown.filter(name=fields.get("name")).exists():
            self.add_error("name", gettext("This property is shown."))
        if shown.count() >= MOST_PROPERTIES:
            sentence = gettext("A site shows {count} properties at most.")
            self.add_error(None, sentence.format(count=MOST_PROPERTIES))
        return fields


class ShowProperty(SiteView):
    """Shows a property's values from now on, also of the past."""

    http_method_names = ["post", "options"]
    needs = Need.CHANGE_GOALS

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep its name and lead back; a page that says what is wrong with it."""
        form = PropertyForm(self.site, without_nul(request.POST))
        if not form.is_valid():
            return self.refuse_to_keep(form, page_left_by(request))
        note_added(request.user, form.save(), f"On {self.site.domain}.")
        return HttpResponseRedirect(page_left_by(request))


class HideProperty(RemoveFromSite):
    """Shows a property's values no more; what was sent stays."""

    needs = Need.CHANGE_GOALS
    model = ShownProperty
