"""32,033 first names, to learn to invent more (A. Karpathy's makemore)."""

from __future__ import annotations

from course_utils.data.dataset import Strings
from course_utils.data.files import PublishedFiles, locate

FILES = PublishedFiles(
    folder="names",
    mirrors=(
        "https://raw.githubusercontent.com/karpathy/makemore/"
        "988aa59e4d8fefa526d06f3b453ad116258398d4/",
    ),
    hashes={"names.txt": "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"},
    size=228_145,
)
DESCRIPTION = (
    "Names: 32,033 first names in letters a–z, as given to children in the USA in 2018, frequent "
    "ones first (ssa.gov, from github.com/karpathy/makemore; MIT)."
)


def load() -> Strings:
    """The names in the order of the file, without labels."""
    lines = (locate(FILES) / "names.txt").read_text(encoding="utf-8").split("\n")
    return Strings([line for line in lines if line], None, DESCRIPTION)
