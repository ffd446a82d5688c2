"""Imports that are killed, each at another instant: before and after whatever is to last."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from imports import spool
from imports.tests.files import bring_in

#: What makes something last, or makes an end of it.
INSTANTS = (
    (os, "fsync"),
    (pathlib.Path, "replace"),
    (pathlib.Path, "unlink"),
    (shutil, "rmtree"),
    (BaseDatabaseWrapper, "commit"),
)


def kill_and_go_on(folder: str, every: int) -> None:
    """Import the folder's files 0, 1, …: each is killed at its own instant, and gone on with.

    A file is one site's alone. Prints how many imports were killed: those of all files until one
    ends before its instant. Every import is a process of its own.
    """
    setattr(spool, "PART_LINES", 3)  # noqa: B010 -- final to others
    for number in count():
        path = Path(folder) / str(number)
        killed = run(path, kill_at=1 + number * every)
        if run(path, kill_at=None):
            raise AssertionError(f"Import {number} did not end.")
        if not killed:
            print(number, flush=True)  # noqa: T201 -- to the test
            return


def run(path: Path, *, kill_at: int | None) -> bool:
    """Import the file in a process of its own; return whether that did not come to its end."""
    child = os.fork()
    if not child:
        if kill_at is not None:
            die_at(kill_at)
        try:
            bring_in(path)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError(f"The import of {path} failed.")
    return os.WIFSIGNALED(status)


def die_at(instant: int) -> None:
    """Let this process be killed at the instant of that number."""
    instants = count(1)

    def tick() -> None:
        if next(instants) == instant:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in INSTANTS:
        setattr(owner, name, _ticking(getattr(owner, name), tick))


def _ticking(function: Callable[..., Any], tick: Callable[[], None]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        tick()
        result = function(*args, **kwargs)
        tick()
        return result

    return call
