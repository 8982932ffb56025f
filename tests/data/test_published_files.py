"""Full data sets: a folder of one's own, the cache, and downloads from a real local server."""

import hashlib
import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import platformdirs
import pytest
import torch

from course_utils import runtime
from course_utils.data import load, mnist
from course_utils.data.files import PublishedFiles, UnreachableError, locate
from course_utils.errors import CourseError

OWN = Path(os.environ.get("COURSE_DATA", "")) / "mnist"
needs_own_folder = pytest.mark.skipif(
    not (os.environ.get("COURSE_DATA") and OWN.is_dir()),
    reason="COURSE_DATA names no folder with the full MNIST",
)
NOBODY_LISTENS = "http://127.0.0.1:9/"  # port 9 (discard): refused at once


class Server:
    """A folder served on 127.0.0.1; `asked` holds the paths that were requested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *args):
                asked.append(self.path)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a" * 200_000)
    (folder / "b.bin").write_bytes(b"b" * 10)
    server = Server(folder)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the test's own, and no COURSE_DATA."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: folder / name)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return folder / "course_utils" / "letters"


def letters(*mirrors: str) -> PublishedFiles:
    return PublishedFiles(
        folder="letters",
        mirrors=mirrors,
        sha256={
            "a.bin": hashlib.sha256(b"a" * 200_000).hexdigest(),
            "b.bin": hashlib.sha256(b"b" * 10).hexdigest(),
        },
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


def test_offline_mnist_falls_back_to_the_embedded_digits_with_one_line(monkeypatch, capsys):
    offline = PublishedFiles("mnist", (NOBODY_LISTENS,), mnist.FILES.sha256)
    monkeypatch.setattr(mnist, "FILES", offline)

    digits = load("mnist")

    assert digits.x_train.shape == (4000, 784)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "no answer from 127.0.0.1:9" in lines[0]
    assert "mnist-5k" in lines[0]


@needs_own_folder
def test_full_mnist_reads_from_the_own_folder(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(OWN.parent))

    digits = load("mnist")

    assert digits.x_train.shape == (60_000, 784)
    assert digits.x_test.shape == (10_000, 784)
    assert digits.x_train.dtype == torch.float32
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
    # The published class counts of the training set.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert digits.y_train.bincount().tolist() == counts
    assert digits.y_train[:5].tolist() == [5, 0, 4, 1, 9]


@needs_own_folder
def test_full_mnist_downloads_reads_and_needs_no_pickle(monkeypatch, capsys):
    server = Server(OWN)
    served = PublishedFiles("mnist", (server.address,), mnist.FILES.sha256)
    monkeypatch.setattr(mnist, "FILES", served)
    before = downloaded()

    digits = load("mnist")

    assert len(digits.y_test) == 10_000
    assert downloaded() - before == sum((OWN / name).stat().st_size for name in served.sha256)
    server.close()
