"""The headings of a Markdown cell."""

from __future__ import annotations

import re

HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")


def headings(source: str) -> list[tuple[int, str]]:
    """Level and text of each heading; what looks like one in a block of code is none."""
    found, fenced = [], False
    for line in source.splitlines():
        fenced ^= line.lstrip().startswith("```")
        if not fenced and (heading := HEADING.match(line)):
            found.append((len(heading[1]), heading[2]))
    return found
