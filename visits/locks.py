"""Locks on files: one process at a time, and the kernel lets go for one that dies."""

from __future__ import annotations

import fcntl
import time


def lock_until(descriptor: int, deadline: float, *, poll_seconds: float) -> bool:
    """Lock an open file as soon as no other holds it, and return True.

    False when one still does at `deadline`, by the clock of `time.monotonic`; it is tried at least
    once. Closing the file gives the lock back.
    """
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(poll_seconds)
        else:
            return True
