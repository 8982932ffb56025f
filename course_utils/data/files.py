"""Where published files are found: a folder of yours, the cache, a download.

A file is opened only if its SHA-256 is the one that the course knows, wherever it was found.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pooch
from requests import RequestException
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from course_utils.errors import CourseError
from course_utils.runtime import count_download

SECONDS_TO_ANSWER = 20


class UnreachableError(CourseError):
    """The files are on no disk here and no server answered: an embedded default may stand in."""


@dataclass(frozen=True)
class PublishedFiles:
    """Files that are published somewhere, and how to know them.

    Attributes:
        folder: their folder's name in ``$COURSE_DATA`` and in the cache.
        mirrors: addresses that hold all of them, tried in this order; each ends with a slash.
        sha256: the hash of each file, by its name.
    """

    folder: str
    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]


def locate(files: PublishedFiles) -> Path:
    """Return a folder that holds all the files, downloading them if need be.

    Looks in ``$COURSE_DATA/<folder>`` where that exists, then in the user's cache, then downloads
    into the cache. Nothing half-written is ever found in the cache.

    Raises:
        UnreachableError: a file is missing and no mirror answered.
        CourseError: a file in ``$COURSE_DATA`` is missing or damaged, what was downloaded is not
            the published file, or the cache cannot be written.
    """
    own = _own_folder(files)
    if own is not None:
        for name, sha256 in files.sha256.items():
            _check_own(own / name, sha256)
        return own
    cache = platformdirs.user_cache_path("course_utils") / files.folder
    for name, sha256 in files.sha256.items():
        path = cache / name
        if not (path.is_file() and pooch.file_hash(str(path)) == sha256):
            _download(path, sha256, files.mirrors)
    return cache


def _own_folder(files: PublishedFiles) -> Path | None:
    root = os.environ.get("COURSE_DATA")
    if not root:
        return None
    if not Path(root).is_dir():
        raise CourseError(f"COURSE_DATA is {root!r}, which is not a folder.")
    folder = Path(root) / files.folder
    return folder if folder.is_dir() else None


def _check_own(path: Path, sha256: str) -> None:
    try:
        found = pooch.file_hash(str(path))
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read ({error.strerror}). Put the published file there, "
            "or unset COURSE_DATA to download it."
        ) from error
    if found != sha256:
        raise CourseError(
            f"{path} is not the published file: its SHA-256 is {found}, not {sha256}. "
            "Replace it, or unset COURSE_DATA to download it."
        )


def _download(path: Path, sha256: str, mirrors: tuple[str, ...]) -> None:
    """Fetch one file. pooch writes beside `path`, checks the hash, and only then renames."""
    failures: list[str] = []
    wrong: list[str] = []
    for mirror in mirrors:
        url = mirror + path.name
        try:
            with _Bar(path.name) as bar, _quiet_pooch():
                pooch.retrieve(
                    url,
                    known_hash=f"sha256:{sha256}",
                    fname=path.name,
                    path=path.parent,
                    downloader=pooch.HTTPDownloader(
                        progressbar=bar, chunk_size=_Bar.CHUNK, timeout=SECONDS_TO_ANSWER
                    ),
                )
        except RequestException as error:
            failures.append(_in_words(url, error))
        except ValueError:  # pooch's word for a hash that does not match
            wrong.append(url)
        except OSError as error:
            raise CourseError(
                f"{path} cannot be written ({error.strerror or error}). "
                "Make room there, or put the file into $COURSE_DATA."
            ) from error
        else:
            count_download(path.stat().st_size)
            return
    if wrong:
        raise CourseError(
            f"What {' and '.join(wrong)} gave is not the published {path.name}: its SHA-256 is "
            f"not {sha256}. Some networks answer with a login page: open one in a browser, "
            "then try again."
        )
    raise UnreachableError(f"{path.name} could not be downloaded ({', '.join(failures)}).")


def _in_words(url: str, error: RequestException) -> str:
    host = urlsplit(url).netloc
    if error.response is not None:
        return f"{host} answered {error.response.status_code}"
    return f"no answer from {host}"


class _Bar:
    """What pooch asks of a progress bar, drawn by rich once a server has answered."""

    CHUNK = 2**16

    def __init__(self, name: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
        )
        self._task = self._progress.add_task(name, total=None)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, size: int) -> None:
        self._progress.update(self._task, total=size)
        self._progress.start()

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        """Nothing to do: leaving the context ends the bar."""


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch's announcements off stderr; what went wrong is said in our own words."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
