"""Without a network: what stands in, and what is said where nothing does."""

import pytest

from course_utils.data import load
from course_utils.data.catalog import ENTRIES
from course_utils.data.files import UnreachableError
from course_utils.errors import CourseError

FULL = {name: entry for name, entry in ENTRIES.items() if entry.files is not None}
STAND_INS = {
    "mnist": "mnist-5k",
    "fashion-mnist": "mnist-5k",
    "cifar10": "photo-patches",
    "names": "census-names",
    "tinyshakespeare": "state-of-the-union",
    "cora": "karate-club",
    "citeseer": "karate-club",
}

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.mark.parametrize(("name", "stand_in"), STAND_INS.items())
def test_embedded_data_of_its_kind_stands_in_with_one_line(name, stand_in, capfd):
    data = load(name)

    assert data.description == load(stand_in).description
    said = capfd.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert len(lines) == 1
    assert "could not be downloaded (no answer from " in lines[0]
    assert f"Using {stand_in} instead: {ENTRIES[stand_in].what}." in lines[0]


@pytest.mark.parametrize(
    "name", [name for name in FULL if name not in STAND_INS and name != "hymenoptera"]
)
def test_where_nothing_stands_in_the_error_says_what_to_do(name, caches):
    with pytest.raises(UnreachableError) as caught:
        load(name)

    folder = ENTRIES[name].files.folder
    for words in (
        "could not be downloaded (no answer from ",
        f"Nothing stands in for {name}.",
        f"(course data {name})",
        f"$COURSE_DATA/{folder}.",
    ):
        assert words in str(caught.value)
    assert not [path for path in caches.rglob("*") if path.is_file()]


def test_hymenoptera_is_not_downloaded_and_the_error_says_where_to_get_it():
    with pytest.raises(CourseError) as caught:
        load("hymenoptera")

    assert not isinstance(caught.value, UnreachableError)
    assert "https://download.pytorch.org/tutorial/hymenoptera_data.zip" in str(caught.value)
    assert "COURSE_DATA" in str(caught.value)


def test_every_stand_in_is_of_the_same_kind_and_installed():
    for entry in FULL.values():
        if entry.stand_in is not None:
            assert ENTRIES[entry.stand_in].files is None
    assert {n: e.stand_in for n, e in FULL.items() if e.stand_in} == STAND_INS


def test_stand_ins_have_the_shapes_that_code_for_the_full_sets_expects():
    assert load("fashion-mnist").x_train.shape[1:] == (784,)
    assert load("cifar10").x_train.shape[1:] == (3, 32, 32)
    assert len(load("cifar10").classes) == 10


def test_wrong_file_is_an_error_although_something_could_stand_in(tmp_path, monkeypatch):
    folder = tmp_path / "own" / "tinyshakespeare"
    folder.mkdir(parents=True)
    (folder / "input.txt").write_text("To be, or not to be")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))

    with pytest.raises(CourseError, match=r"input\.txt is not the published file"):
        load("tinyshakespeare")
