"""Removing what belongs to a site: a goal, a property that is shown, an invitation."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404

from reports.views.base import SiteView
from reports.views.theme import page_left_by
from sites.trail import note_removed


class RemoveFromSite(SiteView):
    """Removes one thing of the site's, notes who did, and leads back; 404 for another site's."""

    http_method_names = ["post", "options"]
    model: type[Model]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Remove it."""
        thing = get_object_or_404(self.model, site=self.site, pk=self.kwargs["pk"])
        note_removed(request.user, thing, f"On {self.site.domain}.")
        thing.delete()
        return HttpResponseRedirect(page_left_by(request))
