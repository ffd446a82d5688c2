"""Domains in the one form in which sites are stored and hits name them."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

_EXAMPLE: Final = "Enter a domain such as example.com, without https:// and path."

_is_domain_name = DomainNameValidator()

_LEADING: Final = re.compile(r"\A(?:\s|www\.)+")
# No pattern: a search for one at the end takes the square of the length of a run before it.
_BLANKS_AND_DOTS: Final = "." + "".join(filter(str.isspace, map(chr, range(0x3001))))
_PORT: Final = re.compile(r"[0-9]{1,5}")

#: What a label in punycode begins with.
_PREFIX: Final = "xn--"
#: What DNS allows; to write a longer name in ASCII would take long.
_MAX_NAME: Final = 253
_MAX_LABEL: Final = 63
# As browsers do (UTS 46): a full stop of another script is a dot, and what nobody sees is left out.
_AS_BROWSERS: Final = {ord("。"): "."} | dict.fromkeys(
    (0xAD, 0x200B, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10))
)


def normalise_domain(text: str) -> str:
    """Return `text` lowered, in ASCII, without outer blanks, leading `www.` and trailing dots.

    Pages send `www.Example.com` and `example.com` for one site; both give `example.com`. So do
    `Bücher.example` and `xn--bcher-kva.example`, which is what both give. What this returned it
    returns unchanged, so sites are stored and looked up under one name.
    """
    if not text.isascii():
        return _normalise_unicode(text)
    return _LEADING.sub("", text.lower()).rstrip(_BLANKS_AND_DOTS)


@lru_cache(maxsize=1_000)
def _normalise_unicode(text: str) -> str:
    spelled = unicodedata.normalize("NFKC", text.lower()).translate(_AS_BROWSERS)
    name = _LEADING.sub("", unicodedata.normalize("NFKC", spelled.lower()))
    host, colon, port = name.rstrip(_BLANKS_AND_DOTS).partition(":")
    labels = host.split(".")
    if len(host) > _MAX_NAME or max(map(len, labels)) > _MAX_LABEL:  # no name of a host
        return _LEADING.sub("", text.lower()).rstrip(_BLANKS_AND_DOTS)
    return ".".join(map(_encode_label, labels)) + colon + port


def show_domain(domain: str) -> str:
    """Return a domain in its normal form as people write it: `bücher.de` for `xn--bcher-kva.de`."""
    if _PREFIX not in domain:
        return domain
    host, colon, port = domain.partition(":")
    shown = ".".join(map(_decode_label, host.split("."))) + colon + port
    return shown if normalise_domain(shown) == domain else domain


def _encode_label(label: str) -> str:
    return label if label.isascii() else _PREFIX + label.encode("punycode").decode("ascii")


def _decode_label(label: str) -> str:
    try:
        encoded = label.removeprefix(_PREFIX)
        return label if encoded == label else encoded.encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def validate_domain(text: str) -> None:
    """Raise ValidationError unless `text` is a host name or address, with or without a port."""
    if "/" in text:
        raise ValidationError(_EXAMPLE)
    host, colon, port = text.partition(":")
    if colon and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        raise ValidationError("The port must be a number from 1 to 65535.")
    if host == "localhost" or _is_address(host):
        return
    try:
        _is_domain_name(host)
    except ValidationError:
        raise ValidationError(_EXAMPLE) from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
