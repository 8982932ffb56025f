"""The one reader of pickles: it builds arrays, and nothing that a hostile pickle asks for."""

import os
import pickle
import warnings

import numpy as np
import pytest

from course_utils.data.planetoid import SparseRows, read_pickle
from course_utils.errors import CourseError


def call(module, name, *words):
    """A pickle of protocol 0 that calls ``module.name(*words)``."""
    arguments = "".join(f"S{word!r}\n" for word in words)
    return f"c{module}\n{name}\n({arguments}tR.".encode()


class Hostile:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


ATTACKS = {
    "os.system": call("os", "system", "touch pwned"),
    "posix.system": call("posix", "system", "touch pwned"),
    "subprocess": call("subprocess", "getoutput", "touch pwned"),
    "eval": call("builtins", "eval", "open('pwned', 'w')"),
    "eval of Python 2": call("__builtin__", "eval", "open('pwned', 'w')"),
    "exec": call("builtins", "exec", "open('pwned', 'w')"),
    "open": call("builtins", "open", "pwned", "w"),
    "getattr": call("builtins", "getattr", "", "join"),
    "a module by its name": call("builtins", "__import__", "antigravity"),
    "numpy.save": call("numpy", "save", "pwned", "x"),
    "numpy.fromfile": call("numpy", "fromfile", "/etc/passwd"),
    "numpy.load": call("numpy", "load", "pwned.npy"),
    "numpy's own runner": call("numpy.testing._private.utils", "runstring", "x", "y"),
    "numpy f2py": call("numpy.f2py", "os.system", "touch pwned"),
    "dotted name": call("collections", "defaultdict.__init__", "x"),
    "scipy": call("scipy.io", "savemat", "pwned"),
    "protocol 4": pickle.dumps(Hostile(os.system, ("touch pwned",)), protocol=4),
    "protocol 5": pickle.dumps(Hostile(eval, ("open('pwned', 'w')",)), protocol=5),
    "inside an array of objects": pickle.dumps(
        np.array([Hostile(os.system, ("touch pwned",))], dtype=object), protocol=2
    ),
    "instance by the old opcode": b"(S'touch pwned'\nios\nsystem\n.",
    "extension registry": b"\x80\x02\x82\x01.",
    "persistent id": b"Pos.system\n.",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_pickle_is_refused_and_does_nothing(attack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ind.cora.x"
    path.write_bytes(ATTACKS[attack])

    with pytest.raises(CourseError, match=r"ind\.cora\.x was not read: "):
        read_pickle(path)

    assert [p.name for p in tmp_path.iterdir()] == ["ind.cora.x"]


def test_attacks_work_on_a_reader_that_admits_everything(tmp_path, monkeypatch):
    # Or the test above would pass on attacks that are none.
    monkeypatch.chdir(tmp_path)
    for attack in ("os.system", "eval", "protocol 4", "inside an array of objects"):
        pickle.loads(ATTACKS[attack])
        assert (tmp_path / "pwned").exists()
        (tmp_path / "pwned").unlink()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (call("os", "system", "x"), r"os\.system is not admitted"),
        (call("numpy", "dtype", "O"), r"type 'O' is not a type of number"),
        (call("numpy", "ndarray", "x"), "not callable"),
        (b"", "Ran out of input"),
        (b"\x80\x02]q\x01(K", "truncated"),
        (b"<html>Please log in", "."),
    ],
    ids=["function", "objects", "array of any size", "empty", "cut off", "nonsense"],
)
def test_reason_is_said(content, reason, tmp_path):
    path = tmp_path / "ind.cora.x"
    path.write_bytes(content)

    with pytest.raises(CourseError, match=reason):
        read_pickle(path)


def test_sparse_rows_become_the_matrix_that_scipy_makes():
    from scipy.sparse import random as random_matrix

    theirs = random_matrix(7, 5, density=0.4, format="csr", random_state=0, dtype=np.float32)
    ours = SparseRows()
    ours.__dict__ = {
        "data": theirs.data,
        "indices": theirs.indices,
        "indptr": theirs.indptr,
        "_shape": theirs.shape,
    }

    assert np.array_equal(ours.dense(), theirs.toarray())


@pytest.mark.parametrize("part", ["x", "tx", "allx", "y", "ty", "ally", "graph"])
@pytest.mark.parametrize("name", ["cora", "citeseer"])
def test_published_pickles_read_as_with_the_unrestricted_reader(name, part, published):
    path = published("planetoid") / f"ind.{name}.{part}"

    ours = read_pickle(path)

    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file names modules by names that are going out of use
        theirs = pickle.load(file, encoding="latin1")
    if isinstance(ours, SparseRows):
        assert np.array_equal(ours.dense(), theirs.toarray())
    elif part == "graph":
        assert ours == theirs
    else:
        assert np.array_equal(ours, theirs)
