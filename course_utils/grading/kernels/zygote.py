"""The process that kernels are forked from: it has imported what takes long, and does nothing else.

It runs with a scrubbed environment and, where a person grades as root, as a user who owns nothing.
It holds no secret, no open file but its socket, no second thread and no CUDA context: whatever it
held every student's code would find in its own memory. Each message that it gets brings the socket
of one kernel's `warden`, which is forked at once and told the rest over that socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys

from course_utils.grading.kernels import warden

# What a notebook of such a course imports, and all that a kernel loads until its first traceback.
PRELOADED = (
    "numpy",
    "numpy.random",
    "torch",
    "matplotlib.pyplot",
    "matplotlib.font_manager",
    "matplotlib.backends.backend_agg",
    "numpy.testing",
    "torch.testing",
    "unittest",
    "course_utils.checks",
    "course_utils.data",
    "course_utils.layers",
    "course_utils.losses",
    "course_utils.optim",
    "faulthandler",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.interactiveshell",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "pygments.formatters.terminal256",
    "sqlite3",
    "stack_data",
    "tornado.platform.asyncio",
    "course_utils.grading.kernels.kernel",
)
# What takes long too, and is wanted only where a notebook's code has such a word. The first two are
# what torch puts off until somebody calls it. A library that looks for a notebook around it when it
# is imported must not be here.
WHERE_WANTED = {
    "backward": "torch.fx.experimental.symbolic_shapes",
    "optim": "torch._dynamo",
    "networkx": "networkx",
    "pandas": "pandas",
    "scipy": "scipy",
    "skimage": "skimage",
    "sklearn": "sklearn",
    "torchvision": "torchvision",
}


def main() -> None:
    descriptor, *wanted = sys.argv[1:]
    mother = socket.socket(fileno=int(descriptor))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked for kernels
    for name in (*PRELOADED, *wanted):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _format_a_traceback()
    if (threads := len(os.listdir("/proc/self/task"))) != 1:
        if wanted:  # one of them starts threads: once more, without
            os.execv(sys.executable, sys.orig_argv[: -len(wanted)])
        # setns refuses a process with threads, and fork copies only the one that calls it.
        sys.exit(f"the zygote has {threads} threads after its imports")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for wardens
    gc.collect()
    gc.freeze()  # the collector would write to every object, and unshare its page
    mother.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(mother, 16, 1)
        if not message:
            return
        if os.fork() == 0:
            mother.close()
            warden.run(socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])


def _format_a_traceback() -> None:
    """For the first one `inspect` looks up the file of every module; kernels need not do it again.

    Every notebook's kernel shows tracebacks: the canaries after a test fail on purpose.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.ultratb import AutoFormattedTB

    colors = InteractiveShell.colors.default_value
    try:
        exec(compile("assert False", "<cell>", "exec"))
    except AssertionError:
        AutoFormattedTB("Context", colors).structured_traceback(*sys.exc_info())


if __name__ == "__main__":
    main()
