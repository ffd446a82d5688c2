"""The settings of `make run`, with the benchmarks' own addresses beside the project's."""

from trackingsite.settings.default import *  # noqa: F403

ROOT_URLCONF = "bench.support.urls"
