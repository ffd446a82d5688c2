"""What becomes of a hit of the past: the steps of live hits, but those that are about now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from visits.ingestion.hit import Drop, Hit, Origin, Page
from visits.ingestion.pipeline import (
    Step,
    drop_automation,
    drop_bot,
    drop_spam_referrer,
    put_channel,
    put_device,
    put_page,
    put_place,
    put_site,
    put_source,
)

#: Outcomes that are kept; about a kilobyte each.
MAX_KEPT: Final = 20_000


class KnownLandings:
    """Steps whose outcome follows from the page's address and the referrer alone, taken once.

    A file has the same pages again and again; to know them takes a tenth of the time.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self._known: dict[tuple[str, str, str, bool], tuple[Page, Origin] | Drop] = {}

    def __call__(self, hit: Hit) -> Hit | Drop:
        """Take the hit through the steps, or do what came of it before."""
        sent = hit.sent
        landing = (hit.domain, sent.url, sent.referrer, sent.hash_mode)
        outcome = self._known.get(landing)
        if outcome is None:
            outcome = self._find_out(hit)
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            self._known[landing] = outcome
        if isinstance(outcome, Drop):
            return outcome
        page, origin = outcome
        return hit.put(page=page, origin=origin)

    def _find_out(self, hit: Hit) -> tuple[Page, Origin] | Drop:
        for step in self.steps:
            result = step(hit)
            if isinstance(result, Drop):
                return result
            hit = result
        return hit.page, hit.origin


#: Those of the pipeline that are about a page and where a visitor came from, in its order.
LANDING_STEPS: Final[tuple[Step, ...]] = (put_page, put_source, drop_spam_referrer, put_channel)


def past_steps() -> tuple[Step, ...]:
    """Return the steps, which keep what they find out for as long as they are.

    Not among them: rates and prefetches, which are about what comes now; the visitor, who has no
    salt; and the guard against too many values, which has to see whole days (imports.bounds).
    """
    return (
        put_site,
        drop_automation,
        drop_bot,
        KnownLandings(LANDING_STEPS),
        put_device,
        put_place,
    )
