"""The temporary PostgreSQL on which `make test` runs the tests a second time."""

from pathlib import Path

import psycopg
import pytest

from trackingsite.tests import postgres
from trackingsite.tests.live import running_server
from trackingsite.tests.postgres import MISSING, find_programs, main, temporary_postgres

pytestmark = pytest.mark.server


@pytest.fixture
def programs() -> Path:
    """The folder of PostgreSQL's programs."""
    found = find_programs()
    if found is None:
        pytest.skip(f"The tests do not run on PostgreSQL. {MISSING}")
    return found


def test_gives_an_empty_database_and_takes_it_away(programs: Path) -> None:
    with temporary_postgres(programs) as url, psycopg.connect(url) as connection:
        tables = connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_ends_with_the_exit_code_of_the_command(programs: Path) -> None:
    code = main(["--", "sh", "-c", 'case "$DATABASE_URL" in postgres://*) exit 7; esac'])

    assert code == 7


def test_says_what_is_skipped_where_the_programs_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgres, "find_programs", lambda: None)

    assert main(["--", "pytest", "--quiet"]) == 0
    assert capsys.readouterr().out == f"SKIPPED on PostgreSQL: pytest --quiet\n{MISSING}\n"


def test_the_program_serves_from_it_twice(programs: Path, tmp_path: Path) -> None:
    with temporary_postgres(programs) as url:
        with running_server(tmp_path, DATABASE_URL=url) as first:
            assert "migrations ran" in first.output
            assert first.interrupt() == 0
        with running_server(tmp_path, DATABASE_URL=url) as second:
            assert "Database: ready." in second.output
            assert "password" not in second.output
            assert second.interrupt() == 0
