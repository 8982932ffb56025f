"""A million characters of Shakespeare's plays (A. Karpathy's char-rnn)."""

from __future__ import annotations

from course_utils.data.dataset import Text
from course_utils.data.files import PublishedFiles, locate

FILES = PublishedFiles(
    folder="tinyshakespeare",
    mirrors=(
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",
    ),
    hashes={"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
    size=1_115_394,
)
DESCRIPTION = (
    "Tiny Shakespeare: 1,115,394 characters of Shakespeare's plays, 65 different ones "
    "(public domain; from github.com/karpathy/char-rnn)."
)


def load() -> Text:
    """The text as it is."""
    return Text((locate(FILES) / "input.txt").read_bytes().decode("ascii"), DESCRIPTION)
