"""The fuzz in small; its requests are the same in every run, and what breaks is counted."""

from __future__ import annotations

from collections import Counter

import pytest

from soak.fuzz import FORESEEN, Tally
from soak.support.payloads import MAX_BODY, Mutator, Payload, Target, list_known
from soak.tests.test_soaks import run_soak

TARGET = Target(port=8000, domains=("a.example", "b.example"), key="tsk_" + "0" * 48)


@pytest.mark.server
def test_no_bytes_are_an_error_of_the_server_and_every_page_comes_after_them() -> None:
    figures = run_soak("fuzz.py", "--payloads", "2000", "--pages", "300", "--seed", "1")

    assert figures["accepted"] > 500
    assert figures["refused"] > 500
    assert figures["events"] > 400
    assert figures["pages"] > 200
    broken = ("unforeseen", "unanswered", "unclean", "pages_failed", "log_lines")
    assert {name: figures[name] for name in broken} == dict.fromkeys(broken, 0)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["slowest_ms"]


def test_a_number_of_a_seed_is_one_request() -> None:
    first, again, other = (Mutator(TARGET, seed) for seed in (1, 1, 2))
    numbers = range(300)

    made = [first.make(number) for number in numbers]

    assert made == [again.make(number) for number in reversed(numbers)][::-1]
    assert made != [other.make(number) for number in numbers]


def test_requests_are_of_every_kind_and_one_each() -> None:
    payloads = [Mutator(TARGET, 1).make(number) for number in range(2000)]

    kinds = Counter(payload.kind for payload in payloads)
    assert kinds.keys() == {"fields", "bytes", "encoded", "batch", "pixel", "good", "lengths"}
    for payload in payloads:
        head, _, body = payload.request.partition(b"\r\n\r\n")
        assert head.count(b"HTTP/1.1") == 1
        assert not {byte for byte in head if byte < 32} - set(b"\r\n")
        length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        if length and not payload.ends_connection:
            assert int(length[0].split()[1]) == len(body) <= MAX_BODY


def test_requests_that_were_errors_once_are_always_sent() -> None:
    known = list_known(TARGET)

    assert [payload.number for payload in known] == [-1 - n for n in range(len(known))]
    assert sum(payload.ends_connection for payload in known) == 3
    for payload in known:
        head, _, body = payload.request.partition(b"\r\n\r\n")
        assert b"\r\nHost: " in head
        if b"Content-Length: " in head:
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            assert (length == len(body)) is not payload.ends_connection


def test_what_is_not_foreseen_is_counted() -> None:
    tally = Tally()
    for status in (*FORESEEN, 500, 503, 302, 0):
        tally.take(Payload(1, "good", b""), status, 0.001)

    assert (tally.unforeseen, tally.unanswered) == (3, 1)
