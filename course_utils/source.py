"""The course's own code, shown where a chapter teaches it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from IPython.display import Markdown


def show_source(*functions: Callable[..., Any]) -> Markdown:
    """The source of functions or methods as it runs, so that book and code cannot drift apart."""
    code = "\n".join(inspect.getsource(function) for function in functions)
    return Markdown(f"```python\n{textwrap.dedent(code)}```")
