"""The documentation defines what there is, and nothing else."""

from __future__ import annotations

import re

from reports.metrics import METRICS
from trackingsite.settings.environment import BASE_DIR


def test_metrics_md_has_a_heading_for_every_metric() -> None:
    text = (BASE_DIR / "docs" / "metrics.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(METRICS)
