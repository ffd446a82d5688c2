"""The machine that a benchmark ran on: figures mean little without it."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path

import duckdb


def describe_machine() -> dict[str, str | int | float]:
    """Return cores, CPU, memory and versions, but nothing that names the machine."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _all_cores(),
        "cpu": read_cpu_model(),
        "memory_gb": read_memory_gb(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "duckdb": duckdb.__version__,
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def read_cpu_model() -> str:
    """Return the CPU's model, empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def read_memory_gb() -> float:
    """Return the memory in gigabytes (10^9 bytes), 0 where the system does not tell."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0.0
    return round(memory / 1e9, 1)


def _all_cores() -> int:
    return os.cpu_count() or 1
