"""One training loop for all chapters: `fit`, and `evaluate` beside it."""

from course_utils.train.batches import Data
from course_utils.train.evaluation import Measure, accuracy, evaluate
from course_utils.train.history import History
from course_utils.train.loop import fit

__all__ = ["Data", "History", "Measure", "accuracy", "evaluate", "fit"]
