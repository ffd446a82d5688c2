"""Pages compressed; pages while the database is away: people are told, and the log little."""

from __future__ import annotations

import gzip
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from trackingsite import middleware
from trackingsite.logs import SeldomLogger

Raise = Callable[[Exception], None]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that has told nothing yet."""
    logger = SeldomLogger(logging.getLogger(middleware.__name__))
    monkeypatch.setattr(middleware, "_logger", logger)


@pytest.fixture
def browser(client: Client) -> Client:
    """A browser with a session that shows the answer to an error, as a server gives it."""
    client.raise_request_exception = False
    client.cookies["sessionid"] = "a" * 32
    client.defaults["HTTP_ACCEPT"] = "text/html,*/*;q=0.8"
    return client


@pytest.fixture
def every_query_raises(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """Lets every question to the database end with the error."""

    def set_error(error: Exception) -> None:
        def refuse(*args: object) -> None:
            raise error

        monkeypatch.setattr(connection, "cursor", refuse)

    return set_error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("server closed the connection"), 503),
        (InterfaceError("connection already closed"), 503),
        # Errors of the program.
        (ProgrammingError("syntax error"), 500),
        (IntegrityError("not unique"), 500),
        (DatabaseError("something else"), 500),
    ],
)
def test_a_database_that_is_away_is_no_error_of_the_program(
    error: Exception, status: int, browser: Client, every_query_raises: Raise
) -> None:
    every_query_raises(error)

    answer = browser.get("/reports/")

    assert answer.status_code == status
    assert ("Try again in a moment" in answer.content.decode()) is (status == 503)
    assert answer.get("Retry-After") == ("10" if status == 503 else None)


@pytest.mark.django_db
def test_the_page_says_so_needs_nothing_and_is_not_kept(
    browser: Client, every_query_raises: Raise
) -> None:
    every_query_raises(OperationalError("gone"))

    answer = browser.get("/reports/")
    page = answer.content.decode()

    assert "The database cannot be reached now" in page
    assert "<script" not in page
    assert " style=" not in page
    assert answer["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/reports/", "text/html", "text/html; charset=utf-8"),
        ("/reports/", "*/*", "text/html; charset=utf-8"),
        ("/reports/", "application/json", "text/plain"),
        ("/api/v2/query", "text/html", "text/plain"),
    ],
)
def test_programs_get_a_line(path: str, accept: str, kind: str) -> None:
    answer = middleware.say_away(RequestFactory().get(path, headers={"Accept": accept}))

    assert answer.status_code == 503
    assert answer["Content-Type"] == kind
    assert answer["Retry-After"] == "10"
    if kind == "text/plain":
        assert answer.content == b"The database cannot be reached now; try again.\n"


@pytest.mark.django_db
def test_is_logged_once_a_minute(
    browser: Client, every_query_raises: Raise, caplog: pytest.LogCaptureFixture
) -> None:
    every_query_raises(OperationalError("server closed the connection"))

    for _ in range(5):
        assert browser.get("/reports/").status_code == 503

    [line] = [record for record in caplog.records if record.name == middleware.__name__]
    assert line.exc_info is not None
    assert "server closed the connection" in str(line.exc_info[1])

    middleware._logger._told_at -= 61
    browser.get("/reports/")

    assert len([record for record in caplog.records if record.name == middleware.__name__]) == 2


@pytest.mark.django_db
def test_who_develops_sees_the_error_itself(
    browser: Client, every_query_raises: Raise, settings: Settings
) -> None:
    settings.DEBUG = True
    browser.raise_request_exception = True
    every_query_raises(OperationalError("no such table"))

    with pytest.raises(OperationalError):
        browser.get("/reports/")


@pytest.mark.django_db(transaction=True)
def test_a_store_that_others_hold_is_said_to_be_busy(browser: Client) -> None:
    get_user_model().objects.create_user("ada", password="open")

    with held_by_another():
        busy = browser.post("/login/", {"username": "ada", "password": "open"})
    free = browser.post("/login/", {"username": "ada", "password": "open"})

    assert busy.status_code == 503
    assert "Try again in a moment" in busy.content.decode()
    assert free.status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_session_that_cannot_be_stored_after_the_view_is_no_error_either(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_user_model().objects.create_user("ada", password="open")
    browser.login(username="ada", password="open")

    def refuse(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", refuse)
    monkeypatch.setattr(
        "django.contrib.sessions.middleware.settings.SESSION_SAVE_EVERY_REQUEST", True
    )

    answer = browser.get("/reports/")

    assert answer.status_code == 503
    assert "Try again in a moment" in answer.content.decode()


@contextmanager
def held_by_another() -> Iterator[None]:
    """Let somebody else hold what a login has to write, and nobody wait long for it."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(name, isolation_level=None)) as other:
            with connection.cursor() as cursor:
                (usual_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
                cursor.execute("PRAGMA busy_timeout = 50")
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {usual_ms:d}")
        return
    settings = connection.settings_dict
    with psycopg.connect(
        dbname=name,
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
    ) as other:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        other.execute("LOCK TABLE auth_user, django_session IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")


@pytest.mark.parametrize(
    ("content_type", "size", "accepted", "is_compressed"),
    [
        ("text/html; charset=utf-8", 1000, "br, gzip", True),
        ("application/json", 1000, "gzip", True),
        ("text/html", 1000, "", False),
        ("text/html", 50, "gzip", False),
        ("text/csv", 1000, "gzip", False),
        ("application/vnd.apache.parquet", 1000, "gzip", False),
    ],
)
def test_pages_are_compressed_for_who_can_read_it(
    content_type: str, size: int, accepted: str, is_compressed: bool
) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"a" * size, content_type=content_type)

    request = RequestFactory().get("/", headers={"Accept-Encoding": accepted})
    response = middleware.CompressionMiddleware(answer)(request)

    assert isinstance(response, HttpResponse)
    assert (response.get("Content-Encoding") == "gzip") == is_compressed
    sent = gzip.decompress(response.content) if is_compressed else response.content
    assert sent == b"a" * size


def test_the_compressed_length_tells_no_secret() -> None:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    answer = middleware.CompressionMiddleware(lambda _: HttpResponse(b"a" * 1000))

    answers = [answer(request) for _ in range(50)]

    assert len({len(each.content) for each in answers if isinstance(each, HttpResponse)}) > 5


def test_what_is_streamed_stays_a_stream() -> None:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    streamed = StreamingHttpResponse([b"a" * 1000], content_type="text/html")

    assert middleware.CompressionMiddleware(lambda _: streamed)(request) is streamed
    assert "Content-Encoding" not in streamed.headers
