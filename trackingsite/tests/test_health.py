"""What the server tells of its health: to whoever starts it anew, and whoever sends it requests."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError, connection
from django.test import Client

from trackingsite import health
from trackingsite.draining import Drain
from trackingsite.tests.live import RunningServer, running_server
from trackingsite.tests.postgres import MISSING, find_programs, temporary_cluster

ADDRESSES = ["/health/live", "/health/ready"]


def test_a_process_that_answers_is_alive_whatever_the_database_does(client: Client) -> None:
    answer = client.get("/health/live")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready_when_nothing_speaks_against_it(client: Client) -> None:
    answer = client.get("/health/ready")

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "Retry-After" not in answer


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_keeps_the_answer_and_nobody_sends_anything(address: str, client: Client) -> None:
    assert client.get(address)["Cache-Control"] == "no-store"
    assert client.head(address).status_code == 200
    assert client.post(address).status_code == 405


@pytest.mark.django_db
def test_says_each_reason_in_a_line(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = Drain()
    stopping._begun_at = 1.0
    monkeypatch.setattr(health, "drain", stopping)
    monkeypatch.setattr(health, "running_queue", lambda: SimpleNamespace(is_working=False))
    monkeypatch.setattr(health, "_newest", [("sites", "9999_to_come")])

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.content.decode().splitlines() == [
        "stopping: this process ends.",
        "hits: the thread that stores them has ended.",
        "database: its tables are older than this version: run manage.py migrate.",
    ]


@pytest.mark.django_db
def test_tables_of_a_later_version_do(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_newest", [("sites", "0001_initial")])

    assert client.get("/health/ready").status_code == 200


def test_does_not_tell_strangers_where_the_database_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection to db.internal failed: password of user me")

    monkeypatch.setattr(connection, "ensure_connection", refuse)

    assert health.find_fault() == "it cannot be asked."


def test_asks_a_database_that_is_silent_one_question_at_a_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(health, "find_fault", lambda: str(over.wait(20)))
    before = threading.active_count()
    try:
        started_at = time.monotonic()
        answer = client.get("/health/ready")

        assert answer.content == b"database: no answer within 1 s.\n"
        assert 0.9 < time.monotonic() - started_at < 3
        assert threading.active_count() <= before + 2
    finally:
        over.set()


@pytest.mark.server
def test_a_server_answers_by_any_name_and_without_a_body_to_head(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        for address in ADDRESSES:
            assert ask(server, address, host="10.1.2.3:9") == (200, "ok\n")
            assert ask(server, address, method="HEAD") == (200, "")


@pytest.mark.server
def test_a_postgresql_that_is_gone_and_back(tmp_path: Path) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip(f"The test needs a PostgreSQL. {MISSING}")
    with (
        temporary_cluster(programs) as cluster,
        running_server(tmp_path, DATABASE_URL=cluster.url) as server,
    ):
        assert ask(server, "/health/ready") == (200, "ok\n")

        # Connections are made, and nobody answers on them.
        cluster.server.send_signal(signal.SIGSTOP)
        try:
            started_at = time.monotonic()
            silent = [ask(server, "/health/ready") for _ in range(3)]
            seconds = time.monotonic() - started_at
            assert ask(server, "/health/live") == (200, "ok\n")
        finally:
            cluster.server.send_signal(signal.SIGCONT)
        assert silent == [(503, "database: no answer within 1 s.\n")] * 3
        assert seconds < 4.5
        assert_ready_soon(server)

        cluster.stop()
        assert ask(server, "/health/ready") == (503, "database: it cannot be asked.\n")
        status, page = ask(server, "/reports/", cookie=f"sessionid={32 * 'a'}")
        assert status == 503
        assert "Try again in a moment" in page
        assert ask(server, "/health/live") == (200, "ok\n")

        cluster.start()
        assert_ready_soon(server)


def assert_ready_soon(server: RunningServer) -> None:
    """Fail unless the server is ready within some seconds."""
    deadline = time.monotonic() + 20
    while (answer := ask(server, "/health/ready")) != (200, "ok\n"):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def ask(
    server: RunningServer, address: str, *, method: str = "GET", **headers: str
) -> tuple[int, str]:
    """Return status and body of the server's answer."""
    port = urlsplit(server.url).port
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, address, headers={"Accept": "text/html", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
