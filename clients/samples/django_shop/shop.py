"""Settings, addresses and views of the shop."""

import os
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path
from django_tracking import track

BASE_DIR = Path(__file__).parent
SECRET_KEY = "a-sample-has-no-secret"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop"
USE_TZ = True
INSTALLED_APPS = ["django_tracking"]
MIDDLEWARE = ["django_tracking.middleware.tracking_middleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

TRACKING_BACKEND_URL = os.environ.get("TRACKING_BACKEND_URL", "https://stats.example.org")
TRACKING_DOMAIN = "shop.example.com"
TRACKING_KEY = os.environ.get("TRACKING_KEY", "the-key-of-the-shop")
TRACKING_SERVER_SIDE = os.environ.get("TRACKING_SERVER_SIDE") == "on"


def home(request: HttpRequest) -> HttpResponse:
    """Show the shop."""
    return render(request, "home.html")


def buy(request: HttpRequest) -> HttpResponse:
    """Sell something, and tell trackingsite."""
    track(request, "purchase", revenue=("12.30", "EUR"), props={"item": "lamp"})
    return redirect("/")


urlpatterns = [
    path("", home),
    path("buy/", buy),
    path("t/", include("django_tracking.urls")),
]
