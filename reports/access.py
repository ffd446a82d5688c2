"""Who may see which of a site's report pages, and what else they may do there: in one place.

A reader is a member of the site, staff, the holder of a link that shares it, or, where the site is
public, anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest

from reports.filters import Filter
from reports.models import Kept, ShareLink
from reports.page_filters import read_filters
from sites.models import GroupMembership, Membership, Site

if TYPE_CHECKING:
    Reader = AbstractBaseUser | AnonymousUser

Role = Membership.Role

#: Every page of a site's reports, by the name that a link may be limited to.
PAGES: Final = (
    "overview",
    "realtime",
    "pageviews",
    "visitors",
    "bounce-rates",
    "engagement",
    "goals",
    "visits",
)


class Need(Enum):
    """What a page asks of its reader."""

    READ = auto()
    READ_VISITS = auto()  # single visits, which not every site shows
    EXPORT_EVENTS = auto()
    KEEP = auto()  # segments and annotations
    CHANGE_GOALS = auto()
    SHARE = auto()  # links for people without an account
    CHANGE_PEOPLE = auto()  # who is a member, and in which role


_MEMBERS_NEEDS: Final[dict[Role, frozenset[Need]]] = {
    Role.VIEWER: frozenset({Need.READ, Need.READ_VISITS, Need.EXPORT_EVENTS, Need.KEEP}),
    Role.EDITOR: frozenset(set(Need) - {Need.SHARE, Need.CHANGE_PEOPLE}),
    Role.OWNER: frozenset(Need),
}


@dataclass(frozen=True, slots=True)
class Access:
    """What one reader may do with one site."""

    site: Site
    reader: Reader
    #: None for who is no member: the holder of a link, or anybody.
    role: Role | None = None
    link: ShareLink | None = None
    #: What every figure is limited to.
    filters: tuple[Filter, ...] = ()

    @property
    def pages(self) -> frozenset[str]:
        """The names of the pages that the reader sees."""
        shown = frozenset(PAGES)
        if self.link is not None and self.link.pages:
            shown &= frozenset(self.link.pages)
        elif self.role is None:
            shown -= {"visits"}
        if self.filters:  # a single visit may be any visit
            shown -= {"visits"}
        return shown if self.site.shows_visits else shown - {"visits"}

    @property
    def explains(self) -> bool:
        """Whether the reader sees what figures are made of, and what the whole site left out."""
        return "overview" in self.pages and not self.filters

    @property
    def may_export_events(self) -> bool:
        """Whether the reader gets the events themselves, not their figures alone."""
        return self._meets(Need.EXPORT_EVENTS)

    @property
    def may_keep(self) -> bool:
        """Whether the reader keeps segments and annotations of their own."""
        return self._meets(Need.KEEP)

    @property
    def may_keep_for_everybody(self) -> bool:
        """Whether what the reader keeps may be for all who see the site."""
        return self.role in {Role.EDITOR, Role.OWNER}

    @property
    def may_change_goals(self) -> bool:
        """Whether the reader makes and removes goals."""
        return self._meets(Need.CHANGE_GOALS)

    @property
    def may_share(self) -> bool:
        """Whether the reader makes and revokes links."""
        return self._meets(Need.SHARE)

    def may_remove(self, kept: Kept) -> bool:
        """Whether the reader may remove it: who made it, and of what is for everybody editors."""
        is_own = self.may_keep and kept.created_by_id == self.reader.pk
        return is_own or (kept.is_shared and self.may_keep_for_everybody)

    def allows(self, need: Need, page: str) -> bool:
        """Whether a page that needs this, and is or belongs to `page`, is there for the reader."""
        if need is Need.READ_VISITS:
            return "visits" in self.pages
        if need is Need.READ:
            return page in self.pages if page in PAGES else self.explains
        return self._meets(need)

    def _meets(self, need: Need) -> bool:
        return self.role is not None and need in _MEMBERS_NEEDS[self.role]


def link_of(request: HttpRequest) -> ShareLink | None:
    """Return the link by which the request came, None where it came by none."""
    return getattr(request, "share_link", None)


def find_access(request: HttpRequest, domain: str) -> Access | None:
    """Return what the request's reader may do with the site of a domain, in its normal form.

    None where there is no such site, or none for this reader. Who comes by a link sees what the
    link shows, whoever they are.
    """
    if "\0" in domain:  # PostgreSQL takes it in no text, not even to look for
        return None
    link = link_of(request)
    if link is not None:
        if link.site.domain != domain:
            return None
        limits = read_filters(link.segment.filters) if link.segment else ()
        return Access(link.site, AnonymousUser(), link=link, filters=limits)
    reader = request.user
    own = Membership.objects.filter(site=OuterRef("pk"), user=reader.pk)
    of_groups = GroupMembership.objects.filter(site=OuterRef("pk"), group__user=reader.pk)
    site = (
        Site.objects.filter(domain=domain)
        .annotate(  # with the site, in one statement
            own_role=Subquery(own.values("role")),
            **{f"group_{role}": Exists(of_groups.filter(role=role)) for role in Role.values},
        )
        .first()
    )
    if site is None:
        return None
    role = _role_of(reader, site)
    if role is None and not site.is_public:
        return None
    return Access(site, reader, role)


def _role_of(reader: Reader, site: Any) -> Role | None:
    """Return the reader's greatest role on a site, own or a group's, as `site` is annotated.

    Staff have an owner's on every site.
    """
    if not reader.is_authenticated or not reader.is_active:
        return None
    if getattr(reader, "is_staff", False):
        return Role.OWNER
    roles = [role for role in Role if site.own_role == role or getattr(site, f"group_{role}")]
    return roles[-1] if roles else None
