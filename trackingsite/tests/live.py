"""The real program in a process of its own, as `make run` starts it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trackingsite.tests.variables import list_variables

ROOT: Final = Path(__file__).resolve().parents[2]
READY_PATH: Final = "/login/"
#: Seconds until a start, or an end, that does not come is a failure.
PATIENCE: Final = 40.0


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A server that answers."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    #: From the start of the process to the first answer.
    seconds_to_answer: float

    @property
    def output(self) -> str:
        """What the program has written so far, errors included."""
        return self.log.read_text(encoding="utf-8")

    def interrupt(self) -> int:
        """Press Ctrl-C, which a terminal sends to every process of the program; return its exit."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE)

    def terminate(self) -> int:
        """Ask the program to stop, as an operator's service manager does; return its exit."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def running_server(
    data_dir: Path,
    *,
    password: str = "",
    port: int | None = None,
    setup: str = "",
    **variables: str,
) -> Iterator[RunningServer]:
    """Serve from `data_dir` while the context lasts; give the server once it answers.

    The first administrator gets `password`, or a random one that is in the output. `setup` is
    Python that runs as `manage.py shell` does, once the server answers. `variables` are further
    settings; those of this machine's environment and `.env` file do not count.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    variables = {"DATA_DIR": str(data_dir), "ADMIN_PASSWORD": password} | variables
    with running_program(
        [sys.executable, str(ROOT / "manage.py"), "serve"],
        folder=data_dir,
        port=port or find_free_port(),
        variables=variables,
    ) as server:
        if setup:
            done = run_manage("shell", "-c", setup, DATA_DIR=str(data_dir))
            assert done.returncode == 0, done.stdout
        yield server


@contextmanager
def running_program(
    command: list[str],
    *,
    folder: Path,
    port: int,
    variables: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Iterator[RunningServer]:
    """Run a command that serves on `port`, in `folder`, while the context lasts."""
    log = folder / f"output-{time.time_ns()}.txt"
    with log.open("wb") as file:
        started_at = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=make_environment({"PORT": str(port), **(variables or {})}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for_answer(url + READY_PATH, process, log, patience)
        seconds = time.perf_counter() - started_at
        yield RunningServer(url=url, process=process, log=log, seconds_to_answer=seconds)
    finally:
        _end(process)


def start_in_vain(data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start the program where it cannot serve; return how it ended and what it wrote."""
    variables = {"DATA_DIR": str(data_dir), "PORT": str(find_free_port())} | variables
    return run_manage("serve", **variables)


def run_manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a management command with these settings; return how it ended and what it wrote.

    What the permissions of a file forbid to its owner is forbidden here to root too.
    """
    mortal = []
    if os.geteuid() == 0 and (setpriv := shutil.which("setpriv")):
        mortal = [setpriv, "--bounding-set", "-dac_override,-dac_read_search"]
    return subprocess.run(
        [*mortal, sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=make_environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def make_environment(variables: dict[str, str]) -> dict[str, str]:
    """Return an environment with these settings, and with the defaults of all others.

    An empty value is the default, and unlike a missing one is not looked up in `.env`.
    """
    system = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return system | dict.fromkeys(list_variables(), "") | variables


def find_free_port() -> int:
    """Return a port of the loopback address that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for_answer(
    url: str, process: subprocess.Popen[bytes], log: Path, patience: float
) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise AssertionError(f"{url} answers {error.code}:\n{log.read_text()}") from None
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"No answer from {url}, exit code {process.poll()}:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
