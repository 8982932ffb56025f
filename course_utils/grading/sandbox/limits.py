"""How much of the machine one submission may use."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from typing import Any

MIB = 2**20


def _half_of_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


@dataclass(frozen=True)
class Limits:
    """Bounds of one notebook's sandbox; a course sets others as ``c.Limits.memory = …``.

    Attributes:
        memory: bytes, over all processes and everything in the sandbox's file systems.
        processes: processes and threads together.
        cpu: seconds of CPU time of each process.
        file_size: bytes of one file.
        work, tmp, shared_memory: bytes of the working folder, ``/tmp`` and ``/dev/shm``.
        cell_output: characters that one cell may print; what is more is cut off.
        output: bytes of all messages of a notebook; beyond it the kernel is stopped.
        files, files_size: how many of the files that a notebook wrote are kept, and their bytes.
        submission: seconds that a whole notebook may take.
    """

    memory: int = 4096 * MIB
    processes: int = 256
    cpu: int = 3600
    file_size: int = 512 * MIB
    work: int = 1024 * MIB
    tmp: int = 512 * MIB
    shared_memory: int = 256 * MIB
    cell_output: int = MIB
    output: int = 64 * MIB
    files: int = 100
    files_size: int = 50 * MIB
    submission: int = 1200

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ValueError(f"Limits.{field.name} is {value!r}; a whole number > 0 is needed")
        object.__setattr__(self, "memory", min(self.memory, _half_of_memory()))

    @classmethod
    def of(cls, config: dict[str, Any]) -> Limits:
        """The limits that a course's configuration sets, the defaults for the rest.

        Raises:
            ValueError: an unknown name, or not a positive whole number.
        """
        names = {field.name for field in fields(cls)}
        given = dict(config.get("Limits", {}))
        if unknown := sorted(set(given) - names):
            raise ValueError(
                f"c.Limits has no {', '.join(unknown)}; it has: {', '.join(sorted(names))}"
            )
        return cls(**given)

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
