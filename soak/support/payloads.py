"""Requests that no browser sends: hits bent in every way that JSON, HTTP and Unicode allow.

The n-th request of a seed is the same in every run, whatever came before it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final
from urllib.parse import quote, quote_from_bytes, urlencode

from visits.demo.browsers import BROWSERS

#: A server need not read a body that is longer.
MAX_BODY: Final = 4 * 1024 * 1024

#: What a field may hold that is text, and that some layer of some program takes badly.
TEXTS: Final = (
    "",
    " ",
    "\t\r\n",
    "\x00",
    "nul\x00inside",
    "\x1b[31mred\x1b[0m",
    "\x7f\x80\x9f",
    "\u202egpj.exe\u2066x\u2069",
    "\ufeffmark",
    "\ufffe\uffff",
    "\u2028\u2029",
    "\u200b\u200d\u00ad",
    "\U0010ffff\U0001f600",
    "\U0001f469\u200d\U0001f680" * 20,
    "e\u0301" * 30,
    "caf\u00e9",
    "cafe\u0301",
    "\u212bngstr\u00f6m \u2126",
    "\ufb2c\u0958\U0001d15e",  # grow when they are normalised
    "\u0130\u1e9e\ufb03",  # grow when their case is changed
    "\u0301leading mark",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f" * 15,
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u4f60\u597d",
    "\uff1d\uff0b\uff0dcmd",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(1)",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "' OR 1=1; DROP TABLE visits_event; --",
    "%s%d%n%(x)s {0} {x!r} ${7*7} {{7*7}} {% debug %}",
    "%00%ff%c0%af%zz%",
    "../../../../etc/passwd",
    "\\x00\\u0000\\",
    "null",
    "NaN",
    "true",
    "-0",
    "1e400",
    "9" * 400,
    "\u0663\u0664\u0665",
    "\u00b2\u00b3",
    "undefined",
    "__proto__",
    "constructor",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T25:61:61Z",
    "1970-01-01T00:00:00Z",
    "2038-01-19T03:14:08Z",
)

URLS: Final = (
    "https://example.com",
    "https://EXAMPLE.com:443/A%2fB?utm_source=x&utm_source=y#frag",
    "https://user:secret@example.com:99999/",
    "https://example.com:abc/",
    "https://example.com:-1/",
    "https://[::1]/x",
    "https://[::1",
    "https://[v1.fe80::a+en1]/",
    "https://[fe80::1%25eth0]/",
    "https://::1/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://b\u00fccher.example/\u00fc",
    "https://xn--bcher-kva.example/",
    "https://xn--\u00fc.example/",
    "https://\u2100.example/",
    "https://\uff0eexample\u3002com/",
    "https://" + "a." * 126 + "b/",
    "https://" + "x" * 300 + ".example/",
    "https://.../",
    "https://exa mple.com/",
    "https:///nowhere",
    "https:/one",
    "https:\\\\back\\slash",
    "//example.com/x",
    "javascript:alert(1)//https://",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "blob:https://example.com/1",
    "about:blank",
    "app://com.example/home",
    "android-app://com.example/https/",
    "http://example.com/%00%01%ff%c0%af%zz%",
    "http://example.com/%ED%A0%80",
    "http://example.com/%F0%9F%98%80/%E2%80%AE/%CC%81",
    "http://example.com/?" + "a=b&" * 400,
    "http://example.com/?utm_source=%00&utm_campaign=%ED%A0%80&utm_term=%E2%80%AE&ref=%",
    "http://example.com/?gclid=" + "x" * 500,
    "http://example.com/?=&&==&%=%",
    "http://example.com/" + "%25" * 600,
    "http://example.com/" + "../" * 500,
    "http://example.com/#" + "#" * 300,
    "https://example.com/#?\u0338",
)

#: Values as they stand in JSON, or try to.
JSONS: Final = (
    *("null", "true", "false", "[]", "{}", '""', '" "', "0", "-0", "-0.0", "1", "-1", "255", "1.5"),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "1e-400",
        "1E+2",
        "01",
        "+1",
        ".5",
        "0x10",
    ),
    *("9" * 5000, "0." + "3" * 5000, "1" + "0" * 308, "1e308"),
    *(str(2**63), str(-(2**63)), str(2**63 - 1), str(-(2**63) - 1), str(2**64), str(2**31)),
    *(
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"a\\ud83dz"',
        '"\\u0000"',
        '"x\\u0000y"',
        '"\\ud83d\\ude00"',
    ),
    *('"\\u202e"', '"\\x41"', '"\\u00"', '"open', "'single'", '"tab\there"', '"line\nhere"'),
    *("[" * 100 + "]" * 100, "[" * 3000 + "]" * 3000, "[" * 900 + "]" * 900),
    '{"a":' * 500 + "1" + "}" * 500,
    "[" + ",".join(["1"] * 2000) + "]",
    "{" + ",".join(f'"k{n}":1' for n in range(2000)) + "}",
    '{"a":1,"a":2,"A":3}',
    '{"currency":"EUR","amount":"1e9999999"}',
    '{"currency":"EUR","amount":1e308}',
    '{"currency":"EUR","amount":"' + "9" * 4000 + '"}',
    '{"currency":"EUR","amount":"sNaN"}',
    '{"currency":"EUR","amount":"\\u0661\\u0662"}',
    '{"currency":null,"amount":[]}',
    '{"":"","\\u0000":"\\u0000"," ":" "}',
    '{"\\ud800":"x"}',
    '{"e\\u0301":"1","\\u00e9":"2"}',
    '"{\\"a\\":NaN}"',
    '"{\\"a\\":\\"\\\\ud800\\"}"',
    '"{\\"a\\":\\"\\\\u0000\\"}"',
    '"' + "[" * 3000 + '"',
    "/* comment */ 1",
    "1,",
)

#: Field, and the length that it may have.
LIMITS: Final = {
    **{"n": 120, "u": 2000, "d": 2000, "r": 2000, "t": 500, "id": 64, "l": 35, "tz": 64},
    **{"user_id": 200, "user_agent": 512, "address": 100, "at": 40},
}
NAMES: Final = (
    *("n", "name", "u", "url", "d", "domain", "r", "referrer", "p", "m", "meta", "props", "$"),
    *(
        "revenue",
        "i",
        "interactive",
        "e",
        "engagement_time",
        "sd",
        "scroll_depth",
        "h",
        "hash_mode",
    ),
    *("hashMode", "v", "version", "id", "event_id", "t", "title", "w", "screen_width", "l"),
    *("language", "tz", "timezone", "b", "automated"),
)
TRUSTED_NAMES: Final = ("address", "user_agent", "at", "user_id")

ADDRESSES: Final = (
    *("203.0.113.7", "2001:db8::7", "::ffff:203.0.113.7", "203.0.113.7:80", "[2001:db8::7]:80"),
    *("", " ", "unknown", "_hidden", "999.1.1.1", "1.2.3", "0x7f.0.0.1", "::", "::1%eth0", "[::1"),
    *("127.0.0.1, 127.0.0.1", ",,,,", "1.1.1.1," * 60, "a" * 3000, "10.0.0.1\t,\t10.0.0.2"),
)

#: Of browsers of one day: requests are the same in every run.
USER_AGENTS: Final = [browser.user_agent(date(2026, 3, 10), 0) for browser in BROWSERS]

#: Pieces that bytes are mixed with.
SPLICES: Final = (
    *(
        b"\x00",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ),
    *(b"\\ud800", b"\\u0000", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\r\n\r\n"),
    *(b"NaN", b"1e400", b"null", b"0" * 100, "\u202e".encode(), "\U0001f600".encode(), b"%00"),
)

CONTENT_TYPES: Final = (
    *(
        "text/plain",
        "application/json",
        "text/plain;charset=UTF-8",
        "application/json; charset=utf-16",
    ),
    *(
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ),
    *("nonsense", "", "text/plain; charset=\x80", "a" * 2000, "application/json; charset=no-such"),
)


@dataclass(frozen=True, slots=True)
class Payload:
    """One request as bytes."""

    number: int
    kind: str
    request: bytes
    #: It is longer than it may be, or than it says: the connection is of no use after it.
    ends_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go: the port, the sites' domains, and an API key that may send for them."""

    port: int
    domains: tuple[str, ...]
    key: str


class Mutator:
    """Makes the requests of a seed."""

    def __init__(self, target: Target, seed: int) -> None:
        self.target = target
        self.seed = seed

    def make(self, number: int) -> Payload:
        """Return the request of this number."""
        return _Maker(self.target, number, Random(f"{self.seed}-{number}")).make()


def list_known(target: Target) -> list[Payload]:
    """Return requests that once were an error of the server, or filled its log."""
    domain = target.domains[0].encode()
    hit = b'{"n":"pageview","u":"https://%b/","d":"%b"}' % (domain, domain)
    pixel, event, page = b"GET /pixel.gif?d=x", b"POST /api/event?d=x", b"GET /login/?d=x"
    host, many = b"Host: 127.0.0.1:%d" % target.port, b"&x" * 1001
    charset = b"Content-Type: text/plain;charset=UTF-8"
    length, chunked = b"Content-Length: %d" % len(hit), b"Transfer-Encoding: chunked"
    whole = {
        "many parameters": (pixel + many, host, b""),
        "many parameters, a charset": (pixel + many, host, charset, b""),
        "many parameters beside a hit": (event + many, host, charset, length, hit),
        "many parameters of a page": (page + many, host, b""),
        "many parameters of a page, a charset": (page + many, host, charset, b""),
        "another host": (page, b"Host: evil.example", b""),
        "no host": (page, b"Host: ", b""),
        "bytes of no text": (event, host, b"User-Agent: \xff", b"Referer: \xfe", length, hit),
        "a key of no letters": (event, host, b"Authorization: Bearer \xff", length, hit),
    }
    cut = {
        "a body that breaks off": (event, host, b"Content-Length: 1000", hit),
        "chunks that break off": (event, host, chunked, b"5\r\n{"),
        "chunks that are none": (event, host, chunked, b"zz\r\n"),
    }
    return [
        Payload(-number, name, _join_lines(*lines), ends_connection=name in cut)
        for number, (name, lines) in enumerate((whole | cut).items(), start=1)
    ]


def _join_lines(line: bytes, *headers: bytes) -> bytes:
    """Return the request of this first line and these headers; the last of them is the body."""
    return b"\r\n".join([line + b" HTTP/1.1", *headers[:-1], b"", headers[-1]])


class _Maker:
    """One request in the making."""

    def __init__(self, target: Target, number: int, rng: Random) -> None:
        self.target = target
        self.number = number
        self.rng = rng
        self.has_key = rng.random() < 0.3

    def make(self) -> Payload:
        """Return the request."""
        kinds: dict[str, tuple[int, Callable[[], bytes]]] = {
            "fields": (50, self.make_fields),
            "bytes": (14, self.make_bytes),
            "encoded": (4, self.make_encoded),
            "batch": (12, self.make_batch),
            "pixel": (14, self.make_pixel),
            "good": (5, self.make_good),
            "lengths": (1, self.make_good),
        }
        (kind,) = self.rng.choices([*kinds], [share for share, _ in kinds.values()])
        body = kinds[kind][1]()
        if kind == "pixel":
            return Payload(self.number, kind, self.head("GET", b"/pixel.gif?" + body))
        path = b"/api/events" if kind == "batch" or self.rng.random() < 0.05 else b"/api/event"
        if kind == "lengths":
            length = str(len(body) + self.rng.choice((-20, -1, 1, 30))).encode()
            request = self.head("POST", path, b"Content-Length: " + length) + body
            return Payload(self.number, kind, request, ends_connection=True)
        if self.rng.random() < 0.05:
            request = self.head("POST", path, b"Transfer-Encoding: chunked") + self.chunk(body)
        else:
            length = b"Content-Length: %d" % len(body)
            request = self.head("POST", path, length) + body
        return Payload(self.number, kind, request, ends_connection=len(body) > MAX_BODY)

    def head(self, method: str, path: bytes, *lines: bytes) -> bytes:
        """Return the request's head, its headers bent now and then."""
        rng = self.rng
        headers = {
            b"Host": b"127.0.0.1:%d" % self.target.port,
            b"User-Agent": rng.choice(USER_AGENTS).encode(),
            b"X-Forwarded-For": f"198.18.{rng.randrange(8)}.{rng.randrange(256)}".encode(),
            b"Content-Type": b"text/plain",
        }
        if self.has_key:
            headers[b"Authorization"] = f"Bearer {self.target.key}".encode()
        for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
            self.bend_header(headers)
        if rng.random() < 0.01:
            method = rng.choice(("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"))
        given = [name + b": " + value for name, value in headers.items()]
        return b"\r\n".join(
            [method.encode() + b" " + path + b" HTTP/1.1", *given, *lines, b"", b""]
        )

    def bend_header(self, headers: dict[bytes, bytes]) -> None:
        """Put something unforeseen in one header."""
        rng = self.rng
        text = rng.choice((*TEXTS, *URLS)).encode()
        name, value = rng.choice(
            (
                (b"User-Agent", text),
                (b"User-Agent", b"Mozilla/5.0 (" + text * rng.choice((1, 20))),
                (b"User-Agent", b""),
                (b"User-Agent", b"Mozilla/5.0 \xff\xfe\x80 Chrome/131.0.0.0 Safari/537.36"),
                (b"X-Forwarded-For", rng.choice(ADDRESSES).encode()),
                (b"X-Forwarded-For", text),
                (b"Referer", rng.choice(URLS).encode()),
                (b"Referer", text),
                (b"Content-Type", rng.choice(CONTENT_TYPES).encode("latin-1")),
                (b"Content-Encoding", rng.choice((b"gzip", b"br", b"identity", b"nonsense"))),
                (b"Authorization", rng.choice((b"Bearer ", b"Bearer tsk_0", b"Basic x", text))),
                (b"Authorization", b"Bearer tsk_" + b"0" * 48),
                (b"Accept", rng.choice((b"application/json", b"image/png", text))),
                (b"Accept-Language", text),
                (b"Cookie", b"sessionid=" + text + b"; csrftoken=x"),
                (b"Host", rng.choice((b"evil.example", b"", b"a b", b"[::1]", b"x" * 300))),
                (b"Sec-Purpose", rng.choice((b"prefetch", text))),
                (b"X-Forwarded-Host", text),
                (b"X-Forwarded-Proto", text),
                (b"X-Something-" + b"Y" * 200, text),
                (b"X_Forwarded_For", b"192.0.2.1"),
            )
        )
        # No line of its own, nor what HTTP forbids in a value: that would be another request.
        headers[name] = bytes(byte for byte in value if byte >= 32 and byte != 127)

    def make_good(self) -> bytes:
        """Return a hit as a page sends it."""
        return self.join(self.good_fields())

    def make_fields(self) -> bytes:
        """Return a hit with one to four fields that hold what they should not."""
        fields = self.good_fields()
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            self.bend_field(fields)
        return self.join(fields)

    def make_bytes(self) -> bytes:
        """Return a hit whose bytes were changed, cut, doubled or mixed."""
        body = bytearray(self.make_fields() if self.rng.random() < 0.3 else self.make_good())
        for _ in range(self.rng.choice((1, 1, 2, 5))):
            self.bend_bytes(body)
        return bytes(body)

    def make_encoded(self) -> bytes:
        """Return a hit in another encoding, or as something that is no JSON."""
        text = self.make_good().decode()
        return self.rng.choice(
            (
                lambda: text.encode("utf-16"),
                lambda: text.encode("utf-16-le"),
                lambda: text.encode("utf-32"),
                lambda: text.encode("utf-8-sig"),
                lambda: text.encode("cp037"),
                lambda: gzip.compress(text.encode(), mtime=0),
                lambda: gzip.compress(bytes(4_000_000), 1, mtime=0),
                lambda: urlencode({"n": "pageview", "u": "https://example.com/"}).encode(),
                lambda: (
                    b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\npageview\r\n--x--\r\n'
                ),
                lambda: b"",
                lambda: b" " * self.rng.choice((1, 1000, 65_536, 65_537, 70_000)),
                lambda: text.encode().ljust(65_536 + self.rng.choice((-1, 0, 1))),
                lambda: b"[" * 60_000,
                lambda: b'{"a":' * 12_000,
                lambda: self.rng.randbytes(self.rng.choice((1, 10, 1000, 60_000))),
            )
        )()

    def make_batch(self) -> bytes:
        """Return an array of hits, some of them bent; now and then one that is too long."""
        rng = self.rng
        size = rng.choice((0, 1, 2, 2, 5, 5, 20, 20))
        if rng.random() < 0.01:
            size = rng.choice((999, 1000, 1001, 3000))
        makers = (self.make_good, self.make_good, self.make_good, self.make_fields)
        hits = [rng.choice(makers)() for _ in range(size)]
        if rng.random() < 0.1:
            hits.append(rng.choice(JSONS).encode())
        body = bytearray(b"[" + b",".join(hits) + b"]")
        if rng.random() < 0.1:
            self.bend_bytes(body)
        if rng.random() < 0.005:
            body = bytearray(b"[" + b'{"a":1},' * 600_000 + b"1]")
        return bytes(body)

    def make_pixel(self) -> bytes:
        """Return the query of a picture."""
        rng = self.rng
        pairs = {
            "d": self.domain(),
            "u": f"https://{self.domain()}/{rng.randrange(50)}",
            "id": self.event_id(),
        }
        for _ in range(rng.choice((0, 1, 1, 3))):
            name = rng.choice((*NAMES, *TRUSTED_NAMES))
            pairs[name] = rng.choice((self.text(), rng.choice(URLS), rng.choice(JSONS)[:3000]))
        query = "&".join(f"{name}={quote(value[:3000])}" for name, value in pairs.items()).encode()
        match rng.randrange(20):
            case 0:
                junk = (
                    b"%",
                    b"%zz",
                    b"&&&&",
                    b"=",
                    b"&d",
                    b"%ff%fe",
                    b"%ED%A0%80",
                    b";",
                    b"?",
                    b"%00",
                )
                query += rng.choice(junk) * rng.choice((1, 50))
            case 1:
                query += b"&x" * rng.choice((98, 1000, 2000))
            case 2:
                query = quote_from_bytes(rng.randbytes(40)).encode()
            case 3:
                query += rng.choice(("\u00fc", "\u4f60", "|", "^", "`", "{}", "\\")).encode()
            case 4:
                query = b""
        return query

    def good_fields(self) -> list[tuple[str, str]]:
        """Return the fields of a hit, as JSON."""
        rng = self.rng
        domain = self.domain()
        name = rng.choice(("pageview", "pageview", "pageview", "engagement", "signup"))
        fields: dict[str, object] = {
            "n": name,
            "u": f"https://{domain}/articles/{rng.randrange(50)}",
            "d": domain,
            "id": self.event_id(),
        }
        optional: dict[str, object] = {
            "r": "https://news.example/today",
            "t": "An article",
            "w": 1440,
            "l": "de-AT",
            "tz": "Europe/Vienna",
            "p": {"plan": "pro"},
            "$": {"currency": "EUR", "amount": "12.30"},
            "i": True,
            "h": 1,
        }
        for key in rng.sample([*optional], rng.randrange(5)):
            fields[key] = optional[key]
        if name == "engagement":
            fields |= {"e": rng.randrange(60_000), "sd": rng.randrange(101)}
        if self.has_key and rng.random() < 0.5:
            fields[rng.choice(TRUSTED_NAMES)] = rng.choice(("198.51.100.9", "ada", "2001:db8::9"))
        return [(json.dumps(key), json.dumps(value)) for key, value in fields.items()]

    def bend_field(self, fields: list[tuple[str, str]]) -> None:
        """Change one field: what it holds, what it is called, how often it stands there."""
        rng = self.rng
        names = (*NAMES, *TRUSTED_NAMES) if self.has_key or rng.random() < 0.05 else NAMES
        name = rng.choice(names)
        match rng.randrange(12):
            case 0 | 1:
                value = rng.choice(JSONS)
            case 2 | 3 | 4:
                value = json.dumps(self.text(), ensure_ascii=rng.random() < 0.5)
            case 5 | 6:
                name = rng.choice(("u", "r", "u", "d"))
                value = json.dumps(rng.choice(URLS))
            case 7:
                name = rng.choice([*LIMITS])
                value = json.dumps(self.long_text(LIMITS[name]), ensure_ascii=False)
            case 8:
                name, value = rng.choice(("p", "m", "props", "meta")), self.props()
            case 9 if self.has_key:
                name = rng.choice(TRUSTED_NAMES)
                value = json.dumps(rng.choice((*ADDRESSES, *TEXTS)))
            case 10:
                fields.append((json.dumps(self.text()), rng.choice(JSONS)))
                return
            case _:
                place = rng.randrange(len(fields))
                fields[place] = (fields[place][0], rng.choice(JSONS))
                return
        key = json.dumps(name)
        if rng.random() < 0.8:
            fields[:] = [field for field in fields if field[0] != key]
        fields.insert(rng.randrange(len(fields) + 1), (key, value))

    def bend_bytes(self, body: bytearray) -> None:
        """Change, cut, double or mix some bytes."""
        rng = self.rng
        at = rng.randrange(len(body) + 1)
        match rng.randrange(6):
            case 0 if at < len(body):
                body[at] ^= 1 << rng.randrange(8)
            case 1:
                del body[at:]
            case 2:
                body[at:at] = body[at : at + rng.randrange(1, 200)]
            case 3:
                del body[at : at + rng.randrange(1, 20)]
            case 4:
                body[at:at] = rng.randbytes(rng.randrange(1, 5))
            case _:
                body[at:at] = rng.choice(SPLICES) * rng.choice((1, 1, 3))

    def text(self) -> str:
        """Return a text, alone or beside another."""
        rng = self.rng
        text = rng.choice(TEXTS)
        return text + rng.choice(TEXTS) if rng.random() < 0.3 else text

    def long_text(self, limit: int) -> str:
        """Return a text as long as a field may be, or nearly so, or much longer."""
        rng = self.rng
        length = limit + rng.choice((-1, 0, 1, 2, limit, 10 * limit))
        letter = rng.choice(
            ("x", "\u00e9", "e\u0301", "\U0001f600", "\u0130", "\ufb2c", "\x00", " x")
        )
        start = rng.choice(("", "https://example.com/", "Mozilla/5.0 "))
        return (start + letter * length)[:length]

    def props(self) -> str:
        """Return properties as JSON, also as text in JSON."""
        rng = self.rng
        pairs = [
            f"{json.dumps(self.text() or f'k{n}')}:"
            + (json.dumps(self.text()) if rng.random() < 0.7 else rng.choice(JSONS))
            for n in range(rng.choice((1, 2, 5, 29, 30, 31)))
        ]
        text = "{" + ",".join(pairs) + "}"
        return json.dumps(text) if rng.random() < 0.2 else text

    def domain(self) -> str:
        """Return a site's domain, as one may write it."""
        rng = self.rng
        domain = rng.choice(self.target.domains)
        return rng.choice(
            (domain, domain, domain, f"www.{domain}", domain.upper(), f"{domain},x.y")
        )

    def event_id(self) -> str:
        """Return an event's id, one that was used now and then."""
        rng = self.rng
        return f"f-{self.number if rng.random() < 0.97 else rng.randrange(self.number + 1)}"

    def join(self, fields: list[tuple[str, str]]) -> bytes:
        """Return the object of these fields; lone surrogates become bytes that are no UTF-8."""
        text = "{" + ",".join(f"{key}:{value}" for key, value in fields) + "}"
        return text.encode("utf-8", "surrogatepass")

    def chunk(self, body: bytes) -> bytes:
        """Return the body in chunks."""
        size = self.rng.choice((1, 7, 100, 5000)) if len(body) < 5000 else 50_000
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
