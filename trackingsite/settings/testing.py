"""Settings of the tests: a data folder of their own, quick password hashes."""

import atexit
import os
import shutil
import tempfile

# Before the default settings read it: a test run never touches the operator's data folder.
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="trackingsite-test-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from trackingsite.settings.default import *  # noqa: E402, F403
from trackingsite.settings.default import DATABASES, MIDDLEWARE  # noqa: E402

# Tests send more hits in a second than a visitor; those of the limits set their own.
SITE_RATE_LIMIT = NETWORK_RATE_LIMIT = 0

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# The test client asks for no static file; without whitenoise no collected folder is needed.
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in real use: several connections and WAL, which a memory database has not.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(os.environ["DATA_DIR"], "test.sqlite3")}
