"""Code that changes how IPython runs cells and says how they ended. Held means that a person is
told, or that it gains nothing."""

from course_utils.grading.selftest.attack import EITHER, REVIEWED, Attack
from course_utils.grading.selftest.little_course import without

TITLE = "IPython and its messages"

_WRONG = "def add(a, b):\n    return 3"


def _seen(name: str, tries: str, code: str) -> Attack:
    return Attack(name, tries, {"add": f"{code}\n{_WRONG}"}, state=REVIEWED, score=None)


def _useless(name: str, tries: str, code: str) -> Attack:
    return Attack(name, tries, {"add": f"{code}\n{_WRONG}"}, state=EITHER, score=without("add"))


_SEND = """\
shell = get_ipython()
def send(kind, content, channel="iopub"):
    kernel = shell.kernel
    socket = kernel.iopub_socket if channel == "iopub" else kernel.shell_stream
    kernel.session.send(socket, kind, content, parent=shell.parent_header)
"""
_IN_ADD = """\
def add(a, b):
    {}
    return 3
"""

ATTACKS = [
    _seen(
        "ast-transformer",
        "Erases all assertions in the syntax tree.",
        "import ast\nclass Erase(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
        "        return ast.Pass()\nget_ipython().ast_transformers.append(Erase())",
    ),
    _seen(
        "ast-transformer-true",
        "Makes every compared pair equal in the syntax tree.",
        "import ast\nclass Same(ast.NodeTransformer):\n    def visit_Compare(self, node):\n"
        "        return ast.Constant(True)\nget_ipython().ast_transformers.append(Same())",
    ),
    _seen(
        "input-transformer",
        "Erases all assertions in the text.",
        "import re\nget_ipython().input_transformers_post.append(\n"
        "    lambda lines: [re.sub(r'^\\s*assert .*', 'pass', line) for line in lines])",
    ),
    _seen(
        "input-transformer-choosy",
        "Erases only the assertions that it knows from the visible tests.",
        "get_ipython().input_transformers_cleanup.append(\n"
        "    lambda lines: ['pass\\n' if 'assert add(' in line else line for line in lines])",
    ),
    _seen(
        "transform-cell",
        "Replaces IPython's transform_cell.",
        "shell = get_ipython()\nold = shell.transform_cell\n"
        "shell.transform_cell = lambda text: old(text).replace('assert add', '0, add')",
    ),
    _seen(
        "compiles-its-own",
        "Replaces IPython's compiler.",
        "shell = get_ipython()\nkind = type(shell.compile)\nclass Lenient(kind):\n    pass\n"
        "shell.compile = Lenient()",
    ),
    _seen(
        "run-code",
        "Replaces what runs compiled code, and swallows its errors.",
        "shell = get_ipython()\nold = shell.run_code\n"
        "async def run(code, result=None, *, async_=False):\n"
        "    try:\n        exec(code, shell.user_ns)\n    except Exception:\n        pass\n"
        "    return False\nshell.run_code = run",
    ),
    _seen(
        "run-cell",
        "Runs the assertion's cell as nothing.",
        "shell = get_ipython()\nold = shell.run_cell\n"
        "def run(text, *a, **k):\n    return old('pass' if 'assert' in text else text, *a, **k)\n"
        "shell.run_cell = run\nolda = shell.run_cell_async\n"
        "def runa(text, *a, **k):\n"
        "    return olda('pass' if 'assert' in text else text, *a, **k)\n"
        "shell.run_cell_async = runa",
    ),
    _seen(
        "do-execute",
        "Replaces the kernel's do_execute by one that always answers ok.",
        "kernel = get_ipython().kernel\n"
        "async def do(*a, **k):\n    return {'status': 'ok', 'execution_count': 9,\n"
        "        'payload': [], 'user_expressions': {}}\nkernel.do_execute = do",
    ),
    _seen(
        "custom-exception",
        "Registers a handler that hides assertion errors.",
        "get_ipython().set_custom_exc((AssertionError,), lambda *a, **k: None)",
    ),
    _seen(
        "showtraceback",
        "Shows no traceback.",
        "get_ipython().showtraceback = lambda *a, **k: None",
    ),
    _seen(
        "event",
        "Clears the outputs of every cell when it has run.",
        "from IPython.display import clear_output\n"
        "get_ipython().events.register('post_run_cell', lambda *a: clear_output())",
    ),
    _seen(
        "event-before",
        "Redefines the tested function before each cell.",
        "get_ipython().events.register('pre_run_cell', lambda info: None)",
    ),
    _seen(
        "display-hook",
        "Displays full points whatever the value is.",
        "import sys\nshell = get_ipython()\nkind = type(shell.displayhook)\n"
        "class Hook(kind):\n    def compute_format_data(self, result):\n"
        "        return {'text/plain': '2'}, {}\nshell.displayhook.__class__ = Hook",
    ),
    _seen(
        "formatter",
        "Shows every integer as full points.",
        "shown = get_ipython().display_formatter.formatters['text/plain']\n"
        "shown.for_type(int, lambda n, p, c: p.text('2'))",
    ),
    _seen(
        "session-send",
        "Changes the kernel's messages on their way out.",
        "session = get_ipython().kernel.session\nold = session.send\n"
        "def send(stream, kind, content=None, *a, **k):\n"
        "    if kind == 'error':\n        return None\n"
        "    return old(stream, kind, content, *a, **k)\nsession.send = send",
    ),
    _useless(
        "forged-result",
        "Sends a displayed value of its own from inside the test.",
        _SEND
        + _IN_ADD.format(
            "send('execute_result', {'data': {'text/plain': '4'}, 'metadata': {}, "
            "'execution_count': 1})"
        ),
    ),
    _useless(
        "forged-idle",
        "Says that the kernel is idle before the test fails.",
        _SEND + _IN_ADD.format("send('status', {'execution_state': 'idle'})"),
    ),
    _useless(
        "forged-reply",
        "Answers the request itself, with status ok.",
        _SEND
        + _IN_ADD.format(
            "send('execute_reply', {'status': 'ok', 'execution_count': 1}, 'shell')\n"
            "    send('status', {'execution_state': 'idle'})"
        ),
    ),
    _useless(
        "forged-clear",
        "Clears the output that the test is about to have.",
        _SEND + _IN_ADD.format("send('clear_output', {'wait': True})"),
    ),
    _useless(
        "forged-update",
        "Sends an update of a display that is not there.",
        _SEND
        + _IN_ADD.format(
            "send('update_display_data', {'data': {}, 'metadata': {}, 'transient': "
            "{'display_id': 'x'}})"
        ),
    ),
    _useless(
        "garbage-messages",
        "Sends bytes that are no message.",
        "kernel = get_ipython().kernel\n"
        + _IN_ADD.format("kernel.iopub_socket.send_multipart([b'garbage', b'\\xff'])"),
    ),
    _useless(
        "closes-sockets",
        "Sends a message of no kind with content that is no JSON object.",
        _SEND + _IN_ADD.format("send('no_such_kind', {'a': float('nan')})"),
    ),
    _useless(
        "set-next-input",
        "Asks the front end to replace cells.",
        _IN_ADD.format("get_ipython().set_next_input('pass', replace=True)"),
    ),
]
