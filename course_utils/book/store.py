"""Where executed chapters are kept: ``_build/executed/<chapter>/<fingerprint>.ipynb``."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.book.chapters import Chapter

# Switching between a CPU and a GPU, or undoing an edit, finds its result again.
RESULTS_KEPT = 6


class Store:
    """Executed notebooks under their fingerprints. Writing is atomic: a killed run leaves none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, chapter: Chapter, fingerprint: str) -> Path:
        """Where the result of this chapter is, or would be."""
        return self.folder / chapter.stem / f"{fingerprint[:32]}.ipynb"

    def put(self, chapter: Chapter, fingerprint: str, notebook: NotebookNode) -> Path:
        """Keep a result, and let go of the chapter's oldest ones."""
        path = self.path(chapter, fingerprint)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        nbformat.write(notebook, unfinished)
        os.replace(unfinished, path)
        results = sorted(path.parent.glob("*.ipynb"), key=lambda file: file.stat().st_mtime)
        for old in results[:-RESULTS_KEPT]:
            old.unlink()
        return path


def run_facts(path: Path) -> dict:
    """What was measured while a kept notebook ran: ``seconds``, ``device``, ``torch``, …"""
    return nbformat.read(path, as_version=4).metadata["course"]
