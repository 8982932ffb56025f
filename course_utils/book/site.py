"""Sphinx: from sources and kept outputs to pages, published only if all of them are good."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from course_utils.ansi import strip_ansi
from course_utils.errors import NEEDS_A_PERSON, CourseError

# Of no use to a reader: source maps, fonts for browsers without woff2, the theme's translations.
_NOT_PUBLISHED = shutil.ignore_patterns("*.map", "*.ttf", "locales", ".buildinfo", "reports")


def make_pages(
    root: Path, *, work: Path, site: Path, executed: dict[str, str | None], tolerate: bool
) -> list[str]:
    """Build the pages in ``work`` and, when Sphinx is content, publish them to ``site``.

    Args:
        executed: for each chapter, the notebook with its outputs, or None to show it without.
        tolerate: publish in spite of warnings: a preview in which chapters lack outputs that the
            text may refer to.

    Returns:
        The warnings, one or more lines each (none unless ``tolerate``).

    Raises:
        CourseError: a warning or an error; ``site`` keeps the last good build.
    """
    from jupyter_book.sphinx import build_sphinx

    heard, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(said):
        outcome = build_sphinx(
            root,
            work / "html",
            noconfig=True,
            path_config=root / "_config.yml",
            doctreedir=work / "doctrees",
            confoverrides={
                "latex_individualpages": False,
                "external_toc_path": str(root / "_toc.yml"),
                "course_executed": executed,
            },
            quiet=True,
            warningiserror=not tolerate,
            keep_going=True,
        )
    warnings = strip_ansi(heard.getvalue()).strip()
    if outcome != 0 or (warnings and not tolerate):
        # Sphinx would not warn again about pages that it need not read again.
        shutil.rmtree(work / "doctrees", ignore_errors=True)
        message = warnings or strip_ansi(said.getvalue()).strip() or repr(outcome)
        kept = f"{site} still holds the last good build" if site.exists() else "Nothing was built"
        raise CourseError(
            f"Sphinx is not content with the pages:\n{_relative(message, root)}\n\n"
            f"{kept}; the pages as far as they got are in {work / 'html'}.",
            exit_code=NEEDS_A_PERSON,
        )
    publish(work / "html", site)
    return _relative(warnings, root).splitlines()


def publish(pages: Path, site: Path) -> None:
    """Make ``site`` the same as ``pages``; files that are equal already are left alone."""
    wanted = set()
    for folder, folders, names in _walk(pages):
        left_out = _NOT_PUBLISHED(str(folder), names + folders)
        folders[:] = [name for name in folders if name not in left_out]
        target = site / folder.relative_to(pages)
        target.mkdir(parents=True, exist_ok=True)
        for name in set(names) - left_out:
            source, copy = folder / name, target / name
            wanted.add(copy)
            if not copy.exists() or _stamp(copy) != _stamp(source):
                shutil.copy2(source, copy)
    for folder, _, names in _walk(site, top_down=False):
        for name in names:
            if folder / name not in wanted:
                (folder / name).unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()  # when nothing is left in it


def _walk(top: Path, *, top_down: bool = True) -> Iterator[tuple[Path, list[str], list[str]]]:
    for folder, folders, names in os.walk(top, topdown=top_down):
        yield Path(folder), folders, names


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _relative(text: str, root: Path) -> str:
    return text.replace(f"{root.resolve()}/", "")
