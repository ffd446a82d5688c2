"""What readers of reports keep with a site: segments, annotations, goals, shared links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from reports.page_filters import read_filters
from reports.reading.values import QuestionError
from sites.models import Site
from sites.tokens import draw_token, hash_token
from visits.data.currencies import CURRENCIES


class KeptQuerySet(models.QuerySet[Any]):
    """Things that readers have kept."""

    def visible_to(self, reader: AbstractBaseUser | AnonymousUser, site: Site) -> KeptQuerySet:
        """Return those of the site that the reader may see: their own, and those for everybody."""
        return self.filter(Q(is_shared=True) | Q(created_by=reader.pk), site=site)


class Kept(models.Model):
    """Something that a reader of a site's reports has kept there."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    is_shared = models.BooleanField(
        "for everybody",
        default=False,
        help_text="Whether all who may see the site's reports see it; else whoever made it.",
    )

    objects = KeptQuerySet.as_manager()

    class Meta:
        """A table for each kind."""

        abstract = True


class Segment(Kept):
    """Filters of a site's reports, kept under a name."""

    name = models.CharField(_("name"), max_length=80)
    filters = models.JSONField(
        help_text='As an address has them, each a text such as "is,source,Google".'
    )

    class Meta:
        """By name in menus."""

        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class Annotation(Kept):
    """What happened on a day, for charts to show: a campaign, a new release."""

    happened_on = models.DateField(_("day"))
    text = models.CharField(_("what happened"), max_length=200)

    class Meta:
        """In order of time below charts."""

        ordering = ("happened_on", "pk")

    def __str__(self) -> str:
        return self.text


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    """Links that share reports."""

    def good(self, now: datetime) -> ShareLinkQuerySet:
        """Return those that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class ShareLink(models.Model):
    """An address that shows a site's reports, to read, to whoever has it."""

    class Theme(models.TextChoices):
        """What the pages look like."""

        AUTO = "auto", _("as the device has it")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="share_links")
    name = models.CharField(_("name"), max_length=100)
    # Kept as it is, for its owner to copy again: what it opens is in the same database.
    token = models.CharField(max_length=64, default=draw_token, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    password = models.CharField(max_length=128, blank=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    # With its segment a link goes: it must not show more than it did.
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, null=True, blank=True, related_name="share_links"
    )
    pages = models.JSONField(default=list, blank=True, help_text="Names of pages; empty: all.")
    may_be_embedded = models.BooleanField(_("may stand in other sites' pages"), default=False)
    theme = models.CharField(_("colours"), max_length=10, choices=Theme.choices, default=Theme.AUTO)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_on = models.DateField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    #: Wrong passwords since the window of `failed_since` began.
    failures = models.PositiveIntegerField(default=0, editable=False)
    failed_since = models.DateTimeField(null=True, editable=False)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        """The newest first."""

        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep what the link is found by with its token."""
        self.token_hash = hash_token(self.token)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Return the address that is shared."""
        return reverse("share", args=[self.token], urlconf=settings.ROOT_URLCONF)


class ShownProperty(models.Model):
    """A property of a site's events whose values its reports show."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="shown_properties")
    name = models.CharField(_("property"), max_length=300)

    class Meta:
        """By name; each stands once for a site."""

        ordering = ("name",)
        verbose_name_plural = "shown properties"
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="shown_property_once_per_site")
        ]

    def __str__(self) -> str:
        return self.name


class Goal(models.Model):
    """What a site wants its visitors to do: a condition on events, also on those of the past."""

    class Kind(models.TextChoices):
        """What is looked at."""

        PAGE = "page", _("a page is seen")
        EVENT = "event", _("an event happens")
        SCROLL = "scroll", _("a page is scrolled")

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="goals")
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("reached when"), max_length=10, choices=Kind.choices)
    page = models.CharField(
        _("page"),
        max_length=500,
        blank=True,
        help_text=_("A path such as /thanks; * stands for any part of one: /blog/*."),
    )
    event = models.CharField(_("event"), max_length=120, blank=True)
    conditions = models.JSONField(
        default=list,
        blank=True,
        help_text='On properties, each as an address has it, such as "is,property:plan,pro".',
    )
    scroll_depth = models.PositiveSmallIntegerField(
        _("scrolled to, percent"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    value_amount = models.DecimalField(
        _("value"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Of each conversion, where events bring no amounts of their own."),
    )
    value_currency = models.CharField(_("currency"), max_length=3, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        """By name; a name stands once for a site."""

        ordering = ("name", "pk")
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="goal_name_once_per_site")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what could not be reached; leave what belongs to another kind empty."""
        self._keep_own_fields()
        errors: dict[str, Any] = {}
        if self.kind != self.Kind.EVENT and not self.page.startswith(("/", "*")):
            errors["page"] = _("Write a path that begins with /.")
        if self.kind == self.Kind.EVENT and not self.event:
            errors["event"] = _("Name the event.")
        if self.kind == self.Kind.SCROLL and not 1 <= (self.scroll_depth or 0) <= 100:
            errors["scroll_depth"] = _("Write a number from 1 to 100.")
        if (self.value_amount is None) != (self.value_currency == ""):
            errors["value_currency"] = _("A value has an amount and a currency.")
        elif self.value_currency and self.value_currency not in CURRENCIES:
            errors["value_currency"] = _("Write a currency as ISO 4217 has it, such as EUR.")
        try:
            filters = read_filters(self.conditions)
        except (QuestionError, AttributeError, TypeError) as error:
            errors["conditions"] = str(error)
        else:
            if not all(part.dimension.name.startswith("property:") for part in filters):
                errors["conditions"] = _("A goal has conditions on properties alone.")
        if errors:
            raise ValidationError(errors)

    def _keep_own_fields(self) -> None:
        self.value_currency = self.value_currency.upper()
        if self.kind == self.Kind.EVENT:
            self.page = ""
        else:
            self.event, self.conditions = "", []
        if self.kind != self.Kind.SCROLL:
            self.scroll_depth = None
