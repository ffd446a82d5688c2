"""What a file is: its content, and which imports have had it, or its beginning, before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imports.models import Import, ImportedSite
from imports.tally import Tally

_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content, and what is known of it."""

    path: Path
    size_bytes: int
    sha256: str
    #: Imports of this very content, or of one that this one goes on from.
    earlier: tuple[Import, ...]

    def has_line_end(self, at: int) -> bool:
        """Return whether a line begins, or the file ends, at this byte."""
        if at in (0, self.size_bytes):
            return True
        with self.path.open("rb") as file:
            file.seek(at - 1)
            return b"\n" in file.read(2)


def read_content(path: Path) -> Content:
    """Return what the file is. Raises OSError when it cannot be read."""
    known: dict[int, list[Import]] = {}
    for record in Import.objects.order_by("size_bytes", "pk"):
        known.setdefault(record.size_bytes, []).append(record)
    earlier: list[Import] = []
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        for end in (*sorted(known), None):
            while block := file.read(_BLOCK if end is None else min(_BLOCK, end - size)):
                digest.update(block)
                size += len(block)
            if end is not None and size == end:
                sha256 = digest.hexdigest()
                earlier += [record for record in known[end] if record.sha256 == sha256]
    return Content(path, size, digest.hexdigest(), tuple(earlier))


def stored_until(content: Content) -> dict[int, int]:
    """Return, by site, the byte before which the content's hits are in the archive already."""
    imported = ImportedSite.objects.filter(source__in=content.earlier)
    ends: dict[int, int] = {}
    for site_id, end in imported.values_list("site", "source__size_bytes"):
        ends[site_id] = max(end, ends.get(site_id, 0))
    return ends


def last_whole(content: Content, domain: str) -> Import | None:
    """Return the import after whose end the content has to be read; None: from its beginning.

    Every line before is in the archive, or would be refused again.
    """
    return next(
        (
            record
            for record in reversed(content.earlier)
            if record.state == Import.State.FINISHED
            and record.domain == domain
            and not _may_do_better(record)
            and content.has_line_end(record.size_bytes)
        ),
        None,
    )


def _may_do_better(record: Import) -> bool:
    """Return whether lines were refused that may be taken now: sites can be added."""
    return not {"unknown_site", "site_paused"}.isdisjoint(Tally.from_json(record.report).refused)
