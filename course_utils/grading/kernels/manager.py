"""The kernel manager that the grader uses."""

from __future__ import annotations

import signal
from functools import cache
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.sandbox.limits import Limits

LAUNCH = ["python", "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class WarmClient(AsyncKernelClient):
    """A client of a kernel that listens before the client exists, and welcomes subscribers.

    So nothing is asked twice: jupyter_client's own polls and flushes wait for 0.2 s at least.
    """

    def start_channels(self, *, hb: bool = False, stdin: bool = False, **kwargs: bool) -> None:
        # The warden knows whether the kernel lives, and nobody answers a notebook's questions.
        super().start_channels(hb=hb, stdin=stdin, **kwargs)

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the kernel's answer and for its welcome.

        Raises:
            RuntimeError: neither came in time.
        """
        self.kernel_info()
        try:
            reply = await self.get_shell_msg(timeout=timeout)
            await self.get_iopub_msg(timeout=timeout)
        except Empty:
            raise RuntimeError(f"Kernel didn't respond in {timeout} seconds") from None
        self._handle_kernel_info_reply(reply)

    wait_for_ready = _async_wait_for_ready


@cache
def _context(longest: int) -> zmq.asyncio.Context:
    """Where sockets come from to which no message longer than ``longest`` bytes gets through.

    A longer one closes the connection, and a closed one stays closed: what a student's code does
    with its end of it is no reason to connect again.
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, longest)
    context.setsockopt(zmq.RECONNECT_IVL, -1)
    context.setsockopt(zmq.LINGER, 0)
    context.setsockopt(zmq.RCVHWM, 16)  # messages that wait here until they are read
    return context


class SandboxedKernel(AsyncKernelManager):
    """A kernel manager whose kernel is forked by a nursery, whatever the notebook's kernelspec.

    Args:
        nursery: where it is forked; by default one that everybody in this process shares.
        limits: how much of the machine it may use.
        secret: the class's secret, which hidden tests draw from.
        seed: for random numbers that the notebook does not seed.
        argv: of another kernelspec, which is started cold; by default this interpreter's kernel.

    Attributes:
        written: after `shutdown_kernel`, a folder with the files that the notebook wrote, or None.
        peak_memory: after it, the most bytes that the sandbox held at once.
        cpu: after it, the seconds of CPU time that the sandbox took.
        ended: after it, why the sandbox stopped the kernel; empty if it did not.
    """

    def __init__(
        self,
        *,
        nursery: Nursery | None = None,
        limits: Limits | None = None,
        secret: str | None = None,
        seed: int | None = None,
        argv: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.nursery, self.limits = nursery, limits or Limits()
        self.secret, self.seed = secret, seed
        self._argv = argv or LAUNCH
        self.written: Path | None = None
        self.peak_memory: int | None = None
        self.ended = ""
        self.cpu = 0.0
        self.context = _context(self.limits.output)

    @property
    def kernel_spec(self) -> KernelSpec:
        provisioner = {"provisioner_name": "warm-sandbox", "config": {}}
        return KernelSpec(
            argv=self._argv,
            display_name="Python",
            language="python",
            interrupt_mode="signal",
            metadata={"kernel_provisioner": provisioner},
        )

    def client(self, **kwargs: Any) -> AsyncKernelClient:
        self.client_factory = WarmClient if self.ipykernel else AsyncKernelClient
        return super().client(context=self.context, **kwargs)

    def kill_now(self) -> None:
        """Have the kernel killed, without waiting for its end."""
        self.provisioner.fork.signal(signal.SIGKILL)

    @property
    def ipykernel(self) -> bool:
        return self._argv is LAUNCH

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        fork = getattr(self.provisioner, "fork", None)
        await super()._async_cleanup_resources(restart=restart)
        if fork is not None:
            self.peak_memory, self.ended, self.cpu = fork.peak_memory, fork.ended, fork.cpu
            self.written = self.provisioner.written

    cleanup_resources = _async_cleanup_resources
