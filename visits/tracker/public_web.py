"""Fetches a page of the public web, and never anything else: no address of this network.

A name is looked up once; every address that it has must be public, and the connection goes to one
of those very addresses, so that an answer which changes in between leads nowhere. Each redirect is
looked at in the same way.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

PORTS: Final = {"http": 80, "https": 443}
MAX_REDIRECTS: Final = 3
MAX_BYTES: Final = 2 * 1024 * 1024
#: For all of it, names, redirects and a page that comes byte by byte.
MAX_SECONDS: Final = 10.0

# All that hosts of the web have been given (RFC 4291); translators and the like are outside.
_GIVEN_OUT: Final = ipaddress.ip_network("2000::/3")
# Within it, networks that a relay leads elsewhere from (RFC 3056, 4380).
_LEADING_ELSEWHERE: Final = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32")))


class UnreachableError(Exception):
    """The page cannot be had; its message says why, in a sentence for staff."""


@dataclass(frozen=True, slots=True)
class PublicPage:
    """An answer: the address it came from in the end, its status, headers and text."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str


def is_public(address: str) -> bool:
    """Return whether an address is one of the public web."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        elif (
            parsed not in _GIVEN_OUT
            or parsed.scope_id
            or any(parsed in network for network in _LEADING_ELSEWHERE)
        ):
            return False
    return parsed.is_global and not parsed.is_multicast


def fetch_public(url: str) -> PublicPage:
    """Return the page at an address with http or https. Raises UnreachableError."""
    until = time.monotonic() + MAX_SECONDS
    for _ in range(MAX_REDIRECTS + 1):
        page = _fetch_once(url, until)
        target = page.headers.get("location")
        if page.status not in {301, 302, 303, 307, 308} or not target:
            return page
        url = urljoin(url, target)
    raise UnreachableError("It redirects more than three times.")


def _fetch_once(url: str, until: float) -> PublicPage:
    parts = _read_address(url)
    host = parts.hostname or ""
    address = _look_up(host, PORTS[parts.scheme])
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    connection = _Pinned(parts.scheme, host, address, until)
    try:
        connection.request(
            "GET",
            path,
            headers={"User-Agent": "trackingsite (checks its tag)", "Accept": "text/html,*/*"},
        )
        answer = connection.getresponse()
        body = b""
        while len(body) < MAX_BYTES and (part := answer.read1(65536)):
            body += part
            if time.monotonic() > until:
                raise UnreachableError("It takes longer than 10 seconds.")
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return PublicPage(url, answer.status, headers, body.decode(errors="replace"))
    except TimeoutError:
        raise UnreachableError("It takes longer than 10 seconds.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreachableError(f"It cannot be reached: {error}.") from None
    finally:
        connection.close()


def _read_address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnreachableError("This is no address.") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise UnreachableError("Only addresses with http or https are looked at.")
    if parts.username is not None or parts.password is not None:
        raise UnreachableError("Addresses with a name or password are not looked at.")
    if port not in {None, PORTS[parts.scheme]}:
        raise UnreachableError("Only the ports 80 and 443 are looked at.")
    if not url.isascii() or any(sign <= " " for sign in url):
        raise UnreachableError("This is no address.")
    return parts


def _look_up(host: str, port: int) -> str:
    """Return an address of the host. Raises UnreachableError when any of them is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnreachableError(f"The name {host} is not known.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(is_public, addresses)):
        raise UnreachableError(f"{host} is no host of the public web.")
    return addresses[0]


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the name of its host."""

    def __init__(self, scheme: str, host: str, address: str, until: float) -> None:
        super().__init__(host, PORTS[scheme])
        self.scheme, self.address, self.until = scheme, address, until

    def connect(self) -> None:
        """Connect to the address, not to whatever the name means by now."""
        left = max(0.1, self.until - time.monotonic())
        self.sock = socket.create_connection((self.address, self.port), timeout=left)
        if self.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
