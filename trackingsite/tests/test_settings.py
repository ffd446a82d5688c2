"""The readers of the environment, the settings that they make, and the page that lists them."""

import re
import stat
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from trackingsite.settings.environment import (
    BASE_DIR,
    DATABASE_CURE,
    mask_password,
    read_data_dir,
    read_database,
    read_days,
    read_endpoint,
    read_env_file,
    read_file,
    read_header,
    read_hosts,
    read_list,
    read_mail,
    read_networks,
    read_number,
    read_origins,
    read_part,
    read_secret_key,
    read_switch,
    read_text,
    read_time_zone,
)
from trackingsite.tests.live import run_manage
from trackingsite.tests.variables import list_variables

Reader = Callable[[str], object]

NETWORKS = (
    "Set VARIABLE to addresses or networks such as 10.0.0.0/8, "
    "or to names: cloudflare, loopback, private."
)

SECRET = "a-long-random-text-of-more-than-fifty-letters-0123456789"


def number(variable: str) -> int:
    return read_number(variable, 8, lowest=1, highest=99)


def days(variable: str) -> int:
    return read_days(variable, 8, lowest=3, highest=99)


def switch(variable: str) -> bool:
    return read_switch(variable, default=True)


def text(variable: str) -> str:
    return read_text(variable, "default")


def texts(variable: str) -> list[str]:
    return read_list(variable, ["default"])


def zone(variable: str) -> str:
    return read_time_zone(variable, "UTC")


def header(variable: str) -> str:
    return read_header(variable, [ip_network("10.0.0.0/8")])


def header_of_nobody(variable: str) -> str:
    return read_header(variable, [])


def file(variable: str) -> Path:
    return read_file(variable, Path("/default/x"))


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (text, None, "default"),
        (text, "", "default"),
        (text, "  ", "default"),
        (text, " a b ", "a b"),
        # A value is itself, never the name of another variable.
        (text, "$HOME", "$HOME"),
        (texts, None, ["default"]),
        (texts, ",", ["default"]),
        (texts, "a, b,", ["a", "b"]),
        (number, None, 8),
        (number, "", 8),
        (number, "1", 1),
        (number, " 99 ", 99),
        (days, None, 8),
        (days, "0", 0),
        (days, "3", 3),
        (switch, None, True),
        (switch, "Off", False),
        (switch, "no", False),
        (switch, "false", False),
        (switch, "0", False),
        (switch, "ON", True),
        (switch, "yes", True),
        (switch, "true", True),
        (switch, "1", True),
        (zone, None, "UTC"),
        (zone, "Asia/Kolkata", "Asia/Kolkata"),
        (header, None, ""),
        (header, "CF-IPCountry", "CF-IPCountry"),
        (header_of_nobody, None, ""),
        (file, None, Path("/default/x")),
        (file, "/srv/x", Path("/srv/x")),
        (file, "var/x", BASE_DIR / "var" / "x"),
        (file, "~/x", Path.home() / "x"),
        (read_networks, None, []),
        (
            read_networks,
            "10.0.0.0/8, ::1, 192.0.2.1",
            [ip_network("10.0.0.0/8"), ip_network("::1/128"), ip_network("192.0.2.1/32")],
        ),
        (read_networks, "loopback", [ip_network("127.0.0.0/8"), ip_network("::1/128")]),
        (
            read_networks,
            "192.0.2.0/24, Loopback",
            [ip_network("192.0.2.0/24"), ip_network("127.0.0.0/8"), ip_network("::1/128")],
        ),
    ],
)
def test_reads(
    monkeypatch: pytest.MonkeyPatch, read: Reader, value: str | None, expected: object
) -> None:
    monkeypatch.delenv("VARIABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("VARIABLE", value)

    assert read("VARIABLE") == expected


@pytest.mark.parametrize(
    ("read", "value", "cure"),
    [
        (number, "eight", "Set VARIABLE to a whole number from 1 to 99."),
        (number, "8.5", "Set VARIABLE to a whole number from 1 to 99."),
        (number, "0", "Set VARIABLE to a whole number from 1 to 99."),
        (days, "2", "Set VARIABLE to a whole number from 3 to 99, or to 0."),
        (days, "-1", "Set VARIABLE to a whole number from 3 to 99, or to 0."),
        (days, "a week", "Set VARIABLE to a whole number from 3 to 99, or to 0."),
        (number, "100", "Set VARIABLE to a whole number from 1 to 99."),
        (switch, "maybe", "Set VARIABLE to on or off."),
        (zone, "Berlin", "Set VARIABLE to an IANA name such as Europe/Berlin."),
        (zone, "../etc/passwd", "Set VARIABLE to an IANA name such as Europe/Berlin."),
        (
            read_networks,
            "10.0.0.1/8",
            f"10.0.0.1/8 has host bits set. {NETWORKS}",
        ),
        (
            read_networks,
            "proxy",
            f"'proxy' does not appear to be an IPv4 or IPv6 network. {NETWORKS}",
        ),
        (read_networks, "0.0.0.0/0", f"0.0.0.0/0 trusts every visitor. {NETWORKS}"),
        (read_networks, "::/0", f"::/0 trusts every visitor. {NETWORKS}"),
        (header, "HTTP_CF_IPCOUNTRY", "Set VARIABLE to a header's name such as CF-IPCountry."),
        (header, "CF IPCountry", "Set VARIABLE to a header's name such as CF-IPCountry."),
        (
            header_of_nobody,
            "CF-IPCountry",
            "It is believed from trusted proxies alone: set TRUSTED_PROXIES to them.",
        ),
        (
            file,
            "~nobody-has-this-name/x",
            "Could not determine home directory. Set VARIABLE to the path of a file.",
        ),
    ],
)
def test_refuses(monkeypatch: pytest.MonkeyPatch, read: Reader, value: str, cure: str) -> None:
    monkeypatch.setenv("VARIABLE", value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        read("VARIABLE")
    assert str(refusal.value) == f"VARIABLE={value} cannot be used. {cure}"


def test_a_wrong_part_of_several_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VARIABLE", "loopback, cloudfare, 10.0.0.0/8")

    with pytest.raises(ImproperlyConfigured, match=r"^VARIABLE=cloudfare cannot be used\. "):
        read_networks("VARIABLE")


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("loopback", "127.0.0.1 127.255.255.255 ::1", "10.0.0.1 ::2"),
        (
            "private",
            "10.0.0.1 172.17.0.1 192.168.0.1 169.254.0.1 127.0.0.1 ::1 fd00::1 fe80::1",
            "172.32.0.1 100.64.0.1 203.0.113.7 2001:db8::1",
        ),
        ("cloudflare", "104.16.0.1 172.71.255.255 2606:4700::1", "104.28.0.1 172.72.0.0 10.0.0.1"),
    ],
)
def test_names_of_proxies(
    monkeypatch: pytest.MonkeyPatch, name: str, inside: str, outside: str
) -> None:
    monkeypatch.setenv("VARIABLE", name)

    networks = read_networks("VARIABLE")

    for address in inside.split():
        assert any(ip_address(address) in network for network in networks), address
    for address in outside.split():
        assert not any(ip_address(address) in network for network in networks), address


@pytest.mark.parametrize("name", ["state", "my+state", "a b%20c?d#e"])
def test_data_folder_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("VARIABLE", str(tmp_path / "deep" / name))

    folder = read_data_dir("VARIABLE", tmp_path)

    assert folder == tmp_path / "deep" / name
    assert list(folder.iterdir()) == []


def test_data_folder_is_relative_to_the_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VARIABLE", str(Path("trackingsite") / "tests"))

    assert read_data_dir("VARIABLE", tmp_path) == BASE_DIR / "trackingsite" / "tests"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("/dev/null/data", "Not a directory."),
        ("/dev/null", "File exists."),
        ("~nobody-has-this-name/data", "Could not determine home directory."),
    ],
)
def test_refuses_a_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, reason: str
) -> None:
    monkeypatch.setenv("VARIABLE", value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        read_data_dir("VARIABLE", tmp_path)
    assert str(refusal.value) == (
        f"VARIABLE={value} cannot be used. {reason} "
        "Make the folder writable for this user, or set VARIABLE to one that is."
    )


def test_secret_key_is_made_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VARIABLE", raising=False)
    folder = tmp_path / "state"
    folder.mkdir()

    made = read_secret_key("VARIABLE", folder)

    assert len(made) > 60
    assert read_secret_key("VARIABLE", folder) == made
    assert [path.name for path in folder.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600


def test_secret_key_of_the_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VARIABLE", "$chosen")

    assert read_secret_key("VARIABLE", tmp_path) == "$chosen"
    assert not (tmp_path / "secret_key").exists()


def test_refuses_a_secret_key_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("VARIABLE", raising=False)
    (tmp_path / "secret_key").mkdir()

    with pytest.raises(ImproperlyConfigured, match=r"VARIABLE= cannot be used\. Is a dir"):
        read_secret_key("VARIABLE", tmp_path)


@pytest.mark.parametrize(
    ("value", "file"),
    [
        (None, "{tmp}/my+data %41?#.sqlite3"),
        ("sqlite:///{tmp}/x.sqlite3", "{tmp}/x.sqlite3"),
        ("sqlite:///manage.sqlite3", f"{BASE_DIR}/manage.sqlite3"),
    ],
)
def test_sqlite_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None, file: str
) -> None:
    monkeypatch.delenv("VARIABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("VARIABLE", value.format(tmp=tmp_path))

    database = read_database("VARIABLE", tmp_path / "my+data %41?#.sqlite3")

    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == file.format(tmp=tmp_path)
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://me:s%40cret@db:5433/stats",
            {"NAME": "stats", "USER": "me", "PASSWORD": "s@cret", "HOST": "db", "PORT": 5433},
        ),
        (
            "postgresql:///stats?sslmode=require",
            {"NAME": "stats", "OPTIONS": {"sslmode": "require", "connect_timeout": 5}},
        ),
    ],
)
def test_postgresql(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, expected: dict[str, Any]
) -> None:
    monkeypatch.setenv("VARIABLE", url)

    database = read_database("VARIABLE", tmp_path / "x")

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert database | expected == database


@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "/var/db.sqlite3",
        "mysql://db/stats",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "sqlite::memory:",
        "sqlite://db.sqlite3",
        "postgres://db",
        "postgres://db:port/stats",
        "postgres://[::1/stats",
        "://",
    ],
)
def test_refuses_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    monkeypatch.setenv("VARIABLE", url)

    with pytest.raises(ImproperlyConfigured) as refusal:
        read_database("VARIABLE", tmp_path / "x")
    assert str(refusal.value) == f"VARIABLE={url} cannot be used. {DATABASE_CURE}"


def test_a_password_that_is_not_escaped_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VARIABLE", "postgres://me:se@cr/et@db/stats")

    with pytest.raises(ImproperlyConfigured) as refusal:
        read_database("VARIABLE", tmp_path / "x")
    assert "VARIABLE=postgres://me:***@db/stats cannot be used." in str(refusal.value)
    assert "%40" in str(refusal.value)


@pytest.mark.parametrize(
    ("reader", "value", "cure"),
    [
        (lambda: read_hosts("VARIABLE", []), "https://stats.example.org", "without https://"),
        (lambda: read_hosts("VARIABLE", []), "a.example,b.example:8000", "without https://"),
        (lambda: read_origins("VARIABLE"), "stats.example.org", "with scheme"),
        (lambda: read_origins("VARIABLE"), "https://a.example/path", "with scheme"),
    ],
)
def test_hosts_have_no_scheme_and_origins_have_one(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[[], object], value: str, cure: str
) -> None:
    monkeypatch.setenv("VARIABLE", value)

    with pytest.raises(ImproperlyConfigured, match=cure):
        reader()


def test_hosts_and_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "stats.example.org, .example.com,[::1]")
    monkeypatch.setenv("ORIGINS", "https://stats.example.org,http://127.0.0.1:8000")

    assert read_hosts("HOSTS", []) == ["stats.example.org", ".example.com", "[::1]"]
    assert read_origins("ORIGINS") == ["https://stats.example.org", "http://127.0.0.1:8000"]


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "tls", "ssl"),
    [
        ("smtp://mail.example", "mail.example", 25, None, None, None, None),
        ("smtp://mail.example:2525/", "mail.example", 2525, None, None, None, None),
        ("smtps://a:b%40c%2Fd@mail.example", "mail.example", 587, "a", "b@c/d", True, None),
        ("smtp+ssl://a%40x:b@mail.example", "mail.example", 465, "a@x", "b", None, True),
    ],
)
def test_mail(
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    host: str,
    port: int,
    user: str | None,
    password: str | None,
    tls: bool | None,
    ssl: bool | None,
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)

    mail = read_mail("EMAIL_URL")

    assert (mail["EMAIL_HOST"], mail["EMAIL_PORT"]) == (host, port)
    assert (mail.get("EMAIL_HOST_USER"), mail.get("EMAIL_HOST_PASSWORD")) == (user, password)
    assert (mail.get("EMAIL_USE_TLS"), mail.get("EMAIL_USE_SSL")) == (tls, ssl)
    assert mail["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"


def test_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)

    assert read_mail("EMAIL_URL") == {}


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://a:s3@cret@h",
        "smtp://h:x",
        "smtp://h/f",
    ],
)
def test_refuses_a_mail_server(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("EMAIL_URL", url)

    with pytest.raises(ImproperlyConfigured, match="Use smtp://") as refused:
        read_mail("EMAIL_URL")
    assert "s3" not in f"{refused.value}"


def test_parts_that_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ("ONE_PART", "OTHER_PART")
    for name in both:
        monkeypatch.delenv(name, raising=False)
    assert read_part("ONE_PART", both) == read_endpoint("ONE_PART", both) == ""

    monkeypatch.setenv("OTHER_PART", "http://id.example/token")

    assert read_endpoint("OTHER_PART", both) == "http://id.example/token"
    with pytest.raises(ImproperlyConfigured, match=r"ONE_PART= .*goes with OTHER_PART: set all"):
        read_part("ONE_PART", both)
    monkeypatch.setenv("ONE_PART", "id.example/token")
    with pytest.raises(ImproperlyConfigured, match="Set ONE_PART to an address such as"):
        read_endpoint("ONE_PART", both)


def test_refuses_a_database_in_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VARIABLE", "sqlite:////no/such/x.sqlite3")

    with pytest.raises(ImproperlyConfigured) as refusal:
        read_database("VARIABLE", tmp_path / "x")
    assert str(refusal.value).startswith(
        "VARIABLE=sqlite:////no/such/x.sqlite3 cannot be used. Its folder does not exist. "
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://me:secret@db/x", "postgres://me:***@db/x"),
        ("postgres://me:/sec:re@t#?@db:1/x", "postgres://me:***@db:1/x"),
        ("postgres://me@work:secret@db/x", "postgres://me@work:***@db/x"),
        ("me:secret@db", "me:***@db"),
        ("POSTGRES://me:secret@db/x", "POSTGRES://me:***@db/x"),
        ("postgres:///x?user=me&password=secret&a=b", "postgres:///x?user=me&password=***&a=b"),
        ("postgres://me@db:5432/x", "postgres://me@db:5432/x"),
        ("sqlite:////x/db.sqlite3", "sqlite:////x/db.sqlite3"),
        ("foo", "foo"),
        ("", ""),
    ],
)
def test_masks_passwords(url: str, shown: str) -> None:
    assert mask_password(url) == shown


def test_env_file_fills_in_what_the_environment_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VARIABLE", "first")
    monkeypatch.setenv("OTHER", "removed after the test")
    monkeypatch.delenv("OTHER")
    (tmp_path / ".env").write_text("# comment\nVARIABLE=second\nOTHER='a b'\n")

    read_env_file(tmp_path / ".env")

    assert read_text("VARIABLE", "") == "first"
    assert read_text("OTHER", "") == "a b"


def test_missing_env_file_is_no_error(tmp_path: Path) -> None:
    read_env_file(tmp_path / ".env")


def test_refuses_an_env_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NAME=\xff\n")

    with pytest.raises(ImproperlyConfigured, match=r"is not text in UTF-8\. Save it as such\."):
        read_env_file(tmp_path / ".env")


@pytest.mark.server
@pytest.mark.parametrize("module", ["default", "development", "testing", "production"])
def test_settings_module_loads(tmp_path: Path, module: str) -> None:
    checked = check(module, tmp_path, SECRET_KEY=SECRET, ALLOWED_HOSTS="stats.example.org")

    assert checked == (0, "System check identified no issues (0 silenced).\n")


@pytest.mark.server
@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"ALLOWED_HOSTS": "stats.example.org"},
            "Configuration: SECRET_KEY= cannot be used. Set it to a long random text, "
            "the same on every machine of this installation.\n",
        ),
        (
            {"SECRET_KEY": SECRET},
            "Configuration: ALLOWED_HOSTS= cannot be used. "
            "Set it to the host names of this server, comma-separated.\n",
        ),
        (
            {"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "stats.example.org, *"},
            "Configuration: ALLOWED_HOSTS=* cannot be used. "
            "Name the hosts; any host would allow forged links.\n",
        ),
    ],
)
def test_production_refuses(tmp_path: Path, variables: dict[str, str], told: str) -> None:
    assert check("production", tmp_path, **variables) == (1, told)


def check(module: str, data_dir: Path, **variables: str) -> tuple[int, str]:
    """Run Django's system checks under these settings; return the exit code and the output."""
    settings = f"--settings=trackingsite.settings.{module}"
    done = run_manage("check", settings, DATA_DIR=str(data_dir), **variables)
    return done.returncode, done.stdout


def test_configuration_page_lists_exactly_the_variables_that_are_read() -> None:
    page = (BASE_DIR / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == list_variables()


def test_example_file_lists_exactly_the_variables_that_are_read() -> None:
    example = (BASE_DIR / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == list_variables()
