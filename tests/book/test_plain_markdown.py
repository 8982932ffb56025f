"""MyST in published notebooks becomes what JupyterLab and Colab can show."""

from __future__ import annotations

import pytest

from course_utils.book.plain_markdown import equation_numbers, plain_markdown


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("(sec-a)=\n## A", "## A"),
        ("See {cite:t}`lecun1998` and {ref}`here <sec-a>`.", "See [lecun1998] and here."),
        ("As {math}`x^2` in {ref}`sec-a`.", "As $x^2$ in `sec-a`."),
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


def test_labeled_formulas_keep_their_numbers_across_cells():
    first, second = "$$\na = b\n$$ (first)\n", "$$\nc\n$$ (second-one)\n\nSee {eq}`first`."
    numbers = equation_numbers(first + second)
    assert plain_markdown(first, numbers) == "$$\na = b\n\\tag{1}\n$$"
    assert plain_markdown(second, numbers) == "$$\nc\n\\tag{2}\n$$\n\nSee (1)."
