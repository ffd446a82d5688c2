"""Faults of the disk: system calls that fail, by strace, and a small disk of memory that fills."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Calls by which SQLite opens and writes its files, and flushes them.
WRITES: Final = "openat,write,pwrite64,ftruncate"
FLUSHES: Final = "fsync,fdatasync"
#: Seconds that strace has to attach, and to let go.
PATIENCE: Final = 20.0
DISK_BYTES: Final = 64_000_000


def find_strace() -> str | None:
    """Return why faults cannot be injected here; None when they can."""
    if shutil.which("strace") is None:
        return "strace is not installed. On Debian or Ubuntu: apt-get install strace"
    tried = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=none", "true"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return f"strace may not trace here: {tried.stdout.strip()}" if tried.returncode else None


@dataclass(frozen=True)
class Injection:
    """A fault that waits for its call."""

    log: Path

    @property
    def calls(self) -> int:
        """How many calls have failed by it so far."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("(INJECTED)")


@contextmanager
def injecting(
    processes: Sequence[int], file: Path, *, calls: str, error: str, nth: int, log: Path
) -> Iterator[Injection]:
    """Let the n-th of these calls about the SQLite file or its WAL fail, in each of its threads.

    The call is not carried out. Each kind of call is counted by itself, from when the context
    begins; after it all is well.
    """
    with log.open("wb"):
        pass
    attached = log.with_suffix(".attached")
    with attached.open("wb") as messages:
        tracer = subprocess.Popen(
            [
                *("strace", "-f", "-o", str(log)),
                *("-P", str(file), "-P", f"{file}-wal"),
                *("-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={nth}"),
                *(part for process in processes for part in ("-p", str(process))),
            ],
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_attached(tracer, attached, len(processes))
        yield Injection(log)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(PATIENCE)


def _wait_until_attached(tracer: subprocess.Popen[bytes], messages: Path, processes: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while messages.read_bytes().count(b" attached") < processes:
        if tracer.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"strace does not attach: {messages.read_text()}")
        time.sleep(0.01)


def find_disk() -> str | None:
    """Return why a disk of memory cannot be mounted here; None when it can."""
    if os.geteuid() != 0:
        return "only root may mount a disk of memory"
    try:
        with small_disk():
            return None
    except subprocess.CalledProcessError as error:
        return f"a disk of memory cannot be mounted: {error.stderr.strip()}"


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount a disk of DISK_BYTES of memory while the context lasts; give its folder."""
    folder = Path(tempfile.mkdtemp(prefix="trackingsite-disk-"))
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder))
        try:
            yield folder
        finally:
            _run("umount", "--lazy", str(folder))
    finally:
        folder.rmdir()


def fill(file: Path, *, leave: int) -> None:
    """Let the file grow until so many bytes of its disk are free."""
    free = shutil.disk_usage(file.parent).free - leave
    if free > 0:
        with file.open("ab", buffering=0) as filler:
            while free > 0:
                try:
                    free -= filler.write(bytes(min(free, 1_000_000)))
                except OSError:  # somebody else took the rest
                    return


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
