"""Domains in the one form in which sites are stored and hits name them."""

import ipaddress
import re
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

_EXAMPLE: Final = "Enter a domain such as example.com, without https:// and path."

_is_domain_name = DomainNameValidator()

_LEADING: Final = re.compile(r"\A(?:\s|www\.)+")
# No pattern: a search for one at the end takes the square of the length of a run before it.
_BLANKS_AND_DOTS: Final = "." + "".join(filter(str.isspace, map(chr, range(0x3001))))
_PORT: Final = re.compile(r"[0-9]{1,5}")


def normalise_domain(text: str) -> str:
    """Return `text` lowered, without outer blanks, leading `www.` and trailing dots.

    Pages send `www.Example.com` and `example.com` for one site; both give `example.com`. What
    this returned it returns unchanged, so sites are stored and looked up under one name.
    """
    return _LEADING.sub("", text.lower()).rstrip(_BLANKS_AND_DOTS)


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
