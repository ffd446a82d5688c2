"""`/metrics`: figures for operators, in Prometheus' text form. docs/operation.md explains each.

With several workers each writes its figures into a file that the others read, so that whichever
answers tells the sums. What a worker has to look up, it writes once a second.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from visits.ingestion.addresses import AddressRanges, client_address, is_trusted_peer, pack_address
from visits.ingestion.queue import running_queue
from visits.ingestion.tally import REGISTRY

#: The library's variable: the folder of the files. Without it a process counts for itself alone.
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS_BETWEEN: Final = 1.0
_SECONDS_UNTIL_LEFT: Final = 86_400.0
#: Headers by which a request tells that it came through a proxy.
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")

REQUESTS_IN_THREADS: Final = Gauge(
    "trackingsite_requests_in_threads",
    "Requests in a thread, or waiting for one.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_HITS_WAITING: Final = Gauge(
    "trackingsite_hits_waiting",
    "Hits that wait for their group.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_WORKERS: Final = Gauge(
    "trackingsite_workers", "Processes that serve.", multiprocess_mode="livesum", registry=REGISTRY
)
_CPU_SECONDS: Final = Counter(
    "process_cpu_seconds", "CPU time of the workers, in seconds.", registry=REGISTRY
)
_RESIDENT_BYTES: Final = Gauge(
    "process_resident_memory_bytes",
    "Memory of the workers, in bytes.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_OPEN_FILES: Final = Gauge(
    "process_open_fds",
    "Open files and connections of the workers.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_MOST_OPEN_FILES: Final = Gauge(
    "process_max_fds",
    "Files and connections that the workers may open.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_STARTED_AT: Final = Gauge(
    "process_start_time_seconds",
    "When the first of the workers started, in seconds since 1970.",
    multiprocess_mode="livemin",
    registry=REGISTRY,
)
_STARTED_AT.set(time.time())
_cpu_seconds_counted = 0.0


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`: every figure; to whom METRICS_NETWORKS does not name, 404."""
    if not may_read(request.META):
        return HttpResponse("Not found.", status=404, content_type="text/plain")
    measure()
    text = await asyncio.to_thread(write_figures)
    return HttpResponse(
        text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"}
    )


def may_read(headers: Mapping[str, object]) -> bool:
    """Whether the figures are for whoever sent the request.

    What came through a proxy that TRUSTED_PROXIES does not name has the proxy's address, whoever
    sent it, and so is for nobody.
    """
    proxies = settings.TRUSTED_PROXIES
    if any(headers.get(name) for name in _FORWARDED) and not is_trusted_peer(headers, proxies):
        return False
    address = pack_address(client_address(headers, proxies))
    return address is not None and address in AddressRanges(settings.METRICS_NETWORKS)


def write_figures() -> bytes:
    """Return the figures of every worker of this server."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return generate_latest(REGISTRY)
    forget_dead_workers(Path(folder))
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody, folder)  # type: ignore[no-untyped-call]
    return generate_latest(everybody)


def forget_dead_workers(folder: Path) -> None:
    """Take away what dead workers had at their end, such as memory; what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            # Another worker may have been quicker.
            with suppress(FileNotFoundError):
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue


def measure() -> None:
    """Look up the figures that nobody counts as they happen."""
    global _cpu_seconds_counted  # the event loop's alone
    queue = running_queue()
    _HITS_WAITING.set(queue.length if queue else 0)
    _WORKERS.set(1)
    cpu_seconds = time.process_time()
    _CPU_SECONDS.inc(cpu_seconds - _cpu_seconds_counted)
    _cpu_seconds_counted = cpu_seconds
    _MOST_OPEN_FILES.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    with suppress(OSError):  # systems without /proc
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        _RESIDENT_BYTES.set(pages * resource.getpagesize())
        _OPEN_FILES.set(len(os.listdir("/proc/self/fd")))


def keep_measuring(loop: asyncio.AbstractEventLoop) -> None:
    """Measure now and, where other workers may be asked for it, every second from now on."""
    measure()
    if FOLDER_VARIABLE in os.environ:
        loop.call_later(_SECONDS_BETWEEN, keep_measuring, loop)


def share_figures(data_dir: Path, *, port: int, workers: int) -> None:
    """Prepare for so many workers, which are to be started by this process: their files' folder.

    One worker needs none, and none is cheaper. Servers that share `data_dir` have a folder each, by
    machine and port. What workers of an earlier start wrote is removed.
    """
    folders = data_dir / "metrics"
    own = folders / f"{socket.gethostname()}-{port}"
    for folder in folders.glob("*"):
        if folder == own or _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)
    os.environ.pop(FOLDER_VARIABLE, None)
    if workers > 1:
        own.mkdir(parents=True)
        os.environ[FOLDER_VARIABLE] = str(own)


def _is_left(folder: Path) -> bool:
    """Whether no worker has written into the folder for a day: they do so every second."""
    written_at = max(file.stat().st_mtime for file in (folder, *folder.glob("*.db")))
    return time.time() - written_at > _SECONDS_UNTIL_LEFT
