"""What came of an import, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from imports.importer import Imported
from visits.ingestion.hit import DropReason


def describe(imported: Imported) -> str:
    """Return what was stored, what was left out and what was refused, with the first lines."""
    return "\n".join(_lines(imported))


def _lines(imported: Imported) -> Iterator[str]:
    tally = imported.tally
    if imported.was_finished:
        yield "This content is imported already; nothing was done. Of it were:"
    yield f"{tally.lines:,} lines read."
    for domain, site in sorted(imported.sites.items()):
        yield f"{domain}: {site.events:,} events in {site.visits:,} visits."
    if tally.known:
        yield f"{tally.known:,} hits were stored by an earlier import."
    if repeated := sum(site.repeated for site in imported.sites.values()):
        yield f"{repeated:,} hits have an id that was stored before."
    dropped = tally.dropped + Counter(
        {DropReason.NO_VISIT.value: sum(site.left_out for site in imported.sites.values())}
    )
    if dropped:
        yield f"Dropped: {_counts(dropped)}."
    if tally.cut_fields:
        yield f"Cut to their limit: {_counts(tally.cut_fields)}."
    if tally.refused:
        yield from _refused(imported)


def _refused(imported: Imported) -> Iterator[str]:
    tally = imported.tally
    yield f"Refused {tally.refused.total():,} lines: {_counts(tally.refused)}."
    if tally.wrong_fields:
        yield f"Wrong fields: {_counts(tally.wrong_fields)}."
    for number, errors in tally.examples:
        told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items())
        yield f"  line {number:,}: {told}"
    if tally.refused.total() > len(tally.examples):
        yield "  and more"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
