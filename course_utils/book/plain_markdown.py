"""MyST's own syntax as plain Markdown, which JupyterLab and Colab can show."""

from __future__ import annotations

import re
from collections.abc import Mapping

_FENCE = re.compile(r"^(\s*)(:{3,}|`{3,})\{([\w:-]+)\}\s*(.*)$")
_OPTION = re.compile(r"^\s*:([\w-]+):\s*(.*)$")
_CITED = re.compile(r"\{cited\}`[^`]*`")
_CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_LINK = re.compile(r"\{[\w:-]+\}`([^`<]*?)\s*<[^`>]+>`")
_ROLE = re.compile(r"\{([\w:-]+)\}`([^`]+)`")
_LABELED = re.compile(r"^\$\$[ \t]*\(([\w:.-]+)\)[ \t]*$", re.MULTILINE)
_EQUATION = re.compile(r"\{eq\}`([^`]+)`")
_TARGET = re.compile(r"^\([\w:.-]+\)=\s*$", re.MULTILINE)

# Directives that only the pages can show.
_DROPPED = {
    "contents",
    "tableofcontents",
    "bibliography",
    "index",
    "only",
    "figure",
    "image",
    "checked-claims",
}
_TITLES = {"chapter-card": "After this chapter you can", "seealso": "See also"}


def equation_numbers(source: str) -> dict[str, int]:
    """The numbers of a chapter's labeled formulas (``$$ (label)``), as its page counts them."""
    return {label: number for number, label in enumerate(_LABELED.findall(source), start=1)}


def plain_markdown(source: str, equations: Mapping[str, int] | None = None) -> str:
    """Directives become quoted blocks with a title, roles their text, targets nothing.

    Labeled formulas are tagged with their numbers in ``equations``, and references to them are
    these numbers.
    """
    numbers = equations or {}
    source = _LABELED.sub(lambda m: rf"\tag{{{numbers.get(m[1], m[1])}}}" + "\n$$", source)
    source = _EQUATION.sub(lambda m: f"({numbers.get(m[1], m[1])})", source)
    lines = iter(source.splitlines())
    text = "\n".join(_block(lines, closing=None))
    text = _TARGET.sub("", text)
    text = _CITED.sub("", text)
    text = _CITE.sub(r"[\1]", text)
    text = _LINK.sub(r"\1", text)
    text = _ROLE.sub(lambda role: f"${role[2]}$" if role[1] == "math" else f"`{role[2]}`", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _block(lines: object, closing: str | None) -> list[str]:
    """Lines up to the fence that closes this block, inner directives already turned."""
    out: list[str] = []
    for line in lines:
        if closing is not None and line.strip() == closing:
            break
        fence = _FENCE.match(line)
        if fence is None:
            out.append(line)
            continue
        _, ticks, name, argument = fence.groups()
        body = _block(lines, closing=ticks)
        options = {}
        while body and (option := _OPTION.match(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        out += _turn(name, argument, options, body)
    return out


def _turn(name: str, argument: str, options: dict[str, str], body: list[str]) -> list[str]:
    """One directive, its body already plain."""
    if name in _DROPPED or name.endswith("-end"):
        return []
    if name == "math":
        return ["$$", *body, "$$"]
    if name in {"code", "code-block", "literalinclude"}:
        return [f"```{argument}", *body, "```"] if body else []
    body = "\n".join(body).strip("\n").splitlines()
    if name.endswith("-start"):
        # What follows, up to the matching -end, holds cells: it cannot be quoted or folded here.
        title = name.removesuffix("-start").capitalize()
        return [f"**{title}{f': {argument}' if title == 'Exercise' and argument else ''}**", ""]
    if name == "solution":
        return ["<details><summary>Solution</summary>", "", *body, "", "</details>"]
    title = _TITLES.get(name, name.replace("-", " ").capitalize())
    if argument and not name.startswith(("tab", "grid", "dropdown")):
        title = argument if name == "admonition" else f"{title}: {argument}"
    if "prerequisites" in options:
        body += ["", f"You need: {options['prerequisites']}"]
    return ["", f"> **{title}**", ">", *(f"> {line}".rstrip() for line in body), ""]
