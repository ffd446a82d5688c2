"""Readers of the environment, each of which fails with the variable, the value and the cure.

Every setting that an operator may change is read here, from environment variables and from a
`.env` file beside `manage.py`. docs/configuration.md lists them.
"""

import ipaddress
import os
import re
import secrets
import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from visits.data.proxies import PROXIES

BASE_DIR = Path(__file__).resolve().parents[2]


def read_env_file(path: Path) -> None:
    """Add the file's variables to the environment, whose own come first; no file, no variables."""
    if path.exists() and not os.access(path, os.R_OK):
        raise ImproperlyConfigured(f"{path} cannot be read by this user. Make it readable.")
    try:
        environ.Env.read_env(path)
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} is not text in UTF-8. Save it as such.") from None


read_env_file(BASE_DIR / ".env")


def refuse(variable: str, value: object, cure: str) -> ImproperlyConfigured:
    """Return the error for a bad value, in the one form that all of them have."""
    return ImproperlyConfigured(f"{variable}={value!s} cannot be used. {cure}")


def read_text(variable: str, default: str) -> str:
    """Return the variable's text, `default` when it is unset or empty.

    Not through `environ.Env`: that takes a value which begins with `$`, as one random key or
    password in fifty does, for the name of another variable.
    """
    return os.environ.get(variable, "").strip() or default


def read_list(variable: str, default: list[str]) -> list[str]:
    """Return the comma-separated parts of the variable, `default` when it is unset or empty."""
    parts = [part.strip() for part in read_text(variable, "").split(",")]
    return [part for part in parts if part] or default


def read_number(variable: str, default: int, *, lowest: int, highest: int) -> int:
    """Return the variable as a whole number within the bounds; errors name them."""
    value = read_text(variable, str(default))
    cure = f"Set {variable} to a whole number from {lowest} to {highest}."
    try:
        number = int(value)
    except ValueError:
        raise refuse(variable, value, cure) from None
    if not lowest <= number <= highest:
        raise refuse(variable, value, cure)
    return number


def read_days(variable: str, default: int, *, lowest: int, highest: int) -> int:
    """Return the variable as a number of days within the bounds, or 0."""
    if read_text(variable, str(default)) == "0":
        return 0
    try:
        return read_number(variable, default, lowest=lowest, highest=highest)
    except ImproperlyConfigured:
        cure = f"Set {variable} to a whole number from {lowest} to {highest}, or to 0."
        raise refuse(variable, read_text(variable, str(default)), cure) from None


def read_switch(variable: str, *, default: bool) -> bool:
    """Return the variable as a truth value; anything but the usual words is an error."""
    value = read_text(variable, "on" if default else "off")
    match value.lower():
        case "on" | "true" | "yes" | "1":
            return True
        case "off" | "false" | "no" | "0":
            return False
    raise refuse(variable, value, f"Set {variable} to on or off.")


def read_time_zone(variable: str, default: str) -> str:
    """Return an IANA time zone name that this machine knows."""
    value = read_text(variable, default)
    if value not in zoneinfo.available_timezones():
        raise refuse(variable, value, f"Set {variable} to an IANA name such as Europe/Berlin.")
    return value


def read_hosts(variable: str, default: list[str]) -> list[str]:
    """Return host names, comma-separated, without scheme and path."""
    hosts = read_list(variable, default)
    for host in hosts:
        if "/" in host or (host.count(":") == 1):
            cure = f"Set {variable} to names such as stats.example.org, without https:// and port."
            raise refuse(variable, host, cure)
    return hosts


def read_origins(variable: str) -> list[str]:
    """Return origins, comma-separated, each with its scheme; empty when unset."""
    origins = read_list(variable, [])
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            cure = f"Set {variable} to origins with scheme, such as https://stats.example.org."
            raise refuse(variable, origin, cure)
    return origins


def read_networks(
    variable: str, *default: str
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks of the variable's addresses, networks and names; `default` when unset.

    A name stands for several, as visits/data/proxies.py lists them. A network of every address is
    an error: each visitor would be a trusted proxy, and could choose an address.
    """
    names = ", ".join(sorted(PROXIES))
    cure = f"Set {variable} to addresses or networks such as 10.0.0.0/8, or to names: {names}."
    networks = []
    for part in read_list(variable, list(default)):
        for text in PROXIES.get(part.lower(), (part,)):
            try:
                network = ipaddress.ip_network(text)
            except ValueError as error:
                raise refuse(variable, part, f"{error}. {cure}") from None
            if network.prefixlen == 0:
                raise refuse(variable, part, f"{part} trusts every visitor. {cure}")
            networks.append(network)
    return networks


def read_path(variable: str, example: str) -> str:
    """Return the path of an address, without its first slash; empty when unset."""
    path = read_text(variable, "").removeprefix("/")
    if path and not re.fullmatch(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*", path):
        raise refuse(
            variable, path, f"Set {variable} to a path of plain letters, such as {example}."
        )
    return path


def read_header(variable: str, proxies: list[Any]) -> str:
    """Return the name of a header that the proxies set, empty when unset."""
    name = read_text(variable, "")
    if name and not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise refuse(variable, name, f"Set {variable} to a header's name such as CF-IPCountry.")
    if name and not proxies:
        cure = "It is believed from trusted proxies alone: set TRUSTED_PROXIES to them."
        raise refuse(variable, name, cure)
    return name


def read_file(variable: str, default: Path) -> Path:
    """Return the path of a file, relative to the project; it may not exist yet."""
    value = read_text(variable, str(default))
    try:
        return BASE_DIR / Path(value).expanduser()
    except RuntimeError as error:
        raise refuse(variable, value, f"{error} Set {variable} to the path of a file.") from None


def read_data_dir(variable: str, default: Path) -> Path:
    """Return the folder that holds all state, made if it was missing, and proven writable."""
    cure = f"Make the folder writable for this user, or set {variable} to one that is."
    folder = Path(read_text(variable, str(default)))
    try:
        folder = BASE_DIR / folder.expanduser()
    except RuntimeError as error:
        raise refuse(variable, folder, f"{error} {cure}") from None
    probe = folder / f".write-test-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise refuse(variable, folder, f"{error.strerror}. {cure}") from None
    return folder


def read_secret_key(variable: str, data_dir: Path) -> str:
    """Return the signing key: the variable, or else one made once and kept in the data folder."""
    value = read_text(variable, "")
    if value:
        return value
    keeper = data_dir / "secret_key"
    try:
        if not keeper.exists():
            _keep_secret(keeper)
        return keeper.read_text(encoding="ascii").strip()
    except OSError as error:
        cure = f"Make {keeper} readable for this user, or set {variable}."
        raise refuse(variable, value, f"{error.strerror}. {cure}") from None


def _keep_secret(keeper: Path) -> None:
    """Write a new random key; of several processes the first one's stays, and is whole."""
    draft = keeper.with_name(f".{keeper.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_urlsafe(50), encoding="ascii")
        with suppress(FileExistsError):
            os.link(draft, keeper)
    finally:
        draft.unlink()


#: By scheme, where the address names none.
MAIL_PORTS = {"smtp": 25, "smtps": 587, "smtp+tls": 587, "smtp+ssl": 465}

MAIL_CURE = (
    "Use smtp://user:password@host:25, smtps:// for STARTTLS or smtp+ssl:// for TLS from the "
    "start, with @ / # of a password as %40 %2F %23."
)


def read_mail(variable: str) -> dict[str, Any]:
    """Return Django's settings of the server that sends mail; empty when unset."""
    url = read_text(variable, "")
    if not url:
        return {}
    shown = mask_password(url)
    try:
        # An @ or / of a password that is not escaped would be read as the end of it.
        if "@" in url.partition("://")[2].partition("@")[2]:
            raise refuse(variable, shown, MAIL_CURE)
        parts = urlsplit(url)
        port = MAIL_PORTS.get(parts.scheme)
        if port is None or not parts.hostname or not re.fullmatch("/?", parts.path):
            raise refuse(variable, shown, MAIL_CURE)
        mail: dict[str, Any] = dict(environ.Env.email_url_config(url))
    except (ValueError, ImproperlyConfigured):
        raise refuse(variable, shown, MAIL_CURE) from None
    return {
        **{name: value for name, value in mail.items() if value and name != "OPTIONS"},
        "EMAIL_PORT": mail["EMAIL_PORT"] or port,
        "EMAIL_TIMEOUT": 10,
    }


def read_part(variable: str, others: tuple[str, ...]) -> str:
    """Return a text that needs others beside it, empty when none of them is set."""
    value = read_text(variable, "")
    if not value and any(read_text(other, "") for other in others):
        rest = ", ".join(name for name in others if name != variable)
        raise refuse(variable, value, f"It goes with {rest}: set all of them, or none.")
    return value


def read_endpoint(variable: str, others: tuple[str, ...]) -> str:
    """Return the address of one part of a provider, empty when none of them is set."""
    value = read_part(variable, others)
    if value and not re.fullmatch(r"https?://[^/\s]+\S*", value):
        cure = f"Set {variable} to an address such as https://id.example.org/oauth2/token."
        raise refuse(variable, value, cure)
    return value


DATABASE_CURE = (
    "Use sqlite:///relative/path, sqlite:////absolute/path or "
    "postgres://user:password@host:5432/name, with @ / # of a password as %40 %2F %23; "
    "unset it for SQLite in the data folder."
)


def mask_password(url: str) -> str:
    """Return the URL fit for a screen or a log, its password replaced by `***`."""
    scheme = re.match(r"(\w+://)?", url)[0]  # type: ignore[index]  # matches nothing at least
    rest = re.sub(r"(?s)^([^:]*):.*@", r"\1:***@", url.removeprefix(scheme))
    return scheme + re.sub(r"([?&]password=)[^&]*", r"\1***", rest)


def read_database(variable: str, default_file: Path) -> dict[str, Any]:
    """Return Django's database settings for SQLite or PostgreSQL, tuned as this project needs.

    SQLite is opened in WAL mode with `synchronous=FULL`, so that a commit is on disk when it
    returns, and writing transactions take the lock when they begin, so that they wait for each
    other in place of failing half way. No connection copies the log into the database by itself:
    `visits.turns.checkpoint` does, where no commit can meet it.
    """
    url = read_text(variable, f"sqlite:///{quote(str(default_file))}")
    shown = mask_password(url)
    try:
        scheme, host = urlsplit(url)[:2]
        if scheme not in {"sqlite", "postgres", "postgresql"}:
            raise refuse(variable, shown, DATABASE_CURE)
        if scheme == "sqlite" and (host or not url.startswith("sqlite:///")):
            raise refuse(variable, shown, DATABASE_CURE)
        # An @ or / of a password that is not escaped would be read as the end of it.
        if scheme != "sqlite" and "@" in url.partition("://")[2].partition("@")[2]:
            raise refuse(variable, shown, DATABASE_CURE)
        database: dict[str, Any] = dict(environ.Env.db_url_config(url))
    except ValueError:
        raise refuse(variable, shown, DATABASE_CURE) from None
    # A database in memory would be lost between the migrations and the server.
    if database.get("NAME", "") in {"", ":memory:"}:
        raise refuse(variable, shown, DATABASE_CURE)
    if scheme == "sqlite":
        database["NAME"] = str(BASE_DIR / database["NAME"])
        if not Path(database["NAME"]).parent.is_dir():
            raise refuse(variable, shown, "Its folder does not exist. " + DATABASE_CURE)
        # To open the file anew for each request costs more than to store a hit.
        database["CONN_MAX_AGE"] = None
        database["OPTIONS"] = {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                # By visits.turns.checkpoint alone; a log that was copied is cut to 1 MB.
                "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=1048576; "
                # What is deleted is overwritten, also where SQLite was not built to do so.
                "PRAGMA secure_delete=ON;"
            ),
        }
    else:
        database["CONN_MAX_AGE"] = 600
        database["CONN_HEALTH_CHECKS"] = True
        database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
    return database
