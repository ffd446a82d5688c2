"""The project package as an app, so that its commands are found."""

from django.apps import AppConfig


class TrackingsiteConfig(AppConfig):
    """Settings, addresses, server."""

    name = "trackingsite"

    def ready(self) -> None:
        """Register the system checks."""
        from trackingsite import checks  # noqa: F401
