"""Hits that are read, in files beside the archive's: parts that are whole, or do not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from archive.columns import EVENT_COLUMNS
from archive.engine import open_engine, quote
from archive.rows import AS_STORED
from imports.exceptions import RefusedLineError
from imports.folder import keep, write_safely
from imports.lines import Line
from imports.models import Import
from imports.reading import LineReader, refused_text
from imports.tally import Tally
from imports.visitors import Visitors, Who
from visits.ingestion.fields import MAX_DOMAINS
from visits.ingestion.hit import Hit
from visits.ingestion.writer import facts_of
from visits.models import VISIT_FACTS

#: Lines of one part: what a kill costs at most.
PART_LINES: Final = 100_000

#: What a hit is known by in the spool, and how it is joined.
_OWN: Final = {
    # Of the order in the file: the line, and which of its domains.
    "place": "BIGINT",
    "person": "BIGINT",
    "visitor": "BIGINT",
    "event_id": "VARCHAR",
}
_FACTS: Final = {name: "INTEGER" if name == "screen_width" else "VARCHAR" for name in VISIT_FACTS}
_EVENT: Final = {
    name: kind for name, kind in EVENT_COLUMNS.items() if name != "visit_id"
} | AS_STORED

#: The spool's columns: an event as the rows have it, and the facts of a visit that it would begin.
SPOOLED: Final = {**_OWN, **_EVENT, **_FACTS}


def write_part(
    record: Import,
    number: int,
    lines: Iterator[Line],
    reader: LineReader,
    visitors: Visitors,
) -> Line | None:
    """Write the next lines as a part, with what became of them; return the last of them.

    None: there was no line, and nothing is written. All is on disk then, but the part counts only
    once the import's record says so: until then it may be written again.
    """
    first = next(lines, None)
    if first is None:
        return None
    events, refused, counted = part_files(record, number)
    tally = Tally()
    last = first

    def rows(refused_lines: BinaryIO) -> Iterator[tuple[Any, ...]]:
        nonlocal last
        for line in islice(chain([first], lines), PART_LINES):
            last = line
            if line.text is not None and not line.text.strip():
                continue
            tally.lines += 1
            try:
                for which, hit in enumerate(reader.read(line, tally)):
                    yield _row(line.number * MAX_DOMAINS + which, hit, visitors.name(hit))
            except RefusedLineError as error:
                tally.refuse(line.number, error.reason, error.errors)
                refused_lines.write(refused_text(line, error))

    with _draft(refused) as draft:
        with draft.open("wb") as refused_lines:
            _write_events(events, rows(refused_lines))
        keep(draft, refused)
    write_safely(counted, orjson.dumps(tally.as_json()))
    return last


def part_files(record: Import, number: int) -> tuple[Path, Path, Path]:
    """Return where a part's events, its refused lines and its counts are."""
    name = f"part-{number:06d}"
    folder = record.folder
    return folder / f"{name}.parquet", folder / f"{name}.refused", folder / f"{name}.json"


def read_tally(record: Import) -> Tally:
    """Return what became of every line that has been read."""
    tally = Tally()
    for number in range(record.parts):
        tally.add(Tally.from_json(orjson.loads(part_files(record, number)[2].read_bytes())))
    return tally


def refused_lines(record: Import) -> Iterable[Path]:
    """Return the files that hold the refused lines, in order."""
    return [part_files(record, number)[1] for number in range(record.parts)]


def read_spool(record: Import, site_id: int) -> str:
    """Return what reads the spooled hits of a site, as SQL in brackets."""
    paths = ", ".join(quote(part_files(record, number)[0]) for number in range(record.parts))
    if not paths:
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in SPOOLED.items())
        return f"(SELECT {columns} WHERE false)"
    return f"(SELECT * FROM read_parquet([{paths}]) WHERE site_id = {site_id:d})"


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give the path of a draft; what is left of it when the context ends is deleted."""
    draft = path.with_name(f"{path.name}.draft")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write_events(path: Path, rows: Iterator[tuple[Any, ...]]) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in SPOOLED.items())
    engine = open_engine()
    try:
        engine.execute(f"CREATE TEMP TABLE part ({columns})")
        with engine.appender("part") as appender:
            appender.append_rows(rows)
        with _draft(path) as draft:
            engine.execute(f"COPY part TO {quote(draft)} (FORMAT parquet, COMPRESSION zstd)")
            keep(draft, path)
    finally:
        engine.close()


def _row(place: int, hit: Hit, who: Who) -> tuple[Any, ...]:
    """Return the values of SPOOLED."""
    sent, page = hit.sent, hit.page
    return (
        place,
        *who,
        sent.event_id,
        hit.known_site.id,
        hit.happened_at.replace(tzinfo=None),
        hit.happened_on,
        sent.name,
        page.hostname,
        page.path,
        sent.title,
        sent.interactive,
        orjson.dumps(sent.props).decode() if sent.props else "{}",
        None if sent.revenue_amount is None else str(sent.revenue_amount),
        sent.revenue_currency,
        sent.engagement_ms,
        sent.scroll_depth,
        *facts_of(hit),
    )
