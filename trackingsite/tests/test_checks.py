"""The system checks of what the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from trackingsite.checks import check_geoip_file
from trackingsite.tests.live import run_manage, start_in_vain
from visits.tests.mmdb import city_record, write_mmdb


def told(settings: Settings) -> list[str]:
    return [f"{message.id} {message.msg}" for message in check_geoip_file()]


def test_no_file_of_places_is_needed(settings: Settings, data_dir: Path) -> None:
    settings.GEOIP_FILE = data_dir / "geoip.mmdb"

    assert told(settings) == []


def test_a_file_of_places_is_taken(settings: Settings, tmp_path: Path) -> None:
    records = {"203.0.113.0/24": city_record("DE")}
    settings.GEOIP_FILE = write_mmdb(tmp_path / "places.mmdb", records)

    assert told(settings) == []


def test_a_file_that_is_named_has_to_be_there(settings: Settings, tmp_path: Path) -> None:
    settings.GEOIP_FILE = tmp_path / "places.mmdb"

    assert told(settings) == [
        f"trackingsite.E001 GEOIP_FILE={tmp_path}/places.mmdb cannot be used. "
        "No such file or directory."
    ]


def test_a_file_that_nobody_named_is_no_reason_not_to_start(
    settings: Settings, data_dir: Path
) -> None:
    settings.GEOIP_FILE = data_dir / "geoip.mmdb"
    settings.GEOIP_FILE.write_bytes(b"no database")

    assert told(settings) == [
        f"trackingsite.W001 GEOIP_FILE={data_dir}/geoip.mmdb cannot be used. "
        "It is no file in MaxMind's format, or a damaged one."
    ]


@pytest.mark.server
def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    done = start_in_vain(tmp_path, GEOIP_FILE=str(tmp_path / "none.mmdb"))

    assert done.returncode == 1
    assert (
        f"GEOIP_FILE={tmp_path}/none.mmdb cannot be used. No such file or directory.\n"
        "\tHINT: Fetch a file with manage.py update_geoip, or unset GEOIP_FILE."
    ) in done.stdout


@pytest.mark.server
def test_a_missing_file_does_not_stop_the_command_that_fetches_it(tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "new", {"203.0.113.0/24": city_record("DE")})
    target = tmp_path / "none.mmdb"

    done = run_manage(
        "update_geoip", f"--file={file}", DATA_DIR=str(tmp_path), GEOIP_FILE=str(target)
    )

    assert (done.returncode, target.exists()) == (0, True)
    assert done.stdout.startswith(f"Test-City of 2026-03-01 (0.0 MB) is in {target}. ")
