"""Where published files are found: a folder of yours, the cache, a download.

A file is opened only if its hash is the one that the course knows, wherever it was found. One
exception: where a publisher states no hash, the file is not downloaded, and read only from a folder
of yours (Hymenoptera).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pooch
from requests import RequestException
from requests.exceptions import ChunkedEncodingError, ContentDecodingError

from course_utils.data.progress import Bar, quiet_pooch
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
        mirrors: addresses that hold all of them, tried in this order; each ends with a slash. A
            reduced copy for tests has none.
        hashes: the SHA-256 of each file, by its name; ``"md5:…"`` where only that is published,
            and None where no hash is.
        size: bytes of all of them together.
    """

    folder: str
    mirrors: tuple[str, ...]
    hashes: Mapping[str, str | None]
    size: int


def locate(files: PublishedFiles) -> Path:
    """Return a folder that holds all the files, downloading them if need be.

    Looks in ``$COURSE_DATA/<folder>`` where that exists, then in the user's cache, then downloads
    into the cache. Nothing half-written is ever found in the cache.

    Raises:
        UnreachableError: a file is missing and no mirror answered.
        CourseError: a file in ``$COURSE_DATA`` is missing or damaged, what was downloaded is not
            the published file, the cache cannot be written, or a file has no published hash and is
            not in ``$COURSE_DATA``.
    """
    own = _own_folder(files)
    if own is not None:
        for name, known in files.hashes.items():
            _check_own(own / name, known)
        return own
    cache = _cache(files)
    for name, known in files.hashes.items():
        path = cache / name
        if known is None:
            raise CourseError(
                f"{name} is not downloaded for you, because its publisher states no hash to check "
                f"it by. Fetch {files.mirrors[0]}{name} yourself, put it into a folder "
                f"{files.folder}, and set COURSE_DATA to the folder above that."
            )
        if not (path.is_file() and _has_hash(path, known)):
            _download(path, known, files.mirrors)
    return cache


def own_copy(copy: PublishedFiles, *, of: PublishedFiles) -> Path | None:
    """The folder in ``$COURSE_DATA`` that holds a reduced copy in place of the published files.

    Reduced copies keep tests small. None where there is none, or the published files are there.

    Raises:
        CourseError: the copy is damaged.
    """
    own = _own_folder(copy)
    if own is None or any((own / name).exists() for name in of.hashes):
        return None
    if not all((own / name).exists() for name in copy.hashes):
        return None
    for name, known in copy.hashes.items():
        _check_own(own / name, known)
    return own


def whereabouts(files: PublishedFiles) -> Path | None:
    """The folder where all the files lie already, or None. Looks at names only: hashing takes time.

    Raises:
        CourseError: COURSE_DATA is set and no folder.
    """
    folder = _own_folder(files) or _cache(files)
    return folder if all((folder / name).is_file() for name in files.hashes) else None


def _cache(files: PublishedFiles) -> Path:
    return platformdirs.user_cache_path("course_utils") / files.folder


def _algorithm(known: str) -> tuple[str, str]:
    """``"md5:12ab"`` in two parts; without a name it is SHA-256."""
    algorithm, colon, digest = known.partition(":")
    return (algorithm, digest) if colon else ("sha256", known)


def _has_hash(path: Path, known: str) -> bool:
    algorithm, digest = _algorithm(known)
    return pooch.file_hash(str(path), alg=algorithm) == digest


def _own_folder(files: PublishedFiles) -> Path | None:
    root = os.environ.get("COURSE_DATA")
    if not root:
        return None
    if not Path(root).is_dir():
        raise CourseError(f"COURSE_DATA is {root!r}, which is not a folder.")
    folder = Path(root) / files.folder
    return folder if folder.is_dir() else None


def _check_own(path: Path, known: str | None) -> None:
    algorithm, digest = _algorithm(known or "")
    try:
        found = pooch.file_hash(str(path), alg=algorithm)
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read ({error.strerror}). Put the published file there"
            + (", or unset COURSE_DATA to download it." if known else ".")
        ) from error
    if known is not None and found != digest:
        raise CourseError(
            f"{path} is not the published file: its {algorithm} hash is {found}, not {digest}. "
            "Replace it, or unset COURSE_DATA to download it."
        )


def _download(path: Path, known: str, mirrors: tuple[str, ...]) -> None:
    """Fetch one file. pooch writes beside `path`, checks the hash, and only then renames."""
    failures: list[str] = []
    wrong: list[str] = []
    for mirror in mirrors:
        url = mirror + path.name
        try:
            with Bar(path.name) as bar, quiet_pooch():
                pooch.retrieve(
                    url,
                    known_hash=":".join(_algorithm(known)),
                    fname=path.name,
                    path=path.parent,
                    downloader=pooch.HTTPDownloader(
                        progressbar=bar, chunk_size=Bar.CHUNK, timeout=SECONDS_TO_ANSWER
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
        algorithm, digest = _algorithm(known)
        raise CourseError(
            f"What {' and '.join(wrong)} gave is not the published {path.name}: its {algorithm} "
            f"hash is not {digest}. Some networks answer with a login page: open one in a browser, "
            "then try again."
        )
    raise UnreachableError(f"{path.name} could not be downloaded ({', '.join(failures)}).")


def _in_words(url: str, error: RequestException) -> str:
    host = urlsplit(url).netloc
    if error.response is not None:
        return f"{host} answered {error.response.status_code}"
    if isinstance(error, ChunkedEncodingError | ContentDecodingError):
        return f"{host} broke off in the middle"
    return f"no answer from {host}"
