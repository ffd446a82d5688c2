"""Pages speak the reader's language, all of them: German and French beside English."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from django.test import Client
from django.utils.translation import get_language, override

from reports.formats import format_brief, format_change, format_figure
from reports.metrics import BOUNCE_RATE, Unit
from reports.queries import Change
from reports.tests.conftest import at_noon, member, outsider, staff
from reports.tests.histories import view
from reports.tests.pages import BREAKDOWNS, KINDS
from reports.words import write_day, write_moment
from sites.models import Site
from visits.services import add_event
from visits.tests.hits import DAY, MINUTE, NOON

__all__ = ["at_noon", "member", "outsider", "staff"]

LANGUAGES: Final = ("de", "fr")
FOLDER: Final = Path(__file__).resolve().parents[2]

needs_gettext = pytest.mark.skipif(
    not (shutil.which("msgfmt") and shutil.which("xgettext")),
    reason="needs GNU gettext (Debian: gettext)",
)

#: What is the same in all three: names, codes, words that they share, and what the test's site has.
SAME: Final = re.compile(
    r"[\W\d_]*|.*(?:example\.com|other\.example|Europe/|UTC).*|trackingsite(\(.*)?|/.*|CSV|Parquet"
    r"|Google|Firefox.*|Linux.*|Organic Search|Nobody|signup|plan|pro|Docs|Home|Berlin|de|page"
    r"|<head>"
    r"|[DJFMS]|\d+[sm]( \d+s)?"
    r"|Browser|Minute|Name|Region|Sources?|Pages?|Segment|Referrer|Engagement|Export|Relation"
    r"|Annotations|Conversion|Sites( · trackingsite)?|Tablet|Mobile|Hostname",
    re.DOTALL,
)


class Texts(HTMLParser):
    """The texts of a page: what it says, and what its attributes say to readers."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element says by its attributes."""
        self._silent = tag in ("script", "style")
        said = [value for name, value in attrs if name in ("title", "aria-label", "placeholder")]
        self.found += filter(None, said)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split()))


def say(client: Client, address: str, language: str) -> list[str]:
    """Return the texts of a page in a language."""
    answer = client.get(address, headers={"accept-language": language})
    html = answer.content.decode()
    if answer.status_code == 200:
        assert f'<html lang="{language}"' in html
    return Texts(html).found


@pytest.fixture
def visits(site: Site, at_noon: None) -> int:
    """Visits of two days with a bit of everything; the id of one."""
    facts = {
        "source": "Google",
        "channel": "Organic Search",
        "country": "DE",
        "browser": "Firefox",
        "operating_system": "Linux",
        "device": "desktop",
        "language": "de",
    }
    view(site, NOON - DAY, visitor=1, **facts)
    visit = view(site, NOON - 30 * MINUTE, NOON - 29 * MINUTE, visitor=2, **facts)
    add_event(visit=visit, name="signup", happened_at=NOON - 29 * MINUTE, props={"plan": "pro"})
    view(site, NOON - MINUTE, visitor=3)
    return int(visit.pk)


ADDRESSES: Final = [
    *KINDS.values(),
    *BREAKDOWNS,
    "/reports/",
    "/reports/?q=nothing",
    f"{KINDS['overview']}?period=28d&f=is,country,DE&f=is_not,source,&compare=year",
    f"{KINDS['overview']}?from=2001-01-01&to=2001-02-02"
    "&compare_from=2000-01-01&compare_to=2000-01-09",
    f"{KINDS['overview']}?f=is,source,Nobody",
    f"{KINDS['overview']}?from=2026-01-02&to=2026-01-01&page=0",
    f"{KINDS['breakdown']}?q=nothing",
    "/reports/nothing.example.com/",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_on_a_page_is_left_in_english(
    language: str, address: str, visits: int, staff: Client
) -> None:
    address = address.replace("{visit}", str(visits))

    english = set(say(staff, address, "en"))
    other = say(staff, address, language)

    assert len(english) > 5
    assert [text for text in other if text in english and not SAME.fullmatch(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_site_without_hits_and_the_login_too(
    language: str, other_site: Site, staff: Client
) -> None:
    for client, address in ((staff, "/reports/other.example/"), (Client(), "/login/")):
        english = set(say(client, address, "en"))
        left = [text for text in say(client, address, language) if text in english]
        assert [
            text for text in left if "other.example" not in text and not SAME.fullmatch(text)
        ] == []


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["1,234,567", "12k", "1.2M", "48%", "9.4%", "2.89", "+1.2 pts", "4 Mar 2026"]),
        ("de", ["1.234.567", "12k", "1,2M", "48 %", "9,4 %", "2,89", "+1,2 Pkt.", "4. März 2026"]),
        ("fr", ["1 234 567", "12k", "1,2M", "48 %", "9,4 %", "2,89", "+1,2 pts", "4 mars 2026"]),
    ],
)
def test_numbers_and_days_are_written_as_the_language_does(language: str, texts: list[str]) -> None:
    day = (NOON - 6 * DAY).date()
    with override(language):
        written = [
            format_figure(1_234_567, Unit.COUNT),
            format_brief(12_345),
            format_brief(1_234_567),
            format_figure(0.48, Unit.RATE),
            format_figure(0.094, Unit.RATE),
            format_figure(2.888, Unit.RATIO),
            format_change(Change(BOUNCE_RATE, 0.512, 0.5)),
            write_day(day),
        ]
        assert write_moment(NOON).startswith(write_day(NOON.date()))
    # Spaces that no line breaks at.
    assert [re.sub("[\u00a0\u202f]", " ", text) for text in written] == texts


def test_programs_and_the_admin_are_answered_in_english(site: Site, staff: Client) -> None:
    """Also where somebody was answered in German before, by the same thread."""
    assert "Websites" in say(staff, "/reports/", "de")
    assert get_language() == "en"
    say(staff, "/reports/nowhere.example/", "de")
    assert get_language() == "en"
    assert "Recent actions" in staff.get("/admin/").content.decode()
    for address in ("/admin/", "/api/v2/query", "/api/hit", "/reports.json"):
        answers = [
            staff.get(address, headers={"accept-language": language}) for language in ("en", "de")
        ]
        first, second = (re.sub(rb"[A-Za-z0-9]{64}", b"", one.content) for one in answers)
        assert first == second
        assert "Accept-Language" not in answers[1].get("Vary", "")


def messages(language: str) -> Path:
    """Return the file of a language's texts."""
    return FOLDER / "locale" / language / "LC_MESSAGES" / "django.po"


def translations(text: str) -> Iterator[tuple[str, str]]:
    """Yield each text of a file with its translation, and with each of a plural's."""
    for block in text.split("\n\n")[1:]:
        parts = dict.fromkeys(re.findall(r"^(msgid|msgstr(?:\[\d\])?) ", block, re.MULTILINE), "")
        for name in parts:
            found = re.search(rf'^{re.escape(name)} ((?:".*"\n?)+)', f"{block}\n", re.MULTILINE)
            assert found is not None
            parts[name] = "".join(line[1:-1] for line in found[1].splitlines())
        source = parts.pop("msgid")
        for translation in parts.values():
            yield source, translation


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    text = messages(language).read_text(encoding="utf-8")

    assert len([*translations(text)]) > 300
    assert [source for source, translation in translations(text) if not translation] == []
    assert "fuzzy" not in text


@needs_gettext
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_installed_is_what_is_written(language: str, tmp_path: Path) -> None:
    """The compiled file is that of the texts, and both have the same places for values."""
    source = messages(language)
    compiled = tmp_path / "django.mo"

    subprocess.run(["msgfmt", "--check", "-o", compiled, source], check=True)

    assert compiled.read_bytes() == source.with_suffix(".mo").read_bytes()


@needs_gettext
def test_every_text_that_is_marked_is_there(tmp_path: Path) -> None:
    apps = ("trackingsite", "sites", "people", "visits", "archive", "imports", "reports")
    for name in ("manage.py", *apps):
        source = FOLDER / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("tests"))
        else:
            shutil.copy(source, tmp_path / name)
    for name in ("templates", "locale"):
        shutil.copytree(FOLDER / name, tmp_path / name)

    command = [sys.executable, "manage.py", "makemessages", "-l", "de", "--no-obsolete"]
    subprocess.run([*command, "--no-location", "--no-wrap"], cwd=tmp_path, check=True)

    made = (tmp_path / "locale/de/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    kept = messages("de").read_text(encoding="utf-8")
    assert sorted({source for source, _ in translations(made)}) == sorted(
        {source for source, _ in translations(kept)}
    )
