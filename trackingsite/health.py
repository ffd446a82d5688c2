"""`/health/live` and `/health/ready`: for whoever starts, restarts and balances servers.

Coroutines, and without middleware: they answer by any host name, while every thread is busy, and
while the database is away.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Final

from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from trackingsite.draining import drain
from trackingsite.logs import SeldomLogger
from visits.ingestion.queue import running_queue

_logger: Final = SeldomLogger(logging.getLogger(__name__))

#: Seconds within which the database has to answer.
DATABASE_SECONDS: Final = 1.0
RETRY_AFTER_SECONDS: Final = 5


@require_safe
async def live(request: HttpRequest) -> HttpResponse:
    """`GET /health/live`: always 200; a process that does not answer is to be started anew."""
    return _tell("ok\n")


@require_safe
async def ready(request: HttpRequest) -> HttpResponse:
    """`GET /health/ready`: 200 when requests may be sent here, else 503 and a line per reason."""
    reasons = await find_reasons()
    if not reasons:
        return _tell("ok\n")
    answer = _tell("".join(f"{reason}\n" for reason in reasons), status=503)
    answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


async def find_reasons() -> list[str]:
    """Return why requests had better go elsewhere; empty when they may come."""
    reasons = []
    if drain.has_begun:
        reasons.append("stopping: this process ends.")
    queue = running_queue()
    if queue is not None and not queue.is_working:
        reasons.append("hits: the thread that stores them has ended.")
    if fault := await _probe.ask():
        reasons.append(f"database: {fault}")
    return reasons


class DatabaseProbe:
    """Asks the database, one question at a time, in a thread that nobody has to wait for.

    A PostgreSQL that is gone without a word leaves the question open for minutes: whoever else
    wants to know then waits for the same one, each for DATABASE_SECONDS.
    """

    def __init__(self) -> None:
        self._answer: asyncio.Future[str] | None = None

    async def ask(self) -> str:
        """Return what is wrong with the database; empty when nothing is."""
        loop = asyncio.get_running_loop()
        if self._answer is None or self._answer.done() or self._answer.get_loop() is not loop:
            self._answer = loop.create_future()
            thread = threading.Thread(
                target=_ask, args=(loop, self._answer), name="health", daemon=True
            )
            thread.start()
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            return f"no answer within {DATABASE_SECONDS:g} s."


_probe: Final = DatabaseProbe()


def find_fault() -> str:
    """Return what is wrong with the database of this thread's connection; empty when nothing is."""
    try:
        applied = set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    except (Error, OSError) as error:
        _logger.error("The database cannot be asked; /health/ready answers 503.", error)
        return "it cannot be asked."
    missing = [name for name in _newest_migrations() if name not in applied]
    return "its tables are older than this version: run manage.py migrate." if missing else ""


def _ask(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[str]) -> None:
    fault = "it cannot be asked."
    try:
        fault = find_fault()
    finally:
        connection.close()
        # The loop may have ended meanwhile.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, answer, fault)


def _set(answer: asyncio.Future[str], fault: str) -> None:
    if not answer.done():
        answer.set_result(fault)


def _newest_migrations() -> list[tuple[str, str]]:
    """Return the last migration of each app, as this version's files have them; read once."""
    if not _newest:
        _newest.extend(MigrationLoader(None).graph.leaf_nodes())
    return _newest


_newest: Final[list[tuple[str, str]]] = []


def _tell(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(
        text,
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )
