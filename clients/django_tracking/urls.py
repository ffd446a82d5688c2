"""The site's own address of script and endpoint: `path("t/", include("django_tracking.urls"))`."""

from django.urls import path

from django_tracking import views

app_name = "django_tracking"

urlpatterns = [
    path("js/script.js", views.script, name="script"),
    path("api/event", views.event, name="event"),
]
