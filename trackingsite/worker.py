"""The application as a worker process of granian loads it."""

import signal

# Ctrl-C reaches every process of the terminal. It is for the main one, which then asks each worker
# to stop, once: a worker that hears both may lock up.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
# A worker that is asked to stop before it serves has nothing to finish. Until it is ready it would
# otherwise run the main process's handler, and go on.
signal.signal(signal.SIGTERM, signal.SIG_DFL)

from trackingsite.wsgi import application  # noqa: E402

__all__ = ["application"]
