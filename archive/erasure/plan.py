"""What an erasure would erase, before it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from archive.erasure.conditions import write_condition
from archive.files import read_files
from archive.live import process_rows
from archive.models import Erasure


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what reports show now is to be erased."""

    visits: int
    #: That go, or that lose a property.
    events: int
    days: int
    #: None without events.
    first_day: date | None
    last_day: date | None
    #: Files of the archive that are to be written anew.
    files: int


def make_plan(erasure: Erasure) -> Plan:
    """Return what the erasure would erase now; nothing is changed."""
    condition = write_condition(erasure)
    with process_rows().state(erasure.site_id) as state:
        found = state.engine.execute(
            "SELECT count(DISTINCT visit_id), count(*), count(DISTINCT happened_on),"
            f" min(happened_on), max(happened_on) FROM {state.events()} WHERE {condition}"
        ).fetchall()[0]
        looks = [
            f"(SELECT count(*) FROM (SELECT 1 FROM {read_files([file])} WHERE {condition} LIMIT 1))"
            for file in state.files
        ]
        files = sum(state.engine.execute(f"SELECT {look}").fetchall()[0][0] for look in looks)
    visits, events, days, first_day, last_day = found
    return Plan(visits, events, days, first_day, last_day, files)


def describe_plan(erasure: Erasure, plan: Plan) -> str:
    """Return what an erasure would erase, in a sentence or two."""
    verb = "to lose the property" if erasure.kind == Erasure.Kind.PROPERTY else "to go"
    if not plan.events:
        return f"{erasure.site.domain}: no event has any of it."
    return (
        f"{erasure.site.domain}: {verb}: {some(plan.events, 'event')} of"
        f" {some(plan.visits, 'visit')}, on {some(plan.days, 'day')} from {plan.first_day} to"
        f" {plan.last_day}. To be written anew: {some(plan.files, 'file')} of the archive."
        f" What happens after {timezone.localtime(erasure.requested_at):%Y-%m-%d %H:%M:%S} stays."
    )


def some(number: int, noun: str) -> str:
    """Return the number with its noun: "1 file", "2,000 files"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
