"""A lock on a file has one holder, and whoever waits for it gives up in time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from visits.locks import lock_until

Opener = Callable[[], int]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens one file again and again."""
    descriptors: list[int] = []

    def open_again() -> int:
        descriptors.append(os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600))
        return descriptors[-1]

    yield open_again
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_free_file_is_locked_also_after_the_deadline(opened: Opener) -> None:
    assert lock_until(opened(), time.monotonic() - 1, poll_seconds=0.01)


def test_a_second_holder_is_told_so_at_the_deadline(opened: Opener) -> None:
    assert lock_until(opened(), time.monotonic(), poll_seconds=0.01)
    deadline = time.monotonic() + 0.05

    assert not lock_until(opened(), deadline, poll_seconds=0.01)
    assert time.monotonic() >= deadline


def test_whoever_waits_gets_it_when_it_is_given_back(tmp_path: Path, opened: Opener) -> None:
    first = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    assert lock_until(first, time.monotonic(), poll_seconds=0.01)
    threading.Timer(0.05, os.close, [first]).start()

    assert lock_until(opened(), time.monotonic() + 30, poll_seconds=0.01)
