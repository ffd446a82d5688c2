"""Addresses below that of a link: the report pages."""

from django.urls import include, path

urlpatterns = [path("", include("reports.urls"))]
