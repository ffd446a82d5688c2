"""The end of a server under load: every request that was sent is answered, none is lost."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from trackingsite.draining import listening_sockets, refuse_connections
from trackingsite.tests.live import RunningServer, run_manage, running_server
from visits.tests.hits import CHROME

server_test = pytest.mark.server
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can drop such packets")


@linux_only
def test_finds_what_it_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as other:
        found = [sock.getsockname() for sock in listening_sockets()]

        assert listener.getsockname() in found
        assert other.getsockname() not in found
        assert listener.fileno() > 0  # looked at, not closed
        with socket.create_connection(listener.getsockname(), 5):
            pass


@linux_only
def test_takes_no_new_connections_and_keeps_those_that_were_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address, 5) as early:
            refuse_connections([listener])

            with pytest.raises(TimeoutError):
                socket.create_connection(address, 0.3)
            early.sendall(b"sent before it was taken up")
            taken, _ = listener.accept()
            with taken:
                assert taken.recv(100) == b"sent before it was taken up"


@server_test
def test_a_client_is_told_to_close_and_whoever_balances_to_go_elsewhere(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, kept_alive(server) as connection:
        assert ask(connection, "/health/ready")[:2] == (200, None)
        with kept_alive(server) as second, kept_alive(server) as third:
            ask(second, "/health/live")
            ask(third, "/health/live")
            server.process.terminate()
            time.sleep(0.15)

            assert ask(connection, "/health/ready") == (
                503, "close", b"stopping: this process ends.\n",
            )  # fmt: skip
            assert ask(second, "/login/")[:2] == (200, "close")
            assert ask(third, "/js/script.js")[:2] == (200, "close")

        assert server.process.wait(10) == 0


@server_test
@pytest.mark.parametrize(("stop", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "2")])
def test_what_was_sent_is_answered_and_what_was_acknowledged_is_kept(
    tmp_path: Path, stop: signal.Signals, workers: str
) -> None:
    with running_server(tmp_path, WEB_WORKERS=workers) as server:
        run_manage(
            "shell", "-c", "from sites.services import *; add_site(domain='example.com')",
            DATA_DIR=str(tmp_path),
        )  # fmt: skip
        before = server.output
        with senders(server, connections=12) as ledger:
            time.sleep(1.0)
            asked_at = time.monotonic()
            code = server.interrupt() if stop == signal.SIGINT else server.terminate()
            seconds = time.monotonic() - asked_at

        assert (code, server.output) == (0, before)
        assert seconds < 10
    assert ledger.unanswered == 0
    assert ledger.others == []
    assert len(ledger.acknowledged) > 20
    assert ledger.acknowledged <= stored_ids(tmp_path)


@dataclass(slots=True)
class Ledger:
    """What became of the hits that were sent."""

    acknowledged: set[str] = field(default_factory=set)
    #: Sent whole on a connection that had been made, and never answered.
    unanswered: int = 0
    others: list[int] = field(default_factory=list)


@contextmanager
def senders(server: RunningServer, *, connections: int) -> Iterator[Ledger]:
    """Send hits on so many connections, made anew whenever the server ends one."""
    ledger, over = Ledger(), threading.Event()
    threads = [
        threading.Thread(target=_send, args=(server, f"id-{number}", ledger, over))
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    try:
        yield ledger
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _send(server: RunningServer, prefix: str, ledger: Ledger, over: threading.Event) -> None:
    number = 0
    while not over.is_set():
        with kept_alive(server, timeout=2) as connection:
            try:
                connection.connect()
            except OSError:
                over.wait(0.02)  # nobody listens
                continue
            while not over.is_set() and connection.sock is not None:
                number += 1
                event_id = f"{prefix}-{number}"
                try:
                    status = _send_hit(connection, event_id)
                except (OSError, http.client.HTTPException):
                    ledger.unanswered += 1
                    break
                if status == 202:
                    ledger.acknowledged.add(event_id)
                else:
                    ledger.others.append(status)


def _send_hit(connection: http.client.HTTPConnection, event_id: str) -> int:
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com", "id": event_id}
    connection.request("POST", "/api/event", json.dumps(hit), {"User-Agent": CHROME})
    answer = connection.getresponse()
    answer.read()
    return answer.status


@contextmanager
def kept_alive(server: RunningServer, timeout: float = 10) -> Iterator[http.client.HTTPConnection]:
    """A connection that is kept for several requests."""
    address = urlsplit(server.url)
    with closing(
        http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout)
    ) as connection:
        yield connection


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, str | None, bytes]:
    """Return status, the header Connection, and body of the answer."""
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.getheader("connection"), answer.read()


def stored_ids(data_dir: Path) -> set[str]:
    """Return the ids of the stored events."""
    with closing(sqlite3.connect(data_dir / "db.sqlite3")) as database:
        return {row[0] for row in database.execute("SELECT event_id FROM visits_event")}
