"""A small book for the tests: its chapters, and `course build` run on it in a real process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import course_utils

REPOSITORY = Path(course_utils.__file__).parent.parent

FRONT = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

"""

USES_ALPHA = (
    FRONT
    + """\
# Alpha

:::{chapter-card}
:prerequisites: Nothing.

- Read one number, $x^2$.
:::

Known since {cite}`rumelhart1986`.

```{code-cell}
from course_utils.layers.alpha import ANSWER

print("the answer is", ANSWER)
```

```{code-cell}
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement("button");
      const show = () => { button.textContent = "count " + model.get("value"); };
      button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
      model.on("change:value", show);
      show();
      el.append(button);
    } };
    '''
    _css = "button { color: rgb(1, 2, 3); }"
    value = traitlets.Int(0).tag(sync=True)

    def _repr_mimebundle_(self, **options):
        data, metadata = super()._repr_mimebundle_(**options)
        data["text/html"] = '<img alt="A counter at its start" src="data:image/gif;base64,R0lG">'
        return data, metadata

first = Counter(value=3)
first
```

```{code-cell}
first
```

```{code-cell}
Counter(value=10)
```
"""
)

USES_BETA = (
    FRONT
    + """\
# Beta

See {chapter}`the first chapter <01-alpha>`.

```{code-cell}
from course_utils.layers import beta

print("twice", 2 * beta.ANSWER)
```

```{code-cell}
:tags: [raises-exception]

1 / 0
```

```{code-cell}
from jupyterquiz import display_quiz

right = {"answer": "four", "correct": True, "feedback": "Two and two."}
wrong = {"answer": "five", "correct": False, "feedback": "One too many."}
ask = {"question": "What is 2 + 2?", "type": "multiple_choice", "answers": [right, wrong]}
display_quiz([ask], shuffle_answers=False)
```
"""
)

BIBLIOGRAPHY = """\
@article{rumelhart1986,
  author = {Rumelhart, David E. and Hinton, Geoffrey E. and Williams, Ronald J.},
  title = {Learning representations by back-propagating errors},
  journal = {Nature}, volume = {323}, year = {1986}
}
@article{nobody2000, author = {Nobody, A.}, title = {Never cited}, journal = {None}, year = {2000}}
"""


@dataclass
class Book:
    """A book in a folder, with a copy of course_utils that a test may change."""

    root: Path

    def build(self, *options: str) -> subprocess.CompletedProcess[str]:
        """`course build` in this folder, with this book's own course_utils."""
        environment = os.environ | {
            "PYTHONPATH": str(self.root / "package"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        return subprocess.run(
            [sys.executable, "-c", "from course_utils.cli import main; main()", "build", *options],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def write(self, path: str, text: str) -> None:
        """Write a file of the book or, below ``package/``, of its course_utils."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def page(self, docname: str) -> str:
        """The HTML of a page."""
        return (self.root / "_build" / "html" / f"{docname}.html").read_text(encoding="utf-8")


def states(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Chapter → executed, unchanged or "not executed", from what a build printed."""
    pattern = r"^(\S+)\s+(executed|unchanged|not executed)\b"
    return dict(re.findall(pattern, result.stdout, flags=re.MULTILINE))
