"""Where the archive's files are, and who may change what is in there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings

from visits.locks import lock_until

#: How long a file that no longer counts stays, for reports that are still reading it.
GRACE_SECONDS: Final = 15 * 60.0
_POLL_SECONDS: Final = 0.2


class ArchiveBusyError(Exception):
    """Another process is changing the archive."""


def archive_folder() -> Path:
    """Return the folder, made if it is not there."""
    folder = Path(settings.DATA_DIR) / "archive"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def spill_folder() -> Path:
    """Return where the engine puts what it has no memory for, and exports; it may not be there."""
    return archive_folder() / ".spill"


@contextmanager
def change_archive(*, wait_seconds: float = 0.0) -> Iterator[None]:
    """Let no other process change the archive while the context lasts; the kernel lets go for dead.

    Raises ArchiveBusyError when another one still does so after `wait_seconds`.
    """
    until = time.monotonic() + wait_seconds
    descriptor = os.open(archive_folder() / ".changing", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not lock_until(descriptor, until, poll_seconds=_POLL_SECONDS):
            raise ArchiveBusyError("Another process is changing the archive.")
        yield
    finally:
        os.close(descriptor)


def to_disk(path: Path) -> None:
    """Return when the file, or the folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
