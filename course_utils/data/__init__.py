"""Data sets by name. Each has a file of its own, which says where the data comes from.

A full data set is looked for in ``$COURSE_DATA``, then in the cache, then downloaded; offline, an
embedded default of its kind stands in, with one line that says so. No pickle is ever loaded.
"""

from __future__ import annotations

from course_utils.data import mnist, mnist_5k
from course_utils.data.dataset import Dataset
from course_utils.errors import CourseError

__all__ = ["Dataset", "load"]

_LOADERS = {"mnist": mnist.load, "mnist-5k": mnist_5k.load}


def load(name: str) -> Dataset:
    """Load a data set by its name: ``"mnist-5k"`` or ``"mnist"``.

    ``"mnist-5k"`` is installed with the course and needs no network. The same name gives the same
    tensors in the same order, every time; they are yours to change.

    Raises:
        CourseError: there is no data set of that name, or its files cannot be read or are not the
            published ones.

    Example:
        >>> load("mnist-5k").x_train.shape
        torch.Size([4000, 784])
    """
    if name not in _LOADERS:
        raise CourseError(f"There is no data set {name!r}. There are: {', '.join(_LOADERS)}.")
    return _LOADERS[name]()
