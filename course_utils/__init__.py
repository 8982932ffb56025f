"""The shared package: reference layers, data, interactive figures, checks and the autograder.

Importing it does nothing and costs nothing: what needs torch is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_utils.claims import claim
    from course_utils.runtime import Setup, setup

__version__ = "0.1.0"
__all__ = ["Setup", "__version__", "claim", "setup"]

_HOMES = {"Setup": "runtime", "setup": "runtime", "claim": "claims"}


def __getattr__(name: str):
    # PEP 562: `course --help` must not wait the two seconds that importing torch takes.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"course_utils.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'course_utils' has no attribute {name!r}")
