"""What every warehouse does: answer a statement over two tables, `visits` and `events`.

`visits` has visit_id, site_id, visitor, bounced, engaged, duration_seconds, entry_page and
exit_page. `events` has visit_id, site_id, visitor, name, happened_at (UTC, naive), happened_on (the
site's day), hostname, page, title, engagement_ms, scroll_depth, and the facts of its visit.
"""

from __future__ import annotations

from typing import Any, Protocol

from reports.sql import Statement


class Warehouse(Protocol):
    """A set of visits and events that can be asked."""

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Return the statement's rows, in its order."""
        ...
