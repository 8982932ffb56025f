"""The kernelspec ``warm-sandbox``: a forked kernel in a sandbox for any Jupyter client."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

NAME = "warm-sandbox"
SPEC = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python (warm, sandboxed)",
    "language": "python",
    "interrupt_mode": "signal",
    "metadata": {"kernel_provisioner": {"provisioner_name": NAME}},
}


def install() -> Path:
    """Put the kernelspec into this environment; the folder that it lies in.

    It belongs to staff: students install the same package and have no sandbox, so that it is not
    part of the wheel.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "kernel.json").write_text(json.dumps(SPEC, indent=1))
        return Path(KernelSpecManager().install_kernel_spec(folder, NAME, prefix=sys.prefix))
