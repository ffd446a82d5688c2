"""The first administrator, so that a new installation can be entered."""

import secrets
import string
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q

NAME: Final = "admin"

# Without the letters and digits that are mistaken for each other.
_LETTERS: Final = sorted({*string.ascii_letters, *string.digits} - {*"0O1lI"})


@dataclass(frozen=True, slots=True)
class Administrator:
    """Whom to log in as."""

    name: str
    password: str


def create_first_administrator(password: str) -> Administrator | None:
    """Create one with this password, a random one when it is empty; return them.

    None when there is an administrator, active or not, or when somebody who is none has the name.
    """
    if User.objects.filter(Q(is_superuser=True) | Q(username=NAME)).exists():
        return None
    password = password or make_password()
    User.objects.create_superuser(NAME, password=password)
    return Administrator(NAME, password)


def make_password() -> str:
    """Return 16 random letters and digits, more than 90 bits, easy to read and to select."""
    return "".join(secrets.choice(_LETTERS) for _ in range(16))
