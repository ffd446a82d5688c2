"""How a worker ends: it sends its clients away, waits until they are gone, and only then stops.

A server that closes a connection at the moment in which a client sends on it leaves the client
without an answer. So, told to stop, a worker first takes no new connections and asks clients, in
each answer, to close theirs; when no request has come for a moment it lets granian stop, which
ends the requests in flight and then the process.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

#: Seconds without a request after which a worker stops.
QUIET_SECONDS: Final = 0.3
#: Seconds after which it stops though requests still come.
MOST_SECONDS: Final = 3.0

_LOOK_SECONDS: Final = 0.05


class Drain:
    """The end of this worker, before and after it was asked for."""

    def __init__(self) -> None:
        self._begun_at: float | None = None
        self._latest_at = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether the worker was told to stop."""
        return self._begun_at is not None

    def note_request(self) -> None:
        """Note that a request has come."""
        if self._begun_at is not None:
            self._latest_at = time.monotonic()

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin when this process is told to stop; granian's own answer to SIGTERM comes later."""
        loop.add_signal_handler(signal.SIGTERM, self.begin, loop)

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send the clients away, and stop when they are gone."""
        if self._begun_at is None:
            self._begun_at = self._latest_at = time.monotonic()
            refuse_connections(listening_sockets())
            self._look(loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        begun_at = self._begun_at or now
        if now - self._latest_at >= QUIET_SECONDS or now - begun_at >= MOST_SECONDS:
            stop_serving()
        else:
            loop.call_later(_LOOK_SECONDS, self._look, loop)


#: That of this process.
drain: Final = Drain()


def stop_serving() -> None:
    """Have granian stop, which answers SIGINT so; worker.py has kept that signal back until now.

    One that Ctrl-C had sent meanwhile and this one are one: a worker that hears two may lock up.
    """
    os.kill(os.getpid(), signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def refuse_connections(listeners: Iterable[socket.socket]) -> None:
    """Take no new connections, without a word, on these sockets that listen.

    To close such a socket would reset the connections that the kernel has made and nobody has
    taken up yet. In place of that the kernel drops packets that ask for a new one; the client
    asks again a second later, when nobody listens, or the next process does.
    """
    program, length = _make_filter()
    option = struct.pack("HP", length, ctypes.addressof(program))
    for listener in listeners:
        # Where the system forbids it, some client may see a reset.
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)


def listening_sockets() -> Iterator[socket.socket]:
    """Yield each socket on which this process listens, as a duplicate that is closed after use.

    Only Linux tells them; elsewhere there are none.
    """
    for name in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        try:
            descriptor = os.dup(int(name))
        except OSError:
            continue  # closed meanwhile
        try:
            candidate = socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)  # no socket
            continue
        with candidate:
            if candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                yield candidate


# From Linux' asm-generic/socket.h, which Python does not name.
_SO_ATTACH_FILTER: Final = 26
# Classic BPF over a segment from its TCP header on, as (code, jump if true, jump if false, value):
# one with SYN and without ACK is dropped, any other one is kept whole.
_DROP_SYN: Final = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # keep SYN (0x02) and ACK (0x10)
    (0x15, 0, 1, 0x02),  # SYN alone: the next; else: the one after
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)


def _make_filter() -> tuple[ctypes.Array[ctypes.c_char], int]:
    """Return the filter as the kernel reads it, in memory that lives with it, and its length."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    return ctypes.create_string_buffer(code, len(code)), len(_DROP_SYN)
