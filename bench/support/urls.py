"""Every address of the project, an empty view to measure it against, and a slow report."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.support.slow import SlowReport


class EmptyView(APIView):
    """What Django REST framework needs for a request that asks for nothing."""

    def post(self, request: Request) -> Response:
        """Answer 202 without reading anything."""
        return Response("ok", status=202)


urlpatterns = [
    path("bench/empty", EmptyView.as_view(), name="bench-empty"),
    path("bench/slow/<str:domain>/", SlowReport.as_view(), name="bench-slow"),
    path("", include("trackingsite.urls")),
]
