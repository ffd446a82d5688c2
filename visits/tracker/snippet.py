"""The one line that a tracked site puts into its pages."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sites.models import Site


def tracking_snippet(request: HttpRequest, site: Site) -> SafeString:
    """Return the script tag, with this server's address as the reader of the page sees it."""
    return format_html(
        '<script defer data-domain="{}" src="{}"></script>',
        site.domain,
        request.build_absolute_uri(reverse("visits:script")),
    )
