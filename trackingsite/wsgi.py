"""The WSGI application, for granian and any other server."""

import os

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application


def make_application() -> WSGIHandler:
    """Return the application, and keep the promises of a process that serves it.

    Expired salts are destroyed, networks forgotten and finished visits archived, for as long as it
    lives, also when no hits arrive. Management commands and tests do not come here.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackingsite.settings.default")
    handler = get_wsgi_application()
    from archive import upkeep  # these need the models, ready only now
    from visits.ingestion import limits, salts

    salts.keep_forgetting()
    limits.keep_forgetting()
    upkeep.keep_archiving()
    return handler


application = make_application()
