"""Sites, the pairs that staff note about them, the people and the programs that may see them."""

from __future__ import annotations

import ipaddress
import re
import secrets
import uuid
import zoneinfo
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from sites.domains import normalise_domain, show_domain, validate_domain
from sites.querysets import SiteQuerySet

#: Hits may come two days late: the events of such a day must still be there.
LEAST_DAYS_KEPT = 7


def make_public_key() -> str:
    """Return a new key by which clients of other systems may name a site; it is no secret."""
    return "ts_" + secrets.token_hex(16)


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Enter an IANA time zone such as Europe/Berlin.")


class Site(models.Model):
    """One measured web site, named by its domain, its id, its UUID or its public key."""

    class AddressKept(models.TextChoices):
        """What is stored of a visitor's address."""

        NONE = "none", "nothing (recommended)"
        SHORTENED = "shortened", "shortened: 203.0.113.0, 2001:db8:1::"
        WHOLE = "whole", "whole"

    class PlaceKept(models.TextChoices):
        """What is stored of where a visitor is."""

        CITY = "city", "country, region and city"
        COUNTRY = "country", "country alone"
        NONE = "none", "nothing"

    class WeekBegins(models.IntegerChoices):
        """The first day of a week, by its number in ISO 8601."""

        MONDAY = 1, "Monday"
        SATURDAY = 6, "Saturday"
        SUNDAY = 7, "Sunday"

    uuid = models.UUIDField("UUID", unique=True, default=uuid.uuid4, editable=False)
    public_key = models.CharField(
        max_length=64, unique=True, default=make_public_key, editable=False
    )
    domain = models.CharField(
        max_length=253,
        unique=True,
        validators=[validate_domain],
        help_text="The name that pages send, such as example.com. A leading www. is left out.",
    )
    base_url = models.URLField(
        "base URL",
        blank=True,
        help_text="Where the site is found. Left empty: https:// and the domain.",
    )
    name = models.CharField(
        max_length=100, blank=True, help_text="Shown on report pages. Left empty: the domain."
    )
    timezone = models.CharField(
        "time zone",
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Decides when the site's days begin. A change counts for new hits only.",
    )
    collects = models.BooleanField(
        "collects hits",
        default=True,
        help_text="Switched off, hits are dropped with the reason site_paused.",
    )
    shows_visits = models.BooleanField(
        "visitor log",
        default=True,
        help_text="Whether readers of reports see single visits: their pages, events and times.",
    )
    is_public = models.BooleanField(
        "public",
        default=False,
        help_text="Whether everybody sees the reports without signing in: never single visits.",
    )
    respects_gpc = models.BooleanField(
        "respects Global Privacy Control",
        default=False,
        help_text="Visitors whose browser sends Sec-GPC: 1 are left out, with the reason gpc.",
    )
    respects_dnt = models.BooleanField(
        "respects Do Not Track",
        default=False,
        help_text="Visitors whose browser sends DNT: 1 are left out, with the reason dnt.",
    )
    address_kept = models.CharField(
        "visitor address kept",
        max_length=10,
        choices=AddressKept.choices,
        default=AddressKept.NONE,
        help_text="An address is always used to tell visitors apart, and forgotten after it.",
    )
    place_kept = models.CharField(
        "visitor place kept",
        max_length=10,
        choices=PlaceKept.choices,
        default=PlaceKept.CITY,
        help_text="Counts for new hits only, as the three below.",
    )
    keeps_language = models.BooleanField(
        "keeps the browser's language",
        default=True,
        help_text="Switched off, reports by language have nothing of new visits.",
    )
    keeps_screen = models.BooleanField(
        "keeps the width of the screen",
        default=True,
        help_text="Switched off, reports by screen have nothing of new visits.",
    )
    keeps_properties = models.BooleanField(
        "keeps properties of events",
        default=True,
        help_text="Switched off, what pages send beside an event's name is thrown away.",
    )
    keep_events_days = models.PositiveIntegerField(
        "days that events are kept",
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_DAYS_KEPT)],
        help_text="Older events are deleted for good; their daily figures stay, so that reports "
        "without filters still reach back. Left empty: events are kept for ever.",
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        validators=[RegexValidator("^[A-Z]{3}$", "Write a currency as ISO 4217 has it: EUR.")],
        help_text="In which the values of new goals are typed, such as EUR.",
    )
    week_begins = models.PositiveSmallIntegerField(
        "week begins on",
        choices=WeekBegins.choices,
        default=WeekBegins.MONDAY,
        help_text="In charts by week, and where reports show the days of a week.",
    )
    former_domain = models.CharField(
        max_length=253, blank=True, editable=False, help_text="By which its hits came before."
    )
    former_domain_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then hits by the former domain are its own."
    )
    archived_at = models.DateTimeField(
        null=True, editable=False, help_text="Since then it takes no hits, and no list shows it."
    )
    watched_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then each hit is kept with its verdict."
    )
    added_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="sites"
    )

    objects = SiteQuerySet.as_manager()

    class Meta:
        """Listed by domain."""

        ordering = ["domain"]

    def __str__(self) -> str:
        return self.name or self.shown_domain

    def get_absolute_url(self) -> str:
        """Return the address of the site's report."""
        return reverse("reports:overview", args=[self.domain])

    def clean(self) -> None:
        """Fill what was left empty, in the form in which it is looked up."""
        self.domain = normalise_domain(self.domain)
        self.base_url = self.base_url or f"https://{self.domain}"

    def clean_fields(self, exclude: Any = None) -> None:
        """Normalise the domain before its validators and its uniqueness see it."""
        self.domain = normalise_domain(self.domain)
        super().clean_fields(exclude=exclude)

    @cached_property
    def exclusion_rows(self) -> tuple[tuple[int, str, str], ...]:
        """Each of its exclusions as id, kind and value, read once: every hit asks for them."""
        return tuple((each.pk, each.kind, each.value) for each in self.exclusions.all())

    @property
    def takes_hits(self) -> bool:
        """Whether its hits are stored."""
        return self.collects and self.archived_at is None

    @cached_property
    def keeps_all(self) -> bool:
        """Whether nothing that hits bring is thrown away; every hit asks."""
        keeps = self.keeps_language and self.keeps_screen and self.keeps_properties
        return keeps and self.place_kept == self.PlaceKept.CITY

    @property
    def shown_domain(self) -> str:
        """The domain as people write it: `bücher.de`, which is stored as `xn--bcher-kva.de`."""
        return show_domain(self.domain)

    def is_named(self, typed: str) -> bool:
        """Whether somebody has typed its domain, as it is stored or as people write it."""
        return bool(typed) and normalise_domain(typed) == self.domain

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone that decides the site's days."""
        return zoneinfo.ZoneInfo(self.timezone)


#: What staff decide about a site, in the order in which they are asked.
SETTINGS: Final = (
    "domain",
    "name",
    "base_url",
    "timezone",
    "collects",
    "shows_visits",
    "is_public",
    "respects_gpc",
    "respects_dnt",
    "address_kept",
    "place_kept",
    "keeps_language",
    "keeps_screen",
    "keeps_properties",
    "keep_events_days",
    "currency",
    "week_begins",
)


class Metadata(models.Model):
    """One key and value that staff note about a site."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="metadata")
    key = models.CharField(max_length=100)
    value = models.CharField(max_length=1000, blank=True)

    class Meta:
        """A key stands once per site."""

        ordering = ["key"]
        verbose_name_plural = "metadata"
        constraints = [
            models.UniqueConstraint(fields=["site", "key"], name="metadata_key_once_per_site")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"


class Membership(models.Model):
    """A person who may see a site's reports, and what else there."""

    class Role(models.TextChoices):
        """What a member may do; each may do what the one before may."""

        VIEWER = "viewer", _("viewer: sees reports, keeps segments and annotations of their own")
        EDITOR = "editor", _("editor: keeps some for everybody, makes goals")
        OWNER = "owner", _("owner: shares reports by links, invites people and removes them")

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A person is a member once."""

        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["site", "user"], name="membership_once_per_site")
        ]

    def __str__(self) -> str:
        return f"{self.user} sees {self.site}"


class GroupMembership(models.Model):
    """A group whose people may see a site's reports: each as if a member in this role."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="group_memberships")
    group = models.ForeignKey(
        "auth.Group", on_delete=models.CASCADE, related_name="site_memberships"
    )
    role = models.CharField(
        max_length=10, choices=Membership.Role.choices, default=Membership.Role.VIEWER
    )

    class Meta:
        """A group is a member once."""

        ordering = ["group__name"]
        constraints = [
            models.UniqueConstraint(fields=["site", "group"], name="group_membership_once_per_site")
        ]

    def __str__(self) -> str:
        return f"{self.group} sees {self.site}"


class Exclusion(models.Model):
    """What of a site's hits is left out, by the site's own wish."""

    class Kind(models.TextChoices):
        """What is looked at."""

        NETWORK = "network", "address or network, such as 203.0.113.7 or 2001:db8::/48"
        COUNTRY = "country", "country, by its code of two letters, such as US"
        PATH = "path", "path of the page, such as /internal/*"
        HOSTNAME = "hostname", "host of the page, such as staging.example.com or *.example.net"
        OTHER_HOSTNAMES = "other_hostnames", "every host but this one, and others so named"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="exclusions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    value = models.CharField(
        max_length=500, help_text="In a path and a host, * stands for any part of it."
    )

    class Meta:
        """Each stands once for a site."""

        ordering = ["kind", "value"]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "kind", "value"], name="exclusion_once_per_site"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    def clean(self) -> None:
        """Put the value into the form in which hits have it; refuse what no hit has."""
        value = self.value.strip()
        match self.kind:
            case self.Kind.NETWORK:
                try:
                    value = str(ipaddress.ip_network(value, strict=False))
                except ValueError:
                    raise _wrong_value("Enter an address or a network.") from None
            case self.Kind.COUNTRY:
                value = value.upper()
                if not re.fullmatch("[A-Z]{2}", value):
                    raise _wrong_value("Enter a code of two letters (ISO 3166-1).")
            case self.Kind.PATH:
                if not value.startswith(("/", "*")):
                    raise _wrong_value("Enter a path that begins with /.")
            case _:
                value = normalise_domain(value)
                if not value or "/" in value:
                    raise _wrong_value("Enter a host, without https:// and path.")
        self.value = value


def _wrong_value(sentence: str) -> ValidationError:
    return ValidationError({"value": sentence})


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations."""

    def open(self, now: datetime) -> InvitationQuerySet:
        """Return those that can be taken up: not taken up before, and not expired."""
        return self.filter(accepted_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """An address by which one person becomes a member of a site. Only its token's hash is kept."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(
        _("role"),
        max_length=10,
        choices=Membership.Role.choices,
        default=Membership.Role.VIEWER,
    )
    note = models.CharField(_("for whom"), max_length=100)
    email = models.EmailField(
        _("e-mail"),
        blank=True,
        help_text=_("Left empty, you pass the address on."),
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        """The newest first."""

        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.note


class ApiKey(models.Model):
    """What a program shows in place of signing in. Only a hash of the key itself is stored."""

    name = models.CharField(max_length=100, help_text="What uses the key, such as: shop server.")
    prefix = models.CharField("key", max_length=8, editable=False)
    # Every request of a program is found by its key's hash.
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    sites = models.ManyToManyField(Site, blank=True, related_name="api_keys")
    all_sites = models.BooleanField(
        default=False, help_text="Every site, also those that are added later."
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text="The sites that this person may see, whichever these are at the time; "
        "with sites chosen, of these alone.",
    )
    is_limited = models.BooleanField(
        default=False,
        editable=False,
        help_text="Whether a person's key is for the sites chosen alone; also when these are gone.",
    )
    can_send = models.BooleanField(
        "may send", default=False, help_text="Hits with a visitor's address, agent and time."
    )
    can_read = models.BooleanField("may read", default=False, help_text="The figures of reports.")
    created_at = models.DateTimeField("created", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    last_used_on = models.DateField("last used", null=True, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, editable=False)
    expires_at = models.DateTimeField(
        "expires", null=True, blank=True, help_text="From then on it is refused. Empty: never."
    )

    class Meta:
        """The newest first; a key that may do nothing is not stored."""

        ordering = ["-pk"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(can_send=True) | models.Q(can_read=True),
                name="api_key_sends_or_reads",
                violation_error_message="Let the key send, read, or both.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def site_ids(self) -> frozenset[int]:
        """The ids of the sites chosen, of those that the key's person may see, read once.

        What is changed later does not show here.
        """
        return self._of_person(Site.objects.visible_to)

    @cached_property
    def sending_site_ids(self) -> frozenset[int]:
        """Those of `site_ids` that hits may be sent to: of a person's those that they edit."""
        return self.site_ids if self.person is None else self._of_person(Site.objects.edited_by)

    def _of_person(self, sites_of: Callable[[Any], SiteQuerySet]) -> frozenset[int]:
        rows = ApiKey.sites.through.objects.filter(apikey_id=self.pk)
        chosen = frozenset(rows.values_list("site_id", flat=True))
        if self.person is None:
            return chosen
        theirs = frozenset(sites_of(self.person).values_list("pk", flat=True))
        return theirs & chosen if self.is_limited else theirs

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def allows(self, site: Site) -> bool:
        """Whether the key is good for this site: neither revoked nor expired, for it or for all."""
        return self._is_good and (self.all_sites or site.pk in self.site_ids)

    def allows_sending(self, site: Site) -> bool:
        """Whether hits may be sent to this site by the key, where it may send at all."""
        return self._is_good and (self.all_sites or site.pk in self.sending_site_ids)

    @property
    def _is_good(self) -> bool:
        return self.revoked_at is None and not self.is_expired
