"""The web server: the address it takes, and granian in the place of this process."""

import errno
import os
import resource
import signal
import socket
import sys
from typing import Final, NoReturn

from trackingsite.exceptions import StartError
from trackingsite.settings.environment import BASE_DIR

#: Seconds that requests in flight have to end after Ctrl-C; containers are given 10 by default.
DRAIN_SECONDS: Final = 8
#: Open connections per worker, where the system lets a process open as many. An idle kept-alive one
#: and a slow one count, so this is many times the threads.
CONNECTIONS: Final = 4096
#: Files that a worker opens besides: databases, parts of the archive.
OTHER_FILES: Final = 256
#: Seconds within which a request's headers have to be there. Granian counts from the request
#: before, so this is also how long a kept-alive connection may be idle.
HEADER_SECONDS: Final = 30


def claim_address(host: str, port: int) -> str:
    """Return the IP address to listen on: that of `host`, where `port` is free at this moment.

    Raises StartError when the host is none of this machine or the port is taken or reserved.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As the server does: a port that was left a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # Two may bind so, but only one may listen.
            probe.listen()
    except PermissionError:
        raise StartError(
            f"Port {port} is reserved for root. Choose one above 1023: PORT=8000 make run"
        ) from None
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} is taken. "
                f"Stop what uses it, or choose another: PORT={next_port(port)} make run"
            ) from None
        raise StartError(
            f"HOST={host} cannot be listened on: {error}. "
            "Set it to an address of this machine: HOST=127.0.0.1, or HOST=0.0.0.0 for all of them."
        ) from None
    return str(address[0])


def next_port(port: int) -> int:
    """Return a neighbouring port to propose."""
    return port + 1 if port < 65535 else port - 1


def make_url(host: str, port: int) -> str:
    """Return the address to open in a browser on this machine."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_connections() -> int:
    """Return how many connections a worker may have open, at most CONNECTIONS.

    Raises the number of files that this process, and what it becomes, may open as far as the
    system lets it; by default that is often no more than 1,024.
    """
    wanted = CONNECTIONS + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Where there is no limit, the number that says so is below 0.
    if 0 <= soft < wanted:
        soft = wanted if hard < 0 else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < 0 or soft >= wanted:
        return CONNECTIONS
    return max(soft - OTHER_FILES, soft // 2)


def build_command(
    address: str, port: int, *, workers: int, connections: int = CONNECTIONS
) -> list[str]:
    """Return the command line that serves the project; each worker takes so many connections."""
    options: dict[str, object] = {
        "--interface": "asgi",
        "--host": address,
        "--port": port,
        "--http": 1,
        "--workers": workers,
        "--backlog": connections,
        "--backpressure": connections,
        "--http1-header-read-timeout": HEADER_SECONDS * 1000,
        "--workers-kill-timeout": DRAIN_SECONDS,
        "--log-level": "error",
        "--working-dir": BASE_DIR,
    }
    pairs = [str(part) for option in options.items() for part in option]
    flags = ["--no-ws", "--respawn-failed-workers"]
    return [sys.executable, "-m", "granian", *pairs, *flags, "trackingsite.worker:application"]


def become(command: list[str]) -> NoReturn:
    """Replace this process by the command.

    Ctrl-C is not heard until the new program listens for it, a fraction of a second in which
    Python would answer it with a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execv(command[0], command)  # noqa: S606
