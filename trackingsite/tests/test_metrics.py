"""The figures for operators: who may read them, and what they count."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from sites.services import add_site
from trackingsite import metrics
from trackingsite.tests.live import ROOT, RunningServer, run_manage, running_server
from visits.ingestion import queue
from visits.ingestion.hit import Drop, DropReason
from visits.ingestion.queue import count_verdicts
from visits.ingestion.tally import MALFORMED, REFUSED, REGISTRY, STORED, note_group
from visits.ingestion.writer import Stored
from visits.tests.hits import CHROME
from visits.turns import StoreBusyError

PRIVATE: Final = [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("::1/128")]
PROXIES: Final = [ip_network("10.0.0.1")]


@pytest.mark.parametrize(
    ("peer", "headers", "allowed"),
    [
        ("127.0.0.1", {}, True),
        ("10.9.9.9", {}, True),
        ("::1", {}, True),
        ("203.0.113.7", {}, False),
        ("", {}, False),
        # The address that a trusted proxy tells.
        ("10.0.0.1", {"HTTP_X_FORWARDED_FOR": "10.2.3.4"}, True),
        ("10.0.0.1", {"HTTP_X_FORWARDED_FOR": "203.0.113.7"}, False),
        ("10.0.0.1", {"HTTP_X_FORWARDED_FOR": "10.2.3.4, 203.0.113.7"}, False),
        # A proxy that nobody named: whoever asks has its address.
        ("127.0.0.1", {"HTTP_X_FORWARDED_FOR": "203.0.113.7"}, False),
        ("127.0.0.1", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
        ("127.0.0.1", {"HTTP_X_REAL_IP": "203.0.113.7"}, False),
        ("127.0.0.1", {"HTTP_FORWARDED": "for=203.0.113.7"}, False),
        ("127.0.0.1", {"HTTP_VIA": "1.1 proxy"}, False),
    ],
)
def test_only_chosen_networks_may_read(
    peer: str, headers: dict[str, str], allowed: bool, client: Client, settings: Settings
) -> None:
    settings.METRICS_NETWORKS = PRIVATE
    settings.TRUSTED_PROXIES = PROXIES

    answer = client.get("/metrics", **{"REMOTE_ADDR": peer, **headers})  # type: ignore[arg-type]

    assert answer.status_code == (200 if allowed else 404)
    assert (b"trackingsite_hits_total" in answer.content) is allowed


def test_is_read_by_prometheus(client: Client) -> None:
    answer = client.get("/metrics")

    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    families = {f.name for f in text_string_to_metric_families(answer.content.decode())}
    assert {"trackingsite_hits", "trackingsite_group_seconds", "process_cpu_seconds"} <= families


def test_every_figure_is_explained_and_every_explanation_has_its_figure() -> None:
    text = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `((?:trackingsite|process)_\w+)", text, re.MULTILINE))
    told = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in REGISTRY.collect()
    }

    assert explained == told


def test_every_verdict_is_explained() -> None:
    text = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^\| `trackingsite_hits_total`.*$", text, re.MULTILINE)

    for verdict in (STORED, MALFORMED, REFUSED):
        assert f"`{verdict}`" in line


def test_no_figure_tells_of_a_site_or_a_visitor() -> None:
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    labels = {label for sample in samples for label in sample.labels}

    assert labels <= {"verdict", "le"}


def test_a_group_is_counted_by_its_verdicts() -> None:
    bot = Drop(DropReason.BOT)
    verdicts = count_verdicts([[Stored(1), bot], OSError(), [bot], []])
    assert verdicts == {"stored": 1, "bot": 2}

    before = {name: counted(name) for name in ("stored", "bot", "malformed")}
    note_group(seconds=0.01, verdicts=verdicts)

    assert {name: counted(name) - before[name] for name in before} == {
        "stored": 1,
        "bot": 2,
        "malformed": 0,
    }


def test_a_malformed_hit_is_counted(client: Client) -> None:
    before = counted("malformed")

    client.post("/api/event", data="{}", content_type="application/json")
    client.get("/pixel.gif")

    assert counted("malformed") == before + 2


@pytest.mark.django_db
def test_hits_of_a_server_without_a_queue_are_counted_too(client: Client) -> None:
    add_site(domain="example.com")
    page = "/pixel.gif?u=https://example.com/&d="
    chrome = {"user-agent": CHROME}
    before = {name: counted(name) for name in ("stored", "unknown_site", "bot")}
    groups_before = sample("trackingsite_group_hits_count")

    client.get(page + "example.com", headers=chrome)
    client.get(page + "example.com,no.example,other.example", headers=chrome)
    client.get(page + "example.com", headers={"user-agent": "curl/8.0"})

    assert {name: counted(name) - before[name] for name in before} == {
        "stored": 2,
        "unknown_site": 2,
        "bot": 1,
    }
    assert sample("trackingsite_group_hits_count") - groups_before == 3


def test_a_group_that_a_server_without_a_queue_cannot_store_is_counted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(hits: object) -> None:
        raise StoreBusyError("Others have been writing for too long.")

    monkeypatch.setattr(queue, "ingest", fail)
    failed, refused = sample("trackingsite_groups_failed_total"), counted("refused")

    assert client.get("/pixel.gif?u=https://example.com/&d=a.example,b.example").status_code == 503

    assert sample("trackingsite_groups_failed_total") == failed + 1
    assert counted("refused") == refused + 2


def sample(name: str) -> float:
    """Return a figure of this process."""
    return REGISTRY.get_sample_value(name) or 0.0


def counted(verdict: str) -> float:
    """Return how many hits of this process had the verdict."""
    return REGISTRY.get_sample_value("trackingsite_hits_total", {"verdict": verdict}) or 0.0


class TestFilesOfWorkers:
    """The folder by which several workers tell each other's figures."""

    @pytest.fixture(autouse=True)
    def variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leave the environment as it was."""
        monkeypatch.setenv(metrics.FOLDER_VARIABLE, "before")

    def test_one_worker_needs_none(self, data_dir: Path) -> None:
        metrics.share_figures(data_dir, port=8000, workers=1)

        assert metrics.FOLDER_VARIABLE not in os.environ
        assert list(data_dir.iterdir()) == []

    def test_a_start_begins_with_none_and_leaves_other_servers_theirs(self, data_dir: Path) -> None:
        metrics.share_figures(data_dir, port=8001, workers=2)
        other = Path(os.environ[metrics.FOLDER_VARIABLE])
        metrics.share_figures(data_dir, port=8000, workers=2)
        own = Path(os.environ[metrics.FOLDER_VARIABLE])
        for folder in (other, own):
            (folder / "counter_1.db").touch()

        metrics.share_figures(data_dir, port=8000, workers=2)

        assert os.environ[metrics.FOLDER_VARIABLE] == str(own)
        assert own.parent == data_dir / "metrics"
        assert list(own.iterdir()) == []
        assert [file.name for file in other.iterdir()] == ["counter_1.db"]

    def test_what_nobody_has_written_for_a_day_is_removed(self, data_dir: Path) -> None:
        gone = data_dir / "metrics" / "former-container-8000"
        gone.mkdir(parents=True)
        (gone / "counter_1.db").touch()
        for file in (gone / "counter_1.db", gone):
            os.utime(file, (0, 0))

        metrics.share_figures(data_dir, port=8000, workers=1)

        assert list((data_dir / "metrics").iterdir()) == []

    def test_dead_workers_are_forgotten_and_what_they_counted_is_not(self, data_dir: Path) -> None:
        with subprocess.Popen(["true"]) as dead:
            pass
        names = [f"{kind}_{pid}.db" for kind in KINDS for pid in (dead.pid, os.getpid())]
        for name in names:
            (data_dir / name).touch()

        metrics.forget_dead_workers(data_dir)

        assert {file.name for file in data_dir.iterdir()} == set(names) - {
            f"gauge_livesum_{dead.pid}.db",
            f"gauge_livemin_{dead.pid}.db",
        }


KINDS: Final = ("counter", "histogram", "gauge_livesum", "gauge_livemin")


@pytest.mark.server
@pytest.mark.parametrize("workers", [1, 2])
def test_the_figures_of_all_workers_add_up(tmp_path: Path, workers: int) -> None:
    with running_server(tmp_path, WEB_WORKERS=str(workers)) as server:
        run_manage(
            "shell", "-c", "from sites.services import *; add_site(domain='example.com')",
            DATA_DIR=str(tmp_path),
        )  # fmt: skip
        for _ in range(20):
            assert send(server, n="pageview", u="https://example.com/", d="example.com") == 202
        for _ in range(7):
            assert send(server, n="pageview", u="https://example.com/", d="nobody.example") == 202
        for _ in range(5):
            assert send(server, n="pageview") == 400

        for _ in range(6):  # by whichever worker answers
            figures = read_figures(server)

            assert figures['trackingsite_hits_total{verdict="stored"}'] == 20
            assert figures['trackingsite_hits_total{verdict="unknown_site"}'] == 7
            assert figures['trackingsite_hits_total{verdict="malformed"}'] == 5
            assert figures['trackingsite_hits_total{verdict="refused"}'] == 0
            assert figures["trackingsite_group_hits_sum"] == 27
            assert figures["trackingsite_group_seconds_count"] == 27
            assert figures["trackingsite_groups_failed_total"] == 0
            assert figures["trackingsite_workers"] == workers
            assert figures["trackingsite_hits_waiting"] == 0
            assert figures["process_resident_memory_bytes"] > workers * 20e6

        url = f"{server.url}/metrics"
        proxied = urllib.request.Request(url, headers={"X-Forwarded-For": "203.0.113.7"})
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(proxied)
        refusal.value.close()
        assert refusal.value.code == 404


def send(server: RunningServer, **hit: str) -> int:
    """Send a hit on a connection of its own and return the status of the answer."""
    request = urllib.request.Request(
        f"{server.url}/api/event",
        data=json.dumps(hit).encode(),
        headers={"User-Agent": CHROME},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def read_figures(server: RunningServer) -> dict[str, float]:
    """Return the value of each sample, by its name with its labels as they are written."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }
