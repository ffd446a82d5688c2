"""The program on a machine: its first start, its next, its end, and starts that cannot be."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from trackingsite.server import CONNECTIONS, OTHER_FILES, claim_address, make_url, next_port
from trackingsite.tests.live import (
    ROOT,
    RunningServer,
    run_manage,
    running_server,
    start_in_vain,
)

server_test = pytest.mark.server

PASSWORD = re.compile(r"^Administrator: admin, password: (\S{16})$", re.MULTILINE)


@server_test
def test_first_start_tells_the_password_and_the_next_keeps_everything(tmp_path: Path) -> None:
    with running_server(tmp_path) as first:
        [password] = PASSWORD.findall(first.output)
        assert "migrations ran." in first.output
        assert f"Serving {first.url} until Ctrl-C." in first.output
        assert f"{first.url}/admin/sites/site/add/" in first.output
        assert f"{first.url}/reports/" in first.output
        assert first.interrupt() == 0

    with running_server(tmp_path) as second:
        assert "password" not in second.output
        assert "migrations ran." not in second.output
        assert "collected" not in second.output
        assert second.seconds_to_answer < 5
        assert can_log_in(second, password)
        assert second.interrupt() == 0


@server_test
def test_a_chosen_password_opens_the_admin_and_is_not_shown(tmp_path: Path) -> None:
    with running_server(tmp_path, password="$correct horse") as server:
        assert can_log_in(server, "$correct horse")
        assert not can_log_in(server, "wrong")
        assert "correct horse" not in server.output
        assert "password: as in ADMIN_PASSWORD" in server.output


@server_test
def test_pages_come_with_their_styles(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        page = get(f"{server.url}/admin/login/").decode()
        styles = re.findall(r'href="(/static/[^"]+\.css)"', page)

        assert styles
        assert all(get(server.url + style) for style in styles)


@server_test
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_it_without_a_word(tmp_path: Path, workers: str) -> None:
    with running_server(tmp_path, WEB_WORKERS=workers) as server:
        before = server.output

        assert server.interrupt() == 0
        assert server.output == before


@server_test
def test_sigterm_ends_it_after_the_requests_in_flight(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        before = server.output
        with half_a_hit(server) as (connection, rest):
            codes: list[int] = []
            ending = threading.Thread(target=lambda: codes.append(server.terminate()))
            ending.start()
            time.sleep(0.3)
            connection.sendall(rest)
            answer = connection.recv(1000)
            ending.join()

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert codes == [0]
        assert server.output == before


@server_test
def test_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    with running_server(tmp_path, WEB_THREADS="1") as server:
        idle = [connect(server) for _ in range(20)]
        try:
            for connection in idle:
                connection.request("GET", "/login/")
                assert connection.getresponse().read()
        finally:
            for connection in idle:
                connection.close()


@server_test
def test_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refusal = start_in_vain(tmp_path, PORT=str(port))

    assert refusal.stdout == (
        f"Port {port} is taken. "
        f"Stop what uses it, or choose another: PORT={next_port(port)} make run\n"
    )
    assert refusal.returncode == 1
    assert not (tmp_path / "db.sqlite3").exists()


@server_test
def test_second_server_on_the_same_port_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        refusal = start_in_vain(tmp_path, PORT=str(urlsplit(server.url).port))

    assert "is taken. Stop what uses it" in refusal.stdout


@server_test
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HOST", "192.0.2.1", "HOST=192.0.2.1 cannot be listened on"),
        ("HOST", "no such host", "HOST=no such host cannot be listened on"),
        ("PORT", "eight", "PORT=eight cannot be used. Set PORT to a whole number"),
        ("PORT", "70000", "PORT=70000 cannot be used. Set PORT to a whole number"),
        ("DATA_DIR", "/dev/null/data", "DATA_DIR=/dev/null/data cannot be used. Not a directory."),
        ("DATA_DIR", "/proc/data", "DATA_DIR=/proc/data cannot be used."),
        ("DATABASE_URL", "foo", "DATABASE_URL=foo cannot be used. Use sqlite:///"),
        ("DATABASE_URL", "mysql://me:secret@db/x", "DATABASE_URL=mysql://me:***@db/x cannot be"),
        ("DATABASE_URL", "postgres://db:nan/x", "DATABASE_URL=postgres://db:nan/x cannot be used."),
        ("DATABASE_URL", "sqlite:////no/such/x.sqlite3", "Its folder does not exist."),
        ("DATABASE_URL", "sqlite:////dev", "The database /dev cannot be used: unable to open"),
        ("DATABASE_URL", "postgres://me:secret@127.0.0.1:1/x", "x on 127.0.0.1:1 cannot be used"),
        ("DATABASE_URL", "postgres:///x?colour=blue", "invalid connection option"),
        ("WEB_WORKERS", "0", "WEB_WORKERS=0 cannot be used."),
        ("TIME_ZONE", "Berlin", "TIME_ZONE=Berlin cannot be used."),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES=10.0.0.1/8 cannot be used."),
    ],
)
def test_a_start_that_cannot_be_says_why_in_a_line(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    refusal = start_in_vain(tmp_path, **{variable: value})

    assert told in refusal.stdout
    assert refusal.returncode != 0
    assert refusal.stdout.count("\n") == 1
    assert "Traceback" not in refusal.stdout
    assert "secret" not in refusal.stdout


@server_test
def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").write_text("Dear diary, today was a long day. " * 100)

    refusal = start_in_vain(tmp_path)

    assert (
        f"The database {tmp_path}/db.sqlite3 cannot be used: file is not a data" in refusal.stdout
    )
    assert refusal.returncode == 1
    assert refusal.stdout.count("\n") == 1


@server_test
@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None,
    reason="root may write everywhere, and there is no setpriv to take that from it",
)
@pytest.mark.parametrize("part", ["", "db.sqlite3", "secret_key"])
def test_what_this_user_may_not_write(tmp_path: Path, part: str) -> None:
    run_manage("migrate", DATA_DIR=str(tmp_path))
    (tmp_path / part).chmod(0o500 if part == "" else 0o400 if part == "db.sqlite3" else 0)
    try:
        refusal = start_in_vain(tmp_path)
    finally:
        (tmp_path / part).chmod(0o700)

    assert "cannot be used" in refusal.stdout
    assert refusal.returncode == 1
    assert refusal.stdout.count("\n") == 1


@server_test
def test_expired_salts_are_destroyed_while_serving(tmp_path: Path) -> None:
    expired = tmp_path / "salts" / "1.2000-01-01"
    expired.parent.mkdir()
    expired.write_bytes(bytes(24))

    with running_server(tmp_path):
        deadline = time.monotonic() + 5
        while expired.exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    assert not expired.exists()


@server_test
def test_management_commands_destroy_no_salts(tmp_path: Path) -> None:
    expired = tmp_path / "salts" / "1.2000-01-01"
    expired.parent.mkdir()
    expired.write_bytes(bytes(24))

    assert run_manage("check", DATA_DIR=str(tmp_path)).returncode == 0
    assert expired.exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("stats.example.org", "http://stats.example.org:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_address_to_open(host: str, url: str) -> None:
    assert make_url(host, 80) == url


@pytest.mark.parametrize(("port", "proposed"), [(8000, 8001), (65535, 65534)])
def test_proposes_a_port_that_exists(port: int, proposed: int) -> None:
    assert next_port(port) == proposed


def test_a_host_name_becomes_the_address_that_granian_wants() -> None:
    assert claim_address("localhost", 0) in {"127.0.0.1", "::1"}


ENOUGH = CONNECTIONS + OTHER_FILES


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "soft_after"),
    [
        (1024, 9000, CONNECTIONS, ENOUGH),
        (9000, 9000, CONNECTIONS, 9000),
        (ENOUGH, ENOUGH, CONNECTIONS, ENOUGH),
        # As many as the system lets it, and files left for the databases.
        (512, 2048, 2048 - OTHER_FILES, 2048),
        (300, 300, 150, 300),
    ],
)
def test_opens_as_many_connections_as_the_system_lets_it(
    soft: int, hard: int, connections: int, soft_after: int
) -> None:
    program = (
        "import resource as r; from trackingsite.server import allow_connections; "
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard})); "
        "print(allow_connections(), r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout == f"{connections} {soft_after}\n"


def can_log_in(server: RunningServer, password: str) -> bool:
    """Whether `admin` and this password open the admin of the server."""
    connection = connect(server)
    try:
        connection.request("GET", "/admin/login/")
        response = connection.getresponse()
        page = response.read().decode()
        cookie = response.headers["Set-Cookie"].split(";")[0]
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        form = urlencode({"csrfmiddlewaretoken": token, "username": "admin", "password": password})
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/admin/login/?next=/admin/", form, headers)
        return connection.getresponse().status == 302
    finally:
        connection.close()


def connect(server: RunningServer) -> http.client.HTTPConnection:
    """A connection to the server, to be closed by the caller."""
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)


def get(url: str) -> bytes:
    """The body of a 200 answer."""
    with urllib.request.urlopen(url, timeout=10) as response:
        body: bytes = response.read()
    return body


@contextmanager
def half_a_hit(server: RunningServer) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection on which half of a hit has been sent, and the other half."""
    address = urlsplit(server.url)
    body = b'{"n": "pageview"}'
    head = f"POST /api/event HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}"
    with socket.create_connection((address.hostname or "", address.port or 0), 10) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body[:5])
        time.sleep(0.2)
        yield connection, body[5:]


def test_settings_that_do_not_exist_are_named() -> None:
    done = run_manage("check", DJANGO_SETTINGS_MODULE="trackingsite.settings.nope")

    assert done.returncode == 1
    assert done.stdout.startswith(
        "Configuration: DJANGO_SETTINGS_MODULE=trackingsite.settings.nope cannot be used."
    )
    assert "Traceback" not in done.stdout
