"""Every address of the project, and an empty view to measure it against."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class EmptyView(APIView):
    """What Django REST framework needs for a request that asks for nothing."""

    def post(self, request: Request) -> Response:
        """Answer 202 without reading anything."""
        return Response("ok", status=202)


urlpatterns = [
    path("bench/empty", EmptyView.as_view(), name="bench-empty"),
    path("", include("trackingsite.urls")),
]
