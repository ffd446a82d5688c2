"""The questions that the overview asks: overheard, and asked again without a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from django.test import Client

    from reports.queries import ReportQuery
    from sites.models import Site


def address(domain: str, period: str, filters: Iterable[str]) -> str:
    """Return the address of a site's overview with these filters, as an address has them."""
    query = "&".join([f"period={period}", *(f"f={one}" for one in filters)])
    return f"/reports/{domain}/?{query}"


def sign_in() -> Client:
    """Return the browser of somebody who may see every site, and collect what pages load."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    call_command("collectstatic", interactive=False, verbosity=0)
    client = Client(headers={"accept-encoding": "gzip", "host": "127.0.0.1"})
    client.force_login(get_user_model().objects.create_superuser("reader"))
    return client


def get(client: Client, address: str) -> None:
    """Ask for a page. Raises AssertionError when it does not come."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.content


def overhear(client: Client, address: str) -> tuple[ReportQuery, ...]:
    """Return the questions that the page asks."""
    from reports.warehouse.embedded import EmbeddedWarehouse

    heard: list[ReportQuery] = []
    answer_ahead = EmbeddedWarehouse.answer_ahead

    def hear(warehouse: EmbeddedWarehouse, *questions: ReportQuery) -> None:
        heard.extend(questions)
        answer_ahead(warehouse, *questions)

    with mock.patch.object(EmbeddedWarehouse, "answer_ahead", hear):
        get(client, address)
    return tuple(heard)


def ask(site: Site, questions: tuple[ReportQuery, ...]) -> None:
    """Answer the questions, and make no page of it."""
    from reports.warehouse.embedded import open_warehouse

    with open_warehouse(site) as warehouse:
        warehouse.answer_ahead(*questions)
        for question in questions:
            warehouse.answer(question)


def time_ms(run: Callable[[], object], repeats: int) -> float:
    """Return the median milliseconds of some runs, after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1000)
    return round(median(times), 2)
