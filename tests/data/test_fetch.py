"""`course data`: what a teacher runs before a class."""

import dataclasses
import os
import re
import subprocess
import sys

import pytest
from serving import NOBODY_LISTENS, Server

from course_utils.data import catalog, fetch, tinyshakespeare
from course_utils.data.catalog import ENTRIES
from course_utils.data.files import PublishedFiles
from course_utils.errors import DONE, NEEDS_A_PERSON, CourseError


@pytest.fixture
def shakespeare(server: Server, monkeypatch) -> Server:
    """A short Shakespeare, published on this machine."""
    (server.folder / "input.txt").write_bytes(b"Speak, speak.")
    files = server.publish("tinyshakespeare", "input.txt")
    entry = dataclasses.replace(ENTRIES["tinyshakespeare"], files=files)
    monkeypatch.setitem(catalog.ENTRIES, "tinyshakespeare", entry)
    monkeypatch.setattr(tinyshakespeare, "FILES", files)
    return server


def test_list_names_every_set_once_with_what_stands_in_and_whether_it_is_here(capsys):
    assert fetch.run([]) == DONE

    said = capsys.readouterr().out
    rows = {}
    for line in said.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) == 5:
            rows[cells[0]] = cells[1:]
    assert set(ENTRIES) == set(rows) - {"name"}
    assert rows["mnist"] == [ENTRIES["mnist"].what, "mnist-5k", "11.6 MB", "no"]
    assert rows["mnist-5k"] == [ENTRIES["mnist-5k"].what, "itself", "–", "installed"]
    assert rows["fra-eng"][1] == "nothing"


def test_list_sees_what_was_fetched(shakespeare, capsys):
    fetch.run(["tinyshakespeare"])
    capsys.readouterr()
    fetch.run([])

    (line,) = [
        x for x in capsys.readouterr().out.splitlines() if x.split()[:1] == ["tinyshakespeare"]
    ]
    assert "yes" in line


def test_fetched_set_is_loaded_later_without_asking_again(shakespeare, caches, capsys):
    assert fetch.run(["tinyshakespeare"]) == DONE
    assert str(caches / "tinyshakespeare") in capsys.readouterr().out

    assert catalog.load("tinyshakespeare").text == "Speak, speak."
    assert fetch.run(["tinyshakespeare"]) == DONE
    assert shakespeare.asked == ["/input.txt"]


def test_one_that_fails_does_not_keep_the_others_back(shakespeare, caches, monkeypatch, capsys):
    gone = PublishedFiles("names", (NOBODY_LISTENS,), {"names.txt": "0" * 64}, 1)
    monkeypatch.setitem(catalog.ENTRIES, "names", dataclasses.replace(ENTRIES["names"], files=gone))

    assert fetch.run(["names", "digits", "tinyshakespeare"]) == NEEDS_A_PERSON

    said = capsys.readouterr().out
    assert "names: names.txt could not be downloaded (no answer from 127.0.0.1:9)" in said
    assert "digits: comes with the installed packages" in said
    assert f"tinyshakespeare: {caches / 'tinyshakespeare'}" in said
    assert shakespeare.asked == ["/input.txt"]


def test_misspelled_name_fetches_nothing(shakespeare):
    with pytest.raises(CourseError, match=r"no data set 'mnst'"):
        fetch.run(["tinyshakespeare", "mnst"])

    assert shakespeare.asked == []


def test_reduced_copy_in_the_own_folder_is_called_that(published, capsys):
    folder = published("cifar10")

    assert fetch.run(["cifar10"]) == DONE

    assert f"{folder} (a reduced copy)" in capsys.readouterr().out


def test_command_lists_all_and_explains_a_wrong_name():
    def course(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from course_utils.cli import main; main()", "data", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"COLUMNS": "80"},
        )

    listed = course()
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in ENTRIES)

    wrong = course("mnst")
    assert wrong.returncode == 2
    assert "There is no data set 'mnst'. There are:" in wrong.stderr
    assert "Traceback" not in wrong.stderr
