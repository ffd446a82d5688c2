"""Settings of `make run`: safe as they are, on one machine, with everything under DATA_DIR."""

from datetime import timedelta
from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF

from trackingsite.settings.environment import (
    BASE_DIR,
    read_data_dir,
    read_database,
    read_days,
    read_endpoint,
    read_file,
    read_header,
    read_hosts,
    read_mail,
    read_networks,
    read_number,
    read_origins,
    read_part,
    read_path,
    read_secret_key,
    read_switch,
    read_text,
    read_time_zone,
)

django_stubs_ext.monkeypatch()

# State
DATA_DIR = read_data_dir("DATA_DIR", BASE_DIR / "var")
DATABASES = {"default": read_database("DATABASE_URL", DATA_DIR / "db.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Places: countries and cities by address, in MaxMind's format; `update_geoip` fetches it.
GEOIP_FILE = read_file("GEOIP_FILE", DATA_DIR / "geoip.mmdb")
MAXMIND_ACCOUNT_ID = read_text("MAXMIND_ACCOUNT_ID", "")
MAXMIND_LICENSE_KEY = read_text("MAXMIND_LICENSE_KEY", "")

# Limits of what is sent: hits a second, 0 for none; values that a field may have on a day.
SITE_RATE_LIMIT = read_number("SITE_RATE_LIMIT", 10_000, lowest=0, highest=1_000_000)
NETWORK_RATE_LIMIT = read_number("NETWORK_RATE_LIMIT", 200, lowest=0, highest=1_000_000)
MAX_DISTINCT_VALUES = read_number("MAX_DISTINCT_VALUES", 50_000, lowest=100, highest=1_000_000)

# The archive: days after which the rows of archived visits are deleted, 0 for never.
KEEP_ROWS_DAYS = read_days("KEEP_ROWS_DAYS", 35, lowest=3, highest=36_500)

# Reports: what the engine of one report may use.
REPORT_MEMORY_MB = read_number("REPORT_MEMORY_MB", 1024, lowest=64, highest=1_000_000)
REPORT_SECONDS = read_number("REPORT_SECONDS", 30, lowest=1, highest=3600)
REPORT_THREADS = read_number("REPORT_THREADS", 2, lowest=1, highest=256)

# Exports: seconds for the making of a file; events that one has at most; exports at once.
EXPORT_SECONDS = read_number("EXPORT_SECONDS", 300, lowest=1, highest=86_400)
EXPORT_EVENTS = read_number("EXPORT_EVENTS", 20_000_000, lowest=1, highest=10_000_000_000)
EXPORTS_AT_ONCE = read_number("EXPORTS_AT_ONCE", 2, lowest=1, highest=256)

# Server
SECRET_KEY = read_secret_key("SECRET_KEY", DATA_DIR)
DEBUG = False
HOST = read_text("HOST", "127.0.0.1")
PORT = read_number("PORT", 8000, lowest=1, highest=65535)
WEB_WORKERS = read_number("WEB_WORKERS", 1, lowest=1, highest=64)
WEB_THREADS = read_number("WEB_THREADS", 16, lowest=1, highest=256)
ALLOWED_HOSTS = read_hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = read_origins("CSRF_TRUSTED_ORIGINS")
# Whose X-Forwarded-For is believed; empty: nobody's, the peer is the visitor.
TRUSTED_PROXIES = read_networks("TRUSTED_PROXIES")
# A header in which they tell the visitor's country.
COUNTRY_HEADER = read_header("COUNTRY_HEADER", TRUSTED_PROXIES)
# Further addresses of the tracking script and of the endpoint, that no list of blockers knows.
SCRIPT_PATH = read_path("SCRIPT_PATH", "assets/site.js")
EVENT_PATH = read_path("EVENT_PATH", "assets/note")
# Who may read /metrics.
METRICS_NETWORKS = read_networks("METRICS_NETWORKS", "private")
ADMIN_PASSWORD = read_text("ADMIN_PASSWORD", "")

ROOT_URLCONF = "trackingsite.urls"
WSGI_APPLICATION = "trackingsite.wsgi.application"

INSTALLED_APPS = [
    "trackingsite",
    "sites",
    "people",
    "visits",
    "archive",
    "imports",
    "reports",
    "rest_framework",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "csp",
    "django_htmx",
    "trackingsite.admin.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "trackingsite.middleware.CompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "trackingsite.middleware.ReaderLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "people.second_factor.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "trackingsite.middleware.DatabaseAwayMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# People
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "reports:sites"
LOGOUT_REDIRECT_URL = "login"

# Who guesses passwords waits: an account is closed to the network that tried, to no other.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "people.attempts.client_network"
AXES_LOCKOUT_CALLABLE = "people.attempts.answer_blocked"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# The second factor: for everybody who wants one, for staff who have to have one.
STAFF_SECOND_FACTOR = read_switch("STAFF_SECOND_FACTOR", default=False)
OTP_TOTP_ISSUER = "trackingsite"

# A provider of identities, by OpenID Connect.
_PROVIDER = (
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_AUTHORIZATION_ENDPOINT",
    "OIDC_TOKEN_ENDPOINT",
    "OIDC_USERINFO_ENDPOINT",
    "OIDC_JWKS_ENDPOINT",
)
OIDC_NAME = read_text("OIDC_NAME", "OpenID Connect")
OIDC_RP_CLIENT_ID = read_part("OIDC_CLIENT_ID", _PROVIDER)
OIDC_RP_CLIENT_SECRET = read_part("OIDC_CLIENT_SECRET", _PROVIDER)
OIDC_OP_AUTHORIZATION_ENDPOINT = read_endpoint("OIDC_AUTHORIZATION_ENDPOINT", _PROVIDER)
OIDC_OP_TOKEN_ENDPOINT = read_endpoint("OIDC_TOKEN_ENDPOINT", _PROVIDER)
OIDC_OP_USER_ENDPOINT = read_endpoint("OIDC_USERINFO_ENDPOINT", _PROVIDER)
OIDC_OP_JWKS_ENDPOINT = read_endpoint("OIDC_JWKS_ENDPOINT", _PROVIDER)
OIDC_CREATE_USER = read_switch("OIDC_CREATE_ACCOUNTS", default=True)
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 10

AUTHENTICATION_BACKENDS = [
    "people.attempts.AttemptsBackend",
    "django.contrib.auth.backends.ModelBackend",
    *(["people.provider.ProviderBackend"] if OIDC_RP_CLIENT_ID else []),
]

# Letters: new passwords and invitations. Unset, pages offer none.
_MAIL = read_mail("EMAIL_URL")
SENDS_MAIL = bool(_MAIL)
globals().update(_MAIL)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read_text("DEFAULT_FROM_EMAIL", "trackingsite@localhost")

# Language and time: rows are UTC; a site's own time zone decides its days.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = read_time_zone("TIME_ZONE", "UTC")

# Files that pages load: hashed, compressed, served by this process.
# From the root also where a page stands below another address, as shared ones do.
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "reports.world.WorldFinder",
]

# Headers: nothing inline, nothing from elsewhere, in no one's frame.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# The ingestion endpoint decides for itself who may send; no session, no cookie.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "trackingsite",
    "DESCRIPTION": "Send hits, ask for figures.",
    "VERSION": "2",
    "SERVE_INCLUDE_SCHEMA": False,
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key: your own account's, or one that staff make.",
            }
        }
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"secrets": {"()": "trackingsite.logs.SecretAddressFilter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["secrets"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    # A refused request is answered, not logged: anybody may send as many as they like.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
        "axes": {"level": "CRITICAL"},
    },
}
