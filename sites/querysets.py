"""Selections of sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from sites.domains import normalise_domain

if TYPE_CHECKING:
    from typing import Self

    from sites.models import Site  # noqa: F401 -- quoted below


class SiteQuerySet(models.QuerySet["Site"]):
    """Chainable selections of sites; every method returns a queryset."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Sites whose reports `user` may see: all for staff, else as a member, or by a group."""
        return self._of(user)

    def edited_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Sites on which `user` is an editor or an owner, as staff are everywhere."""
        return self._of(user, "editor", "owner")

    def _of(self, user: AbstractBaseUser | AnonymousUser, *roles: str) -> Self:
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if getattr(user, "is_staff", False):
            return self
        own, of_groups = {"memberships__user": user.pk}, {"group_memberships__group__user": user.pk}
        if roles:
            own["memberships__role__in"] = of_groups["group_memberships__role__in"] = roles
        sites = self.model._default_manager
        here = models.Q(pk__in=sites.filter(**own).values("pk"))
        return self.filter(here | models.Q(pk__in=sites.filter(**of_groups).values("pk")))

    def in_use(self) -> Self:
        """Sites that are not archived."""
        return self.filter(archived_at=None)

    def matching(self, search: str) -> Self:
        """Sites whose domain or name holds `search`, in capitals or not.

        A domain of other letters than ASCII's is found by the whole of one of its parts.
        """
        domain = search if search.isascii() else normalise_domain(search)
        return self.filter(models.Q(domain__icontains=domain) | models.Q(name__icontains=search))
