"""nbgrader's converters say in their log what went wrong, and raise something general."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from nbgrader.converters import NbGraderException
from nbgrader.converters.base import BaseConverter

from course_utils.errors import CourseError


@contextmanager
def named_failures(converter: BaseConverter, what: str) -> Iterator[None]:
    """Turn a converter's failure into a `CourseError` that begins with ``what`` and has its cause.

    The cause is the last line of the traceback that nbgrader logged, else the last error.
    """
    logged: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(record.getMessage().strip())

    handler = Collect(level=logging.ERROR)
    converter.log.addHandler(handler)
    try:
        yield
    except NbGraderException as error:
        tracebacks = [text for text in logged if text.startswith("Traceback")]
        cause = (tracebacks or logged or [str(error)])[-1].splitlines()[-1]
        raise CourseError(f"{what}: {cause}") from error
    finally:
        converter.log.removeHandler(handler)
