"""What a canary runs in the student's process: `look` is sent there as text, never imported there.

It trusts as little as it can of what it looks at: identities are read from ``object.__repr__``,
which Python code cannot replace, and go back to the worker, which compares them.
"""

from __future__ import annotations


def look(wanted: dict[str, str], watched: list[str], *, fresh: bool = False) -> dict:
    """The state of everything that tests depend on, as plain data.

    Args:
        wanted: for each module names, or names of its classes' attributes, with spaces between
            them; ``*`` stands for all functions and classes that it defines.
        watched: names that the test at hand uses; those that hide a builtin are told.
        fresh: no student's code has run. Then modules whose packages are there are imported, so
            that nothing is first seen when it has been changed.

    Returns:
        ``marks`` (a number for each name; ``names`` lists them where a ``*`` stood, else nothing),
        ``parts`` (the same for IPython and its kernel), ``foreign`` (transformers, callbacks and
        importers that are in no library), ``set`` (hooks that are normally unset), ``shown`` (how 1
        and 0.0 are displayed), ``hidden`` (the watched names that hide a builtin).
    """
    import sys

    if fresh:
        from contextlib import suppress
        from importlib import import_module

        for module in wanted:
            # course_utils.checks imports torch, which takes seconds where it is not there yet.
            package = module.partition(".")[0].replace("course_utils", "torch")
            if package in sys.modules:
                with suppress(ImportError):
                    import_module(module)

    plain = ().__class__.__base__.__repr__  # object.__repr__, whatever ``object`` is now

    def address(value):
        text = plain(value)
        return int(text[text.rindex("0x") : -1], 16)

    def mark(value):
        """Changes with the identity of a function, its code, its defaults, what it wraps."""
        if value is None:
            return 0
        parts, seen = [], 0
        while value is not None and seen < 4:
            seen += 1
            value = getattr(value, "__func__", value)
            code = getattr(value, "__code__", None)
            keywords = getattr(value, "__kwdefaults__", None)
            keywords = keywords.values() if type(keywords) is dict else ()
            parts += [address(value), address(code), address(getattr(value, "__defaults__", 0))]
            parts += [address(each) for each in keywords]
            if not isinstance(value, type):
                inner = getattr(value, "_implementation", None)  # of NumPy's dispatchers
                value = inner or getattr(value, "__wrapped__", None)
            else:
                value = None
        return (*parts,).__hash__() & 0xFFFFFFFF

    def find(name):
        module, _, path = name.partition(":")
        value = sys.modules.get(module)
        for part in path.split("."):
            value = None if value is None else getattr(value, part, None)
        return value

    def expand(module, names):
        inside = getattr(sys.modules.get(module), "__dict__", {})
        own = [n for n, value in inside.items() if getattr(value, "__module__", "") == module]
        return own if names == "*" and own else names.split()

    names = [f"{module}:{n}" for module, each in wanted.items() for n in expand(module, each)]

    def in_a_library(item):
        item = getattr(item, "__func__", item)
        if getattr(item, "__code__", None) is None and not isinstance(item, type):
            item = type(item)
        module = sys.modules.get(getattr(item, "__module__", None))
        file = getattr(module, "__file__", None)
        if module is None or item.__module__ in ("__main__", "functools", "operator"):
            return False
        if file is None:  # built into the interpreter, or made up
            return item.__module__ in sys.builtin_module_names or "frozen" in item.__module__
        value = module
        for part in item.__qualname__.split("."):
            value = getattr(value, part, None)
        value = getattr(value, "__func__", value)
        code = getattr(item, "__code__", None)
        library = (sys.prefix, sys.base_prefix, find("os:__file__").rpartition("/")[0])
        return (
            value is item
            and file.startswith(library)
            and (code is None or code.co_filename == file or "frozen" in code.co_filename)
        )

    shell = find("IPython.core.interactiveshell:InteractiveShell._instance")
    manager = shell.input_transformer_manager
    collections = {
        "an AST transformer": shell.ast_transformers,
        "an input transformer": [
            *(*shell.input_transformers_cleanup, *shell.input_transformers_post),
            *(*manager.cleanup_transforms, *manager.line_transforms, *manager.token_transformers),
        ],
        "an importer": [*sys.meta_path, *sys.path_hooks],
        "a callback on its events": [f for each in shell.events.callbacks.values() for f in each],
    }
    foreign = {
        what: sorted(mark(item) for item in items if not in_a_library(item))
        for what, items in collections.items()
    }

    kernel = getattr(shell, "kernel", None)
    session = getattr(kernel, "session", None)
    parts = {
        "shell": address(shell),
        "__builtins__": address(__builtins__),
        "get_ipython": mark(find("builtins:get_ipython")),
    }
    for what, owner, its in (
        (
            "shell",
            shell,
            "run_cell run_cell_async _run_cell run_ast_nodes run_code transform_cell transform_ast "
            "compile showtraceback _showtraceback showsyntaxerror set_custom_exc CustomTB "
            "custom_exceptions InteractiveTB display_formatter displayhook display_pub events "
            "input_transformer_manager history_manager display_trap user_module user_ns "
            "should_run_async get_ipython user_expressions",
        ),
        (
            "kernel",
            kernel,
            "do_execute execute_request session shell iopub_socket send_response dispatch_shell "
            "finish_metadata init_metadata set_parent _publish_status",
        ),
        ("session", session, "send serialize msg sign pack key auth feed_identities"),
        (
            "display hook",
            shell.displayhook,
            "__class__ __class__.__call__ write_output_prompt write_format_data finish_displayhook "
            "quiet compute_format_data session pub_socket",
        ),
        ("display publisher", shell.display_pub, "__class__ publish session pub_socket"),
        ("traceback", shell.InteractiveTB, "__class__ structured_traceback stb2text set_mode"),
        ("compiler", shell.compile, "__class__ __class__.__call__ ast_parse cache"),
        ("transformer", manager, "__class__ transform_cell do_token_transforms"),
        ("events", shell.events, "__class__ trigger"),
        ("formatter", shell.display_formatter, "__class__ format formatters"),
    ):
        for name in its.split():
            value = owner
            for part in name.split("."):
                value = getattr(value, part, None)
            parts[what + "." + name] = mark(value)
    handlers = getattr(kernel, "shell_handlers", {})
    parts["kernel.shell_handlers"] = mark(handlers.get("execute_request"))
    parts["sys.displayhook"] = mark(sys.displayhook)
    parts["sys.excepthook"] = mark(sys.excepthook)

    set_hooks = [
        name
        for name, value in (
            ("sys.settrace", sys.gettrace()),
            ("sys.setprofile", sys.getprofile()),
            ("threading.settrace", find("threading:_trace_hook")),
            ("threading.setprofile", find("threading:_profile_hook")),
        )
        if value is not None
    ]
    user = shell.user_ns
    known = find("builtins:__dict__")
    return {
        "names": names if "*" in wanted.values() else [],
        "marks": [mark(find(name)) for name in names],
        "parts": parts,
        "foreign": foreign,
        "set": set_hooks,
        "shown": [shell.display_formatter.format(one)[0].get("text/plain") for one in (1, 0.0)],
        "hidden": [
            name
            for name in watched
            if name in known and user.get(name, known[name]) is not known[name]
        ],
    }
