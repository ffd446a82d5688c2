"""Addresses that pages load and send to."""

from django.conf import settings
from django.urls import path, re_path

from visits import api
from visits.tracker import views

app_name = "visits"

urlpatterns = [
    path("api/event", api.EventView.as_view(), name="event"),
    path("api/events", api.EventsView.as_view(), name="events"),
    path("pixel.gif", api.pixel, name="pixel"),
    # Where the script asks for a picture when its request is stopped.
    path("api/event.gif", api.pixel),
    path("js/script.js", views.script, name="script"),
    path("js/core.js", views.script, {"file": "core.js"}, name="core"),
    # Names of Plausible's script: the parts of script.hash.local.js are options to it.
    re_path(r"^js/(?:script|plausible)(?:\.[a-z-]+)*\.js$", views.script),
    re_path(r"^js/pa-[\w-]+\.js$", views.script),
]

# Names that no list of blockers knows.
if settings.SCRIPT_PATH:
    urlpatterns.append(path(settings.SCRIPT_PATH, views.script, name="own-script"))
if settings.EVENT_PATH:
    urlpatterns += [
        path(settings.EVENT_PATH, api.EventView.as_view(), name="own-event"),
        path(f"{settings.EVENT_PATH}.gif", api.pixel),
    ]
