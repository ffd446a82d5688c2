"""Files that pages give, read as whoever saved them would."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zipfile import ZipFile

from django.test import Client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

SITE = "/reports/example.com/"


def download(client: Client, address: str, *filters: str, **parameters: str) -> Answer:
    """Return the answer that has the file, of today unless parameters say otherwise."""
    asked = {"period": "day", **parameters, "f": filters}
    answer = client.get(SITE + address, asked)
    assert answer.status_code == 200
    return answer


def name_of(answer: Answer) -> str:
    """The name under which a browser saves the file."""
    return str(answer["Content-Disposition"])


def read_csv(content: bytes) -> list[list[str]]:
    """The file's rows, the headings first."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def read_list(client: Client, address: str, *filters: str, **parameters: str) -> list[list[str]]:
    """The rows of a downloaded list."""
    return read_csv(download(client, address, *filters, **parameters).getvalue())


def read_zip(answer: Answer) -> dict[str, list[list[str]]]:
    """The rows of each file of CSV in a zip, by its name."""
    with ZipFile(io.BytesIO(answer.getvalue())) as folder:
        assert folder.testzip() is None
        return {
            name: read_csv(folder.read(name)) for name in folder.namelist() if name[-4:] == ".csv"
        }


def column(rows: Sequence[Sequence[str]], heading: str) -> list[str]:
    """The values below a heading."""
    place = rows[0].index(heading)
    return [row[place] for row in rows[1:]]
