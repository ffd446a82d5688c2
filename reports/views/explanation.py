"""Where a number comes from: what it means, what it is made of, and what was left out of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django.http import Http404
from django.utils.functional import cached_property

from reports.access import Need
from reports.exceptions import EventsDroppedError
from reports.explanations import EXPLANATIONS, Explanation
from reports.left_out import left_out_between
from reports.metrics import VISITS
from reports.views.base import ReportView
from visits.daily import BOUNDED_VALUES, read_counts
from visits.models import Visit

#: Visits that an explanation shows of those behind its figure.
_FEW: Final = 5


class ExplanationView(ReportView):
    """One figure of the headline, explained for the page's days and filters."""

    template_name = "reports/explanation.html"
    page_name = "explanation"

    @cached_property
    def explanation(self) -> Explanation:
        """The figure that the address names. Raises Http404 for one that is none."""
        try:
            return EXPLANATIONS[self.kwargs["metric"]]
        except KeyError:
            raise Http404("There is no such figure to explain.") from None

    def answers(self) -> dict[str, Any]:
        """Return the figure with its change, and its parts as they are now."""
        explanation = self.explanation
        changes = self.changes(explanation.metric, *explanation.parts)
        return {
            "explanation": explanation,
            "change": changes[explanation.metric.name],
            "parts": [changes[part.name] for part in explanation.parts],
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what was left out of the site's figures on the page's days."""
        days = self.period.range
        counts = read_counts([self.site], days.first_day)[self.site.pk]
        return super().get_context_data(
            visits=self._some_visits(),
            left_out=left_out_between(counts, days.first_day, days.end_day),
            bounded_values=sum(
                of_day[BOUNDED_VALUES] for day, of_day in counts.items() if day < days.end_day
            ),
            **kwargs,
        )

    def _some_visits(self) -> list[Visit]:
        """Return the newest of the visits behind the figure.

        None where the site shows no visits, or has no events of these days.
        """
        if not self.access.allows(Need.READ_VISITS, "visits"):
            return []
        try:
            question = replace(self.question(VISITS), range=self.kept_days())
        except EventsDroppedError:
            return []
        return self.visit_log.newest(question, _FEW)
