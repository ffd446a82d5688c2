"""How a soak tells what came of it: its figures, and whether they are good enough."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from bench.support.results import Figure, print_results


def make_parser(description: str | None, takes: str) -> argparse.ArgumentParser:
    """Return the parser of a soak's options, which says how long it takes as it is called."""
    parser = argparse.ArgumentParser(description=f"{description} Takes {takes} by default.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def say(line: str) -> None:
    """Write a line for the person who waits, who may read the figures from a pipe."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def conclude(
    name: str,
    figures: Mapping[str, Figure],
    units: Mapping[str, str],
    *,
    at_most: Mapping[str, float],
    as_json: bool,
) -> None:
    """Print the figures; end with an error when one is above what it may be at most."""
    print_results(name, figures, units, as_json=as_json)
    if missed := find_missed(figures, at_most):
        sys.exit(f"{name}: {'; '.join(missed)}")


def find_missed(figures: Mapping[str, Figure], at_most: Mapping[str, float]) -> list[str]:
    """Return a line for each figure that is above what it may be; those not measured are not."""
    return [
        f"{key} is {figure}, and may be at most {highest}"
        for key, highest in at_most.items()
        if isinstance(figure := figures.get(key, 0), int | float) and figure > highest
    ]
