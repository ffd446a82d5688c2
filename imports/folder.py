"""Where an import keeps what it has read, and who may import.

Below the archive's folder, which is the only one that the engine may read and write; a backup
leaves it out, as it leaves out salts.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from archive.folder import archive_folder, to_disk
from imports.exceptions import ImportBusyError
from visits.locks import lock_until

KEY_BYTES: Final = 32
#: How names of copies of standard input begin.
INPUT: Final = ".input-"
_KEY: Final = "key"
_POLL_SECONDS: Final = 0.05


def spool_folder() -> Path:
    """Return the folder of all imports, made if it is not there."""
    folder = archive_folder() / ".imports"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def only_import(*, wait_seconds: float = 0.0) -> Iterator[None]:
    """Let no other process import while the context lasts; the kernel lets go for dead ones.

    Raises ImportBusyError when another one still does after `wait_seconds`.
    """
    until = time.monotonic() + wait_seconds
    descriptor = os.open(spool_folder() / ".importing", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not lock_until(descriptor, until, poll_seconds=_POLL_SECONDS):
            raise ImportBusyError("Another import is going on.")
        yield
    finally:
        os.close(descriptor)


def make_key(folder: Path) -> bytes:
    """Return the key of an import's visitors, made if there is none: random, and safe on disk."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / _KEY
    if not path.exists():
        write_safely(path, secrets.token_bytes(KEY_BYTES))
        to_disk(spool_folder())
    return path.read_bytes()


def write_safely(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and have it on disk."""
    draft = path.with_name(f"{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    keep(draft, path)


def keep(draft: Path, path: Path) -> None:
    """Give a draft its name, when all of it is on disk."""
    to_disk(draft)
    draft.replace(path)
    to_disk(path.parent)


def destroy(folder: Path) -> None:
    """Delete an import's folder, its key first; one that is not there is no error."""
    (folder / _KEY).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
