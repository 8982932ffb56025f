"""Members of zip and tar archives, read into memory by name. Nothing is ever unpacked to disk."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from course_utils.errors import CourseError


def read_zip(path: Path, pattern: str, *, limit: int) -> dict[str, bytes]:
    """The members of a zip whose whole name matches ``pattern``, sorted by name.

    Args:
        path: the archive.
        pattern: a regular expression.
        limit: the most bytes that the members may unpack to, all together.

    Raises:
        CourseError: the archive is damaged, or its members are larger than ``limit``.
    """
    with _reading(path), ZipFile(path) as archive:
        wanted = [info for info in archive.infolist() if re.fullmatch(pattern, info.filename)]
        _check_size(path, sum(info.file_size for info in wanted), limit)
        # What a member unpacks to is cut off at the size that it states, and was just counted.
        return {i.filename: archive.read(i) for i in sorted(wanted, key=lambda i: i.filename)}


def read_tar(path: Path, pattern: str, *, limit: int) -> dict[str, bytes]:
    """The same for a tar file, compressed or not. Links and devices are no members."""
    members: dict[str, bytes] = {}
    size = 0
    with _reading(path), tarfile.open(path) as archive:
        for info in archive:  # one pass: going back in a compressed file means starting again
            if info.isreg() and re.fullmatch(pattern, info.name):
                size += info.size
                _check_size(path, size, limit)
                file = archive.extractfile(info)
                assert file is not None  # a regular file has content
                members[info.name] = file.read()
    return dict(sorted(members.items()))


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise CourseError(
            f"{path} unpacks to {size:,} bytes and more, expected at most {limit:,}. "
            "It is not the published file."
        )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise CourseError(
            f"{path} is not a sound archive ({error}). Replace it by the published file."
        ) from error
