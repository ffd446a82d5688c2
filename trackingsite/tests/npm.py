"""The packages of npm that tests of the tracking script need, as its lock file names them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from visits.tracker.views import TRACKER

needs_npm: Final = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@cache
def installed_packages() -> Path:
    """Return the folder of the packages, which are installed where they are not there as locked."""
    modules = TRACKER / "node_modules"
    done = modules / ".package-lock.json"
    lock = TRACKER / "package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=TRACKER, check=True, capture_output=True, timeout=300)
        done.touch()
    return modules
