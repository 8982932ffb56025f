"""Of a submission's folder comes in what is a file, however odd the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from course_utils.grading.course import fingerprint
from course_utils.grading.intake import DEEPEST, take_in


@pytest.fixture
def submitted(tmp_path) -> Path:
    folder = tmp_path / "submitted"
    folder.mkdir()
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "p1.ipynb").write_text(json.dumps(notebook))
    return folder


def nest(folder: Path, levels: int) -> None:
    """Folders in folders, made one by one: no path may name all of them."""
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        for _ in range(levels):
            os.mkdir("d")
            os.chdir("d")
        Path("file.txt").write_text("1")
    finally:
        os.fchdir(before)
        os.close(before)


@pytest.mark.parametrize("levels", [DEEPEST, 1200, 3000])
def test_deeply_nested_folders_are_left_out_and_stop_nothing(submitted, tmp_path, levels):
    nest(submitted, levels)
    try:
        intake = take_in(submitted, tmp_path / "copy", ["p1"])
        assert fingerprint(submitted) == fingerprint(submitted)
    finally:
        os.system(f"rm -rf '{submitted}/d'")
    assert intake.good == ["p1"]
    assert len(intake.left_out) <= 1


def test_files_in_folders_come_with_them(submitted, tmp_path):
    (submitted / "a" / "b").mkdir(parents=True)
    (submitted / "a" / "b" / "c.txt").write_text("1")
    (submitted / "a" / "link").symlink_to("/etc")
    intake = take_in(submitted, tmp_path / "copy", ["p1"])
    assert (tmp_path / "copy" / "a" / "b" / "c.txt").read_text() == "1"
    assert not (tmp_path / "copy" / "a" / "link").exists()
    assert intake.left_out == ["a/link is a link"]


def test_a_name_at_the_limit_comes_in(submitted, tmp_path):
    (submitted / ("x" * 255)).write_text("1")
    assert take_in(submitted, tmp_path / "copy", ["p1"]).left_out == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"nbformat": ' + "1" * 5000 + "}", "is no notebook"),
        ("[" * 100_000, "nested too deeply"),
        ("{", "breaks off"),
        ("", "breaks off"),
        ("[]", "is JSON but no notebook"),
    ],
)
def test_what_is_no_notebook_is_said(submitted, tmp_path, content, said):
    (submitted / "p1.ipynb").write_text(content)
    intake = take_in(submitted, tmp_path / "copy", ["p1"])
    assert said in intake.bad["p1"]


def test_folders_with_the_names_of_files_stop_nothing(submitted, tmp_path):
    for name in ("other.ipynb", "timestamp.txt", "p2.ipynb"):
        (submitted / name).mkdir()
        (submitted / name / "file.txt").write_text("1")
    intake = take_in(submitted, tmp_path / "copy", ["p1", "p2"])
    assert intake.good == ["p1"]
    assert "There is no notebook p2.ipynb" in intake.bad["p2"]
    assert "timestamp.txt is a folder: whether it is late is unknown" in intake.left_out
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["p1.ipynb"]
