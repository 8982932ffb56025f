"""The process that a chapter runs in: this Python, and nothing of the user's own settings."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

# What a user may have set for their own notebooks and would change ours.
_NOT_OURS = ("PYTHONSTARTUP", "PYTHONWARNINGS", "MATPLOTLIBRC", "JUPYTER_PATH", "PYTHONBREAKPOINT")


def environment(private: Path) -> dict[str, str]:
    """The environment variables of a chapter's kernel.

    ``private`` takes the place of the user's IPython, Jupyter and Matplotlib folders, whose
    profiles and styles would show in the figures. It is kept between builds because Matplotlib's
    font cache, in it, takes seconds to make.
    """
    private.mkdir(parents=True, exist_ok=True)
    variables = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    variables |= {
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_CONFIG_DIR": str(private / "jupyter"),
        "JUPYTER_DATA_DIR": str(private / "jupyter"),
        "MPLCONFIGDIR": str(private / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # One thread each: two chapters run side by side, and sums come out in the same order.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        # Where ipywidgets' progress bars and rich would look for a terminal, there is none.
        "TERM": "dumb",
    }
    if not any((private / "matplotlib").glob("fontlist-*.json")):
        # Or the first figure's cell would say on stderr that the font cache is being built.
        font_cache = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(font_cache, env=variables, capture_output=True, check=False)
    return variables


def manager(sockets: Path) -> AsyncKernelManager:
    """A kernel manager for this very Python, whatever kernels the user has installed.

    ``sockets`` is an existing folder with a short name, for the kernel's connection file.
    """
    native_only = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    return AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=native_only,
        connection_file=str(sockets / f"{uuid.uuid4().hex}.json"),
        # Sockets that no other user of the machine can reach; Windows has none.
        transport="tcp" if os.name == "nt" else "ipc",
    )
