"""A map of the world as a static file: a shape for each country, drawn from its outline.

The outlines are those of the package countryinfo, a hundred points for a country, in the Equal
Earth projection (Šavrič, Patterson and Jenny 2018): areas are in proportion. Countries without an
outline, which are small, are dots.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import countryinfo
from countryinfo import CountryInfo
from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from visits.ingestion.places import country_names

#: Where the file is among static files.
PATH: Final = "reports/world.svg"

#: The drawing's own units: from the north of Greenland to Cape Horn.
WIDTH: Final = 1000
HEIGHT: Final = 462
_NORTH: Final = 83.7
_DOT: Final = 4
#: Nobody lives there, and it would take a fifth of the map.
_LEFT_OUT: Final = "AQ"

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_ROOT: Final = math.sqrt(3)


def project(longitude: float, latitude: float) -> tuple[float, float]:
    """Return a place's x and y in the drawing, from its degrees."""
    x, y = _equal_earth(longitude, latitude)
    right, _ = _equal_earth(180, 0)
    _, top = _equal_earth(0, _NORTH)
    scale = WIDTH / 2 / right
    return WIDTH / 2 + x * scale, (top - y) * scale


def draw_world() -> str:
    """Return the map as SVG: `land` is all of it, and each country has its code as its id."""
    shapes = "".join(
        f'<path id="{code}" d="{path}"/>' for code, path in sorted(_draw_countries().items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<g id="land">{shapes}</g></svg>\n'
    )


class WorldFinder(BaseFinder):
    """Lets static files be collected, and found, that the program draws itself."""

    def find(self, path: str, **options: Any) -> Any:  # type: ignore[override]
        """Return where the map is; [] for other paths."""
        return _storage().path(path) if path == PATH else []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """Return the map's path, and the storage that has it."""
        yield PATH, _storage()


def _storage() -> FileSystemStorage:
    """Return the folder of what is drawn, with the map: drawn where it is older than its code."""
    storage = FileSystemStorage(location=settings.DATA_DIR / "drawn")
    file = Path(storage.path(PATH))
    code = max(Path(source).stat().st_mtime for source in (__file__, countryinfo.__file__))
    if not file.exists() or file.stat().st_mtime < code:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(draw_world(), encoding="ascii")
        draft.replace(file)
    return storage


def _equal_earth(longitude: float, latitude: float) -> tuple[float, float]:
    theta = math.asin(_ROOT / 2 * math.sin(math.radians(latitude)))
    square = theta * theta
    slope = 9 * _A4 * square**4 + 7 * _A3 * square**3 + 3 * _A2 * square + _A1
    x = 2 * _ROOT * math.radians(longitude) * math.cos(theta) / (3 * slope)
    return x, theta * (_A4 * square**4 + _A3 * square**3 + _A2 * square + _A1)


def _draw_countries() -> dict[str, str]:
    """Return the path of each country that has a name, by its code."""
    drawn: dict[str, str] = {}
    known = country_names().keys() - {_LEFT_OUT}
    for country in CountryInfo.all().values():
        code = country.get("ISO", {}).get("alpha2", "")
        if code in known and (path := _draw(country)):
            drawn.setdefault(code, path)
    return drawn


def _draw(country: Any) -> str:
    rings = [
        ring
        for feature in country.get("geoJSON", {}).get("features", [])
        for polygon in _polygons(feature["geometry"])
        for ring in polygon
    ]
    if rings:
        return "".join(map(_draw_ring, rings))
    place = country.get("latlng") or country.get("capital_latlng") or []
    if len(place) != 2:
        return ""
    x, y = project(place[1], place[0])
    half = f"a{_DOT} {_DOT} 0 1 0"
    return f"M{x - _DOT:.0f} {y:.0f}{half} {2 * _DOT} 0{half}-{2 * _DOT} 0"


def _polygons(geometry: Any) -> Any:
    several = geometry["type"] == "MultiPolygon"
    return geometry["coordinates"] if several else [geometry["coordinates"]]


def _draw_ring(ring: Iterable[tuple[float, float]]) -> str:
    """Return the ring by steps of whole units, those of no length left out."""
    points = [tuple(map(round, project(*place))) for place in ring]
    path, (x, y) = f"M{points[0][0]} {points[0][1]}l", points[0]
    steps = []
    for new_x, new_y in points[1:]:
        if (new_x, new_y) != (x, y):
            steps.append(f"{new_x - x} {new_y - y}")
            x, y = new_x, new_y
    return f"{path}{' '.join(steps)}z".replace(" -", "-") if steps else ""
