"""The admin: the same way in as everywhere, second factor and all."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite, apps
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect


class AdminConfig(apps.AdminConfig):
    """Puts our admin in the place of Django's."""

    default_site = "trackingsite.admin.TrackingAdminSite"


class TrackingAdminSite(AdminSite):
    """Django's admin, which leads who still lacks a second factor on to it."""

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Answer with Django's form; after the password, with the page of what comes next."""
        # these need the models, ready only now
        from people.views import page_for_waiting

        if request.method in {"GET", "HEAD"}:
            address = page_for_waiting(request, request.GET.get("next", "/admin/"))
            if address is not None:
                return HttpResponseRedirect(address)
        response: HttpResponseBase = super().login(request, extra_context)
        return response
