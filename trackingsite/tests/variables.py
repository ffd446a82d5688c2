"""The environment variables that the settings read, found in their source."""

import ast
from pathlib import Path

SETTINGS = Path(__file__).resolve().parents[1] / "settings"


def list_variables() -> set[str]:
    """Return the name in every call such as `read_text("HOST", ...)` of the settings modules."""
    return {
        call.args[0].value
        for path in SETTINGS.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id.startswith("read_")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }
