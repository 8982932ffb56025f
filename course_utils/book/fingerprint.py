"""What a chapter's outputs depend on, as one hash.

A chapter's result is kept under this hash and used again only while nothing below has changed:

- the source of its code cells and the tags that change how they run (prose, captions and alt text
  are not among them);
- the modules of `course_utils` that it uses, transitively, and the files that these name (a
  figure's JavaScript); found by reading the source, nothing is imported;
- the files that its cells name, such as recorded results;
- the installed version of each other package that it or those modules import, constraints.txt,
  Python, and the device.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

import course_utils
from course_utils.book.chapters import Chapter

PACKAGE = "course_utils"
PACKAGE_DIR = Path(course_utils.__file__).parent
TAGS_THAT_MATTER = {"raises-exception", "skip-execution"}

# A name that is used: a module and, of that module, one name; None is all of it, `LOADED` is no
# name at all (the module is imported, what it is asked for comes separately).
Use = tuple[str, str | None]
LOADED = ""


def fingerprint(chapter: Chapter, *, root: Path, device: str) -> str:
    """SHA-256 over everything that can change the outputs of ``chapter`` (see the module)."""
    return _hash(dependencies(chapter, root=root, device=device))


def dependencies(chapter: Chapter, *, root: Path, device: str) -> dict[str, object]:
    """What `fingerprint` hashes: readable, so that "why did this run again?" has an answer."""
    cells = [
        [cell.source, sorted(TAGS_THAT_MATTER & set(cell.metadata.get("tags", [])))]
        for _, cell in chapter.code_cells
    ]
    tree = _parse("\n\n".join(source for source, _ in cells))
    modules = used_modules(tree)
    imported = _foreign_imports(tree)
    files = _files_named(tree, chapter.path.parent)
    for module in modules:
        path = module_path(module)
        source = _parse_file(path)
        imported |= _foreign_imports(source)
        files |= {path} | _files_named(source, path.parent)
        files |= {path.with_suffix(suffix) for suffix in (".js", ".css", ".json")}
    constraints = root / "constraints.txt"
    return {
        "cells": cells,
        "modules": modules,
        "files": {_label(f, root): _hash_file(f) for f in sorted(files) if f.is_file()},
        "packages": _versions(imported),
        "constraints": _hash_file(constraints) if constraints.is_file() else None,
        "python": platform.python_version(),
        "device": device,
        "data": os.environ.get("COURSE_DATA"),
    }


def used_modules(tree: ast.AST) -> list[str]:
    """The modules of `course_utils` that this code uses, directly or through one another.

    A package's ``__init__`` only passes names on, so ``from course_utils.layers import Linear``
    uses the module that defines ``Linear`` and not the package's other layers.
    """
    todo = list(_uses(tree, module=None))
    done: set[Use] = set()
    modules: set[str] = set()
    while todo:
        use = todo.pop()
        if use in done:
            continue
        done.add(use)
        module, name = use
        # Importing a.b.c runs a/__init__ and a.b/__init__ first.
        parts = module.split(".")
        modules |= {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
        todo += _follow(module, name)
    return sorted(modules)


def module_path(module: str) -> Path:
    """The source file of a module of `course_utils`."""
    path = PACKAGE_DIR.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    return module_path(module).is_file()


def _follow(module: str, name: str | None) -> Iterable[Use]:
    """What the use of one name of one module (or of all of it) uses in turn."""
    path = module_path(module)
    tree = _parse_file(path)
    if path.name != "__init__.py":
        return _uses(tree, module)  # importing a module runs all of it
    if name == LOADED or (name and name.startswith("__")):
        return []
    if name is not None:
        if _exists(f"{module}.{name}"):
            return [(f"{module}.{name}", None)]
        for target, imported, bound in _from_imports(tree, module):
            if bound == name:
                return [(target, imported)]
    uses = _uses(tree, module)
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body):
        # A name that the package makes up as it is asked: any of its modules may be behind it.
        uses += [(f"{module}.{file.stem}", None) for file in path.parent.glob("[!_]*.py")]
    return uses


def _uses(tree: ast.AST, module: str | None) -> list[Use]:
    """The names of `course_utils` that a piece of code imports or reaches by attribute.

    ``module`` is the code's own name, needed where it imports relatively; None for a chapter.
    """
    uses: list[Use] = []
    bound: dict[str, str] = {}  # a name in this code -> the module that it stands for
    for target, name, alias in _from_imports(tree, module):
        if name is not None and _exists(f"{target}.{name}"):
            bound[alias] = f"{target}.{name}"
        else:
            uses.append((target, name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    uses.append((alias.name, LOADED))
                    bound[alias.asname or PACKAGE] = alias.name if alias.asname else PACKAGE
    uses += [(target, LOADED) for target in bound.values()]
    return uses + list(_attribute_uses(tree, bound))


def _attribute_uses(tree: ast.AST, bound: dict[str, str]) -> Iterable[Use]:
    """``course_utils.layers.Linear`` or ``layers.Linear``: the module and the name reached."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            chain: list[str] = []
            at: ast.expr = node
            while isinstance(at, ast.Attribute):
                chain.insert(0, at.attr)
                inner.add(id(at.value))
                at = at.value
            if not (isinstance(at, ast.Name) and at.id in bound):
                continue
            module = bound[at.id]
            while chain and _exists(f"{module}.{chain[0]}"):
                module = f"{module}.{chain.pop(0)}"
            yield module, chain[0] if chain else None
        elif isinstance(node, ast.Name) and node.id in bound and id(node) not in inner:
            yield bound[node.id], None  # handed on whole


def _from_imports(tree: ast.AST, module: str | None) -> Iterable[tuple[str, str | None, str]]:
    """(module, name, bound name) of each ``from course_utils… import …``; name None for ``*``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        target = node.module or ""
        if node.level and module is not None:
            package = module.split(".")
            if module_path(module).name != "__init__.py":
                package = package[:-1]
            package = package[: len(package) - node.level + 1]
            target = ".".join([*package, *filter(None, [node.module])])
        if target.split(".")[0] != PACKAGE or not _exists(target):
            continue
        for alias in node.names:
            name = None if alias.name == "*" else alias.name
            yield target, name, alias.asname or alias.name


def _foreign_imports(tree: ast.AST) -> set[str]:
    """Top-level names of the other packages that this code imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - {PACKAGE} - set(sys.stdlib_module_names)


def _files_named(tree: ast.AST, folder: Path) -> set[Path]:
    """The existing files that string constants of this code name, relative to ``folder``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if "." in text and len(text) < 200 and "\n" not in text and "\0" not in text:
                path = folder / text
                if path.is_file():
                    found.add(path)
    return found


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _versions(imported: set[str]) -> dict[str, str]:
    names = {name for top in imported for name in _distributions().get(top, [])}
    return {name: importlib.metadata.version(name) for name in sorted(names)}


def _parse(source: str) -> ast.Module:
    """Parse a chapter's code; IPython's magics are made plain Python first."""
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        # The cell itself will say what is wrong with it when it runs.
        return ast.Module(body=[], type_ignores=[])


@cache
def _parse_text(text: str) -> ast.Module:
    return ast.parse(text)


def _parse_file(path: Path) -> ast.Module:
    return _parse_text(path.read_text(encoding="utf-8"))


def _label(path: Path, root: Path) -> str:
    for base in (PACKAGE_DIR.parent, root):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hash(facts: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
