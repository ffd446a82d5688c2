"""The one table that reports read: an event, with what is known of its visit.

A row is an event of the database with its visit's facts and figures beside it, so that no question
needs a join. Live rows and files have the same columns in the same order.
"""

from __future__ import annotations

from typing import Final

from visits.models import VISIT_FACTS

#: A visit is engaged that lasted this long, or had two pageviews.
ENGAGED_SECONDS: Final = 10

#: What a row of Event holds, by the engine's type. Times are UTC, without a zone.
EVENT_COLUMNS: Final = {
    "site_id": "BIGINT",
    "visit_id": "BIGINT",
    "happened_at": "TIMESTAMP",
    "happened_on": "DATE",
    "name": "VARCHAR",
    "hostname": "VARCHAR",
    "page": "VARCHAR",
    "title": "VARCHAR",
    "interactive": "BOOLEAN",
    "props": "MAP(VARCHAR, VARCHAR)",
    "revenue_amount": "DECIMAL(19, 4)",
    "revenue_currency": "VARCHAR",
    "engagement_ms": "INTEGER",
    "scroll_depth": "SMALLINT",
}

#: What its visit says: who and from when on, what its first event decided.
VISIT_COLUMNS: Final = {
    "visitor": "BIGINT",
    "started_at": "TIMESTAMP",
    "started_on": "DATE",
    "entry_page": "VARCHAR",
    "exit_page": "VARCHAR",
    **{name: "INTEGER" if name == "screen_width" else "VARCHAR" for name in VISIT_FACTS},
}

#: Figures of its visit, each from the visit's own counts; whole numbers, so that sums are exact.
FIGURE_COLUMNS: Final = {
    "bounced": "BOOLEAN",
    "engaged": "BOOLEAN",
    "duration_us": "BIGINT",
}

COLUMNS: Final = {**EVENT_COLUMNS, **VISIT_COLUMNS, **FIGURE_COLUMNS}
