"""Threads that step back while others have something to do: reports and upkeep, for hits.

Linux schedules threads, not processes, by their niceness; a thread that is started has that of the
one that starts it. Everybody may raise it, and only root lower it again, so it is for threads that
do nothing else.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

#: What is added to the niceness of the process: a tenth of the time while there is a rush.
STEP: Final = 10
_MOST: Final = 19


def step_back() -> None:
    """Let this thread, and those that it starts from now on, run when others leave time for it."""
    if not sys.platform.startswith("linux"):
        return  # elsewhere niceness is the whole process's
    of_process = os.getpriority(os.PRIO_PROCESS, os.getpid())
    niceness = min(_MOST, of_process + STEP)
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
