"""Threads of reports step back while hits need the processor; no other thread does."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from archive.engine import close_engines, open_engine
from archive.niceness import STEP, step_back
from trackingsite.front import Front

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="niceness is the whole process's here"
)


def niceness(thread: int = 0) -> int:
    """Return that of a thread by its id, of the one that asks without."""
    return os.getpriority(os.PRIO_PROCESS, thread or threading.get_native_id())


@pytest.fixture
def stepped_back() -> int:
    """The niceness of a thread that has stepped back once."""
    return min(19, niceness(os.getpid()) + STEP)


def threads() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/task")}


def test_a_thread_steps_back_alone(stepped_back: int) -> None:
    usual = niceness()

    with ThreadPoolExecutor(1, initializer=step_back) as pool:
        assert pool.submit(niceness).result() == stepped_back

    assert niceness() == usual
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(niceness).result() == usual


def test_stepping_back_twice_is_stepping_back_once(stepped_back: int) -> None:
    with ThreadPoolExecutor(1, initializer=step_back) as pool:
        pool.submit(step_back).result()
        assert pool.submit(niceness).result() == stepped_back


def test_the_engines_own_threads_step_back(stepped_back: int) -> None:
    close_engines()
    before = threads()

    with open_engine() as engine:
        engine.execute("SELECT sum(n) FROM range(1_000_000) r(n)").fetchall()
        of_engine = threads() - before

        assert of_engine
        assert {niceness(thread) for thread in of_engine} == {stepped_back}


def test_pages_are_made_by_threads_that_step_back(stepped_back: int) -> None:
    front = Front(lambda environ, start_response: [], threads=1)

    assert front.pool.submit(niceness).result() == stepped_back

    front.pool.shutdown()
