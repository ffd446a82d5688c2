"""Where visitors are and what they speak, in plausible shares."""

from __future__ import annotations

from typing import Final, NamedTuple


class Country(NamedTuple):
    """A country's share, its languages by weight, and its cities, the largest first.

    A city is a pair of region and city; about one visit in three has neither.
    """

    share: float
    languages: dict[str, float]
    cities: tuple[tuple[str, str], ...] = ()


COUNTRIES: Final[dict[str, Country]] = {
    "DE": Country(
        26,
        {"de-DE": 78, "de": 8, "en-US": 10, "tr-TR": 2, "": 2},
        (
            ("Berlin", "Berlin"), ("Bayern", "München"), ("Hamburg", "Hamburg"),
            ("Nordrhein-Westfalen", "Köln"), ("Hessen", "Frankfurt am Main"),
            ("Sachsen", "Leipzig"),
        ),
    ),
    "US": Country(
        21,
        {"en-US": 92, "es-US": 4, "en": 2, "": 2},
        (
            ("California", "San Francisco"), ("New York", "New York"), ("Washington", "Seattle"),
            ("Texas", "Austin"), ("Illinois", "Chicago"), ("Virginia", "Ashburn"),
        ),
    ),
    "GB": Country(
        8, {"en-GB": 90, "en-US": 8, "": 2},
        (("England", "London"), ("England", "Manchester"), ("Scotland", "Edinburgh")),
    ),
    "FR": Country(
        6, {"fr-FR": 88, "en-US": 10, "": 2},
        (("Île-de-France", "Paris"), ("Auvergne-Rhône-Alpes", "Lyon"), ("Occitanie", "Toulouse")),
    ),
    "AT": Country(
        5, {"de-AT": 70, "de-DE": 20, "en-US": 8, "": 2},
        (("Wien", "Wien"), ("Steiermark", "Graz")),
    ),
    "NL": Country(
        4, {"nl-NL": 64, "en-US": 30, "": 6},
        (("Noord-Holland", "Amsterdam"), ("Utrecht", "Utrecht")),
    ),
    "IN": Country(
        4, {"en-IN": 60, "en-US": 28, "hi-IN": 8, "": 4},
        (("Karnataka", "Bengaluru"), ("Maharashtra", "Mumbai")),
    ),
    "CH": Country(
        3.5, {"de-CH": 60, "fr-CH": 22, "en-US": 15, "": 3},
        (("Zürich", "Zürich"), ("Genève", "Genève")),
    ),
    "PL": Country(
        2.6, {"pl-PL": 82, "en-US": 15, "": 3},
        (("Mazowieckie", "Warszawa"), ("Małopolskie", "Kraków")),
    ),
    "ES": Country(
        2.6, {"es-ES": 82, "ca-ES": 8, "en-US": 8, "": 2},
        (("Madrid", "Madrid"), ("Cataluña", "Barcelona")),
    ),
    "CA": Country(
        2.4, {"en-CA": 68, "fr-CA": 18, "en-US": 14},
        (("Ontario", "Toronto"), ("Québec", "Montréal")),
    ),
    "IT": Country(
        2.2, {"it-IT": 90, "en-US": 8, "": 2},
        (("Lombardia", "Milano"), ("Lazio", "Roma")),
    ),
    "BR": Country(
        2, {"pt-BR": 92, "en-US": 8},
        (("São Paulo", "São Paulo"), ("Rio de Janeiro", "Rio de Janeiro")),
    ),
    "SE": Country(1.5, {"sv-SE": 72, "en-US": 28}, (("Stockholm", "Stockholm"),)),
    "JP": Country(1.3, {"ja-JP": 92, "en-US": 8}, (("Tōkyō", "Tokyo"), ("Ōsaka", "Osaka"))),
    "AU": Country(
        1.2, {"en-AU": 86, "en-US": 14},
        (("New South Wales", "Sydney"), ("Victoria", "Melbourne")),
    ),
    "CZ": Country(0.9, {"cs-CZ": 84, "en-US": 16}, (("Praha", "Praha"),)),
    "UA": Country(0.8, {"uk-UA": 82, "en-US": 18}, (("Kyiv", "Kyiv"),)),
    "DK": Country(0.7, {"da-DK": 70, "en-US": 30}),
    "EG": Country(0.6, {"ar-EG": 76, "en-US": 24}, (("Al Qāhirah", "Cairo"),)),
    "AE": Country(0.5, {"ar-AE": 40, "en-US": 60}, (("Dubayy", "Dubai"),)),
    "NG": Country(0.4, {"en-NG": 70, "en-US": 30}, (("Lagos", "Lagos"),)),
    "MX": Country(0.4, {"es-MX": 88, "en-US": 12}),
    "NZ": Country(0.3, {"en-NZ": 90, "en-US": 10}),
    # The browser's time zone names no country.
    "": Country(2.1, {"en-US": 80, "": 20}),
}  # fmt: skip

#: Share of visits in a country with cities whose city is known.
CITY_KNOWN: Final = 0.66
