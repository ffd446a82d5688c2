"""Settings for a server that others reach: HTTPS only, hosts and secret named by the operator."""

from trackingsite.settings.default import *  # noqa: F403
from trackingsite.settings.environment import read_number, read_switch, read_text, refuse

if not read_text("SECRET_KEY", ""):
    raise refuse(
        "SECRET_KEY",
        "",
        "Set it to a long random text, the same on every machine of this installation.",
    )
if not read_text("ALLOWED_HOSTS", ""):
    raise refuse("ALLOWED_HOSTS", "", "Set it to the host names of this server, comma-separated.")
if "*" in read_text("ALLOWED_HOSTS", ""):
    raise refuse("ALLOWED_HOSTS", "*", "Name the hosts; any host would allow forged links.")

SECURE_SSL_REDIRECT = read_switch("SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = read_number("HSTS_SECONDS", 31_536_000, lowest=1, highest=63_072_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = read_switch("HSTS_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = read_switch("HSTS_PRELOAD", default=True)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
if read_switch("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
