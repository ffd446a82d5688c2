"""A report page whose question takes as long as it may: regular expressions over a year."""

from __future__ import annotations

from typing import Any, Final

from reports.dimensions import PAGE, property_dimension
from reports.filters import AnyOf, Filter, Operator
from reports.metrics import VISITORS
from reports.views.base import ReportView

#: So many, none of which anything matches: each is tried on every event.
PATTERNS: Final = tuple(f"(p[a-z]*{number}|[aeiou]+x)+ of .*{number}$" for number in range(600))


class SlowReport(ReportView):
    """Visitors of pages and of a property's values, where they match one of many expressions."""

    template_name = "reports/overview.html"

    def answers(self) -> dict[str, Any]:
        """Ask; the page shows nothing of the answer, which does not come in time."""
        matching = AnyOf(
            tuple(
                Filter(dimension, PATTERNS, operator=Operator.MATCHES)
                for dimension in (property_dimension("plan"), PAGE)
            )
        )
        self.total(VISITORS, matching)
        return {"is_empty": True}
