"""The map: a shape for each country, drawn to scale, and where static files find it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.contrib.staticfiles import finders
from pytest_django import Settings

from reports.world import HEIGHT, PATH, WIDTH, WorldFinder, draw_world, project
from visits.ingestion.places import country_names


@pytest.fixture(scope="module")
def world() -> dict[str, str]:
    """The paths of the map by the ids of their countries."""
    paths = ET.fromstring(draw_world()).iter("{http://www.w3.org/2000/svg}path")
    return {path.attrib["id"]: path.attrib["d"] for path in paths}


def middle(path: str) -> tuple[float, float]:
    """Return where a path begins, near the middle of a small country."""
    x, y = re.findall(r"-?\d+", path)[:2]
    return int(x), int(y)


def test_nearly_every_country_has_a_shape(world: dict[str, str]) -> None:
    missing = country_names().keys() - world.keys()

    assert world.keys() <= country_names().keys()
    assert "AQ" in missing  # nobody lives there
    assert not missing & {"DE", "FR", "US", "CN", "IN", "BR", "NG", "AU", "SG", "MT", "ME", "CW"}
    assert len(missing) < 6


@pytest.mark.parametrize(
    ("code", "longitude", "latitude"),
    [("LU", 6.1, 49.6), ("SG", 103.8, 1.3), ("NZ", 173, -41), ("IS", -19, 65), ("UY", -56, -33)],
)
def test_a_country_is_where_it_is(
    code: str, longitude: float, latitude: float, world: dict[str, str]
) -> None:
    x, y = middle(world[code])
    expected_x, expected_y = project(longitude, latitude)

    assert abs(x - expected_x) < 20
    assert abs(y - expected_y) < 20


def test_places_are_projected_so_that_areas_are_in_proportion() -> None:
    """A field of ten degrees is narrower in the north, by the cosine of its latitude."""

    def area(latitude: float) -> float:
        west, south = project(0, latitude)
        east, north = project(10, latitude + 1)
        return (east - west) * (south - north)

    assert project(0, 0)[0] == WIDTH / 2
    assert project(180, 0)[0] == WIDTH
    assert area(59.5) / area(-0.5) == pytest.approx(0.5, rel=0.05)
    assert area(-60.5) / area(-0.5) == pytest.approx(0.5, rel=0.05)
    assert 0 < project(-67, -56)[1] < HEIGHT


def test_it_is_found_and_collected_and_drawn_when_it_is_old(
    tmp_path: Path, settings: Settings
) -> None:
    settings.DATA_DIR = tmp_path
    ((name, storage),) = WorldFinder().list(None)
    file = Path(storage.path(name))
    assert name == PATH
    assert file.read_text() == draw_world()

    file.write_text("kept")
    assert finders.find(PATH) == str(file)
    assert file.read_text() == "kept"
    os.utime(file, (0, 0))
    assert finders.find(PATH) == str(file)
    assert file.read_text() == draw_world()
    assert WorldFinder().find("reports/style.css") == []
