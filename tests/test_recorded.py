"""A chapter's recorded results are found wherever its notebook is run."""

from __future__ import annotations

import json

import pytest

from course_utils.errors import CourseError
from course_utils.recorded import recorded_file


def test_a_downloaded_notebook_finds_the_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = recorded_file("results/architectures.json")
    assert {"command", "device", "date"} <= json.loads(found.read_text("utf-8")).keys()


def test_a_file_beside_the_notebook_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "architectures.json").write_text("{}")
    assert recorded_file("results/architectures.json").read_text() == "{}"


def test_a_missing_record_says_what_to_do():
    with pytest.raises(CourseError, match="folder chapters/ of a clone"):
        recorded_file("results/never_made.json")
