"""The visits app: hits come in, visits and events are stored."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    """Owns Visit and Event, the ingestion endpoint and the tracking script."""

    name = "visits"

    def ready(self) -> None:
        """Follow what is changed past the writer."""
        from visits.changes import follow_models  # needs the models, ready only now

        follow_models()
