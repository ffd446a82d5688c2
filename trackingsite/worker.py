"""The application as a worker process of granian loads it."""

import gc
import signal

# Ctrl-C reaches every process of the terminal. It is for the main one, which then asks each worker
# to stop, once: a worker that hears both may lock up. trackingsite/draining.py uses it at the end.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
# A worker that is asked to stop before it serves has nothing to finish. Until it is ready it would
# otherwise run the main process's handler, and go on.
signal.signal(signal.SIGTERM, signal.SIG_DFL)

from trackingsite.wsgi import application as wsgi_application  # noqa: E402 -- sets Django up

# isort: split
from django.conf import settings  # noqa: E402

from trackingsite.front import Front  # noqa: E402
from visits.ingestion.queue import start_queue  # noqa: E402

# What is here now stays: the collector of cycles need not look at it again and again. Nearly all
# that requests make is freed without it.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)

start_queue()
application = Front(wsgi_application, threads=settings.WEB_THREADS)

__all__ = ["application"]
