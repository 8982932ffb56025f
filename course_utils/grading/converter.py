"""nbgrader's ``autograde`` of one notebook, taken apart into sanitizing and recording.

In between somebody else executes the cells: `job` says which, and `record` puts the outputs into
the notebook that never left this process. What nbgrader does before and after is nbgrader's own.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from nbclient import NotebookClient
from nbconvert.writers import FilesWriter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, SaveAutoGrades
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from course_utils.grading.restore import TAGS, Restored, restore
from course_utils.grading.scores import SaveScores

# What of nbgrader's (nbclient's) settings a worker has to know.
SETTINGS = (
    "coalesce_streams",
    "error_on_timeout",
    "extra_arguments",
    "iopub_timeout",
    "ipython_hist_file",
    "raise_on_iopub_timeout",
    "startup_timeout",
)


class SplitAutograde(Autograde):
    """`Autograde` whose two passes over a notebook are called one by one.

    Attributes:
        odd: why cells of the notebook recorded last need a look, by name.
    """

    odd: Mapping[str, str] = {}

    def begin(self, notebooks: list[str]) -> None:
        """What `start` does before it converts these notebooks, all of one submission."""
        self.notebooks = notebooks
        self.writer = FilesWriter(parent=self, config=self.config)
        self.exporter = self.exporter_class(parent=self, config=self.config)

    def _init_preprocessors(self) -> None:
        # Once after all preprocessors instead of after each: it is half of the time otherwise.
        self.exporter.optimistic_validation = True
        super()._init_preprocessors()

    def sanitize(self, path: str, released: NotebookNode | None) -> tuple[NotebookNode, Restored]:
        """nbgrader's first pass, on a notebook in which what is not the student's is put right.

        Args:
            path: a submitted notebook.
            released: as it was given out; without it nothing is put right.
        """
        self._sanitizing = True
        self._init_preprocessors()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cells without an id
            notebook = nbformat.read(path, as_version=4)
            restored = Restored()
            if released is not None:
                restored = restore(notebook, released, TAGS | {self._execute().skip_cells_with_tag})
            output, _ = self.exporter.from_notebook_node(notebook, self._resources(path))
            return nbformat.reads(output, as_version=4), restored

    def job(self, notebook: NotebookNode) -> dict[str, Any] | None:
        """What a worker has to know of a sanitized notebook; None if it must not be executed."""
        execute = self._execute()
        if not execute.enabled or not any(map(_executes, self.autograde_preprocessors)):
            return None
        return {
            "settings": {name: getattr(execute, name) for name in SETTINGS},
            "cells": [
                {
                    "type": cell.cell_type,
                    "source": cell.source,
                    "timeout": execute._get_timeout(cell),
                    "test": bool(utils.is_grade(cell) and cell.cell_type == "code"),
                }
                for cell in notebook.cells
            ],
        }

    def record(self, path: str, notebook: NotebookNode, execution: dict[str, Any] | None) -> None:
        """nbgrader's second pass, with what a worker gave for the execution."""
        dest = self._format_dest(*self._ids(path))
        self._sanitizing = False
        try:
            self.exporter.optimistic_validation = True
            self.exporter._preprocessors = []
            saver = SaveScores(parent=self.exporter)
            for given in self.autograde_preprocessors:
                preprocessor = import_item(given) if isinstance(given, str) else given
                if _executes(preprocessor):
                    if execution is not None:
                        self.exporter.register_preprocessor(partial(_graft, execution))
                        saver.ran = _ran(notebook, execution)
                elif preprocessor is SaveAutoGrades:
                    self.exporter.register_preprocessor(saver)
                else:
                    self.exporter.register_preprocessor(preprocessor)
            resources = self._resources(os.path.join(dest, os.path.basename(path)))
            with utils.setenv(NBGRADER_EXECUTION="autograde"):
                output, resources = self.exporter.from_notebook_node(notebook, resources)
            self.odd = saver.odd
            self.write_single_notebook(output, resources)
        finally:
            self._sanitizing = True

    def keep_written(self, path: str, written: Path) -> None:
        """Files that a notebook wrote come back where there is none of that name."""
        dest = Path(self._format_dest(*self._ids(path)))
        for file in sorted(written.rglob("*")):
            target = dest / file.relative_to(written)
            # A notebook there would be one that nobody graded.
            if file.suffix == ".ipynb" or file.is_symlink() or not file.is_file():
                continue
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if not os.path.lexists(target):
                    shutil.copyfile(file, target)
            except (FileExistsError, NotADirectoryError):
                continue  # what is a folder to it is a file of the submission

    def _execute(self) -> Execute:
        return Execute(parent=self.exporter)

    def _ids(self, path: str) -> tuple[str, str]:
        ids = self.init_single_notebook_resources(path)["nbgrader"]
        return ids["assignment"], ids["student"]

    def _resources(self, path: str) -> dict[str, Any]:
        folder, name = os.path.split(path)
        metadata = {"name": os.path.splitext(name)[0], "path": folder}
        return self.init_single_notebook_resources(path) | {"metadata": metadata}


def kernel_command(notebook: NotebookNode, config: Config) -> list[str] | None:
    """The command of the kernel that a notebook asks for; None for this interpreter's.

    Raises:
        NoSuchKernel: it is not installed.
    """
    name = Execute(config=config).kernel_name or notebook.metadata.get("kernelspec", {}).get("name")
    # To jupyter_client, too, these are the interpreter that it runs in.
    if not name or name in ("python", NATIVE_KERNEL_NAME):
        return None
    return KernelSpecManager().get_kernel_spec(name).argv


def _executes(preprocessor: Any) -> bool:
    given = import_item(preprocessor) if isinstance(preprocessor, str) else preprocessor
    return isinstance(given, type) and issubclass(given, NotebookClient)


def _ran(notebook: NotebookNode, execution: dict[str, Any]) -> set[str]:
    return {
        cell.metadata.nbgrader["grade_id"]
        for cell, done in zip(notebook.cells, execution["cells"], strict=True)
        if done["ran"] and utils.is_grade(cell)
    }


def _graft(
    execution: dict[str, Any], notebook: NotebookNode, resources: dict[str, Any]
) -> tuple[NotebookNode, dict[str, Any]]:
    """The outputs, and nothing else, come from the worker."""
    for cell, done in zip(notebook.cells, execution["cells"], strict=True):
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict(done["outputs"])
            cell.execution_count = done["execution_count"]
    notebook.metadata["language_info"] = nbformat.from_dict(execution["language_info"])
    if execution["widgets"]:
        notebook.metadata["widgets"] = nbformat.from_dict(execution["widgets"])
    return notebook, resources
