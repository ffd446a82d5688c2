"""An installation to be hurt: a database with sites, a person signed in, and its server."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bench.ingest import DOMAIN, user_agents
from bench.support.database import fresh_database
from soak.support.clients import Clients
from soak.support.store import Store
from trackingsite.server import build_command
from trackingsite.tests.live import RunningServer, find_free_port, running_program

#: A site that gets no hits, so that its report costs the same from beginning to end.
QUIET: Final = "quiet.example"
QUIET_REPORT: Final = f"/reports/{QUIET}/?period=28d"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is needed to serve it and to look at it."""

    environment: dict[str, str]
    folder: Path
    store: Store
    #: The Cookie header of the person who may see the sites' reports.
    cookie: str

    @contextmanager
    def serving(self, workers: int = 1) -> Iterator[Server]:
        """Serve as `make run` does, without its preparations, while the context lasts."""
        port = find_free_port()
        with running_program(
            build_command("127.0.0.1", port, workers=workers),
            folder=self.folder,
            port=port,
            variables=self.environment,
        ) as running:
            yield Server(running=running, port=port, cookie=self.cookie)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers, or answered until it was hurt."""

    running: RunningServer
    port: int
    cookie: str

    def clients(self, connections: int = 6, pause: float = 0.0) -> Clients:
        """Return clients that send to it."""
        return Clients(port=self.port, connections=connections, pause=pause)

    def kill(self) -> None:
        """SIGKILL all of its processes at once, and wait for its end."""
        os.killpg(self.running.process.pid, signal.SIGKILL)
        self.running.process.wait()

    def get(self, path: str, *, cookie: str = "") -> tuple[int, float]:
        """Return the status of a page, 0 for no answer, and the seconds that it took."""
        started = time.perf_counter()
        host = urlsplit(self.running.url).netloc
        with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
            try:
                connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                return 0, time.perf_counter() - started
        return response.status, time.perf_counter() - started

    def post_batch(self, event_ids: Iterable[str]) -> int:
        """Send a hit of each id in one array; return the status, 0 for no answer."""
        hits = [
            {"n": "pageview", "u": f"https://{DOMAIN}/", "d": DOMAIN, "id": event_id}
            for event_id in event_ids
        ]
        request = Request(
            f"{self.running.url}/api/events",
            data=json.dumps(hits).encode(),
            headers={"User-Agent": next(user_agents())},
        )
        try:
            with urlopen(request, timeout=30) as response:
                return int(response.status)
        except HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def get_report(self, path: str = QUIET_REPORT) -> tuple[int, float]:
        """Return the status of a report, the quiet site's by default, and the seconds it took."""
        return self.get(path, cookie=self.cookie)


@contextmanager
def installation(**variables: str) -> Iterator[Installation]:
    """Prepare an installation with these settings, gone after the context.

    Its state is in a temporary folder, or all of it in DATA_DIR. Works once in a process.
    """
    if folder := variables.get("DATA_DIR"):
        variables = {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"} | variables
    with fresh_database(TRUSTED_PROXIES="127.0.0.1/32", **variables) as environment:
        yield Installation(
            environment=environment,
            folder=Path(environment["DATA_DIR"]),
            store=Store(environment["DATABASE_URL"]),
            cookie=_furnish(),
        )


def _furnish() -> str:
    """Add the sites, the pages' files and a person; return the cookie of the person's session."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections
    from django.test import Client

    from sites.services import add_site

    add_site(domain=DOMAIN)
    add_site(domain=QUIET)
    call_command("collectstatic", verbosity=0, interactive=False)
    client = Client()
    client.force_login(User.objects.create_superuser("soak"))
    # From here on the server has the database to itself.
    connections.close_all()
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"
