"""Cora and CiteSeer: papers that cite one another, to be sorted by topic (Yang et al., 2016).

The split of Z. Yang, W. Cohen and R. Salakhutdinov (ICML 2016), which most papers on graph networks
use: 20 labeled papers of each topic, 500 to validate with, 1,000 to test on.

These are the only pickles that the course reads, since nobody publishes the split in another form.
Each is read after its hash was checked, and by `RestrictedUnpickler`, which can build arrays, lists
and dicts of numbers and nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from course_utils.data.dataset import Graph
from course_utils.data.files import PublishedFiles, locate
from course_utils.errors import CourseError

MIRRORS = (
    "https://raw.githubusercontent.com/kimiyoung/planetoid/"
    "af6abf468a772cc055bec88c52e4d6f51b7c37e3/data/",
)
CORA_FILES = PublishedFiles(
    folder="planetoid",
    mirrors=MIRRORS,
    hashes={
        "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
        "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
        "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
        "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
        "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
        "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
        "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
        "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    },
    size=572_444,
)
CITESEER_FILES = PublishedFiles(
    folder="planetoid",
    mirrors=MIRRORS,
    hashes={
        "ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
        "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
        "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
        "ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
        "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
        "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
        "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
        "ind.citeseer.test.index": (
            "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4"
        ),
    },
    size=1_036_188,
)
# The files number the classes; the names follow from the published number of papers of each.
CORA_CLASSES = (
    "Theory",
    "Reinforcement learning",
    "Genetic algorithms",
    "Neural networks",
    "Probabilistic methods",
    "Case-based",
    "Rule learning",
)
CITESEER_CLASSES = (
    "Artificial intelligence",
    "Machine learning",
    "Information retrieval",
    "Databases",
    "Agents",
    "Human-computer interaction",
)
SOURCE = (
    "(P. Sen et al., AI Magazine 29, 2008; split of Z. Yang, W. Cohen, R. Salakhutdinov, ICML "
    "2016; MIT, © 2016 Zhilin Yang)."
)


def load_cora() -> Graph:
    """2,708 papers on machine learning, 5,278 citations, 1,433 words that a paper has or not."""
    description = f"Cora: 2,708 papers in 7 topics, 5,278 citations between them {SOURCE}"
    return _read(locate(CORA_FILES), "cora", description, CORA_CLASSES)


def load_citeseer() -> Graph:
    """3,327 papers on computer science, 4,552 citations, 3,703 words.

    Of 15 papers the files have neither words nor topic: their features are zero, their class is -1.
    """
    description = f"CiteSeer: 3,327 papers in 6 topics, 4,552 citations between them {SOURCE}"
    return _read(locate(CITESEER_FILES), "citeseer", description, CITESEER_CLASSES)


def _read(folder: Path, name: str, description: str, classes: tuple[str, ...]) -> Graph:
    def part(suffix: str):
        return read_pickle(folder / f"ind.{name}.{suffix}")

    known, test = part("allx").dense(), part("tx").dense()
    known_y, test_y = part("ally"), part("ty")
    # Row i of tx is node test_index[i]; a number that is missing there is a paper without content.
    test_index = np.loadtxt(folder / f"ind.{name}.test.index", dtype=np.int64)
    nodes = test_index.max() + 1

    x = np.zeros((nodes, known.shape[1]), dtype=np.float32)
    x[: len(known)], x[test_index] = known, test
    y = np.full(nodes, -1)
    y[: len(known)], y[test_index] = known_y.argmax(1), test_y.argmax(1)

    # The file lists some citations twice and has a few papers that cite themselves.
    pairs = {(u, v) for u, neighbors in part("graph").items() for v in neighbors if u != v}
    both_ways = sorted(pairs | {(v, u) for u, v in pairs})

    labeled = len(part("y"))
    node = torch.arange(nodes)
    return Graph(
        x=torch.from_numpy(x),
        edge_index=torch.tensor(both_ways).T.contiguous(),
        y=torch.from_numpy(y),
        train_mask=node < labeled,
        val_mask=(node >= labeled) & (node < labeled + 500),
        test_mask=torch.isin(node, torch.from_numpy(test_index)),
        description=description,
        classes=classes,
    )


class SparseRows:
    """In place of SciPy's ``csr_matrix``: takes its fields and can give the full matrix."""

    def dense(self) -> np.ndarray:
        matrix = np.zeros(self._shape, dtype=np.float32)
        rows = np.repeat(np.arange(self._shape[0]), np.diff(self.indptr))
        matrix[rows, self.indices] = self.data
        return matrix


def _ndarray(*args: object) -> np.ndarray:
    """In place of NumPy's ``_reconstruct``: an empty array, which the pickle then fills."""
    return np.empty(0, dtype=np.uint8)


def _dtype(code: str, *args: object) -> np.dtype:
    """In place of NumPy's ``dtype``: numbers only, for an array of objects could hold anything."""
    if code not in {"f4", "f8", "i4", "i8"}:
        raise pickle.UnpicklingError(f"type {code!r} is not a type of number that is expected")
    return np.dtype(code)


class RestrictedUnpickler(pickle.Unpickler):
    """Reads a pickle that names nothing but what is listed here.

    A pickle is a program: it may name any function and have it called. The functions in this table
    are all that these programs can reach, and none of them does more than make an empty container.
    See "Restricting Globals" in the documentation of Python's module pickle.
    """

    ADMITTED: ClassVar = {
        ("numpy.core.multiarray", "_reconstruct"): _ndarray,
        ("numpy", "ndarray"): "ndarray",  # only ever handed to _reconstruct; a word can't be called
        ("numpy", "dtype"): _dtype,
        ("scipy.sparse.csr", "csr_matrix"): SparseRows,
        ("collections", "defaultdict"): defaultdict,
        ("builtins", "list"): list,
    }

    def find_class(self, module: str, name: str) -> object:
        module = {"__builtin__": "builtins"}.get(module, module)  # as Python 2 called it
        if (module, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name} is not admitted")
        return self.ADMITTED[module, name]


def read_pickle(path: Path) -> object:
    """Read a pickle of Python 2 that holds arrays, sparse matrices, or a dict of lists.

    Raises:
        CourseError: it names anything else, or is damaged.
    """
    try:
        return RestrictedUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except Exception as error:  # a damaged pickle can make any call fail in any way
        raise CourseError(f"{path} was not read: {error}.") from error
