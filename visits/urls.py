"""Addresses that pages load and send to."""

from django.urls import path

from visits import api
from visits.tracker import views

app_name = "visits"

urlpatterns = [
    path("api/event", api.EventView.as_view(), name="event"),
    path("api/events", api.EventsView.as_view(), name="events"),
    path("pixel.gif", api.pixel, name="pixel"),
    path("js/script.js", views.script, name="script"),
]
