"""The reports app: questions about visits, and the pages that ask them."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Owns the questions, the engine that answers them, and the report pages."""

    name = "reports"

    def ready(self) -> None:
        """Roll days up whenever visits were archived; compare the figures when all are verified.

        Let hits that staff watched go after some minutes.
        """
        # these need the models, ready only now
        from archive.upkeep import add_further_cleaning, add_further_work
        from archive.verification import add_figures_check
        from reports.rolling_up import holds, roll_up
        from visits.ingestion.watching import forget_watched

        add_further_work(roll_up)
        add_figures_check(holds)
        add_further_cleaning(forget_watched)
