"""People who open pages, and the moment at which they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client

from reports.tests.browsing import PASSWORD, SITES
from sites.models import Site
from trackingsite.tests.live import RunningServer, run_manage, running_server
from visits.tests.hits import NOON


@pytest.fixture
def at_noon() -> Iterator[None]:
    """Stop the clock at noon of 10 March 2026, a Tuesday."""
    with time_machine.travel(NOON, tick=False):
        yield


def _signed_in(name: str, *, member_of: Site | None = None, is_staff: bool = False) -> Client:
    user = get_user_model().objects.create_user(name, is_staff=is_staff, is_superuser=is_staff)
    if member_of is not None:
        member_of.members.add(user)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def member(site: Site, at_noon: None) -> Client:
    """Somebody who may see example.com."""
    return _signed_in("ada", member_of=site)


@pytest.fixture
def outsider(other_site: Site, at_noon: None) -> Client:
    """Somebody who may see other.example and no other site."""
    return _signed_in("eve", member_of=other_site)


@pytest.fixture
def staff(db: None, at_noon: None) -> Client:
    """Somebody who may see every site, and the admin."""
    return _signed_in("root", is_staff=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a year of a demo site's traffic, and the sites of SITES."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_server(data_dir, password=PASSWORD, KEEP_ROWS_DAYS="0") as server:
        for command in (["seed_demo", "--events", "20000"], ["shell", "-c", SITES]):
            done = run_manage(*command, DATA_DIR=str(data_dir))
            assert done.returncode == 0, done.stdout
        yield server
