"""The thin asynchronous front: reads requests, and hands each to a coroutine or to a thread.

Granian speaks HTTP and calls `Front` by ASGI. A view that is a coroutine (the endpoints that take
hits) runs on the event loop and holds no thread while it waits; every other request runs Django's
WSGI application in one of the threads. Whatever the request, its body is read first, here, up to a
bound and within a time: a slow client holds nothing but its connection.

Coroutine views run without the middleware, which is for pages: no cookie, session or user, and
headers of their own.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any, Final

import orjson
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import resolve

from archive.niceness import step_back
from trackingsite.draining import drain
from trackingsite.metrics import REQUESTS_IN_THREADS, keep_measuring

#: A body has at most so many bytes, unless its view says otherwise by `max_body`.
MAX_BODY: Final = 2_621_440  # as Django's own DATA_UPLOAD_MAX_MEMORY_SIZE
#: Of a body that is too large so much is read, and thrown away: a client that is answered while it
#: still sends sees a broken connection and no answer.
MAX_READ: Final = 16 * 1024 * 1024
#: All bodies that are not whole yet hold at most so many bytes.
MAX_HELD: Final = 64 * 1024 * 1024
#: Seconds within which a body has to be there.
BODY_SECONDS: Final = 15.0
#: Requests that may wait for a thread, for each thread there is.
WAITING_PER_THREAD: Final = 16

Headers = list[tuple[str, str]]
Environ = dict[str, Any]
WsgiApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
# As ASGI names them (version 3.0): what is known of a request, its parts, and those of the answer.
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class ClientGoneError(Exception):
    """The client left before its request was whole."""


class Refusal(Exception):  # noqa: N818 -- an answer, not an error of ours
    """An answer that the front gives without asking the application.

    In the form that the endpoints have which take hits: 503 is a text, anything else an object of
    messages by field, of which `field` is the only one.
    """

    def __init__(self, status: HTTPStatus, text: str, *, field: str = "body") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.field = field

    @property
    def headers(self) -> Headers:
        """The headers of the answer."""
        headers = [
            ("access-control-allow-origin", "*"),  # a page that sent a hit may read it
            ("connection", "close"),
        ]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return [("content-type", "text/plain; charset=utf-8"), ("retry-after", "5"), *headers]
        return [("content-type", "application/json"), *headers]

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return self.text.encode()
        return orjson.dumps({self.field: [self.text]})


class Front:
    """The application that granian calls."""

    def __init__(self, application: WsgiApplication, *, threads: int) -> None:
        self.application = application
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="request", initializer=step_back)
        self.most_waiting = threads * WAITING_PER_THREAD
        #: Requests in a thread, or waiting for one.
        self.in_threads = 0
        #: Bytes of bodies that are not whole yet.
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or, before the first, begin what goes on beside them."""
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        drain.note_request()
        try:
            body = await self.read_body(scope, receive)
            environ = make_environ(scope, body)
            if view := find_coroutine_view(scope["path"]):
                await answer(send, await view(WSGIRequest(environ)))
            else:
                await self.answer_in_thread(environ, receive, send)
        except Refusal as refusal:
            await refuse(send, refusal)
        except SuspiciousOperation:  # of a request that Django takes for none
            text = "This cannot be read as a request."
            await refuse(send, Refusal(HTTPStatus.BAD_REQUEST, text, field="request"))
        except ClientGoneError:
            # Who closed only the sending half, or sent a broken chunk, still reads.
            with suppress(Exception):
                await refuse(send, Refusal(HTTPStatus.BAD_REQUEST, "The body broke off."))

    async def live(self, receive: Receive, send: Send) -> None:
        """Say that the worker may serve, and later that it may end."""
        await receive()
        loop = asyncio.get_running_loop()
        drain.listen(loop)
        keep_measuring(loop)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def read_body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body.

        Raises Refusal for one that is too large, does not come in time, or comes while others hold
        too much; ClientGoneError for one that breaks off.
        """
        most = find_max_body(scope["path"])
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= most:
                        parts.append(part)
                        self.held += len(part)
                        if self.held > MAX_HELD:
                            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Too much at once.")
                    if not message.get("more_body", False) or size > MAX_READ:
                        break
        except TimeoutError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "The body did not come in time.") from None
        finally:
            self.held -= sum(map(len, parts))
        if size > most:
            text = f"At most {most // 1024} KB."
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        return b"".join(parts)

    async def answer_in_thread(self, environ: Environ, receive: Receive, send: Send) -> None:
        """Run the WSGI application in a thread. Raises Refusal when too many requests wait."""
        if self.in_threads >= self.most_waiting:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests; come again.")
        self.in_threads += 1
        try:
            loop = asyncio.get_running_loop()
            with REQUESTS_IN_THREADS.track_inprogress():
                await loop.run_in_executor(self.pool, self._run, environ, receive, send, loop)
        finally:
            self.in_threads -= 1

    def _run(
        self, environ: Environ, receive: Receive, send: Send, loop: asyncio.AbstractEventLoop
    ) -> None:
        status, headers = 500, Headers()

        def start_response(line: str, given: Headers, exc_info: Any = None) -> None:
            nonlocal status, headers
            status, headers = int(line[:3]), given

        def wait_for(sending: Coroutine[Any, Any, None]) -> None:
            asyncio.run_coroutine_threadsafe(sending, loop).result()

        result = self.application(environ, start_response)
        try:
            if getattr(result, "streaming", False):
                wait_for(send_head(send, status, headers))
                # Whoever has left is sent to without an error.
                leaving = asyncio.run_coroutine_threadsafe(wait_until_gone(receive), loop)
                try:
                    for part in result:
                        if leaving.done():
                            return
                        wait_for(send_part(send, part, more=True))
                finally:
                    leaving.cancel()
                wait_for(send_part(send, b"", more=False))
            else:
                wait_for(send_whole(send, status, headers, b"".join(result)))
        finally:
            if close := getattr(result, "close", None):
                close()


@lru_cache(maxsize=1024)
def find_coroutine_view(path: str) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]] | None:
    """Return the view of the path, with its arguments, when it is a coroutine; else None.

    What it raises is answered as Django's own handler does: a suspicious request with 400.
    """
    try:
        match = resolve(path)
    except Http404:
        return None
    if not iscoroutinefunction(match.func):
        return None
    view = partial(match.func, **match.kwargs)
    return convert_exception_to_response(view)  # type: ignore[return-value]  # of a coroutine: one


@lru_cache(maxsize=1024)
def find_max_body(path: str) -> int:
    """Return how many bytes a body for this path may have."""
    try:
        view_class = getattr(resolve(path).func, "cls", None)
    except Http404:
        return MAX_BODY
    return int(getattr(view_class, "max_body", MAX_BODY))


async def answer(send: Send, response: HttpResponseBase) -> None:
    """Send what a coroutine view returned."""
    if hasattr(response, "render"):
        response.render()
    content: bytes = response.content  # type: ignore[attr-defined]
    await send_whole(send, response.status_code, response.items(), content)


async def refuse(send: Send, refusal: Refusal) -> None:
    """Send the answer that no view gives."""
    await send_whole(send, refusal.status, refusal.headers, refusal.body)


async def send_whole(
    send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes
) -> None:
    """Send an answer."""
    await send_head(send, status, headers)
    await send_part(send, body, more=False)


async def send_head(send: Send, status: int, headers: Iterable[tuple[str, str]]) -> None:
    """Begin an answer; a worker that ends asks the client by it to close its connection."""
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if drain.has_begun:
        lines.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": lines})


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client has left; nothing else comes after a request's body."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_part(send: Send, body: bytes, *, more: bool) -> None:
    """Send a part of the body, as soon as the client takes it."""
    await send({"type": "http.response.body", "body": body, "more_body": more})


def make_environ(scope: Scope, body: bytes) -> Environ:
    """Return the request as a WSGI environment (PEP 3333)."""
    host, port = scope["server"]
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue  # would pass for another: X_Forwarded_For for X-Forwarded-For
        key, value = (
            raw_name.decode("latin-1").upper().replace("-", "_"),
            raw_value.decode("latin-1"),
        )
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
