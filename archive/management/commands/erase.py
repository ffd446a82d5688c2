"""`manage.py erase`: a site's data, or some of it, from rows, files and daily figures."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from archive.erasure.plan import describe_plan, make_plan
from archive.erasure.requests import note, of_all, of_days, of_path, of_property, of_user
from archive.erasure.steps import carry_out
from archive.folder import GRACE_SECONDS, ArchiveBusyError, change_archive
from archive.lists import ListChangedError
from archive.models import Erasure
from sites.models import Site
from sites.services import get_site


class Command(BaseCommand):
    """Says what it would erase, asks, notes it, and erases it."""

    help = (
        "Erase what a site's hits have left: all of it, days, a path, a property, or a user. "
        "Says first how much that is, and asks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the site, what to erase of it, and how to be asked."""
        parser.add_argument("domain", help="the site's domain")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--all", action="store_true", help="everything that was measured")
        what.add_argument("--from", dest="first_day", type=_day, metavar="DAY", help="2026-03-01")
        what.add_argument("--path", type=_text, help="events on this page, as reports show it")
        what.add_argument(
            "--property",
            type=_text,
            metavar="NAME[=VALUE]",
            help="the property, from all events or where it has the value; the events stay",
        )
        what.add_argument("--user", type=_text, metavar="ID", help="all visits of this user_id")
        parser.add_argument(
            "--to", dest="last_day", type=_day, metavar="DAY", help="the last day; with --from"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how much it is")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--wait",
            type=float,
            default=600,
            metavar="SECONDS",
            help="how long to wait for another process that changes the archive (default: 600)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, in that order."""
        erasure = self._read(options)
        plan = make_plan(erasure)
        self.stdout.write(describe_plan(erasure, plan))
        if options["dry_run"]:
            return
        if not options["yes"] and input("Type the site's domain to erase it: ") != (
            erasure.site.domain
        ):
            raise CommandError("Nothing was erased.")
        try:
            note(erasure, plan)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self._carry_out(erasure, options["wait"])

    def _read(self, options: dict[str, Any]) -> Erasure:
        site = _find_site(options["domain"])
        first, last = options["first_day"], options["last_day"]
        if (first is None) != (last is None):
            raise CommandError("Give both days: --from 2026-03-01 --to 2026-03-31.")
        if first is not None:
            try:
                return of_days(site, first, last)
            except ValueError as error:
                raise CommandError(str(error)) from None
        if options["path"] is not None:
            return of_path(site, options["path"])
        if options["property"] is not None:
            name, is_given, value = options["property"].partition("=")
            return of_property(site, name, value if is_given else None)
        if options["user"] is not None:
            return of_user(site, options["user"])
        return of_all(site)

    def _carry_out(self, erasure: Erasure, wait: float) -> None:
        try:
            with change_archive(wait_seconds=wait):
                carry_out(erasure)
        except (ArchiveBusyError, ListChangedError) as error:
            raise CommandError(
                f"{error} It is noted, and the server or `manage.py archive` will carry it out."
            ) from None
        self.stdout.write(
            "Erased. Old files stay on the disk for reports that still read them; the server, or"
            f" `manage.py archive`, deletes them from {GRACE_SECONDS / 60:.0f} minutes from now on."
        )


def _find_site(domain: str) -> Site:
    try:
        return get_site(domain=domain)
    except Site.DoesNotExist:
        raise CommandError(f"There is no site {domain}.") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day such as 2026-03-01.") from None


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError("the text is not UTF-8.") from None
    return text
