"""Corpora that stand beside the clone on some machines: lists made by others, to test against."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

_CORPORA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared_folder(name: str) -> Path:
    """Return the folder of the corpus `name`, that of all for empty text.

    Skips the test, and says why, where it is not beside the clone.
    """
    folder = _CORPORA / name
    if not folder.is_dir():
        pytest.skip(f"the corpora ({name or 'any'}) are not beside this clone")
    return folder
