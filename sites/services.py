"""What programs do with sites: add one, find one, note something about one."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone as clock

from sites.domains import normalise_domain
from sites.models import Invitation, Membership, Metadata, Site
from sites.tokens import draw_token, hash_token

#: How long a site whose domain was changed goes on to take hits by the domain before.
FORMER_FOR: Final = timedelta(hours=72)

#: How long an invitation can be taken up.
INVITATION_LIFE: Final = timedelta(days=7)


def add_site(
    *,
    domain: str,
    base_url: str = "",
    name: str = "",
    timezone: str = "UTC",
    metadata: Mapping[str, str] | None = None,
) -> Site:
    """Return a new site that collects hits at once.

    `domain` is what pages send; `base_url` defaults to https:// and the domain. Raises
    ValidationError, with its messages by field, when the domain is taken or malformed or the
    time zone is unknown; nothing is stored then.
    """
    site = Site(domain=domain, base_url=base_url, name=name, timezone=timezone)
    with transaction.atomic():
        site.full_clean()
        site.save()
        update_metadata(site=site, metadata=metadata or {})
    return site


def get_site(
    *,
    id: int | None = None,
    domain: str | None = None,
    uuid: str | uuid.UUID | None = None,
    public_key: str | None = None,
) -> Site:
    """Return the one site that goes by the name given; exactly one name must be given.

    Raises Site.DoesNotExist when there is none, ValueError when none or several names are given.
    """
    names = {
        "id": id,
        "domain": normalise_domain(domain) if domain is not None else None,
        "uuid": uuid,
        "public_key": public_key,
    }
    given = {field: value for field, value in names.items() if value is not None}
    if len(given) != 1:
        raise ValueError("Name the site by exactly one of id, domain, uuid and public_key.")
    try:
        return Site.objects.get(**given)
    except ValidationError:  # text that is no UUID
        raise Site.DoesNotExist(f"No site has the UUID {uuid}.") from None


def update_metadata(*, site: Site, metadata: Mapping[str, str | None]) -> dict[str, str]:
    """Set the pairs given, remove those whose value is None, and return all that then stand.

    Keys not named stay as they are. Raises ValidationError when a key or value is too long;
    nothing is changed then.
    """
    with transaction.atomic():
        for key, value in metadata.items():
            if value is None:
                site.metadata.filter(key=key).delete()
                continue
            Metadata(site=site, key=key, value=value).clean_fields()
            site.metadata.update_or_create(key=key, defaults={"value": value})
    return dict(site.metadata.values_list("key", "value"))


def change_domain(site: Site, domain: str) -> None:
    """Give the site another domain; for FORMER_FOR hits by the one before are still its own.

    Raises ValidationError, with its messages by field, for a domain that is taken or malformed;
    nothing is changed then.
    """
    before = site.domain
    site.domain = domain
    try:
        site.full_clean()
    except ValidationError:
        site.domain = before
        raise
    if site.domain == before:
        return
    if site.base_url == f"https://{before}":
        site.base_url = f"https://{site.domain}"
    site.former_domain, site.former_domain_until = before, clock.now() + FORMER_FOR
    site.save()


def find_new_domain(before: str, now: datetime) -> str | None:
    """Return the domain of the site that had another one until a while ago; None where none had."""
    if "\0" in before:  # PostgreSQL takes it in no text, not even to look for
        return None
    former = Site.objects.filter(former_domain=before, former_domain_until__gt=now)
    return former.order_by("-former_domain_until").values_list("domain", flat=True).first()


def archive(site: Site) -> None:
    """Let the site take no more hits and stand in no list; its reports stay."""
    site.archived_at = site.archived_at or clock.now()
    site.save(update_fields=["archived_at"])


def take_back(site: Site) -> None:
    """Undo `archive`."""
    site.archived_at = None
    site.save(update_fields=["archived_at"])


def invite(
    *, site: Site, by: User, role: str, note: str, email: str = ""
) -> tuple[Invitation, str]:
    """Return a new invitation and its token, which nothing can show a second time."""
    token = draw_token()
    invitation = Invitation.objects.create(
        site=site,
        role=role,
        note=note,
        email=email,
        token_hash=hash_token(token),
        created_by=by,
        expires_at=clock.now() + INVITATION_LIFE,
    )
    return invitation, token


def find_invitation(token: str) -> Invitation | None:
    """Return the invitation that can be taken up by a token; None where there is none."""
    found = Invitation.objects.open(clock.now()).select_related("site")
    return found.filter(token_hash=hash_token(token)).first()


def hand_over(membership: Membership) -> list[Membership]:
    """Make the member the site's owner, those who were its owners editors; return these."""
    with transaction.atomic():
        others = Membership.objects.filter(site=membership.site_id, role=Membership.Role.OWNER)
        before = list(others.exclude(pk=membership.pk).select_related("user"))
        for other in before:
            other.role = Membership.Role.EDITOR
            other.save(update_fields=["role"])
        membership.role = Membership.Role.OWNER
        membership.save(update_fields=["role"])
    return before


def accept(invitation: Invitation, user: User) -> bool:
    """Make the user a member, and return True; False when somebody else was quicker.

    Who is a member keeps the greater of both roles.
    """
    with transaction.atomic():
        taken = Invitation.objects.open(clock.now()).filter(pk=invitation.pk)
        if not taken.update(accepted_at=clock.now()):
            return False
        membership, is_new = Membership.objects.get_or_create(
            site=invitation.site, user=user, defaults={"role": invitation.role}
        )
        order = list(Membership.Role.values)
        if not is_new and order.index(invitation.role) > order.index(membership.role):
            membership.role = invitation.role
            membership.save(update_fields=["role"])
    return True
