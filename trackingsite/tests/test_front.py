"""The front: whom it hands a request to, what it refuses by itself, and that nothing is lost."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest

from trackingsite import front
from trackingsite.draining import drain
from trackingsite.front import (
    MAX_BODY,
    MAX_READ,
    WAITING_PER_THREAD,
    Environ,
    Front,
    Headers,
    make_environ,
)
from trackingsite.tests.live import RunningServer, run_manage, running_server

PASSWORD: Final = "correct horse battery"
HIT: Final = b'{"n": "pageview", "u": "https://example.com/", "d": "example.com"}'


def make_scope(
    method: str = "GET",
    path: str = "/",
    *,
    query: str = "",
    scheme: str = "http",
    client: tuple[str, int] = ("203.0.113.7", 4711),
    headers: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return what granian tells of a request."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "scheme": scheme,
        "server": ("127.0.0.1", 8000),
        "client": client,
        "http_version": "1.1",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }


@dataclass
class FakeClient:
    """Sends a body in parts, and holds what it was answered."""

    parts: Sequence[bytes] = ()
    #: Seconds before each part.
    pause: float = 0.0
    #: Whether it leaves after the last part, which is not the last of the body.
    leaves: bool = False
    taken: int = 0
    head: dict[str, Any] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)
    is_answered: bool = False

    async def receive(self) -> dict[str, Any]:
        """Return the next part of the body."""
        await asyncio.sleep(self.pause)
        self.taken += 1
        if self.taken > len(self.parts) and (self.leaves or self.parts):
            return {"type": "http.disconnect"}
        body = self.parts[self.taken - 1] if self.parts else b""
        more = self.leaves or self.taken < len(self.parts)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take a part of the answer."""
        assert not self.is_answered
        if message["type"] == "http.response.start":
            assert not self.head
            self.head = dict(message)
        else:
            assert self.head
            self.sent.append(message["body"])
            self.is_answered = not message.get("more_body", False)

    @property
    def status(self) -> int | None:
        """The status of the answer, None when there is none."""
        return self.head.get("status")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer."""
        return list(self.head["headers"])

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        return b"".join(self.sent)


class FakeApplication:
    """A WSGI application that answers with what it is told, and notes what it was asked."""

    def __init__(self, result: Any = (b"page",), headers: Headers | None = None) -> None:
        self.result = result
        self.headers = headers or []
        self.environs: list[Environ] = []

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        self.environs.append(environ)
        start_response("200 OK", self.headers)
        return self.result


def ask(
    scope: dict[str, Any], client: FakeClient | None = None, application: Any = None
) -> FakeClient:
    """Hand one request to a front, and return its client with what it was answered."""
    client = client or FakeClient()
    server = Front(application or FakeApplication(), threads=1)
    try:
        asyncio.run(server(scope, client.receive, client.send))
    finally:
        server.pool.shutdown()
    return client


# Bodies


def test_a_body_is_read_whole_before_anybody_is_asked() -> None:
    application = FakeApplication()
    ask(make_scope("POST"), FakeClient([b"abc", b"", b"def"]), application)

    (environ,) = application.environs
    assert environ["wsgi.input"].read() == b"abcdef"
    assert environ["CONTENT_LENGTH"] == "6"


def test_a_request_without_a_body_has_an_empty_one() -> None:
    application = FakeApplication()
    ask(make_scope("POST"), FakeClient(), application)

    assert application.environs[0]["wsgi.input"].read() == b""


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 413)])
def test_a_body_has_a_bound(over: int, status: int) -> None:
    application = FakeApplication()
    half = MAX_BODY // 2
    client = ask(make_scope("POST"), FakeClient([bytes(half), bytes(half + over)]), application)

    assert client.status == status
    assert client.is_answered
    assert len(application.environs) == (status == 200)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/api/event", 64 * 1024), ("/api/events", 4 * 1024 * 1024), ("/login/", MAX_BODY)],
)
def test_a_view_says_how_much_it_takes(path: str, most: int) -> None:
    client = ask(make_scope("POST", path), FakeClient([bytes(most), b"x"]))

    assert front.find_max_body(path) == most
    assert client.status == 413
    assert json.loads(client.body) == {"body": [f"At most {most // 1024} KB."]}
    assert (b"access-control-allow-origin", b"*") in client.headers


def test_bodies_that_are_not_whole_hold_no_more_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many connections that each send nearly all of a large body, and stop."""
    monkeypatch.setattr(front, "MAX_HELD", 1000)
    server = Front(FakeApplication(), threads=1)

    async def send_slowly() -> list[int | None]:
        slow = [FakeClient([bytes(300), bytes(1)], pause=0.05) for _ in range(4)]
        await asyncio.gather(*(server(make_scope("POST"), c.receive, c.send) for c in slow))
        return [client.status for client in slow]

    try:
        assert asyncio.run(send_slowly()) == [200, 200, 200, 503]
        assert server.held == 0
    finally:
        server.pool.shutdown()


def test_a_body_without_end_is_read_for_a_while_and_no_further() -> None:
    """So that a client that has not yet sent all of it can read the answer."""
    client = ask(make_scope("POST"), FakeClient([bytes(2**20)] * 100))

    assert client.status == 413
    assert client.taken == MAX_READ // 2**20 + 1


def test_a_body_that_does_not_come_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "BODY_SECONDS", 0.05)
    application = FakeApplication()
    client = ask(make_scope("POST"), FakeClient([b"x"] * 100, pause=0.02), application)

    assert client.status == 400
    assert (b"connection", b"close") in client.headers
    assert application.environs == []


def test_a_request_that_breaks_off_reaches_no_view() -> None:
    """Its client may have closed the half by which it sends, and still read."""
    application = FakeApplication()
    client = ask(make_scope("POST"), FakeClient([b"{"], leaves=True), application)

    assert client.status == 400
    assert application.environs == []


# What is refused


@dataclass(frozen=True)
class Sent:
    """A request that is refused, whether by the front or by a view."""

    path: str = "/api/event"
    body: Sequence[bytes] = (b"{}",)
    method: str = "POST"
    query: str = ""
    length: str = ""
    pause: float = 0.0
    leaves: bool = False


NO_JSON: Final = {"body": ["Send JSON in UTF-8."]}
REQUIRED: Final = {key: ["This field is required."] for key in ("name", "url", "domain")}


@pytest.mark.parametrize(
    ("sent", "status", "errors"),
    [
        (Sent(), 400, REQUIRED),
        (Sent(body=[b"{"]), 400, NO_JSON),
        (Sent(body=[b"[]"]), 400, {"body": ["Send one JSON object."]}),
        (Sent("/api/events"), 400, {"body": ["Send an array of hits."]}),
        (Sent(length="abc"), 400, REQUIRED),
        (Sent("/api/events", length="abc"), 400, {"body": ["Send an array of hits."]}),
        # It stops in the middle, is cut off, or a chunk of it cannot be read.
        (Sent(pause=0.2), 400, {"body": ["The body did not come in time."]}),
        (Sent("/api/events", pause=0.2), 400, {"body": ["The body did not come in time."]}),
        (Sent(leaves=True), 400, {"body": ["The body broke off."]}),
        (Sent("/api/events", leaves=True), 400, {"body": ["The body broke off."]}),
        # Too large for the front, and with too much in it for the view.
        (Sent(body=[bytes(65537)]), 413, {"body": ["At most 64 KB."]}),
        (Sent(body=[b"[" + b"{}," * 20000 + b"{}]"]), 413, {"body": ["Too many values."]}),
        (Sent("/api/events", [bytes(2**22 + 1)]), 413, {"body": ["At most 4096 KB."]}),
        (
            Sent("/api/events", [b"[" + b"0," * 1000 + b"0]"]),
            413,
            {"body": ["At most 1,000 hits, not 1,001."]},
        ),
        (
            Sent("/pixel.gif", method="GET", query="&".join(f"a{n}=1" for n in range(1200))),
            400,
            {"query": ["At most 1,000 parameters."]},
        ),
        (Sent("/pixel.gif", method="GET", query="n=x&u=app://x"), 400, {"domain": REQUIRED["url"]}),
        (Sent("/pixel.gif", pause=0.2), 400, {"body": ["The body did not come in time."]}),
    ],
)
def test_every_refusal_is_an_object_of_messages_by_field(
    monkeypatch: pytest.MonkeyPatch, sent: Sent, status: int, errors: dict[str, list[str]]
) -> None:
    monkeypatch.setattr(front, "BODY_SECONDS", 0.05)
    headers = [("content-length", sent.length)] if sent.length else []
    scope = make_scope(sent.method, sent.path, query=sent.query, headers=headers)
    client = ask(scope, FakeClient(sent.body, pause=sent.pause, leaves=sent.leaves))

    assert client.status == status
    assert json.loads(client.body) == errors
    assert (b"content-type", b"application/json") in client.headers
    if sent.path != "/pixel.gif":
        assert (b"access-control-allow-origin", b"*") in client.headers


def test_what_django_takes_for_no_request_is_refused_in_that_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(environ: Environ) -> None:
        raise SuspiciousOperation

    monkeypatch.setattr(front, "WSGIRequest", refuse)
    client = ask(make_scope("POST", "/api/event"))

    assert client.status == 400
    assert json.loads(client.body) == {"request": ["This cannot be read as a request."]}


# Whom a request is handed to


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/api/event", 204),
        ("OPTIONS", "/api/events", 204),
        ("GET", "/api/event", 405),
        ("HEAD", "/api/event", 405),
        ("POST", "/api/event", 400),
        ("POST", "/api/events", 400),
        ("GET", "/pixel.gif", 400),
        ("HEAD", "/pixel.gif", 405),
    ],
)
def test_endpoints_that_take_hits_need_no_thread(method: str, path: str, status: int) -> None:
    application = FakeApplication()
    client = ask(make_scope(method, path), FakeClient([b"{}"]), application)

    assert (client.status, client.is_answered) == (status, True)
    assert application.environs == []


@pytest.mark.parametrize("path", ["/", "/login/", "/js/script.js", "/api/event/", "/nowhere", "*"])
def test_every_other_request_is_the_applications(path: str) -> None:
    application = FakeApplication()
    client = ask(make_scope(path=path), application=application)

    assert [environ["PATH_INFO"] for environ in application.environs] == [path]
    assert (client.status, client.body, client.is_answered) == (200, b"page", True)


def test_an_answer_keeps_each_of_its_cookies() -> None:
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "text/html")]
    client = ask(make_scope(), application=FakeApplication(headers=cookies))

    assert client.headers == [
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-type", b"text/html"),
    ]


class Closing(list[bytes]):
    """The result of an application that wants to know when it is done with."""

    streaming = False
    closed = False

    def close(self) -> None:
        """Note the end."""
        self.closed = True


class Streaming(Closing):
    """A result that comes in parts."""

    streaming = True


def test_a_long_answer_is_sent_in_parts_in_their_order() -> None:
    parts = Streaming(bytes([number]) * 1000 for number in range(200))
    client = ask(make_scope(), application=FakeApplication(parts))

    assert client.sent == [*parts, b""]
    assert (client.status, client.is_answered, parts.closed) == (200, True, True)


def test_a_whole_answer_is_one_part() -> None:
    parts = Closing([b"one", b"two"])
    client = ask(make_scope(), application=FakeApplication(parts))

    assert client.sent == [b"onetwo"]
    assert parts.closed


def test_an_answer_whose_client_has_gone_is_closed() -> None:
    class Gone(FakeClient):
        async def send(self, message: Mapping[str, Any]) -> None:
            raise RuntimeError("the transport is closed")

    parts = Streaming([b"a", b"b"])
    server = Front(FakeApplication(parts), threads=1)
    client = Gone()
    with suppress(RuntimeError):
        asyncio.run(server(make_scope(), client.receive, client.send))
    server.pool.shutdown()

    assert parts.closed
    assert client.sent == []
    assert server.in_threads == 0


def test_nothing_more_is_made_for_a_client_that_has_left() -> None:
    made: list[int] = []

    class Leaving(FakeClient):
        async def receive(self) -> dict[str, Any]:
            """Return the request; later that the client left, after the third part."""
            self.taken += 1
            if self.taken == 1:
                return {"type": "http.request", "body": b"", "more_body": False}
            while len(self.sent) < 3:
                await asyncio.sleep(0)
            return {"type": "http.disconnect"}

    class Making(Streaming):
        def __iter__(self) -> Iterator[bytes]:
            """Make a part after the other, which takes a moment."""
            for number in range(1000):
                time.sleep(0.001)
                made.append(number)
                yield b"part"

    parts = Making()
    client = ask(make_scope(), Leaving(), FakeApplication(parts))

    assert 3 <= len(made) < 1000
    assert (parts.closed, client.is_answered) == (True, False)


def test_requests_beyond_those_that_may_wait_are_refused_at_once() -> None:
    everybody_waits = threading.Event()
    most = 2 * WAITING_PER_THREAD

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        assert everybody_waits.wait(20)
        start_response("200 OK", [])
        return [b"page"]

    server = Front(application, threads=2)
    clients = [FakeClient() for _ in range(most + 3)]

    async def ask_all() -> None:
        requests = [
            asyncio.create_task(server(make_scope(), client.receive, client.send))
            for client in clients
        ]
        await asyncio.sleep(0.05)
        assert [client.status for client in clients if client.head] == [503, 503, 503]
        # Hits need no thread: they are taken all the same.
        page = FakeClient()
        await server(make_scope("OPTIONS", "/api/event"), page.receive, page.send)
        assert page.status == 204
        everybody_waits.set()
        await asyncio.gather(*requests)

    try:
        asyncio.run(ask_all())
    finally:
        everybody_waits.set()
        server.pool.shutdown()

    assert [client.status for client in clients] == [200] * most + [503] * 3
    assert (b"retry-after", b"5") in clients[-1].headers
    assert server.in_threads == 0


@pytest.mark.parametrize(("error", "status"), [(RuntimeError, 500), (SuspiciousOperation, 400)])
def test_what_a_coroutine_view_raises_is_answered(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
    status: int,
) -> None:
    async def view(request: WSGIRequest) -> None:
        raise error("unforeseen")

    monkeypatch.setattr(front, "resolve", lambda path: SimpleNamespace(func=view, kwargs={}))
    path = f"/raises/{error.__name__}"  # views are remembered by their paths
    client = ask(make_scope(path=path))

    assert (client.status, client.is_answered) == (status, True)
    assert ("unforeseen" in caplog.text) is (status == 500)


def test_what_goes_on_beside_requests_begins_before_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(drain, "listen", lambda loop: begun.append("drain"))
    monkeypatch.setattr(front, "keep_measuring", lambda loop: begun.append("measuring"))
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    said: list[str] = []

    async def receive() -> dict[str, str]:
        return next(asked)

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message["type"])

    server = Front(FakeApplication(), threads=1)
    asyncio.run(server({"type": "lifespan"}, receive, send))
    server.pool.shutdown()

    assert begun == ["drain", "measuring"]
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


# The environment (PEP 3333)


@pytest.mark.parametrize(
    ("path", "query", "read_path", "read_query"),
    [
        ("/", "", "/", {}),
        ("/a b/c", "x=1&x=2", "/a b/c", {"x": ["1", "2"]}),
        ("/bücher/日本", "q=b%C3%BCcher", "/bücher/日本", {"q": ["bücher"]}),
        ("/%41", "q=日本", "/%41", {"q": ["日本"]}),
    ],
)
def test_django_reads_the_path_and_query_that_were_asked_for(
    path: str, query: str, read_path: str, read_query: dict[str, list[str]]
) -> None:
    request = WSGIRequest(make_environ(make_scope(path=path, query=query), b""))

    assert request.path == request.path_info == read_path
    assert dict(request.GET.lists()) == read_query


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::1"])
def test_the_peer_is_known_by_its_address(address: str) -> None:
    assert make_environ(make_scope(client=(address, 4711)), b"")["REMOTE_ADDR"] == address


def test_the_environment_tells_what_the_request_told() -> None:
    scope = make_scope(
        "POST",
        scheme="https",
        headers=[
            ("host", "stats.example.org"),
            ("content-type", "text/plain"),
            ("user-agent", "Chrome"),
            ("content-length", "3"),
        ],
    )
    environ = make_environ(scope, b"abc")

    assert {name: value for name, value in environ.items() if name.isupper()} == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.7",
        "CONTENT_LENGTH": "3",
        "CONTENT_TYPE": "text/plain",
        "HTTP_HOST": "stats.example.org",
        "HTTP_USER_AGENT": "Chrome",
    }
    assert environ["wsgi.url_scheme"] == "https"


def test_headers_of_one_name_are_one_list_in_their_order() -> None:
    pairs = [("x-forwarded-for", "1.1.1.1"), ("accept", "*/*"), ("x-forwarded-for", "2.2.2.2")]

    assert make_environ(make_scope(headers=pairs), b"")["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"


@pytest.mark.parametrize("name", ["x_forwarded_for", "x_forwarded-for", "X_Forwarded_For"])
def test_a_header_with_an_underscore_passes_for_no_other(name: str) -> None:
    """A proxy sets the one with hyphens; the visitor may send any."""
    pairs = [("x-forwarded-for", "203.0.113.7"), (name, "1.1.1.1")]

    assert make_environ(make_scope(headers=pairs), b"")["HTTP_X_FORWARDED_FOR"] == "203.0.113.7"
    assert "HTTP_X_FORWARDED_FOR" not in make_environ(make_scope(headers=pairs[1:]), b"")


# The real server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with the site example.com and an administrator."""
    folder = tmp_path_factory.mktemp("front")
    with running_server(folder, password=PASSWORD) as running:
        made = run_manage(
            "shell",
            "-c",
            "from sites.services import add_site; add_site(domain='example.com')",
            DATA_DIR=str(folder),
        )
        assert made.returncode == 0, made.stdout
        yield running


@dataclass(frozen=True)
class Reply:
    """An answer as it came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    #: What came before it: the answers 100.
    before: bytes = b""


def exchange(server: RunningServer, *parts: bytes, method: str = "GET") -> Reply:
    """Send the parts as they are, the first of which lacks Host and the empty line at its end."""
    address = urlsplit(server.url)
    head, *rest = parts
    head += f"\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection((address.hostname or "", address.port or 0), 10) as connection:
        before = b""
        connection.sendall(head)
        if b"100-continue" in head:
            before = connection.recv(1000)
        for part in rest if not before or before.startswith(b"HTTP/1.1 100") else []:
            connection.sendall(part)
        if before and not before.startswith(b"HTTP/1.1 100"):
            return Reply(int(before[9:12]), http.client.HTTPMessage(), before)
        with closing(http.client.HTTPResponse(connection, method=method)) as response:
            response.begin()
            return Reply(response.status, response.headers, response.read(), before)


def in_chunks(body: bytes, size: int) -> bytes:
    """Return the body in the chunked coding."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.mark.server
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_hit_may_come_in_chunks(server: RunningServer, size: int) -> None:
    reply = exchange(
        server, b"POST /api/event HTTP/1.1\r\nTransfer-Encoding: chunked", in_chunks(HIT, size)
    )

    assert (reply.status, reply.body) == (202, b"ok")


@pytest.mark.server
def test_a_client_that_waits_for_leave_to_send_gets_it(server: RunningServer) -> None:
    head = b"POST /api/event HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d"
    reply = exchange(server, head % len(HIT), HIT)

    assert reply.before == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (reply.status, reply.body) == (202, b"ok")


@pytest.mark.server
@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: chunked",
        b"Content-Length: 10\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 10",
    ],
)
def test_no_framing_gets_past_the_cap(server: RunningServer, framing: bytes) -> None:
    head = b"POST /api/event HTTP/1.1\r\n" + framing
    body = in_chunks(bytes(MAX_BODY + 2**16), 2**16)

    assert exchange(server, head, body).status == 413
    assert exchange(server, b"GET /login/ HTTP/1.1").status == 200


@pytest.mark.server
@pytest.mark.parametrize(
    "rest",
    [
        b"ZZ\r\n{}\r\n0\r\n\r\n",
        b'5\r\n{"n":\r\nZZ\r\n',
        b'5\r\n{"n":0\r\n\r\n',
        b"ffffffffffffffffffff\r\n",
    ],
)
@pytest.mark.parametrize("path", [b"/api/event", b"/api/events"])
def test_a_broken_chunk_is_answered_in_that_form(
    server: RunningServer, path: bytes, rest: bytes
) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\nTransfer-Encoding: chunked"
    reply = exchange(server, head, rest)

    assert (reply.status, json.loads(reply.body)) == (400, {"body": ["The body broke off."]})


@pytest.mark.server
@pytest.mark.parametrize("length", [b"abc", b"-5", b"5\r\nContent-Length: 7"])
def test_what_is_no_http_reaches_nobody(server: RunningServer, length: bytes) -> None:
    """The library that speaks HTTP answers for itself."""
    reply = exchange(server, b"POST /api/event HTTP/1.1\r\nContent-Length: " + length, HIT)

    assert (reply.status, reply.body) == (400, b"")


@pytest.mark.server
def test_paths_and_queries_in_utf_8_reach_the_pages(server: RunningServer) -> None:
    escaped = exchange(server, b"GET /reports/b%C3%BCcher.example/?page=/caf%C3%A9 HTTP/1.1")
    raw = exchange(server, "GET /reports/bücher.example/ HTTP/1.1".encode())

    # To the login, which leads back there: what Django read, escaped twice.
    location = "/login/?next=/reports/b%25C3%25BCcher.example/"
    assert escaped.headers["Location"] == location + "%3Fpage%3D/caf%25C3%25A9"
    assert raw.headers["Location"] == location
    page = exchange(server, "GET /login/?next=/reports/café/ HTTP/1.1".encode())
    assert 'value="/reports/café/"' in page.body.decode()


@pytest.mark.server
@pytest.mark.parametrize("path", [b"/nowhere", b"/%ff/", b"/b%C3%BCcher", b"/a%2525", b"/%00"])
def test_what_is_not_there_is_not_found(server: RunningServer, path: bytes) -> None:
    reply = exchange(server, b"GET " + path + b" HTTP/1.1")

    assert reply.status == 404
    assert b"</html>" in reply.body


@pytest.mark.server
def test_of_a_page_that_is_asked_for_by_head_come_the_headers(server: RunningServer) -> None:
    page = exchange(server, b"GET /js/script.js HTTP/1.1")
    head = exchange(server, b"HEAD /js/script.js HTTP/1.1", method="HEAD")

    assert (head.status, head.body) == (page.status, b"") == (200, b"")
    assert head.headers["Content-Length"] == str(len(page.body))


@pytest.mark.server
def test_a_page_of_any_origin_is_answered_by_the_real_server(server: RunningServer) -> None:
    reply = exchange(server, b"OPTIONS /api/event HTTP/1.1\r\nOrigin: https://example.com")

    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.server
@pytest.mark.parametrize("agent", ["Ünïcode".encode(), b"\xff\xfe"])
def test_headers_that_are_not_ascii_are_no_failure(server: RunningServer, agent: bytes) -> None:
    head = b"POST /api/event HTTP/1.1\r\nUser-Agent: %s\r\nContent-Length: %d"

    assert exchange(server, head % (agent, len(HIT)), HIT).status == 202
    assert exchange(server, b"GET /login/ HTTP/1.1\r\nCookie: a=" + agent).status == 200


@pytest.mark.server
def test_static_files_come_whole(server: RunningServer) -> None:
    """They come in parts; the largest is larger than any buffer on the way."""
    folder = server.log.parent / "static"
    files = sorted(
        (path for path in folder.rglob("*.*.js") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    largest = files[-1]
    assert largest.stat().st_size > 200_000

    for path in (files[0], largest):
        name = path.relative_to(folder).as_posix()
        reply = exchange(server, f"GET /static/{name} HTTP/1.1".encode())
        assert (reply.status, len(reply.body)) == (200, path.stat().st_size)
        assert reply.body == path.read_bytes()


@pytest.mark.server
def test_people_log_in_stay_so_and_log_out(server: RunningServer) -> None:
    """Cookies, forms and their tokens, all over one connection that is kept."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    cookies: dict[str, str] = {}

    def load(method: str, path: str, **fields: str) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if fields:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(fields) if fields else None, headers)
        response = connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        return response.status, response.read().decode()

    def token(page: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert found
        return found[1]

    try:
        form = {"username": "admin", "password": PASSWORD}
        _, page = load("GET", "/login/")
        assert load("POST", "/login/", csrfmiddlewaretoken="0" * 64, **form)[0] == 403
        assert load("POST", "/login/", csrfmiddlewaretoken=token(page), **form)[0] == 302
        assert {"sessionid", "csrftoken"} <= cookies.keys()
        status, page = load("GET", "/reports/")
        assert (status, "example.com" in page) == (200, True)
        assert load("POST", "/logout/", csrfmiddlewaretoken=token(page))[0] == 302
        assert load("GET", "/reports/")[0] == 302
    finally:
        connection.close()


@pytest.mark.server
def test_a_client_that_leaves_early_leaves_no_trace(server: RunningServer) -> None:
    before = server.output
    address = urlsplit(server.url)
    for _ in range(3):
        with socket.create_connection((address.hostname or "", address.port or 0), 10) as client:
            client.sendall(b"POST /api/event HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{")
    assert exchange(server, b"GET /login/ HTTP/1.1").status == 200

    assert server.output == before


def test_the_endpoints_that_the_front_knows_are_coroutines() -> None:
    """A view of hits that lost its `async` would hold threads."""
    front.find_coroutine_view.cache_clear()

    assert [
        path
        for path in ("/api/event", "/api/events", "/pixel.gif", "/login/", "/")
        if front.find_coroutine_view(path)
    ] == ["/api/event", "/api/events", "/pixel.gif"]
