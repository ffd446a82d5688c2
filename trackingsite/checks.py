"""System checks of what the settings name, made before the program starts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from trackingsite.settings.environment import refuse
from visits.ingestion.geoip import GeoipError, open_geoip


@register
def check_geoip_file(**options: Any) -> list[CheckMessage]:
    """Return what is wrong with GEOIP_FILE: an error, or a warning where nobody has set it."""
    path = settings.GEOIP_FILE
    is_default = path == settings.DATA_DIR / "geoip.mmdb"
    if is_default and not path.exists():
        return []
    try:
        open_geoip(path)
    except GeoipError as error:
        message = str(refuse("GEOIP_FILE", path, str(error)))
        cure = "Fetch a file with manage.py update_geoip, or unset GEOIP_FILE."
        if is_default:
            cure = "Fetch it anew with manage.py update_geoip, or remove it."
            return [Warning(message, hint=cure, id="trackingsite.W001")]
        return [Error(message, hint=cure, id="trackingsite.E001")]
    return []
