"""What became of hits, counted for operators; `/metrics` shows it. No site, nothing of a visitor.

Groups are counted once they are stored, a group at a time, so that a hit costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from visits.ingestion.hit import DropReason

#: The figures of this process, and none that the library adds by itself.
REGISTRY: Final = CollectorRegistry()

# When each counter began says nothing that a server's start does not, and doubles the lines.
disable_created_metrics()  # type: ignore[no-untyped-call]

STORED: Final = "stored"
MALFORMED: Final = "malformed"
#: Answered with 503. One that waited for too long may be stored all the same.
REFUSED: Final = "refused"

_HITS: Final = Counter(
    "trackingsite_hits", "Hits by what became of them.", ["verdict"], registry=REGISTRY
)
_GROUP_HITS: Final = Histogram(
    "trackingsite_group_hits",
    "Hits of one group, which share a commit.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000),
    registry=REGISTRY,
)
_GROUP_SECONDS: Final = Histogram(
    "trackingsite_group_seconds",
    "Seconds that a group took from its first step to its commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)
_GROUPS_FAILED: Final = Counter(
    "trackingsite_groups_failed", "Groups that could not be stored.", registry=REGISTRY
)

# Each is there from the start, as 0: an alarm sees the first one that is counted.
_HITS_BY_VERDICT: Final = {
    verdict: _HITS.labels(verdict=verdict)
    for verdict in (STORED, MALFORMED, REFUSED, *(reason.value for reason in DropReason))
}


def note_group(*, seconds: float, verdicts: Mapping[str, int]) -> None:
    """Count a group that was stored: its hits by verdict, `stored` or a drop's reason."""
    _GROUP_HITS.observe(sum(verdicts.values()))
    _GROUP_SECONDS.observe(seconds)
    for verdict, hits in verdicts.items():
        _HITS_BY_VERDICT[verdict].inc(hits)


def note_failed_group() -> None:
    """Count a group that could not be stored; its hits are counted as they are refused."""
    _GROUPS_FAILED.inc()


def note_malformed(hits: int = 1) -> None:
    """Count hits that were answered with 400."""
    _HITS_BY_VERDICT[MALFORMED].inc(hits)


def note_refused(hits: int) -> None:
    """Count hits that were answered with 503."""
    _HITS_BY_VERDICT[REFUSED].inc(hits)
