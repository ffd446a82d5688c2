"""What becomes of a hit of the past: the steps of live hits, but those that are about now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from imports.known import MAX_KEPT
from visits.ingestion.hit import Drop, Hit
from visits.ingestion.pipeline import (
    Step,
    drop_automation,
    drop_bot,
    drop_excluded,
    drop_spam_referrer,
    forget_unkept,
    put_channel,
    put_device,
    put_page,
    put_place,
    put_site,
    put_source,
)

#: The parts of a hit from which an outcome follows.
Given = Callable[[Hit], Any]


class KnownSteps:
    """Steps whose outcome follows from some parts of a hit alone, taken once for each of these.

    `given` gets those parts; `added` names what the steps add. A file has the same pages, agents
    and addresses again and again; to know them takes a tenth of the time.
    """

    def __init__(self, steps: Sequence[Step], *, given: Given, added: Sequence[str]) -> None:
        self.steps = steps
        self._given = given
        self._added = added
        self._known: dict[Any, dict[str, Any] | Drop] = {}

    def __call__(self, hit: Hit) -> Hit | Drop:
        """Take the hit through the steps, or do what came of it before."""
        given = self._given(hit)
        outcome = self._known.get(given)
        if outcome is None:
            outcome = self._find_out(hit)
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            self._known[given] = outcome
        return outcome if isinstance(outcome, Drop) else hit.put(**outcome)

    def _find_out(self, hit: Hit) -> dict[str, Any] | Drop:
        for step in self.steps:
            result = step(hit)
            if isinstance(result, Drop):
                return result
            hit = result
        return {name: getattr(hit, name) for name in self._added}


def past_steps() -> tuple[Step, ...]:
    """Return the steps, which keep what they find out for as long as they are.

    Not among them: rates and prefetches, which are about what comes now; the visitor, who has no
    salt; and the guard against too many values, which has to see whole days (imports.bounds).
    """
    return (
        put_site,
        drop_automation,
        drop_bot,
        KnownSteps(
            (put_page, put_source, drop_spam_referrer, put_channel),
            given=attrgetter("domain", "sent.url", "sent.referrer", "sent.hash_mode"),
            added=("page", "origin"),
        ),
        KnownSteps((put_device,), given=attrgetter("user_agent"), added=("device",)),
        KnownSteps((put_place,), given=attrgetter("address", "sent.timezone"), added=("place",)),
        drop_excluded,
        forget_unkept,
    )
