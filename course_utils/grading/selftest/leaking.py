"""What must not reach a feedback page: hidden tests, and anything that runs there."""

from __future__ import annotations

import base64
import html
import re

from course_utils.grading.selftest.attack import EITHER, Attack, World
from course_utils.grading.selftest.little_course import ADD, HIDDEN, without

TITLE = "feedback pages"


def _no_hidden_test(world: World, graded) -> str | None:
    page = world.page(graded.student)
    if not page:
        return "there is no feedback page"
    text = html.unescape(re.sub(r"<[^>]+>", "", page)).casefold()
    for word in HIDDEN:
        if word.casefold() in text or word.casefold() in html.unescape(page).casefold():
            return f"{word!r} is on the feedback page"
    return None


MARK = "pwned"  # every script below says it


def _no_script(world: World, graded) -> str | None:
    page = world.page(graded.student)
    if not page:
        return "there is no feedback page"
    for pattern in (
        rf"<script[^>]*>[^<]*{MARK}",
        rf"<[^>]+\son\w+\s*=[^>]*{MARK}",
        rf"(href|src|action|formaction|data|xlink:href)\s*=\s*[\"']?\s*(javascript|vbscript):[^>]*{MARK}",
        rf"(href|src|data)\s*=\s*[\"']?\s*data:(text|application|image/svg)[^>]*{MARK}",
        rf"<(iframe|object|embed|form|meta|link|base|svg|math|style)\b[^>]*{MARK}",
        rf"style\s*=\s*[\"'][^\"']*{MARK}",
        rf"url\([^)]*{MARK}",
    ):
        if found := re.search(pattern, page, re.I):
            return f"the feedback page has {found.group()[:60]!r}"
    return None


_CALLER = """\
import inspect
def source():
    frame = inspect.currentframe()
    while frame and "hidden_" + "sum" not in (text := "".join(inspect.findsource(frame)[0])
                                         if frame.f_code.co_filename.startswith("/") else ""):
        frame = frame.f_back
    return text if frame else ""
"""


def _leaks(name: str, tries: str, show: str) -> Attack:
    """Prints the source of the test that calls, in some form, and gives the right answer."""
    body = f"{_CALLER}def add(a, b):\n    text = source()\n    {show}\n    return a + b"
    return Attack(name, tries, {"add": body}, state=EITHER, score=None, probe=_no_hidden_test)


def _shows(name: str, tries: str, kind: str, content: str) -> Attack:
    # The page shows the code, too: there the content must not stand as it is.
    coded = base64.b64encode(content.encode()).decode()
    code = f"import base64\ncontent = base64.b64decode({coded!r}).decode()\n"
    code += f"display({{{kind!r}: content}}, raw=True)\n{ADD}"
    return Attack(name, tries, {"add": code}, probe=_no_script)


def _writes(name: str, tries: str, text: str) -> Attack:
    return Attack(name, tries, {"explain": text}, probe=_no_script)


def _attachment(notebook):
    from course_utils.grading.selftest.little_course import cell

    answer = cell(notebook, "explain")
    answer.source = "![x](attachment:x.svg)"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload='{MARK}()'/>"
    answer["attachments"] = {"x.svg": {"image/svg+xml": svg}}


SCRIPT = f"<script>{MARK}()</script>"

LEAKS = [
    Attack(
        "fails-hidden",
        "Fails in a hidden test, whose lines the traceback shows.",
        {"add": "def add(a, b):\n    return 3"},
        score=without("add"),
        probe=_no_hidden_test,
    ),
    Attack(
        "raises-hidden",
        "Raises in a hidden test only.",
        {"add": "def add(a, b):\n    if a == 4700:\n        raise ValueError\n    return a + b"},
        score=without("add"),
        probe=_no_hidden_test,
    ),
    _leaks("prints-test", "Prints the test.", "print(text)"),
    _leaks("prints-repr", "Prints the test as a literal.", "print(repr(text))"),
    _leaks("prints-joined", "Prints the test without newlines.", "print(text.replace('\\n', ''))"),
    _leaks("prints-upper", "Prints the test in capitals.", "print(text.upper())"),
    _leaks("prints-spaced", "Prints the test with other spaces.", "print(text.replace(' ', '  '))"),
    _leaks(
        "prints-wrapped",
        "Prints the test ten characters a line.",
        "[print(text[k:k + 10]) for k in range(0, len(text), 10)]",
    ),
    _leaks(
        "prints-reversed-lines",
        "Prints the test's lines backwards.",
        "print('\\n'.join(text.split('\\n')[::-1]))",
    ),
    _leaks(
        "prints-html-escaped",
        "Prints the test with HTML entities.",
        "import html; print(html.escape(text).replace('_', '&#95;'))",
    ),
    _leaks(
        "prints-colored",
        "Prints the test with a color for each character.",
        "print(''.join(f'\\x1b[31m{c}\\x1b[0m' for c in text))",
    ),
    _leaks(
        "prints-quoted",
        "Prints the test behind a sign of its own.",
        "print('\\n'.join('> ' + line for line in text.split('\\n')))",
    ),
    _leaks(
        "prints-stderr",
        "Prints the test to standard error.",
        "import sys; print(text, file=sys.stderr)",
    ),
    _leaks(
        "displays-html",
        "Displays the test as HTML.",
        "from IPython.display import HTML; display(HTML('<pre>' + text + '</pre>'))",
    ),
    _leaks(
        "displays-split-html",
        "Displays the test with a tag between all characters.",
        "from IPython.display import HTML; display(HTML('<b></b>'.join(text)))",
    ),
    _leaks(
        "displays-svg",
        "Displays the test in a drawing.",
        "from IPython.display import SVG; display(SVG('<svg "
        "xmlns=\"http://www.w3.org/2000/svg\"><text>' + text.replace('<', '') + '</text></svg>'))",
    ),
    _leaks(
        "displays-json",
        "Displays the test as JSON.",
        "from IPython.display import JSON; display(JSON({'test': [text]}))",
    ),
    _leaks(
        "displays-markdown",
        "Displays the test as Markdown.",
        "from IPython.display import Markdown; display(Markdown(text))",
    ),
    _leaks(
        "displays-latex",
        "Displays the test as LaTeX.",
        "from IPython.display import Latex; display(Latex(text))",
    ),
    _leaks(
        "displays-alt",
        "Displays the test as a picture's alternative text.",
        "from IPython.display import HTML; display(HTML('<img alt=\"' + text.replace('\\n"
        "', ' ') + '\">'))",
    ),
    _leaks("raises-test", "Raises an error with the test as its text.", "raise ValueError(text)"),
    _leaks(
        "raises-named",
        "Raises an error with the test as its class's name.",
        "raise type(text, (Exception,), {})",
    ),
    _leaks(
        "raises-notes",
        "Raises an error with the test as its note.",
        "error = ValueError('x'); error.add_note(text); raise error",
    ),
    _leaks(
        "stream-named",
        "Sends the test as the name of a stream.",
        "k = get_ipython().kernel; k.session.send(k.iopub_socket, 'stream', {'name': text, "
        "'text': 'x'}, parent=get_ipython().parent_header)",
    ),
]
SCRIPTS = [
    _shows("script", "Displays a script.", "text/html", SCRIPT),
    _shows(
        "script-split",
        "Displays a script in a script.",
        "text/html",
        f"<scr<script></script>ipt>{MARK}()</script>",
    ),
    _shows(
        "script-open", "Displays a script that is not closed.", "text/html", f"<script>{MARK}()"
    ),
    _shows("handler", "Displays an event handler.", "text/html", f"<img src=x onerror={MARK}()>"),
    _shows(
        "handler-slash", "Displays a handler behind a slash.", "text/html", f"<svg/onload={MARK}()>"
    ),
    _shows(
        "frame",
        "Displays a frame with a page of its own.",
        "text/html",
        f"<iframe srcdoc='{SCRIPT}'></iframe>",
    ),
    _shows(
        "object",
        "Displays an object.",
        "text/html",
        f"<object data='data:text/html,{SCRIPT}'></object>",
    ),
    _shows(
        "form",
        "Displays a form that sends what one types.",
        "text/html",
        f"<form action='https://example.org/{MARK}'><input name=password></form>",
    ),
    _shows(
        "meta",
        "Displays a redirection.",
        "text/html",
        f"<meta http-equiv=refresh content='0;url=https://example.org/{MARK}'>",
    ),
    _shows(
        "base",
        "Displays another base for links.",
        "text/html",
        f"<base href='https://example.org/{MARK}/'>",
    ),
    _shows(
        "style",
        "Displays a style that loads something.",
        "text/html",
        f"<style>p{{background:url(https://example.org/{MARK})}}</style>",
    ),
    _shows(
        "style-attribute",
        "Displays an attribute that covers the page.",
        "text/html",
        f"<p style='position:fixed;background:url(https://example.org/{MARK})'>x</p>",
    ),
    _shows(
        "link-script",
        "Displays a link that is a script.",
        "text/html",
        f"<a href=' javascript:{MARK}()'>x</a>",
    ),
    _shows(
        "link-data",
        "Displays a link to a page in itself.",
        "text/html",
        f"<a href='data:text/html,{SCRIPT}'>x</a>",
    ),
    _shows(
        "mathml",
        "Displays a script in a formula.",
        "text/html",
        f"<math><maction xlink:href='javascript:{MARK}()'>x</maction></math>",
    ),
    _shows(
        "comment",
        "Displays a script behind a comment.",
        "text/html",
        f"<!--><script>{MARK}()</script>-->",
    ),
    _shows(
        "svg-script",
        "Displays a drawing with a script.",
        "image/svg+xml",
        f"<svg xmlns='http://www.w3.org/2000/svg'>{SCRIPT}</svg>",
    ),
    _shows(
        "svg-handler",
        "Displays a drawing with a handler.",
        "image/svg+xml",
        f"<svg xmlns='http://www.w3.org/2000/svg' onload='{MARK}()'/>",
    ),
    _shows("javascript", "Displays JavaScript.", "application/javascript", f"{MARK}()"),
    _shows(
        "latex-html",
        "Displays a formula that is HTML.",
        "text/latex",
        f"$x$<img src=x onerror={MARK}()>",
    ),
    _shows("markdown-html", "Displays Markdown with HTML.", "text/markdown", f"**x** {SCRIPT}"),
    _shows("plain-html", "Displays plain text with HTML.", "text/plain", SCRIPT),
    _shows("png-html", "Displays HTML as a picture.", "image/png", f"'><script>{MARK}()</script>"),
    _shows("jpeg-html", "Displays HTML as a photograph.", "image/jpeg", f'" onerror="{MARK}()'),
    _shows(
        "widget",
        "Displays a widget view with HTML as its state.",
        "application/vnd.jupyter.widget-view+json",
        f"</script><script>{MARK}()</script>",
    ),
    Attack(
        "error-html",
        "Raises an error with a script in its text.",
        {"scale": f"def scale(a, k):\n    raise ValueError('{SCRIPT}')"},
        score=without("scale"),
        probe=_no_script,
    ),
    Attack(
        "stream-html",
        "Prints a script.",
        {"add": f"print('{SCRIPT}\\x1b[31m<img src=x onerror={MARK}()>')\n{ADD}"},
        probe=_no_script,
    ),
    _writes("answer-script", "Writes a script into an answer.", SCRIPT),
    _writes("answer-handler", "Writes a handler into an answer.", f"<img src=x onerror={MARK}()>"),
    _writes("answer-link", "Writes a Markdown link that is a script.", f"[x](javascript:{MARK}())"),
    _writes(
        "answer-link-data", "Writes a Markdown link to a page.", f"[x](data:text/html,{SCRIPT})"
    ),
    _writes(
        "answer-image", "Writes a Markdown picture with a handler.", f'![x](x" onerror="{MARK}())'
    ),
    _writes("answer-autolink", "Writes an automatic link.", f"<javascript:{MARK}()>"),
    _writes("answer-math", "Writes a formula with HTML.", f"$x<img src=x onerror={MARK}()>$"),
    _writes(
        "answer-math-link", "Writes a formula with a link.", f"$\\href{{javascript:{MARK}()}}{{x}}$"
    ),
    _writes(
        "answer-entity",
        "Writes a link with entities.",
        f"<a href='jav&#x09;ascript:{MARK}()'>x</a>",
    ),
    _writes(
        "answer-heading", "Writes a heading whose link has a handler.", f'# x" onclick="{MARK}()'
    ),
    _writes(
        "answer-code",
        "Writes a code block whose language has HTML.",
        f"```<img/onerror={MARK}()>\nx\n```",
    ),
    Attack("attachment", "Attaches a drawing with a handler.", edit=_attachment, probe=_no_script),
    Attack(
        "title",
        "Has a script in the notebook's title and language.",
        edit=lambda n: n.metadata.update(
            title=f"</title>{SCRIPT}", language_info={"name": f'"><script>{MARK}()</script>'}
        ),
        probe=_no_script,
    ),
]
ATTACKS = [*LEAKS, *SCRIPTS]
