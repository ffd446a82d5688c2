"""Asking for an erasure: what is named, checked, and noted before anything is erased."""

from __future__ import annotations

from datetime import date

from archive.erasure.plan import Plan
from archive.models import Erasure
from sites.models import Site
from visits.ingestion.visitors import identify_user

Kind = Erasure.Kind


def of_all(site: Site) -> Erasure:
    """Return the erasure of everything that a site's hits have left. Saves nothing."""
    return Erasure(site=site, kind=Kind.ALL)


def of_days(site: Site, first_day: date, last_day: date) -> Erasure:
    """Return the erasure of what happened on the days. Raises ValueError for none at all."""
    if first_day > last_day:
        raise ValueError(f"{first_day} is after {last_day}: exchange the two.")
    return Erasure(site=site, kind=Kind.DAYS, first_day=first_day, last_day=last_day)


def of_path(site: Site, path: str) -> Erasure:
    """Return the erasure of what happened on a page, by its path as reports show it."""
    return Erasure(site=site, kind=Kind.PATH, name=path)


def of_property(site: Site, name: str, value: str | None = None) -> Erasure:
    """Return the erasure of a property from all events; with a value where it has this one."""
    return Erasure(site=site, kind=Kind.PROPERTY, name=name, value=value)


def of_user(site: Site, user_id: str) -> Erasure:
    """Return the erasure of all visits of a user whom the site identifies; keeps no identity."""
    return Erasure(site=site, kind=Kind.USER, visitor=identify_user(site, user_id).id)


def note(erasure: Erasure, plan: Plan) -> None:
    """Save the erasure: whatever happens from here on, it will be carried out.

    Raises ValidationError, with its messages by field, for what a field cannot hold.
    """
    erasure.visits, erasure.events = plan.visits, plan.events
    erasure.full_clean()
    erasure.save()
