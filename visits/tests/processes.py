"""Other processes on the database of the test that runs, as web workers and commands are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from trackingsite.tests.live import ROOT, make_environment

#: Seconds until a process that does not answer is a failure.
PATIENCE: Final = 120

_SET_UP: Final = """
import sys
import django
django.setup()
arguments = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
"""


class OtherProcess:
    """A process that waits until it is told to go, and writes lines."""

    def __init__(self, code: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SET_UP + code, *map(str, arguments)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        """Return the next line that the process writes, empty at its end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def go(self, line: str = "") -> None:
        """Let the process go on from where it waits for a line; give it this one."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def finish(self, *, patience: float = PATIENCE) -> str:
        """Return what else the process writes. Raises AssertionError when it fails."""
        output, _ = self.process.communicate(timeout=patience)
        assert self.process.returncode == 0, output
        return output.strip()

    def kill(self) -> None:
        """End the process as the kernel does that is out of memory."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def other_processes(code: str, *arguments: object, count: int = 1) -> Iterator[list[OtherProcess]]:
    """Start processes that run the code, Django being set up; give them when all wait to go.

    The code finds the arguments, and its own number after them, as text in `arguments`. Whatever
    runs at the end of the context is killed.
    """
    processes = [OtherProcess(code, *arguments, number) for number in range(count)]
    try:
        for process in processes:
            assert process.hear() == "ready"
        yield processes
    finally:
        for process in processes:
            process.kill()


def environment() -> dict[str, str]:
    """Return the environment of a process on this test's database, data folder and secret."""
    return make_environment(
        {
            "DJANGO_SETTINGS_MODULE": "trackingsite.settings.default",
            "DATA_DIR": str(settings.DATA_DIR),
            "DATABASE_URL": database_url(),
            "SECRET_KEY": settings.SECRET_KEY,
        }
    )


def database_url() -> str:
    """Return the address of the test's database."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(database['NAME']))}"
    user, password = quote(database["USER"], safe=""), quote(database["PASSWORD"], safe="")
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
