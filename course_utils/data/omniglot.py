"""Omniglot: handwritten characters of many alphabets, twenty drawings of each (Lake et al., 2015).

Two data sets: the small background sets, to learn from, and the twenty runs of the one-shot test,
in other alphabets.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.data.archives import read_zip
from course_utils.data.dataset import Dataset
from course_utils.data.files import PublishedFiles, locate
from course_utils.data.images import decode, to_tensor

ADDRESS = (
    "https://raw.githubusercontent.com/brendenlake/omniglot/"
    "057f034baf2ecb8530bc5710e5a23584d2a519cc/python/"
)
FILES = PublishedFiles(
    folder="omniglot",
    mirrors=(ADDRESS,),
    hashes={
        "images_background_small1.zip": (
            "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"
        ),
        "images_background_small2.zip": (
            "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"
        ),
    },
    size=2_899_939,
)
RUNS_FILES = PublishedFiles(
    folder="omniglot",
    mirrors=(ADDRESS + "one-shot-classification/",),
    hashes={"all_runs.zip": "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325"},
    size=352_787,
)
IN_BOTH = ("Greek", "Latin")  # these two alphabets are in both small sets
SOURCE = "(B. Lake, R. Salakhutdinov, J. Tenenbaum, Science 350, 2015; MIT, © 2015 Brenden Lake)."


def load() -> Dataset:
    """Drawings (N, 1, 105, 105), ink 1 on paper 0, and their characters.

    The test part shows other characters than the training part, of other alphabets: what is to be
    learned is how to tell characters apart, not these characters.
    """
    folder = locate(FILES)
    classes: list[str] = []
    x_train, y_train = _read_set(folder / "images_background_small1.zip", classes)
    x_test, y_test = _read_set(folder / "images_background_small2.zip", classes, skip=IN_BOTH)
    description = (
        f"Omniglot, small sets: 20 drawings of each of {len(classes)} characters, 105 × 105 pixels "
        f"of black and white; {len(y_train):,} of 5 alphabets for training, {len(y_test):,} of "
        f"3 others for testing {SOURCE}"
    )
    return Dataset(x_train, y_train, x_test, y_test, description, tuple(classes))


def _read_set(path, classes: list[str], skip: tuple[str, ...] = ()) -> tuple[Tensor, Tensor]:
    """The drawings of one archive; new characters are added to ``classes``."""
    images, labels = [], []
    for name, content in read_zip(
        path, r"[^/]+/[^/]+/character\d+/\d+_\d+\.png", limit=2**23
    ).items():
        _, alphabet, character, _ = name.split("/")
        if alphabet in skip:
            continue
        label = f"{alphabet}/{character}"
        if label not in classes[-1:]:  # names are sorted, so a character's drawings come together
            classes.append(label)
        images.append(_ink(content, name))
        labels.append(len(classes) - 1)
    return torch.stack(images), torch.tensor(labels)


def load_runs() -> Dataset:
    """Twenty runs: twenty drawings to learn from and twenty to classify, one of each character.

    x_train and x_test (20, 20, 1, 105, 105), y_train and y_test (20, 20): run, drawing. Labels
    count within a run. One drawer made a run's training drawings, another its test drawings.
    """
    members = read_zip(locate(RUNS_FILES) / "all_runs.zip", r"run\d\d/.+\.(png|txt)", limit=2**20)
    x_train, x_test, y_test = [], [], []
    for run in range(1, 21):
        lines = members[f"run{run:02}/class_labels.txt"].decode().split("\n")
        matches = dict(line.split() for line in lines if line)  # test drawing → training drawing
        training = [f"run{run:02}/training/class{k:02}.png" for k in range(1, 21)]
        test = sorted(matches)
        x_train.append(torch.stack([_ink(members[name], name) for name in training]))
        x_test.append(torch.stack([_ink(members[name], name) for name in test]))
        y_test.append(torch.tensor([training.index(matches[name]) for name in test]))
    return Dataset(
        x_train=torch.stack(x_train),
        y_train=torch.arange(20).repeat(20, 1),
        x_test=torch.stack(x_test),
        y_test=torch.stack(y_test),
        description=(
            "Omniglot, one-shot test: 20 runs of 20 characters, one drawing of each to learn from "
            f"and another to classify, 105 × 105 pixels of black and white {SOURCE}"
        ),
    )


def _ink(content: bytes, name: str) -> Tensor:
    """float32 (1, 105, 105): 1 where there is ink; the files have ink 0 on paper 1."""
    return 1 - to_tensor(decode(content, name=name).convert("1")).float()
