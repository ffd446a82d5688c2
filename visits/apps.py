"""The visits app: hits come in, visits and events are stored."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    """Owns Visit and Event, the ingestion endpoint and the tracking script."""

    name = "visits"
