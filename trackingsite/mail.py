"""Whether this server sends mail: where `EMAIL_URL` says by which server."""

from django.conf import settings


def sends_mail() -> bool:
    """Whether letters leave this server; pages offer none where they do not."""
    return bool(settings.SENDS_MAIL)
