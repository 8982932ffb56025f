"""Run code in a sandboxed kernel and get back what it printed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from course_utils.grading.kernels.manager import SandboxedKernel
from course_utils.grading.kernels.nursery import Nursery

T = TypeVar("T")


def run(what: Coroutine[Any, Any, T]) -> T:
    """A coroutine's result. In a thread: the browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, what).result()


class Session:
    """One kernel from start to end.

    Attributes:
        outputs: the messages of each executed cell, (type, content).
    """

    def __init__(self, nursery: Nursery, folder: Path | None = None, **kwargs: Any) -> None:
        self.manager = SandboxedKernel(nursery=nursery, **kwargs)
        self.folder = folder

    async def __aenter__(self) -> Session:
        given = {"cwd": str(self.folder)} if self.folder else {}
        await self.manager._async_start_kernel(**given)
        self.client = self.manager.client()
        self.client.start_channels(stdin=False, hb=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.stop_channels()
        await self.manager._async_shutdown_kernel(now=True)

    async def run(self, code: str, timeout: float = 60) -> list[tuple[str, dict[str, Any]]]:
        """The messages that a cell gives until it is idle."""
        asked = self.client.execute(code)
        messages = []
        while True:
            message = await self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["content"].get("execution_state") == "idle":
                return messages
            messages.append((message["msg_type"], message["content"]))

    async def text(self, code: str, timeout: float = 60) -> str:
        """What a cell prints; its error's name and message if it fails."""
        said = []
        for kind, content in await self.run(code, timeout):
            if kind == "stream":
                said.append(content["text"])
            elif kind == "error":
                said.append(f"{content['ename']}: {content['evalue']}")
        return "".join(said).strip()


def inside(code: str, nursery: Nursery, folder: Path | None = None, **kwargs: Any) -> str:
    """What code prints as the only cell of a kernel."""

    async def go() -> str:
        async with Session(nursery, folder, **kwargs) as session:
            return await session.text(code)

    return run(go())
