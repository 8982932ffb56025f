"""Fashion-MNIST: pieces of clothing in the form of MNIST, and harder (Xiao et al., 2017)."""

from __future__ import annotations

from course_utils.data import idx
from course_utils.data.dataset import Dataset
from course_utils.data.files import PublishedFiles, locate

FILES = PublishedFiles(
    folder="fashion_mnist",
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    hashes={
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
    size=30_878_645,
)
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
DESCRIPTION = (
    "Fashion-MNIST: 70,000 pieces of clothing of 28 × 28 gray levels in 10 classes, 60,000 for "
    "training and 10,000 for testing (H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747; "
    "MIT, © 2017 Zalando SE)."
)


def load() -> Dataset:
    """Images (N, 784), as MNIST's, and their classes."""
    return idx.read_folder(locate(FILES), description=DESCRIPTION, classes=CLASSES)
