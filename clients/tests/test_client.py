"""Events reach the server in batches, each once, and never make a program wait or fail."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tracking_client import Client, Event, client


class Server:
    """Answers as it is told, and notes what it got."""

    def __init__(self, port: int = 0) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.keys: set[str | None] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                batch = json.loads(self.rfile.read(size))
                outer.batches.append(batch)
                outer.keys.add(self.headers["Authorization"])
                status, body = outer.answers.pop(0) if outer.answers else (202, None)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body or [{"status": 202}] * len(batch)).encode())

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that takes everything."""
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again after an instant."""
    monkeypatch.setattr(client, "FIRST_DELAY_SECONDS", 0.01)


def make_client(server: Server) -> Client:
    return Client(server.url, "example.com", "the-key")


def test_an_event_is_sent_in_the_words_of_the_contract(server: Server) -> None:
    sender = make_client(server)
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    sender.track(
        "purchase",
        "https://example.com/buy",
        revenue=("12.30", "EUR"),
        props={"item": "lamp"},
        address="203.0.113.7",
        user_agent="Firefox",
        at=at,
        event_id="order-1",
    )

    assert sender.flush()
    assert server.batches == [
        [
            {
                "name": "purchase",
                "url": "https://example.com/buy",
                "domain": "example.com",
                "props": {"item": "lamp"},
                "revenue": {"amount": "12.30", "currency": "EUR"},
                "interactive": True,
                "address": "203.0.113.7",
                "user_agent": "Firefox",
                "at": "2026-03-02T12:00:00+00:00",
                "event_id": "order-1",
            }
        ]
    ]
    assert server.keys == {"Bearer the-key"}


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_that_is_busy_gets_the_same_events_again(status: int, server: Server) -> None:
    server.answers = [(status, []), (status, [])]
    sender = make_client(server)
    sender.track("a", "https://example.com/")

    assert sender.flush()
    first, second, third = server.batches
    assert first == second == third
    assert sender.dropped == 0


def test_a_server_that_is_away_gets_them_when_it_is_back(server: Server) -> None:
    port = server.http.server_port
    server.http.shutdown()
    server.http.server_close()
    sender = Client(f"http://127.0.0.1:{port}", "example.com", "the-key")
    sender.track("a", "https://example.com/")

    assert not sender.flush(0.1)
    back = Server(port)
    assert sender.flush()
    back.http.shutdown()
    back.http.server_close()
    assert [[hit["name"] for hit in batch] for batch in back.batches] == [["a"]]
    assert sender.dropped == 0


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_is_refused_is_dropped_and_the_next_is_sent(
    status: int, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [(status, [])]
    sender = make_client(server)
    sender.track("a", "https://example.com/")
    assert sender.flush()
    sender.track("b", "https://example.com/")
    assert sender.flush()

    assert sender.dropped == 1
    assert f"the server answers {status}" in caplog.text
    assert server.batches[-1][0]["name"] == "b"


def test_an_event_that_is_malformed_is_told_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [(202, [{"status": 400, "errors": {"url": ["Send a whole address."]}}])]
    sender = make_client(server)
    sender.track("a", "/")

    assert sender.flush()
    assert sender.dropped == 1
    assert "Send a whole address." in caplog.text


def test_many_events_share_requests_and_keep_their_order(server: Server) -> None:
    sender = make_client(server)
    for number in range(1000):
        sender.track(f"{number}", "https://example.com/")

    assert sender.flush()
    assert [hit["name"] for batch in server.batches for hit in batch] == list(map(str, range(1000)))
    assert 5 <= len(server.batches) < 100
    assert len({hit["event_id"] for batch in server.batches for hit in batch}) == 1000


def test_what_waits_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_WAITING", 10)
    server.answers = [(503, [])] * 100
    sender = make_client(server)
    began = time.monotonic()
    for _ in range(500):
        sender.track("a", "https://example.com/")

    assert time.monotonic() - began < 1
    server.answers.clear()
    assert sender.flush()
    assert sender.dropped == 500 - len({h["event_id"] for batch in server.batches for h in batch})
    assert sender.dropped > 0


def test_a_forked_worker_sends_its_own(server: Server) -> None:
    sender = make_client(server)
    sender.track("parent", "https://example.com/")
    assert sender.flush()
    if (child := os.fork()) == 0:
        sender.track("child", "https://example.com/")
        os._exit(0 if sender.flush() else 1)
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert [batch[0]["name"] for batch in server.batches] == ["parent", "child"]


@pytest.mark.parametrize(
    ("url", "domain", "key"),
    [("stats.example.org", "a.example", "k"), ("https://s", "", "k"), ("https://s", "a", "")],
)
def test_a_client_without_what_it_needs_is_refused(url: str, domain: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"address|needs"):
        Client(url, domain, key)


def test_an_event_has_an_id_and_a_time_of_its_own() -> None:
    one, other = Event("a", "https://example.com/"), Event("a", "https://example.com/")

    assert one.event_id != other.event_id
    assert one.at.tzinfo is UTC
