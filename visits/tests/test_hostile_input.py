"""What no browser sends: bombs take no memory, and what is stored is clean on every engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.db.models import Count
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from sites.models import Site
from visits.ingestion.fields import MalformedHitError, read_hit
from visits.ingestion.text import clean_text
from visits.models import Event, Visit
from visits.tests.hits import CHROME, Sender

# Bombs: what is small on its way and large where it is read

ANSWER_BOMBS: Final = """
import gzip, io, json, os
import django
django.setup()
from asgiref.sync import async_to_sync
from django.test import RequestFactory
from visits.api import MAX_BATCH_BODY, MAX_BODY, EventsView, EventView

def many(item, most, start=b"[", end=b"]"):
    count = (most - 2) // (len(item) + 1)
    return start + b",".join([item] * count) + end

def bombs(most):
    yield "arrays in arrays", b"[" * (most - 1)
    yield "objects in objects", b'{"a":' * (most // 5 - 1)
    yield "closed", b"[" * 2000 + b"]" * 2000
    yield "a number of 5,000 digits", b'{"n":' + b"9" * 5000 + b"}"
    yield "a number as long as may be", b"9" * most
    yield "1e400", b'{"n":1e400}'
    yield "NaN", b'{"n":NaN}'
    yield "keys", b"{" + b",".join(b'"%d":1' % n for n in range(most // 11)) + b"}"
    yield "one key many times", many(b'"a":1', most, b"{", b"}")
    yield "objects", many(b"{}", most)
    yield "objects with one pair", many(b'{"a":1}', most)
    yield "arrays", many(b"[]", most)
    yield "fractions", many(b"1.5", most)
    yield "texts", b"[" + b",".join(b'"%d"' % n for n in range(most // 10)) + b"]"
    yield "properties in a text", b'{"p":"' + b"[" * (most // 2) + b'"}'
    text = b'{"p":"[' + many(b"{}", most - 20)[1:-1] + b']"}'
    yield "objects in a text", text if most == MAX_BODY else b"[" + text + b"]"
    yield "gzip, a thousandfold", gzip.compress(bytes(most * 500), 1)
    yield "utf-16", '{"n":"x"}'.encode("utf-16")
    yield "utf-32", '{"n":"x"}'.encode("utf-32")
    yield "a mark of byte order", '{"n":"x"}'.encode("utf-8-sig")
    yield "one byte too many", b" " * (most + 1)

def read_peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

def answer(view, body):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = read_peak()
    request = RequestFactory().generic("POST", "/", body)
    response = async_to_sync(view.as_view())(request)
    status = response.status_code
    if status == 202:  # a batch of one
        status = response.data[0]["status"]
    return status, (read_peak() - before) / 1024

for view, most in ((EventView, MAX_BODY), (EventsView, MAX_BATCH_BODY)):
    answer(view, b"{}")
    for name, body in bombs(most):
        status, mb = answer(view, body)
        print(json.dumps([view.__name__, name, status, mb, len(body) / 2**20]))
"""


def can_measure_peaks() -> bool:
    """Whether the peak of this system's processes can be read and set back."""
    return os.access("/proc/self/clear_refs", os.W_OK)


@pytest.mark.skipif(not can_measure_peaks(), reason="peaks are read from /proc, which is not here")
def test_a_bomb_is_refused_and_takes_no_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ANSWER_BOMBS],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "trackingsite.settings.testing"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]

    assert len(answers) == 42
    assert [row for row in answers if row[2] not in {400, 413}] == []
    # A body is held up to three times while it is read; that is no part of the 10 MB.
    assert [row for row in answers if row[3] > 10 + 3 * row[4]] == []


def test_domains_that_no_site_has_cost_no_query_each(
    site: Site, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    hits = [
        {"n": "x", "u": "https://example.com/", "d": ",".join(f"{n}-{m}.example" for m in range(4))}
        for n in range(50)
    ]

    with django_assert_max_num_queries(20):
        answer = client.post("/api/events", json.dumps(hits), content_type="text/plain")

    assert answer.status_code == 202
    assert answer.content.count(b"unknown_site") == 50


# Text: what is stored is what cleaning makes of what was sent, on SQLite and PostgreSQL

#: Everything that JSON in UTF-8 can hold: no lone surrogates.
TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=50)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXT, min_size=1, max_size=8))
@example(
    ["", " ", "\x00", "a\x00b", "\u202egpj.exe", "caf\u00e9", "cafe\u0301", "\u212b", "\u00c5"]
)
@example(["\U0001f469\u200d\U0001f680", "\U0010ffff", "\ufb2c", "\u0958", "\u0130", "i\u0307"])
@example(["\ufeff", "\ufffe\uffff", "\u2028", "a\u00a0", "\u3000", "%00", "%", "&", "=", "#", "?"])
def test_what_is_stored_is_what_was_sent_made_clean(
    site: Site, send: Sender, texts: list[str]
) -> None:
    Visit.objects.all().delete()
    for number, text in enumerate(texts):
        encoded = quote(text, safe="")
        answer = send(
            u=f"https://example.com/{encoded}?utm_campaign={encoded}",
            t=text,
            p={"key": text, f"k{text}": "value"},
            id=str(number),
            address=f"198.18.0.{number}",
        )
        assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)

    stored = Event.objects.order_by("pk").values_list(
        "title", "page", "props", "visit__utm_campaign", "visit__entry_page"
    )
    clean = [clean_text(text) for text in texts]
    assert list(stored) == [
        (
            text,
            page := clean_text(f"/{sent}"),
            ({"key": text} if text else {}) | {clean_text(f"k{sent}"): "value"},
            text,
            page,
        )
        for sent, text in zip(texts, clean, strict=True)
    ]
    groups = Event.objects.values_list("title").annotate(Count("pk")).order_by()
    assert dict(groups) == Counter(clean)


@pytest.mark.parametrize(
    "body",
    [
        r'{"t": "\ud800"}',
        r'{"t": "\udc00\ud800"}',
        r'{"t": "a\ud83dz"}',
        r'{"p": {"\ud800": "x"}}',
        r'{"p": {"x": "\udfff"}}',
        r'{"p": "{\"x\": \"\\ud800\"}"}',
        r'{"id": "\ud800"}',
        r'{"$": {"currency": "\ud800", "amount": 1}}',
        '{"t": "\ud800"}',
    ],
)
def test_half_a_character_is_refused(site: Site, client: Client, body: str) -> None:
    hit = '{"n": "x", "u": "https://example.com/", "d": "example.com", ' + body[1:]
    sent = hit.encode("utf-8", "surrogatepass")

    answer = client.generic("POST", "/api/event", sent, headers={"User-Agent": CHROME})
    assert answer.status_code == 400
    assert not Event.objects.exists()


@pytest.mark.parametrize("encoded", ["%ED%A0%80", "%ED%BF%BF", "%FF%FE", "%C0%AF", "%F4%90%80%80"])
def test_what_is_no_utf_8_in_an_address_is_shown_as_such(
    site: Site, send: Sender, client: Client, encoded: str
) -> None:
    send(u=f"https://example.com/{encoded}?utm_source={encoded}")
    client.get(
        f"/pixel.gif?d=example.com&u=https://example.com/&t={encoded}",
        headers={"User-Agent": CHROME},
        REMOTE_ADDR="198.18.0.1",
    )

    first, second = Event.objects.order_by("pk")
    assert set(first.page) == set("/\ufffd")
    assert set(first.visit.source) == set("\ufffd")
    assert set(second.title) == set("\ufffd")


# Numbers and times beyond what columns hold

BEYOND: Final = [
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -1,
    -(2**31),
    -(2**63),
    -(2**63) - 1,
    1e308,
    -1e308,
]


@pytest.mark.parametrize("number", BEYOND)
@pytest.mark.parametrize("field", ["e", "sd", "w"])
def test_a_number_that_no_column_holds_is_refused(
    site: Site, send: Sender, field: str, number: float
) -> None:
    sent: dict[str, Any] = {field: number}

    # Whatever is beyond its end is the end of a page.
    assert send(n="engagement", **sent).status_code == (
        202 if field == "sd" and number > 0 else 400
    )


@pytest.mark.parametrize("number", BEYOND)
def test_a_number_is_a_property_all_the_same(site: Site, send: Sender, number: float) -> None:
    assert send(p={"n": number}).status_code == 202

    (stored,) = Event.objects.values_list("props", flat=True)
    assert float(stored["n"]) == pytest.approx(number)


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "2038-01-19T03:14:08Z",
        "-0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-03-10T25:61:61Z",
        "2026-03-10T12:00:00+99:99",
        "2026-03-10T12:00:00.9999999999999Z",
        "9" * 5000,
        "\u0662\u0660\u0662\u0666-03-10T12:00:00Z",
        2**63,
        1e308,
        True,
        [],
        {},
    ],
)
def test_a_time_that_cannot_be_is_refused_of_a_sender_with_a_key(at: Any) -> None:
    hit = {"n": "x", "u": "https://example.com/", "d": "example.com", "at": at}

    with pytest.raises(MalformedHitError) as refusal:
        read_hit(hit, trusted=True)

    assert refusal.value.errors.keys() == {"at"}
