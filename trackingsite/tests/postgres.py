"""A PostgreSQL that lives as long as a test run, for `make test` and for tests of the start.

    python -m trackingsite.tests.postgres -- COMMAND

runs the command with DATABASE_URL set to it and ends with the command's exit code. Where
PostgreSQL's programs are missing it says so, runs nothing and ends with 0.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, LiteralString

import psycopg

from trackingsite.tests.live import find_free_port

MISSING: Final = (
    "PostgreSQL's programs were found neither on the PATH nor in /usr/lib/postgresql. "
    "On Debian or Ubuntu: apt-get install postgresql"
)
#: Seconds that the cluster has to be made, to start, and to stop.
PATIENCE: Final = 60.0
#: Nothing of it outlives the run, so nothing has to reach the disk.
FLEETING: Final = ("fsync=off", "full_page_writes=off")


def find_programs() -> Path | None:
    """Return the folder with initdb and postgres of the newest version, None when there is none."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
        reverse=True,
    )
    on_path = shutil.which("initdb")
    folders = [*installed, *([Path(on_path).parent] if on_path else [])]
    return next((path for path in folders if _is_complete(path)), None)


class Cluster:
    """A running PostgreSQL with the empty database `trackingsite`."""

    def __init__(self, programs: Path, folder: Path, settings: Sequence[str]) -> None:
        self.programs = programs
        self.folder = folder
        self.settings = settings
        self.user = find_unprivileged_user()
        self.port = find_free_port()
        self.password = secrets.token_hex(16)
        self.server: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address of the database."""
        return f"{self._base}/trackingsite"

    @property
    def _base(self) -> str:
        return f"postgres://tester:{self.password}@127.0.0.1:{self.port}"

    def make(self) -> None:
        """Make its files."""
        password = self.folder / "password"
        password.write_text(self.password, encoding="ascii")
        if self.user is not None:
            shutil.chown(self.folder, self.user)
            shutil.chown(password, self.user)
        _make_cluster(self.programs, self.folder, self.user)

    def create_database(self) -> None:
        """Create the database once the server answers."""
        self._ask("postgres", "CREATE DATABASE trackingsite")

    def start(self) -> None:
        """Start it; it may not answer yet."""
        self.server = _start(self.programs, self.folder, self.user, self.port, self.settings)

    def restart_at_once(self) -> None:
        """Cut every connection without a word and come back, as `pg_ctl -m immediate restart`."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait(PATIENCE)
        self.start()
        self._ask("trackingsite", "SELECT 1")

    def stop(self) -> None:
        """Stop it, "fast": it ends its connections, then itself."""
        self.server.send_signal(signal.SIGINT)
        try:
            self.server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def _ask(self, database: str, statement: LiteralString) -> None:
        """Run a statement once the server answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.server.poll() is None:
            try:
                with psycopg.connect(
                    f"{self._base}/{database}", autocommit=True, connect_timeout=5
                ) as connection:
                    connection.execute(statement)
                    return
            except psycopg.OperationalError:
                time.sleep(0.02)
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"PostgreSQL did not start:\n{log}")


@contextmanager
def temporary_postgres(programs: Path) -> Iterator[str]:
    """Run a fresh cluster while the context lasts; give the URL of an empty database in it."""
    with temporary_cluster(programs, FLEETING) as cluster:
        yield cluster.url


@contextmanager
def temporary_cluster(programs: Path, settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a fresh cluster with these settings while the context lasts.

    It listens on a free port of the loopback address, with a random password. PostgreSQL refuses
    to run as root: root starts it as another user.
    """
    folder = Path(tempfile.mkdtemp(prefix="trackingsite-postgres-"))
    cluster = Cluster(programs, folder, settings)
    try:
        cluster.make()
        cluster.start()
        try:
            cluster.create_database()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_unprivileged_user() -> str | None:
    """Return whom root starts PostgreSQL as; None for everybody else, who starts it as oneself."""
    if os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres"))


def _make_cluster(programs: Path, folder: Path, user: str | None) -> None:
    made = subprocess.run(
        [
            programs / "initdb",
            f"--pgdata={folder / 'data'}",
            "--username=tester",
            "--auth=scram-sha-256",
            f"--pwfile={folder / 'password'}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ],
        cwd=folder,
        user=user,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}")


def _start(
    programs: Path, folder: Path, user: str | None, port: int, settings: Sequence[str]
) -> subprocess.Popen[bytes]:
    settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *settings)
    options = [part for setting in settings for part in ("-c", setting)]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *options],
            cwd=folder,
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the tests; the cluster ends after them.
            start_new_session=True,
        )


def main(arguments: list[str]) -> int:
    """Run the command given after `--` on a temporary PostgreSQL; return its exit code."""
    if len(arguments) < 2 or arguments[0] != "--":
        sys.exit("Usage: python -m trackingsite.tests.postgres -- COMMAND")
    programs = find_programs()
    if programs is None:
        _say(f"SKIPPED on PostgreSQL: {' '.join(arguments[1:])}\n{MISSING}")
        return 0
    signal.signal(signal.SIGTERM, _leave)
    with temporary_postgres(programs) as url:
        _say(f"On PostgreSQL ({programs}):")
        try:
            return subprocess.call(arguments[1:], env=os.environ | {"DATABASE_URL": url})
        except KeyboardInterrupt:
            return 130


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
