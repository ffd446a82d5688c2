"""Readers of the environment, each of which fails with the variable, the value and the cure.

Every setting that an operator may change is read here, from environment variables and from a
`.env` file beside `manage.py`. docs/configuration.md lists them.
"""

import ipaddress
import secrets
import zoneinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parents[2]

_environ = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def refuse(variable: str, value: object, cure: str) -> ImproperlyConfigured:
    """Return the error for a bad value, in the one form that all of them have."""
    return ImproperlyConfigured(f"{variable}={value!s} cannot be used. {cure}")


def read_text(variable: str, default: str) -> str:
    """Return the variable's text, `default` when it is unset or empty."""
    return str(_environ.str(variable, default="")).strip() or default


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


def read_networks(variable: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the comma-separated addresses and networks of the variable, empty when unset."""
    try:
        return [ipaddress.ip_network(part) for part in read_list(variable, [])]
    except ValueError as error:
        cure = f"{error}. Set {variable} to addresses or networks such as 10.0.0.0/8."
        raise refuse(variable, read_text(variable, ""), cure) from None


def read_data_dir(variable: str, default: Path) -> Path:
    """Return the folder that holds all state, made if it was missing, and proven writable."""
    folder = Path(read_text(variable, str(default))).expanduser()
    if not folder.is_absolute():
        folder = BASE_DIR / folder
    cure = f"Make the folder writable for this user, or set {variable} to one that is."
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
        # Created by at most one process; the others read what it wrote.
        with keeper.open("x", encoding="ascii") as file:
            keeper.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return keeper.read_text(encoding="ascii").strip()


DATABASE_CURE = (
    "Use sqlite:///relative/path, sqlite:////absolute/path or "
    "postgres://user:password@host:5432/name; unset it for SQLite in the data folder."
)


def read_database(variable: str, default_file: Path) -> dict[str, Any]:
    """Return Django's database settings for SQLite or PostgreSQL, tuned as this project needs.

    SQLite is opened in WAL mode with `synchronous=FULL`, so that a commit is on disk when it
    returns, and writing transactions take the lock when they begin, so that they wait for each
    other in place of failing half way.
    """
    url = read_text(variable, f"sqlite:///{default_file}")
    scheme = urlsplit(url).scheme
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        raise refuse(variable, url, DATABASE_CURE)
    try:
        database: dict[str, Any] = dict(environ.Env.db_url_config(url))
    except (ValueError, ImproperlyConfigured):
        raise refuse(variable, url, DATABASE_CURE) from None
    if not database.get("NAME") or (scheme == "sqlite" and urlsplit(url).netloc):
        raise refuse(variable, url, DATABASE_CURE)
    if scheme == "sqlite":
        if not Path(database["NAME"]).is_absolute():
            database["NAME"] = str(BASE_DIR / database["NAME"])
        if not Path(database["NAME"]).parent.is_dir():
            raise refuse(variable, url, "Its folder does not exist. " + DATABASE_CURE)
        database["OPTIONS"] = {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        database["CONN_MAX_AGE"] = 600
        database["CONN_HEALTH_CHECKS"] = True
        database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
    return database
