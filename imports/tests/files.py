"""What tests of imports have in common: lines, files of them, and what is in the archive then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from archive.live import process_rows
from imports.folder import only_import
from imports.importer import Imported, import_file
from sites.models import Site
from visits.tests.hits import NOON


def line(
    at: datetime | str | None = NOON, visitor: object = "ann", **fields: Any
) -> dict[str, Any]:
    """Return the fields of a pageview of https://example.com/, with others in place of them."""
    ordinary = {
        "n": "pageview",
        "u": "https://example.com/",
        "d": "example.com",
        "at": at.isoformat() if isinstance(at, datetime) else at,
        "visitor": visitor,
    }
    return ordinary | fields


def write(path: Path, lines: Iterable[Mapping[str, Any] | str]) -> Path:
    """Write the lines into a file; text goes in as it is."""
    path.write_text(
        "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines)
    )
    return path


def bring_in(path: Path, **options: Any) -> Imported:
    """Import the file as the command does."""
    with only_import():
        return import_file(path, **options)


def stored(site: Site, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of every event of the site as reports read them, in order of time."""
    names = ", ".join(columns or ("name", "page"))
    with process_rows().state(site.pk) as state:
        sql = f"SELECT {names} FROM {state.events()} ORDER BY happened_at, name, page, title"
        return state.engine.execute(sql).fetchall()
