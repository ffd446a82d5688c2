"""Every address of the project."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from reports.api import QueryView
from reports.views.invitation import InvitationView
from reports.views.share import ShareView
from reports.views.theme import ThemeView
from trackingsite import health, openapi
from trackingsite.metrics import metrics


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Lead browsers that look for an icon by its old name, as on admin pages, to ours."""
    return HttpResponseRedirect(static("reports/icon.svg"))


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="reports:sites"), name="home"),
    path("favicon.ico", favicon, name="favicon"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("", include("visits.urls")),
    path("api/v2/query", QueryView.as_view(), name="query"),
    path("api/schema/", openapi.schema, name="schema"),
    path("api/docs/", openapi.docs, name="docs"),
    path("reports/", include("reports.urls")),
    path("share/<str:token>/<path:page>", ShareView.as_view(), name="share"),
    path("share/<str:token>/", ShareView.as_view(), {"page": ""}, name="share"),
    path("invitations/<str:token>/", InvitationView.as_view(), name="invitation"),
    path("theme/", ThemeView.as_view(), name="theme"),
    path("", include("people.urls")),
    path("admin/", admin.site.urls),
]

handler500 = "trackingsite.middleware.answer_error"
