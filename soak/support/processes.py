"""The processes of a running server, as /proc tells of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def list_group(leader: int) -> list[int]:
    """Return the processes of the group that `leader` leads, itself included."""
    members = []
    for name in os.listdir("/proc"):
        with suppress(ProcessLookupError, PermissionError):
            if name.isdigit() and os.getpgid(int(name)) == leader:
                members.append(int(name))
    return sorted(members)


def list_holders(leader: int, file: Path) -> list[int]:
    """Return the processes of the group that have the file open."""
    return [process for process in list_group(leader) if file in _open_files(process)]


def _open_files(process: int) -> set[Path]:
    found = set()
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                found.add(link.readlink())
    return found


def read_rss_mb(leader: int) -> float:
    """Return the memory that the group's processes hold now, in megabytes (10^6 bytes)."""
    pages = 0
    for process in list_group(leader):
        with suppress(OSError):
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6


@contextmanager
def sampling_rss(leader: int, seconds: float) -> Iterator[list[float]]:
    """Read the group's memory every so many seconds while the context lasts; at least twice."""
    samples, over = [read_rss_mb(leader)], threading.Event()

    def sample() -> None:
        while not over.wait(seconds):
            samples.append(read_rss_mb(leader))

    thread = threading.Thread(target=sample, name="rss")
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
        samples.append(read_rss_mb(leader))
