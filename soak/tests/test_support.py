"""What the soaks stand on: a store that is read as it is, clients that forget nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from soak.support import verdict
from soak.support.clients import Answer, Clients, Ledger, Loss, send_all
from soak.support.processes import list_group, list_holders, read_rss_mb, sampling_rss
from soak.support.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two sites: on the first `a-1` and twice `a-2`, on the second `a-1`; one visit is torn."""
    file = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(
            """
            CREATE TABLE visits_visit (id, pageviews);
            CREATE TABLE visits_event (site_id, visit_id, name, event_id);
            INSERT INTO visits_visit VALUES (1, 2), (2, 7);
            INSERT INTO visits_event VALUES
                (1, 1, 'pageview', 'a-1'), (1, 1, 'pageview', 'a-2'), (1, 2, 'pageview', 'a-2'),
                (2, 2, 'pageview', 'b-1'), (2, 2, 'pageview', '');
            """
        )
    return Store(f"sqlite:///{file}")


def test_counts_the_rows_of_each_id(store: Store) -> None:
    assert store.count_rows(["a-1", "a-2", "a-3"], "a") == {"a-1": 1, "a-2": 2, "a-3": 0}


def test_counts_torn_visits(store: Store) -> None:
    assert store.count_torn() == 1


def test_finds_damages(store: Store) -> None:
    assert store.count_damages() == 0
    with Path(store.file).open("r+b") as file:
        file.seek(4096)  # the root page of the first table
        file.write(b"\xff" * 64)

    with pytest.raises(sqlite3.DatabaseError):
        assert store.count_damages() == 0


def test_a_verdict_names_what_is_lost_and_doubled(store: Store) -> None:
    ledger = Ledger(
        sent=["a-1", "a-2", "a-3", "a-4", "a-5"],
        answers=[
            *(Answer(f"a-{n}", 202, 1.0, 0.1, False, False) for n in (1, 2, 3)),
            Answer("a-4", 503, 1.0, 0.9, False, True),
            Answer("a-5", 500, 1.0, 0.2, False, False),
        ],
        losses=[Loss("a-5", 1.0, is_first=True)],
    )

    figures = verdict.judge(store, [ledger], "a")

    assert figures == {
        "acked": 3,
        "refused": 1,
        "unanswered": 1,
        "unforeseen": 1,
        "lost": 1,
        "doubled": 1,
        "damages": 0,
        "slowest_202_ms": 100.0,
        "slowest_503_ms": 900.0,
    }


@pytest.mark.parametrize(
    ("answer", "unforeseen"),
    [
        (Answer("x-1", 202, 1.0, 0.1, False, False), 0),
        (Answer("x-1", 202, 1.0, 0.1, True, False), 1),
        (Answer("x-1", 503, 1.0, 0.1, False, True), 0),
        (Answer("x-1", 503, 1.0, 0.1, False, False), 1),
        (Answer("x-1", 500, 1.0, 0.1, False, False), 1),
        (Answer("x-1", 400, 1.0, 0.1, False, False), 1),
    ],
)
def test_only_stored_and_refused_with_a_time_are_foreseen(answer: Answer, unforeseen: int) -> None:
    assert Ledger(answers=[answer]).unforeseen == unforeseen


def test_a_dropped_hit_is_not_acknowledged() -> None:
    ledger = Ledger(sent=["x-1"], answers=[Answer("x-1", 202, 1.0, 0.1, True, False)])

    assert ledger.acked == set()
    assert ledger.unacked == {"x-1"}


def test_clients_write_down_every_hit() -> None:
    """Of five hits, one at a time: stored, refused, cut off, told to connect anew, stored."""
    replies = [
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
        b"",
        b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok",
    ]
    with replying(replies) as port:
        ledger = send_all(Clients(port=port, connections=1), [f"x-{n}" for n in range(5)])

    assert ledger.sent == ["x-0", "x-1", "x-2", "x-3", "x-4"]
    assert ledger.acked == {"x-0", "x-3", "x-4"}
    assert ledger.statuses == {202: 3, 503: 1}
    assert [(loss.event_id, loss.is_first) for loss in ledger.losses] == [("x-2", False)]
    assert ledger.unforeseen == 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_knows_its_own_processes(tmp_path: Path) -> None:
    own = os.getpgid(0)
    file = tmp_path / "held"

    assert os.getpid() in list_group(own)
    assert list_holders(own, file) == []
    with file.open("wb"):
        assert list_holders(own, file) == [os.getpid()]
    with sampling_rss(own, 0.01) as samples:
        pass
    assert len(samples) >= 2
    assert read_rss_mb(own) > 10


@contextmanager
def replying(replies: list[bytes]) -> Iterator[int]:
    """Answer one request after the other with these; nothing ends the connection. Give the port."""
    left = iter(replies)
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                reply = next(left)
                writer.write(reply)
                if not reply or b"close" in reply:
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(server.wait_closed())
        loop.close()
