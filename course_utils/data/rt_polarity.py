"""10,662 sentences from movie reviews, half of them praise (Pang and Lee, 2005)."""

from __future__ import annotations

import torch

from course_utils.data.dataset import Strings
from course_utils.data.files import PublishedFiles, locate
from course_utils.data.text import lines_of, shuffled

FILES = PublishedFiles(
    folder="rt_polarity",
    mirrors=(
        "https://raw.githubusercontent.com/dennybritz/cnn-text-classification-tf/"
        "18762b459e21d9c70e5c242f8d43fc4e6db37a0d/data/rt-polaritydata/",
    ),
    hashes={
        "rt-polarity.neg": "2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd",
        "rt-polarity.pos": "4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58",
    },
    size=1_238_901,
)
CLASSES = ("negative", "positive")
DESCRIPTION = (
    "Movie-review sentences, polarity v1.0: 5,331 negative and 5,331 positive ones, in small "
    "letters with blanks between words and marks (B. Pang, L. Lee, ACL 2005; states no license "
    "and asks to be cited)."
)


def load() -> Strings:
    """The sentences, shuffled, and whether they praise (1) or pan (0)."""
    folder = locate(FILES)
    negative = lines_of(folder / "rt-polarity.neg")
    positive = lines_of(folder / "rt-polarity.pos")
    labels = torch.tensor([0] * len(negative) + [1] * len(positive))
    return shuffled(Strings(negative + positive, labels, DESCRIPTION, CLASSES))
