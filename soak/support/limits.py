"""What one process may do at most, raised as far as its user may."""

from __future__ import annotations

import resource
import sys


def allow_open_files(files: int) -> None:
    """Let this process and those it starts open so many files; raises SystemExit if not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= files or soft == resource.RLIM_INFINITY:
        return
    if hard not in {resource.RLIM_INFINITY} and hard < files:
        sys.exit(f"This user may open {hard} files; {files} are needed. Raise `ulimit -n`.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
