"""What a test cell's outputs are worth.

nbgrader's rule, except where it gives points by accident or takes them: a warning on standard error
costs nothing, an error costs all wherever it stands, a test that did not run is not passed, and
partial credit is a number from 0 to the cell's points.
"""

from __future__ import annotations

import math

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import SaveAutoGrades


def determine_grade(cell: NotebookNode, *, ran: bool) -> tuple[float | None, str]:
    """The score of a graded cell, None where a person gives it, and why it needs a look.

    Args:
        cell: with its outputs.
        ran: whether it was executed.
    """
    if utils.is_solution(cell) or cell.cell_type != "code":
        return utils.determine_grade(cell)[0], ""
    most = float(cell.metadata.nbgrader["points"])
    kinds = [output.output_type for output in cell.outputs]
    if "error" in kinds:
        return 0.0, ""
    if not ran and cell.source.strip():
        return 0.0, "the test did not run"
    shown = [output for output in cell.outputs if output.output_type == "execute_result"]
    if not shown:
        return most, ""
    if len(shown) > 1:
        return 0.0, "the test displayed several values"
    return _partial(shown[0].get("data", {}).get("text/plain", ""), most)


def _partial(text: str | list[str], most: float) -> tuple[float, str]:
    try:
        value = float("".join(text))
    except (ValueError, TypeError):
        return most, ""  # not a number: as in nbgrader, the test just ends with an expression
    if math.isfinite(value) and 0 <= value <= most:
        return value, ""
    return 0.0, f"the test gave {value:g} points of {most:g}"


class SaveScores(SaveAutoGrades):
    """nbgrader's `SaveAutoGrades` by the rule above.

    Attributes:
        ran: the names of the cells that were executed; None if executing is switched off.
        odd: why cells need a look, by name; filled while it works.
    """

    ran: set[str] | None = None

    def preprocess(self, nb: NotebookNode, resources):
        self.odd: dict[str, str] = {}
        return super().preprocess(nb, resources)

    def _add_score(self, cell: NotebookNode, resources) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score, why = determine_grade(cell, ran=self.ran is None or name in self.ran)
        if why:
            self.odd[name] = why
        grade.needs_manual_grade = (
            bool(why) or grade.manual_score is not None or grade.auto_score is None
        )
        self.gradebook.db.commit()
