"""Terminal colors, taken out of what programs print."""

from __future__ import annotations

import re

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def strip_ansi(text: str) -> str:
    """The text without ANSI color sequences, as pages and plain messages need it."""
    return _COLOR.sub("", text)
