"""The reports app: questions about visits, and the pages that ask them."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Owns the questions, the engine that answers them, and the report pages."""

    name = "reports"

    def ready(self) -> None:
        """Roll days up whenever visits were archived."""
        from archive.upkeep import add_further_work  # these need the models, ready only now
        from reports.rolling_up import roll_up

        add_further_work(roll_up)
