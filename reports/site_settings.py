"""A site's settings as a file: to keep, to compare, and to give to another site or server.

Not among them: people, keys and links, which are of one server; names for programs, which are of
one site; and nothing that visitors left.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from reports.models import Goal, ShownProperty
from sites.domains import normalise_domain
from sites.models import SETTINGS, Exclusion, Metadata, Site

#: Raised when a file of an older kind would be read wrongly.
VERSION: Final = 1
#: A file has so many bytes at most.
MOST_BYTES: Final = 1024 * 1024

_GOAL: Final = (
    "name",
    "kind",
    "page",
    "event",
    "conditions",
    "scroll_depth",
    "value_amount",
    "value_currency",
)


class SettingsFileError(ValueError):
    """A file that holds no settings; the message says what is wrong, and where."""


def write_settings(site: Site) -> dict[str, Any]:
    """Return the site's settings as JSON has them."""
    goals = [{name: getattr(goal, name) for name in _GOAL} for goal in site.goals.all()]
    for goal in goals:
        goal["value_amount"] = None if goal["value_amount"] is None else str(goal["value_amount"])
    return {
        "trackingsite_settings": VERSION,
        "site": {name: getattr(site, name) for name in SETTINGS},
        "metadata": dict(site.metadata.values_list("key", "value")),
        "exclusions": [{"kind": each.kind, "value": each.value} for each in site.exclusions.all()],
        "goals": goals,
        "properties": [shown.name for shown in site.shown_properties.all()],
    }


def read_settings(text: str | bytes) -> list[dict[str, Any]]:
    """Return the settings in a file, of one site or of a list of them. Raises SettingsFileError."""
    try:
        found = json.loads(text)
        whole = json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # also of halves of characters
        raise SettingsFileError("The file is not JSON in UTF-8.") from None
    if b"\\u0000" in whole:  # which no database keeps
        raise SettingsFileError("The file holds a NUL.")
    every = found if isinstance(found, list) else [found]
    for each in every:
        if not isinstance(each, dict) or each.get("trackingsite_settings") != VERSION:
            raise SettingsFileError("The file holds no settings of a site, as an export has them.")
    return every


def apply_settings(settings: dict[str, Any], *, domain: str = "") -> tuple[Site, bool]:
    """Give a site these settings, and return it with whether it is new.

    The site is the one of `domain`, by default the file's. Its metadata, exclusions and goals are
    then the file's: what stands under the same name is changed, what is not in the file goes.
    Raises SettingsFileError; nothing is changed then.
    """
    fields = _object(settings, "site")
    unknown = sorted(set(fields) - set(SETTINGS))
    if unknown:
        raise SettingsFileError(f"site: there is no setting {unknown[0]}.")
    domain = domain or str(fields.get("domain", ""))
    try:
        with transaction.atomic():
            known = Site.objects.filter(domain=normalise_domain(domain)).first()
            site, is_new = known or Site(domain=domain), known is None
            for name in set(fields) - {"domain", "base_url"}:
                setattr(site, name, fields[name])
            if domain == fields.get("domain"):
                site.base_url = fields.get("base_url", "")
            _save("site", site)
            _apply_metadata(site, _object(settings, "metadata"))
            _apply_exclusions(site, _objects(settings, "exclusions"))
            _apply_goals(site, _objects(settings, "goals"))
            _apply_properties(site, settings.get("properties", []))
    except (TypeError, AttributeError) as error:
        raise SettingsFileError(f"A value is of the wrong kind: {error}.") from None
    return site, is_new


def _apply_metadata(site: Site, pairs: dict[str, Any]) -> None:
    site.metadata.exclude(key__in=pairs).delete()
    for key, value in pairs.items():
        row = site.metadata.filter(key=key).first() or Metadata(site=site, key=key)
        row.value = value
        _save(f"metadata {key}", row)


def _apply_exclusions(site: Site, wanted: list[dict[str, Any]]) -> None:
    kept = []
    for number, each in enumerate(wanted):
        place = f"exclusions {number}"
        new = Exclusion(site=site, kind=str(each.get("kind")), value=str(each.get("value")))
        _check(place, new, is_new=False)  # its value is in the form in which others are, then
        row = site.exclusions.filter(kind=new.kind, value=new.value).first() or new
        _save(place, row)
        kept.append(row.pk)
    for row in site.exclusions.exclude(pk__in=kept):
        row.delete()


def _apply_goals(site: Site, wanted: list[dict[str, Any]]) -> None:
    names = []
    for number, each in enumerate(wanted):
        row = Goal.objects.filter(site=site, name=each.get("name")).first() or Goal(site=site)
        for name in _GOAL:
            if name in each:
                setattr(row, name, each[name])
        _save(f"goals {number}", row)
        names.append(row.name)
    Goal.objects.filter(site=site).exclude(name__in=names).delete()


def _apply_properties(site: Site, names: Any) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SettingsFileError("properties: this has to be a list of names.")
    site.shown_properties.exclude(name__in=names).delete()
    for number, name in enumerate(names):
        if not site.shown_properties.filter(name=name).exists():
            _save(f"properties {number}", ShownProperty(site=site, name=name))


def _check(place: str, row: Any, *, is_new: bool = True) -> None:
    for field in row._meta.fields:  # of a field that may be empty Django lets None through
        typed = field.editable and not field.primary_key
        if typed and not field.null and getattr(row, field.attname) is None:
            raise SettingsFileError(f"{place}: {field.name}: this cannot be null.")
    try:
        row.full_clean(validate_unique=is_new, validate_constraints=is_new)
    except ValidationError as error:
        raise SettingsFileError(f"{place}: {_words(error)}") from None


def _save(place: str, row: Any) -> None:
    _check(place, row)
    row.save()


def _words(error: ValidationError) -> str:
    field, sentences = next(iter(error.message_dict.items()))
    return sentences[0] if field == "__all__" else f"{field}: {sentences[0]}"


def _object(settings: dict[str, Any], name: str) -> dict[str, Any]:
    found = settings.get(name, {})
    if not isinstance(found, dict):
        raise SettingsFileError(f"{name}: this has to be an object.")
    return found


def _objects(settings: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = settings.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise SettingsFileError(f"{name}: this has to be a list of objects.")
    return found
