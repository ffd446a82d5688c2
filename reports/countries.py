"""What countries are called in the reader's language."""

from __future__ import annotations

from functools import cache

from countryinfo import CountryInfo
from django.utils.translation import get_language

from visits.ingestion.places import country_names


def name_country(code: str) -> str:
    """Return the name of a country by its code; in English where no other is known."""
    language = (get_language() or "en").partition("-")[0]
    english = country_names().get(code, code)
    return english if language == "en" else _names_in(language).get(code, english)


@cache
def _names_in(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for country in CountryInfo.all().values():
        name = country.get("translations", {}).get(language)
        if name:
            found.setdefault(country.get("ISO", {}).get("alpha2", ""), name)
    return found
