"""The reports app: questions about visits, and the pages that ask them."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Owns the questions, the engine that answers them, and the report pages."""

    name = "reports"
