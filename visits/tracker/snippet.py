"""The one line that a tracked site puts into its pages."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sites.models import Site


def tracking_snippet(request: HttpRequest, site: Site) -> SafeString:
    """Return the script tag, with this server's addresses as the reader of the page sees them.

    They are those of SCRIPT_PATH and EVENT_PATH, where these are set.
    """
    script = reverse("visits:own-script" if settings.SCRIPT_PATH else "visits:script")
    api = ""
    if settings.EVENT_PATH:
        event = request.build_absolute_uri(reverse("visits:own-event"))
        api = format_html(' data-api="{}"', event)
    return format_html(
        '<script defer data-domain="{}"{} src="{}"></script>',
        site.domain,
        api,
        request.build_absolute_uri(script),
    )
