"""What is seen of a training run: one line, in a notebook, a terminal or a file.

In a notebook the line is one output that is replaced, so that the executed notebook, and the page
made of it, hold the last line and nothing else. In a terminal it is a bar that leaves the last
line behind; into a file goes the last line only. Nothing is written to stderr, where graders count
whatever they find as an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from IPython import get_ipython
from IPython.display import display
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from course_utils.train.evaluation import Measure
from course_utils.train.history import History

SECONDS_BETWEEN_UPDATES = 0.2

# Called as (history, share of the running epoch that is done).
Show = Callable[[History, float], None]


@contextmanager
def progress_line(wanted: bool, epochs: int, metric: Measure | None) -> Iterator[Show]:
    """Give a function that shows how far the training is; in the end, show what came of it."""
    if not wanted:
        yield lambda history, share: None
        return
    name = getattr(metric, "__name__", "metric")
    latest = History()
    with _drawing(epochs) as (draw, end):

        def show(history: History, share: float) -> None:
            nonlocal latest
            latest = history
            draw(len(history) + share, _line(history, epochs, name))

        try:
            yield show
        finally:
            end(_last_line(latest, name))


# Both give (draw(epochs done, line), end(last line)).
Drawing = tuple[Callable[[float, str], None], Callable[[str], None]]


def _drawing(epochs: int) -> AbstractContextManager[Drawing]:
    if hasattr(get_ipython(), "kernel"):
        return _in_notebook(epochs)
    console = Console()
    if console.is_interactive:
        return _in_terminal(epochs, console)
    return nullcontext((lambda done, line: None, print))


@contextmanager
def _in_notebook(epochs: int) -> Iterator[Drawing]:
    handle = display({"text/plain": "starting"}, raw=True, display_id=True)
    last_update = time.perf_counter()

    def draw(done: float, line: str) -> None:
        nonlocal last_update
        if time.perf_counter() - last_update >= SECONDS_BETWEEN_UPDATES:
            last_update = time.perf_counter()
            bar = f'<progress value="{done:.2f}" max="{epochs}"></progress>'
            handle.update({"text/plain": line, "text/html": f"{bar} {line}"}, raw=True)

    yield draw, lambda line: handle.update({"text/plain": line}, raw=True)


@contextmanager
def _in_terminal(epochs: int, console: Console) -> Iterator[Drawing]:
    progress = Progress(
        BarColumn(), TextColumn("{task.description}", markup=False), console=console, transient=True
    )
    task = progress.add_task("", total=epochs)

    def draw(done: float, line: str) -> None:
        progress.update(task, completed=done, description=line)

    def end(line: str) -> None:
        progress.stop()  # takes the bar away
        print(line)

    with progress:
        yield draw, end


def _line(history: History, epochs: int, metric: str) -> str:
    """``epoch 3 of 10: train loss 0.41, validation loss 0.38, accuracy 0.89``, of the last one."""
    running = min(len(history) + 1, epochs)
    return f"epoch {running} of {epochs}{_values(history, -1, metric) if len(history) else ''}"


def _last_line(history: History, metric: str) -> str:
    words = [f"{len(history)} epoch{'' if len(history) == 1 else 's'}"]
    words[0] += f" in {sum(history.seconds):.1f} s"
    if history.stopped:
        words.append({"early": "stopped early", "interrupted": "interrupted"}[history.stopped])
    index = -1
    if history.best_epoch is not None:
        words.append(f"best epoch {history.best_epoch}")
        index = history.best_epoch - 1
    return ", ".join(words) + (_values(history, index, metric) if len(history) else "")


def _values(history: History, index: int, metric: str) -> str:
    named = [("train loss", history.train_loss), ("validation loss", history.val_loss)]
    named += [(metric, history.metric)]
    return ": " + ", ".join(f"{name} {values[index]:.4g}" for name, values in named if values)
