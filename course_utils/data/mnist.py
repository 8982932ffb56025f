"""The full MNIST: 60,000 handwritten digits to train on and 10,000 to test on."""

from __future__ import annotations

from course_utils.data import idx
from course_utils.data.dataset import Dataset
from course_utils.data.files import PublishedFiles, locate

FILES = PublishedFiles(
    folder="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e/",
    ),
    hashes={
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    size=11_594_722,
)
DESCRIPTION = (
    "MNIST: 70,000 handwritten digits of 28 × 28 gray levels, 60,000 for training and 10,000 for "
    "testing (Y. LeCun, C. Cortes, C. Burges; often cited as CC BY-SA 3.0)."
)


def load() -> Dataset:
    """Images (N, 784) and the digits that they show."""
    return idx.read_folder(locate(FILES), description=DESCRIPTION)
