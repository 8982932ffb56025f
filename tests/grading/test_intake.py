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
