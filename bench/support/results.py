"""How a benchmark tells its figures: as a table for people, or as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bench.support.machine import describe_machine

Figure = int | float | str


def print_results(
    name: str, figures: Mapping[str, Figure], units: Mapping[str, str], *, as_json: bool
) -> None:
    """Print the figures and the machine's to stdout.

    As JSON that is one object with `bench`, the figures by name, and `machine`.
    """
    machine = describe_machine()
    if as_json:
        print(json.dumps({"bench": name, **figures, "machine": machine}, ensure_ascii=False))
        return
    print(f"\n{name}")
    for key, value in figures.items():
        print(
            f"  {key.replace('_', ' '):<32} {show_figure(value):>14}  {units.get(key, '')}".rstrip()
        )
    print("  on " + ", ".join(f"{key} {value}" for key, value in machine.items()))


def show_figure(value: Figure) -> str:
    """Return a figure as people read it: 1,234; 56.8; 0.123."""
    match value:
        case float() if abs(value) < 10:
            return f"{value:.3f}"
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
    return value
