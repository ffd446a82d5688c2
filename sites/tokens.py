"""Secrets that open something to whoever has them, and what they are found by."""

from __future__ import annotations

import hashlib
import secrets


def draw_token() -> str:
    """Return a new secret of 256 bits, as an address may hold it."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return what a secret is found by: how long that takes tells nothing of the secret itself."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
