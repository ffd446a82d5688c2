"""A look at a site's page: what it says, and that it reaches the public web alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from sites.models import Site
from visits.tracker import page_check, public_web
from visits.tracker.page_check import check_page
from visits.tracker.public_web import PublicPage, UnreachableError, fetch_public, is_public

TAG = '<script defer data-domain="{}" src="https://stats.example.org/js/script.js"></script>'


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"),
        *("fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001::1", "::127.0.0.1"),
        *("", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"),
    ],
)
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_an_address_that_is(address: str) -> None:
    assert is_public(address)


@pytest.fixture
def listener() -> Iterator[list[Any]]:
    """What connects to this machine's ports 80 and 443, if anything does."""
    reached: list[Any] = []
    original = socket.create_connection

    def create_connection(address: Any, *args: Any, **kwargs: Any) -> Any:
        reached.append(address)
        return original(address, *args, **kwargs)

    socket.create_connection = create_connection
    yield reached
    socket.create_connection = original


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "https://127.0.0.1/", "http://127.0.0.1:80/", "http://localhost/"),
        *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
        *("http://[::]/", "http://0/", "http://0.0.0.0/", "http://127.1/", "http://2130706433/"),
        *("http://0x7f000001/", "http://0177.0.0.1/", "http://0x7f.1/", "http://017700000001/"),
        *("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.0.1/"),
        *("http://[fe80::1]/", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/"),
        *("http://[2002:7f00:1::]/", "http://user@127.0.0.1/", "http://1.1.1.1@127.0.0.1/"),
        *("http://1.1.1.1:22/", "http://1.1.1.1:8080/", "https://1.1.1.1:80/", "http://1.1.1.1:0/"),
        *("gopher://127.0.0.1/", "file:///etc/passwd", "ftp://1.1.1.1/", "dict://127.0.0.1:11211/"),
        *("javascript:alert(1)", "data:text/html,x", "//127.0.0.1/", "", "http://", "http:///x"),
        *(
            "http://1.1.1.1:port/",
            "http://[1.1.1.1/",
            "http://1.1.1.1/\r\nHost: x",
            "http://①.1.1.1/",
        ),
        *(
            "http://user:word@example.com/",
            "http://1.1.1.1 /",
            "unix:/run/x.sock",
            "http://[::1%lo]/",
        ),
    ],
)
def test_an_address_that_is_never_asked(url: str, listener: list[Any]) -> None:
    with pytest.raises(UnreachableError):
        fetch_public(url)

    assert listener == []


def answer_once(body: bytes) -> tuple[int, threading.Thread]:
    """Serve one answer on a port of this machine; return the port and what serves."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return server.getsockname()[1], thread


def test_a_name_is_looked_up_once_and_its_address_is_what_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever answers differently the second time is not asked a second time."""
    port, thread = answer_once(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>hello")
    asked: list[str] = []
    connected: list[Any] = []
    original = socket.create_connection

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    def connect(address: Any, **kwargs: Any) -> Any:
        connected.append(address)
        monkeypatch.undo()
        return original(("127.0.0.1", port), **kwargs)  # where the public server is, here

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    page = fetch_public("http://rebinding.example/x?y=1")
    thread.join()

    assert (page.status, page.text) == (200, "<p>hello")
    assert asked == ["rebinding.example"]
    assert connected == [("93.184.216.34", 80)]


def test_one_private_address_among_public_ones_is_too_many(
    monkeypatch: pytest.MonkeyPatch, listener: list[Any]
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("93.184.216.34", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    with pytest.raises(UnreachableError, match="no host of the public web"):
        fetch_public("http://mixed.example/")
    assert listener == []


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/", "http://169.254.169.254/", "file:///etc/passwd", "//[::1]/"]
)
def test_a_redirect_is_looked_at_too(
    target: str, monkeypatch: pytest.MonkeyPatch, listener: list[Any]
) -> None:
    original = public_web._fetch_once

    def fetch_once(url: str, until: float) -> PublicPage:
        if "shop.example" in url:
            return PublicPage(url, 302, {"location": target}, "")
        return original(url, until)

    monkeypatch.setattr(public_web, "_fetch_once", fetch_once)
    with pytest.raises(UnreachableError):
        fetch_public("http://shop.example/")
    assert listener == []


def test_redirects_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    around = PublicPage("", 302, {"location": "/"}, "")
    monkeypatch.setattr(public_web, "_fetch_once", lambda url, until: around)

    with pytest.raises(UnreachableError, match="three times"):
        fetch_public("http://shop.example/")


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (200, TAG.format("example.com"), "The page https://example.com has the tag of this site."),
        (200, TAG.format("a.example, www.example.com"), "The page https://example.com has the tag"),
        (200, "<p>", "The page https://example.com has no tag."),
        (200, TAG.format("example.com") * 2, "The page https://example.com has 2 tags; leave one."),
        (
            200,
            TAG.format("x.example"),
            "The page https://example.com is counted for x.example, not for",
        ),
        (503, "", "The page https://example.com answers 503."),
    ],
)
def test_what_is_said_of_a_page(
    status: int, text: str, words: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_check, "fetch_public", lambda url: PublicPage(url, status, {}, text))
    site.base_url = "https://example.com"

    check = check_page(site)

    assert check.words.startswith(words)
    assert check.is_fine is ("has the tag" in words)


def test_staff_are_told_on_the_sites_page(site: Site, admin_client: Client) -> None:
    site.base_url = "http://127.0.0.1/"
    site.save()
    page = f"/admin/sites/site/{site.pk}/"

    assert f'formaction="{page}check-page/"' in admin_client.get(f"{page}change/").text
    answer = admin_client.post(f"{page}check-page/", follow=True)

    assert "127.0.0.1 is no host of the public web." in answer.text
    assert admin_client.get(f"{page}check-page/").status_code == 405
    assert admin_client.post("/admin/sites/site/0/check-page/").status_code == 404


@pytest.mark.django_db
def test_nobody_else_is(client: Client, site: Site, django_user_model: Any) -> None:
    address = f"/admin/sites/site/{site.pk}/check-page/"
    assert client.post(address).status_code == 302
    person = django_user_model.objects.create_user("ann", password="x", is_staff=True)
    client.force_login(person)

    assert client.post(address).status_code == 403
