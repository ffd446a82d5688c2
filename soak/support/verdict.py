"""What became of a ledger's hits in the store: the figures that every fault has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bench.support.results import Figure
from soak.support.clients import ACCEPTED, BUSY, Ledger
from soak.support.store import Store

UNITS: Final = {
    "acked": "hits acknowledged",
    "refused": "hits answered 503 with Retry-After",
    "unanswered": "hits sent on connections that ended without an answer",
    "unforeseen": "answers other than 202, and 503 with Retry-After",
    "lost": "acknowledged hits missing in the store",
    "doubled": "ids of one site stored more than once",
    "damages": "found by SQLite's quick check",
    "slowest_202_ms": "ms",
    "slowest_503_ms": "ms",
}
#: What each figure may be at most.
AT_MOST: Final[Mapping[str, float]] = {"lost": 0, "doubled": 0, "damages": 0, "unforeseen": 0}


def ratio(figure: float, reference: float) -> float:
    """Return the figure in parts of the reference; 0 when there is no reference."""
    return round(figure / reference, 2) if reference else 0.0


def judge(store: Store, ledgers: Sequence[Ledger], prefix: str) -> dict[str, Figure]:
    """Return the figures of these ledgers, whose event ids begin with the prefix."""
    acked = {event_id for ledger in ledgers for event_id in ledger.acked}
    sent = [event_id for ledger in ledgers for event_id in ledger.sent]
    rows = store.count_rows(sent, prefix)
    return {
        "acked": len(acked),
        "refused": sum(ledger.statuses[BUSY] for ledger in ledgers),
        "unanswered": sum(len(ledger.losses) for ledger in ledgers),
        "unforeseen": sum(ledger.unforeseen for ledger in ledgers),
        "lost": sum(rows[event_id] == 0 for event_id in acked),
        "doubled": sum(found > 1 for found in rows.values()),
        "damages": store.count_damages(),
        "slowest_202_ms": round(max(one.slowest_ms(ACCEPTED) for one in ledgers), 1),
        "slowest_503_ms": round(max(one.slowest_ms(BUSY) for one in ledgers), 1),
    }
