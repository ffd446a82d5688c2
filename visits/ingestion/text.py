"""Text from strangers, made safe to store, group and show."""

import re
import unicodedata
from typing import Final

# C0 and C1 control characters (PostgreSQL stores no NUL), the marks that turn the direction of the
# text around them (they can make one address look like another), and lone surrogates (no engine
# takes them).
_UNWANTED: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean_text(text: str) -> str:
    """Return `text` in NFC without control characters, direction marks and outer blanks.

    Two spellings that look alike group as one; what is stored can be shown anywhere.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text)).strip()
