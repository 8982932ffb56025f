"""Full data sets: a folder of one's own, the cache, and downloads from a real local server."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from serving import NOBODY_LISTENS, Server

from course_utils import runtime
from course_utils.data import load, mnist
from course_utils.data.files import PublishedFiles, UnreachableError, locate, own_copy, whereabouts
from course_utils.errors import CourseError


@pytest.fixture
def server(server):
    (server.folder / "a.bin").write_bytes(b"a" * 200_000)
    (server.folder / "b.bin").write_bytes(b"b" * 10)
    return server


@pytest.fixture
def cache(caches):
    return caches / "letters"


def letters(*mirrors: str) -> PublishedFiles:
    return PublishedFiles(
        folder="letters",
        mirrors=mirrors,
        hashes={
            "a.bin": hashlib.sha256(b"a" * 200_000).hexdigest(),
            "b.bin": "md5:" + hashlib.md5(b"b" * 10).hexdigest(),
        },
        size=200_010,
    )


def downloaded() -> int:
    return runtime.record()["downloaded_bytes"]


def test_downloads_once_and_counts_the_bytes(server, cache):
    before = downloaded()
    assert locate(letters(server.address)) == cache
    assert (cache / "a.bin").read_bytes() == b"a" * 200_000
    assert downloaded() - before == 200_010
    assert sorted(server.asked) == ["/a.bin", "/b.bin"]

    locate(letters(server.address))
    assert len(server.asked) == 2
    assert downloaded() - before == 200_010


def test_second_mirror_is_tried_when_the_first_does_not_answer(server, cache):
    locate(letters(NOBODY_LISTENS, server.address))

    assert (cache / "b.bin").read_bytes() == b"b" * 10


def test_second_mirror_is_tried_when_the_first_gives_something_else(server, cache, tmp_path):
    login = tmp_path / "login"
    login.mkdir()
    (login / "a.bin").write_bytes(b"<html>Please log in")
    (login / "b.bin").write_bytes(b"<html>Please log in")
    portal = Server(login)

    locate(letters(portal.address, server.address))

    assert (cache / "a.bin").read_bytes() == b"a" * 200_000
    assert portal.asked == ["/a.bin", "/b.bin"]
    portal.close()


def test_wrong_content_is_an_error_and_leaves_nothing_in_the_cache(server, cache):
    (server.folder / "b.bin").write_bytes(b"<html>Please log in")

    with pytest.raises(CourseError, match=r"b\.bin.*is not the published b\.bin") as caught:
        locate(letters(server.address))

    assert not isinstance(caught.value, UnreachableError)
    assert [path.name for path in cache.iterdir()] == ["a.bin"]


def test_damaged_file_in_the_cache_is_fetched_again(server, cache):
    locate(letters(server.address))
    (cache / "a.bin").write_bytes(b"a" * 1000)

    locate(letters(server.address))

    assert (cache / "a.bin").read_bytes() == b"a" * 200_000


def test_no_answer_and_missing_file_are_said_in_words(server, cache):
    (server.folder / "a.bin").unlink()

    with pytest.raises(UnreachableError, match=r"no answer from 127\.0\.0\.1:9, .* answered 404"):
        locate(letters(NOBODY_LISTENS, server.address))

    assert not list(cache.iterdir())


def test_downloads_write_nothing_to_stderr(server, capfd):
    locate(letters(server.address))

    assert capfd.readouterr().err == ""


def test_cache_that_cannot_be_written_is_named(server, cache):
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")

    with pytest.raises(CourseError, match=r"letters.*cannot be written.*COURSE_DATA"):
        locate(letters(server.address))


def test_own_folder_comes_first(server, tmp_path, monkeypatch):
    shutil.copytree(server.folder, tmp_path / "own" / "letters")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))

    assert locate(letters(server.address)) == tmp_path / "own" / "letters"
    assert server.asked == []


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.write_bytes(b"a" * 100), r"a\.bin is not the published file"),
        (lambda path: path.unlink(), r"a\.bin cannot be read \(No such file"),
    ],
    ids=["damaged", "missing"],
)
def test_own_folder_must_hold_the_published_files(server, tmp_path, monkeypatch, harm, message):
    shutil.copytree(server.folder, tmp_path / "own" / "letters")
    harm(tmp_path / "own" / "letters" / "a.bin")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))

    with pytest.raises(CourseError, match=message):
        locate(letters(server.address))
    assert server.asked == []


def test_own_folder_that_does_not_exist_is_an_error_not_a_download(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "typo"))

    with pytest.raises(CourseError, match=r"COURSE_DATA is .*typo'"):
        locate(letters(server.address))
    assert server.asked == []


def test_md5_is_checked_where_a_publisher_states_no_other(server, cache):
    locate(letters(server.address))
    (cache / "b.bin").write_bytes(b"B" * 10)

    (server.folder / "b.bin").write_bytes(b"c" * 10)
    with pytest.raises(
        CourseError, match=r"not the published b\.bin: its md5 hash is not [0-9a-f]{32}"
    ):
        locate(letters(server.address))


def test_download_that_breaks_off_is_said_and_leaves_nothing(server, cache):
    server.breaks_off.add("a.bin")

    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:\d+ broke off in the middle"):
        locate(letters(server.address))

    assert not list(cache.iterdir())


def test_second_mirror_completes_what_the_first_broke_off(server, cache, tmp_path):
    shutil.copytree(server.folder, tmp_path / "sound")
    sound = Server(tmp_path / "sound")
    server.breaks_off.add("a.bin")

    locate(letters(server.address, sound.address))

    assert (cache / "a.bin").read_bytes() == b"a" * 200_000
    sound.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_full_disk_is_said_and_leaves_nothing(server, tmp_path):
    # A limit on the size of files makes write() fail, as a full disk does.
    code = f"""
import resource, platformdirs
from pathlib import Path
from course_utils.data.files import PublishedFiles, locate
from course_utils.errors import CourseError
platformdirs.user_cache_path = lambda name: Path({str(tmp_path)!r}) / name
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
files = PublishedFiles("letters", ({server.address!r},), {dict(letters().hashes)!r}, 200_010)
try:
    locate(files)
except CourseError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "a.bin cannot be written (File too large). Make room there" in done.stdout
    assert not list((tmp_path / "course_utils" / "letters").iterdir())


def test_file_without_a_published_hash_is_never_downloaded(server, tmp_path, monkeypatch):
    files = PublishedFiles("letters", (server.address,), {"a.bin": None}, 200_000)

    with pytest.raises(
        CourseError, match=rf"Fetch {server.address}a\.bin yourself.* folder letters"
    ):
        locate(files)
    assert server.asked == []

    shutil.copytree(server.folder, tmp_path / "own" / "letters")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))
    assert locate(files) == tmp_path / "own" / "letters"

    (tmp_path / "own" / "letters" / "a.bin").unlink()
    with pytest.raises(
        CourseError, match=r"a\.bin cannot be read .* Put the published file there\.$"
    ):
        locate(files)


class TestReducedCopy:
    @pytest.fixture
    def own(self, tmp_path, monkeypatch) -> Path:
        folder = tmp_path / "own" / "letters"
        folder.mkdir(parents=True)
        (folder / "few.bin").write_bytes(b"aa")
        monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))
        return folder

    COPY = PublishedFiles("letters", (), {"few.bin": hashlib.sha256(b"aa").hexdigest()}, 2)

    def test_is_taken_where_the_published_files_are_not(self, own):
        assert own_copy(self.COPY, of=letters()) == own

    def test_gives_way_to_the_published_files(self, own):
        (own / "a.bin").write_bytes(b"a" * 200_000)

        assert own_copy(self.COPY, of=letters()) is None

    def test_must_be_sound(self, own):
        (own / "few.bin").write_bytes(b"ab")

        with pytest.raises(CourseError, match=r"few\.bin is not the published file"):
            own_copy(self.COPY, of=letters())

    def test_is_none_where_there_is_none(self, own, monkeypatch):
        (own / "few.bin").unlink()
        assert own_copy(self.COPY, of=letters()) is None

        monkeypatch.delenv("COURSE_DATA")
        assert own_copy(self.COPY, of=letters()) is None


def test_whereabouts_tells_own_folder_cache_and_nowhere_apart(server, cache, tmp_path, monkeypatch):
    files = letters(server.address)
    assert whereabouts(files) is None

    locate(files)
    assert whereabouts(files) == cache

    (tmp_path / "own" / "letters").mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))
    assert whereabouts(files) is None  # locate() would not look into the cache, either
    assert len(server.asked) == 2


def test_full_mnist_reads_from_the_own_folder(published):
    published("mnist")

    digits = load("mnist")

    assert digits.x_train.shape == (60_000, 784)
    assert digits.x_test.shape == (10_000, 784)
    assert digits.x_train.dtype == torch.float32
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
    # The published class counts of the training set.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert digits.y_train.bincount().tolist() == counts
    assert digits.y_train[:5].tolist() == [5, 0, 4, 1, 9]


def test_full_mnist_downloads_and_reads(published, monkeypatch):
    folder = published("mnist")
    monkeypatch.delenv("COURSE_DATA")
    server = Server(folder)
    files = mnist.FILES
    monkeypatch.setattr(
        mnist, "FILES", PublishedFiles("mnist", (server.address,), files.hashes, files.size)
    )
    before = downloaded()

    digits = load("mnist")

    assert len(digits.y_test) == 10_000
    assert downloaded() - before == files.size
    server.close()
