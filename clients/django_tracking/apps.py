"""The app: put `django_tracking` into INSTALLED_APPS."""

from django.apps import AppConfig
from django.core import checks


class TrackingConfig(AppConfig):
    """Registers the system checks, and lets tests see events that wait for a commit."""

    name = "django_tracking"
    verbose_name = "Tracking"

    def ready(self) -> None:
        """Do so once the settings are there."""
        from tracking_client.testing import settlers

        from django_tracking.checks import check_settings
        from django_tracking.events import settle

        checks.register(check_settings)
        if settle not in settlers:
            settlers.append(settle)
