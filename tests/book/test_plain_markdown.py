"""MyST in published notebooks becomes what JupyterLab and Colab can show."""

from __future__ import annotations

import pytest

from course_utils.book.extension.plain_markdown import plain_markdown


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("(sec-a)=\n## A", "## A"),
        ("See {cite:t}`lecun1998` and {ref}`here <sec-a>`.", "See [lecun1998] and here."),
        ("As {math}`x^2` in {eq}`eq-a`.", "As $x^2$ in `eq-a`."),
        (":::{note}\nMind $x$.\n:::", "> **Note**\n>\n> Mind $x$."),
        ("```{exercise} Ramp\n:label: a\nDo it.\n```", "> **Exercise: Ramp**\n>\n> Do it."),
        ("```{exercise-start} Ramp\n:label: a\n```", "**Exercise: Ramp**"),
        ("```{exercise-end}\n```", ""),
        ("```{math}\n:label: a\nx\n```", "$$\nx\n$$"),
        ("::::{note}\n:::{tip}\nInner.\n:::\n::::", "> **Note**\n>\n> > **Tip**\n> >\n> > Inner."),
        ("```python\nx = {'a': 1}\n```", "```python\nx = {'a': 1}\n```"),
    ],
)
def test_markdown(myst, plain):
    assert plain_markdown(myst) == plain
