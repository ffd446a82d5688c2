"""Each benchmark runs alone, in small, and tells what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from bench.ingest import make_order, user_agents
from bench.support.load import make_requests
from bench.support.results import print_results, show_figure
from visits.ingestion.bots import is_declared_bot
from visits.ingestion.devices import read_device

ROOT = Path(__file__).resolve().parents[2]


def run_bench(name: str, *arguments: str) -> dict[str, Any]:
    """Return the one object that the script prints."""
    done = subprocess.run(
        [sys.executable, f"bench/{name}", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    figures: dict[str, Any] = json.loads(line)
    return figures


MACHINE = {"cores", "cpu", "memory_gb", "python", "sqlite", "duckdb", "platform"}


@pytest.mark.server
def test_ingest_stores_what_it_acknowledges() -> None:
    result = run_bench("ingest.py", "--seconds", "0.9", "--connections", "4")

    assert result["bench"] == "ingest"
    assert result["acknowledged"] == result["stored"] > 0
    assert result["refused"] == 0
    assert result["ratio_to_empty_view"] > 0
    assert 0 < result["p50_ms"] <= result["p99_ms"]
    assert result["hits_per_second"] > 0
    assert set(result["machine"]) == MACHINE


@pytest.mark.server
def test_demo_makes_the_events_it_is_asked_for() -> None:
    result = run_bench("demo.py", "--events", "500")

    assert result["bench"] == "demo"
    assert result["events"] == 500
    assert 0 < result["visits"] < 500
    assert result["events_per_second"] > 0
    assert result["ratio_to_bare_inserts"] > 0
    assert set(result["machine"]) == MACHINE


@pytest.mark.server
def test_reports_compares_pages_with_the_bare_engine_at_each_size() -> None:
    result = run_bench("reports.py", "--sizes", "2000", "6000", "--days", "40", "--repeats", "1")

    assert result["bench"] == "reports"
    small, large = result["sizes"]
    assert small["events"] < large["events"]
    for size in (small, large):
        assert set(size["page_ms"]) == set(size["engine_ms"])
        assert all(ms > 0 for ms in [*size["page_ms"].values(), *size["engine_ms"].values()])
        assert size["bytes_per_event"] > 0
        assert size["next_report_has_the_hit"] is True
    assert result["growth_unfiltered"] > 0
    assert result["worst_ratio_to_engine"] > 0
    assert set(result["machine"]) == MACHINE


@pytest.mark.server
def test_pages_are_measured_in_time_and_bytes() -> None:
    result = run_bench("pages.py", "--events", "3000", "--repeats", "1")

    assert result["bench"] == "pages"
    assert 2000 < result["events"] < 4000
    assert result["ratio_to_queries"] > 0
    assert 3_000 < result["filter_click_bytes"] < 20_000
    assert result["filter_click_bytes"] < result["first_load_bytes"] < 150_000
    assert set(result["machine"]) == MACHINE


@pytest.mark.server
def test_imports_stores_every_line() -> None:
    result = run_bench("imports.py", "--lines", "500")

    assert result["bench"] == "imports"
    assert result["events"] == result["lines"] == 500
    assert result["visits"] > 0
    assert result["ratio_to_bare_engine"] > 0
    assert result["memory_mb"] > 0
    assert set(result["machine"]) == MACHINE


def test_every_script_here_is_tested() -> None:
    scripts = {path.name for path in (ROOT / "bench").glob("[!_]*.py")}

    assert scripts == {"ingest.py", "demo.py", "imports.py", "pages.py", "reports.py"}


def test_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    print_results("tea", {"cups_drunk": 1234}, {"cups_drunk": "cups"}, as_json=False)

    assert "cups drunk" in (text := capsys.readouterr().out)
    assert "1,234  cups" in text


@pytest.mark.parametrize(
    ("figure", "shown"), [(1234, "1,234"), (56.78, "56.8"), (0.1234, "0.123"), ("x", "x")]
)
def test_shows_figures(figure: float | str, shown: str) -> None:
    assert show_figure(figure) == shown


def test_user_agents_are_five_hundred_browsers() -> None:
    texts = list(islice(user_agents(), 500))

    assert len(set(texts)) == 500
    assert not [text for text in texts if is_declared_bot(text)]
    kinds = Counter(read_device(text).device for text in texts)
    assert set(kinds) == {"desktop", "mobile", "tablet"}


def test_requests_are_the_same_for_the_same_seed() -> None:
    order = make_order(8000, seconds=1, connections=1)
    first, again = (list(islice(make_requests(order), 300)) for _ in range(2))

    assert first == again
    head, _, body = first[0].partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["d"] == order.domain
