"""What readers of reports keep with a site: filters under a name, and notes on days."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sites.models import Site


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

    def may_be_removed_by(self, reader: Any) -> bool:
        """Return whether a reader who sees it may remove it: who made it, and staff."""
        return bool(self.created_by_id == reader.pk or reader.is_staff)


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
