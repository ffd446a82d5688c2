"""Each soak runs alone, in small, and tells what it promises; what it measures can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.support.results import Figure
from soak.support.command import find_missed
from soak.support.faults import find_disk, find_strace
from trackingsite.tests.postgres import MISSING, find_programs

ROOT = Path(__file__).resolve().parents[2]
server_test = pytest.mark.server
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from /proc, which is not here"
)
needs_postgres = pytest.mark.skipif(find_programs() is None, reason=MISSING)


def run_soak(name: str, *arguments: str) -> dict[str, Any]:
    """Return the one object that the script prints, whether or not its figures are good enough."""
    done = subprocess.run(
        [sys.executable, f"soak/{name}", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stderr
    figures: dict[str, Any] = json.loads(lines[0])
    return figures


def expect_nothing_lost(figures: dict[str, Any]) -> None:
    """What has to hold of every fault, however short and however slow the machine."""
    assert figures["acked"] > 0
    assert [figures[name] for name in ("lost", "doubled", "damages", "unforeseen")] == [0] * 4


@server_test
def test_a_crash_loses_and_doubles_nothing() -> None:
    figures = run_soak("crash.py", "--cycles", "2", "--seed", "1")

    expect_nothing_lost(figures)
    assert figures["cycles"] == 2
    assert figures["twins"] > 0
    assert figures["replayed"] > 0
    assert figures["unsettled"] == figures["torn"] == 0


@server_test
@needs_postgres
def test_a_crash_on_postgres_loses_and_doubles_nothing() -> None:
    figures = run_soak("crash.py", "--cycles", "1", "--seed", "1", "--database", "postgres")

    expect_nothing_lost(figures)
    assert figures["database"] == "postgres"
    assert figures["unsettled"] == figures["torn"] == 0


def expect_archive_right(figures: dict[str, Any]) -> None:
    """What has to hold of an archive whose process was killed, wherever it was."""
    assert figures["acked"] > 0
    assert figures["killed_in_upkeep"] > 0
    names = ("lost", "doubled", "torn", "wrong", "errors")
    assert [figures[name] for name in names] == [0] * 5


@server_test
def test_a_kill_while_it_archives_loses_and_doubles_nothing() -> None:
    figures = run_soak("archive.py", "--cycles", "3", "--seed", "1")

    expect_archive_right(figures)
    assert figures["cycles"] == 3


@server_test
@needs_postgres
def test_a_kill_while_it_archives_on_postgres_loses_and_doubles_nothing() -> None:
    figures = run_soak("archive.py", "--cycles", "2", "--seed", "1", "--database", "postgres")

    expect_archive_right(figures)
    assert figures["database"] == "postgres"


@server_test
def test_errors_of_the_disk_are_told_and_got_over() -> None:
    if reason := find_strace():
        pytest.skip(reason)
    figures = run_soak("disk.py", "--part", "errors", "--calls", "5", "--step", "4")

    expect_nothing_lost(figures)
    assert figures["steps"] == 6
    assert figures["failed_writes"] > 0
    assert figures["failed_flushes"] > 0
    assert figures["refused"] > 0
    assert figures["torn"] == figures["never_back"] == 0


@server_test
def test_a_full_disk_is_told_and_got_over() -> None:
    if reason := find_disk():
        pytest.skip(reason)
    figures = run_soak("disk.py", "--part", "full", "--seconds", "1")

    expect_nothing_lost(figures)
    assert figures["refused_while_full"] > 0
    assert figures["reports_failed"] == figures["logins_failed"] == figures["never_back"] == 0


@server_test
def test_a_held_lock_keeps_hits_out_for_its_time_and_reports_not_at_all() -> None:
    figures = run_soak("locks.py", "--holds", "1")

    expect_nothing_lost(figures)
    assert figures["refused"] > 0
    assert figures["reports_failed"] == figures["unanswered"] == 0
    assert figures["report_p99_held_ms"] > 0


@server_test
@needs_postgres
def test_postgres_goes_away_and_comes_back() -> None:
    figures = run_soak("postgres.py", "--restarts", "1", "--terminations", "1")

    expect_nothing_lost(figures)
    assert figures["sessions_ended"] > 0
    assert figures["never_back"] == figures["unanswered"] == 0


@server_test
def test_a_stop_loses_nothing_and_ends_well() -> None:
    figures = run_soak("stop.py", "--stops", "2")

    expect_nothing_lost(figures)
    assert figures["bad_exits"] == figures["slow_stops"] == 0
    assert 0 < figures["stop_p50_ms"] <= figures["stop_p99_ms"]


@server_test
@needs_proc
def test_more_than_it_can_take_is_no_end() -> None:
    figures = run_soak("overload.py", "--seconds", "0.5", "--connections", "8")

    expect_nothing_lost(figures)
    assert all(figures[f"goodput_{times}x"] > 0 for times in (1, 2, 5, 10))
    assert 0 < figures["worst_to_peak"] <= 1
    assert figures["rss_mb_10x"] > 0


@server_test
def test_hits_loads_upkeep_and_reports_go_together() -> None:
    figures = run_soak("together.py", "--seconds", "10")

    expect_nothing_lost(figures)
    assert figures["loaded_visits"] > 0
    assert figures["archived_visits"] > 0
    assert figures["reports"] > 0
    names = ("reports_failed", "complaints", "miscounted", "wrong")
    assert [figures[name] for name in names] == [0] * 4


@server_test
def test_slow_clients_keep_nobody_out() -> None:
    figures = run_soak("slow.py", "--sockets", "60", "--seconds", "1")

    expect_nothing_lost(figures)
    assert figures["open_60"] > 0
    assert figures["not_served_60"] == figures["reports_failed"] == figures["unanswered"] == 0


@server_test
def test_a_slow_report_is_stopped_and_hits_go_on() -> None:
    arguments = ("--events", "400000", "--seconds", "2", "--rounds", "1")
    figures = run_soak("slow_report.py", *arguments)

    assert figures["reports"] > 0
    assert [figures[name] for name in ("not_stopped", "refused")] == [0, 0]
    assert figures["p99_ratio"] > 0


@server_test
@needs_proc
def test_memory_is_watched() -> None:
    figures = run_soak("flat.py", "--seconds", "2")

    expect_nothing_lost(figures)
    assert figures["reports"] > 0
    assert 0 < figures["first_third_mb"] < 1000
    assert 0.5 < figures["growth_ratio"] < 1.5


def test_every_script_here_is_tested() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "soak" / "tests").glob("test_*.py"))
    scripts = {path.name for path in (ROOT / "soak").glob("[!_]*.py")}

    assert {name for name in scripts if f'"{name}"' not in tests} == set()


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        ({"lost": 0, "ratio": 2.0}, []),
        ({"lost": 1, "ratio": 1.0}, ["lost is 1, and may be at most 0"]),
        ({"lost": 0, "ratio": 2.1}, ["ratio is 2.1, and may be at most 2"]),
        ({"lost": "skipped: no strace"}, []),
        ({}, []),
    ],
)
def test_tells_which_figures_are_not_good_enough(
    figures: dict[str, Figure], missed: list[str]
) -> None:
    assert find_missed(figures, {"lost": 0, "ratio": 2}) == missed
