"""What programs do with sites: add one, find one, note something about one."""

import uuid
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from sites.domains import normalise_domain
from sites.models import Metadata, Site


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
