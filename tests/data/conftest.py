"""An empty cache for every test here, a web server, and a machine without a network."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
from serving import Server

# As the tests were started: where the published files are, if anywhere.
COURSE_DATA = os.environ.get("COURSE_DATA")


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch) -> Path:
    """A folder of the test's own in place of the user's caches, and no COURSE_DATA."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: folder / name)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return folder / "course_utils"


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    server = Server(folder)
    yield server
    server.close()


@pytest.fixture
def no_network(monkeypatch) -> None:
    def refuse(*args, **kwargs):
        raise OSError("this test has no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def published(monkeypatch):
    """Sets COURSE_DATA to the folder with a data set's files, or skips the test."""

    def use(folder: str) -> Path:
        if not COURSE_DATA or not (Path(COURSE_DATA) / folder).is_dir():
            pytest.skip(f"COURSE_DATA names no folder with {folder}")
        monkeypatch.setenv("COURSE_DATA", COURSE_DATA)
        return Path(COURSE_DATA) / folder

    return use
