"""142,787 English sentences with a French translation, short ones first (Tatoeba)."""

from __future__ import annotations

from course_utils.data.archives import read_zip
from course_utils.data.dataset import Pairs
from course_utils.data.files import PublishedFiles, locate

# A copy of the file of 2017-09-29; the publisher's own address gives a newer one every few weeks.
FILES = PublishedFiles(
    folder="fra_eng",
    mirrors=(
        "https://raw.githubusercontent.com/genimind/seq2seq/"
        "4f3f8eb0adde54fcc8b89394336b002e7961244c/",
    ),
    hashes={"fra-eng.zip": "16c4f7d0df9e7c5e6c54cdb0447f3f4a18a55052ff5e2e0b27dd4a06c0e49d04"},
    size=2_951_390,
)
DESCRIPTION = (
    "English-French: 142,787 sentence pairs, short ones first; an English sentence may come "
    "several times (tatoeba.org, through www.manythings.org/anki, 2017; CC BY 2.0)."
)


def load() -> Pairs:
    """English sentences and a French translation of each, in the order of the file."""
    text = read_zip(locate(FILES) / "fra-eng.zip", r"fra\.txt", limit=2**25)["fra.txt"].decode()
    pairs = [line.split("\t") for line in text.split("\n") if line.strip()]
    return Pairs([pair[0] for pair in pairs], [pair[1] for pair in pairs], DESCRIPTION)
