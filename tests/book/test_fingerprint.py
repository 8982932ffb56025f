"""A chapter's fingerprint changes when, and only when, its outputs could."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_utils.book import fingerprint as module
from course_utils.book.chapters import Chapter, read_notebook
from course_utils.book.fingerprint import dependencies, fingerprint

PACKAGE = {
    "__init__.py": """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from course_utils.runtime import setup
    from course_utils.claims import claim
def __getattr__(name): ...
""",
    "runtime.py": "import torch\n",
    "claims.py": "",
    "optim.py": "from course_utils.layers.base import Layer\n",
    "layers/__init__.py": "from .linear import Linear\nfrom .conv import Conv2d as Conv\n",
    "layers/base.py": "",
    "layers/linear.py": "from .base import Layer\n",
    "layers/conv.py": "def late():\n    from course_utils.layers import unfold\n",
    "layers/unfold.py": "",
    "widgets/__init__.py": "from .graph import Graph\n",
    "widgets/graph.py": "STYLE = 'shared.css'\n",
    "widgets/graph.js": "export default {}",
    "widgets/shared.css": "",
    "widgets/other.js": "",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course_utils with the shapes that imports take in the real one."""
    folder = tmp_path / "course_utils"
    for name, text in PACKAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(module, "PACKAGE_DIR", folder)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return folder


def chapter(root: Path, code: str, *, prose: str = "Some words.", options: str = "") -> Chapter:
    path = root / "chapters" / "01-x.md"
    path.parent.mkdir(exist_ok=True)
    text = f"# X\n\n{prose}\n\n```{{code-cell}}\n{options}{code}\n```\n"
    return Chapter("chapters/01-x", path, read_notebook(text, path))


def digest(root: Path, code: str, *, device: str = "cpu", **parts: str) -> str:
    return fingerprint(chapter(root, code, **parts), root=root, device=device)


def modules(root: Path, code: str) -> set[str]:
    found = dependencies(chapter(root, code), root=root, device="cpu")["modules"]
    return {name.removeprefix("course_utils").removeprefix(".") for name in found} - {""}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch", set()),
        ("import course_utils\ncourse_utils.setup(0)", {"runtime"}),
        ("from course_utils import claim", {"claims"}),
        ("import course_utils as cu\ncu.claim('x')", {"claims"}),
        ("from course_utils.layers import Linear", {"layers", "layers.linear", "layers.base"}),
        ("from course_utils.layers import Conv", {"layers", "layers.conv", "layers.unfold"}),
        ("from course_utils import layers\nlayers.Linear(1, 2)", {"layers", "layers.linear"}),
        ("import course_utils.layers as L\nL.Linear(1, 2)", {"layers", "layers.linear"}),
        ("import course_utils.layers\ncourse_utils.layers.Linear", {"layers", "layers.linear"}),
        ("from course_utils import optim", {"optim", "layers", "layers.base"}),
        ("%matplotlib inline\nfrom course_utils import optim", {"optim", "layers.base"}),
    ],
)
def test_modules_are_followed_name_by_name(package, code, expected):
    found = modules(package.parent, code)
    assert expected <= found
    assert found <= expected | {"layers", "layers.base"}


@pytest.mark.parametrize(
    "code",
    ["from course_utils.layers import *", "from course_utils import layers\nvars(layers)"],
)
def test_a_package_taken_whole_counts_whole(package, code):
    assert {"layers.linear", "layers.conv", "layers.unfold"} <= modules(package.parent, code)


def test_a_changed_layer_changes_only_chapters_that_use_it(package):
    root = package.parent
    uses, does_not = (
        "from course_utils.layers import Conv",
        "from course_utils.layers import Linear",
    )
    before = digest(root, uses), digest(root, does_not)
    (package / "layers" / "unfold.py").write_text("# reached only through conv.py\n")
    assert digest(root, uses) != before[0]
    assert digest(root, does_not) == before[1]


@pytest.mark.parametrize("name", ["graph.js", "shared.css"])
def test_a_figure_depends_on_its_script_and_on_files_that_it_names(package, name):
    code = "from course_utils.widgets import Graph"
    before = digest(package.parent, code)
    (package / "widgets" / "other.js").write_text("// another figure's")
    assert digest(package.parent, code) == before
    (package / "widgets" / name).write_text("/* changed */")
    assert digest(package.parent, code) != before


def test_prose_and_alt_text_do_not_count(package):
    root = package.parent
    before = digest(root, "1 + 1")
    assert digest(root, "1 + 1", prose="Other words, more of them.") == before
    alt = "---\nmystnb:\n  image:\n    alt: A picture.\n---\n"
    assert digest(root, "1 + 1", options=alt) == before


def test_code_tags_device_data_and_pins_count(package, monkeypatch):
    root = package.parent
    code = "open('results/x.json')"
    seen = {digest(root, code)}

    def is_new(value: str) -> bool:
        new = value not in seen
        seen.add(value)
        return new

    assert is_new(digest(root, code + "  # other"))
    assert is_new(digest(root, code, options=":tags: [raises-exception]\n\n"))
    assert is_new(digest(root, code, device="cuda Some GPU"))
    (root / "constraints.txt").write_text("torch==2.13.0\n")
    assert is_new(digest(root, code))
    (root / "chapters" / "results").mkdir()
    (root / "chapters" / "results" / "x.json").write_text("{}")
    assert is_new(digest(root, code))
    monkeypatch.setenv("COURSE_DATA", "/somewhere")
    assert is_new(digest(root, code))


def test_installed_versions_of_imported_packages_count(package):
    versions = dependencies(
        chapter(package.parent, "from course_utils import setup\nimport numpy"),
        root=package.parent,
        device="cpu",
    )["packages"]
    assert set(versions) == {"numpy", "torch"}  # torch by way of runtime.py


def test_code_that_does_not_parse_still_has_a_fingerprint(package):
    assert digest(package.parent, "def (") != digest(package.parent, "def ((")
