"""5,163 first names of the US census of 1990, in the package names."""

from __future__ import annotations

from course_utils.data.dataset import Strings
from course_utils.data.packages import package_file, reading

DESCRIPTION = (
    "Census names: 5,163 first names in letters a–z, women's and then men's, frequent ones first "
    "(US Census Bureau, 1990; public domain), from the package names (T. Hunner; MIT)."
)


def load() -> Strings:
    """The names in small letters, each once, without labels."""
    names: dict[str, None] = {}  # a set that keeps its order
    for file in ("dist.female.first", "dist.male.first"):
        path = package_file("names", file, pip="names")
        with reading(path, pip="names"):
            lines = path.read_text(encoding="utf-8").splitlines()
        # A line is the name, its share in percent, the shares so far, the rank.
        names |= dict.fromkeys(line.split()[0].lower() for line in lines if line.strip())
    return Strings(list(names), None, DESCRIPTION)
