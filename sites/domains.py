"""Domains in the one form in which sites are stored and hits name them."""

import ipaddress
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

_is_domain_name = DomainNameValidator()

WWW: Final = "www."


def normalise_domain(text: str) -> str:
    """Return `text` lowered, without outer blanks, a leading `www.` and a trailing dot.

    Pages send `www.Example.com` and `example.com` for one site; both give `example.com`.
    """
    return text.strip().lower().removesuffix(".").removeprefix(WWW)


def validate_domain(text: str) -> None:
    """Raise ValidationError unless `text` is a host name or address, with or without a port."""
    host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValidationError("The port must be a number from 1 to 65535.")
    if host == "localhost" or _is_address(host):
        return
    try:
        _is_domain_name(host)
    except ValidationError:
        raise ValidationError("Enter a domain such as example.com, without https://.") from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
