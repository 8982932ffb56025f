"""The figure of axes: its JavaScript in a real browser, against torch's mean and var."""

import itertools

import living
import pytest
import torch
import traitlets

from course_utils.layers import BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm
from course_utils.widgets import NormalizationAxes
from course_utils.widgets.normalization_axes import METHODS, example

ALT = "A batch of feature maps; the entries that share a mean are marked"
EVERY_CHOICE = [
    (axes, group)
    for r in range(5)
    for axes in itertools.combinations("NCHW", r)
    for group in ((0, 1, 2) if "C" in axes else (0,))
]


def start(page, **settings) -> NormalizationAxes:
    figure = NormalizationAxes(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def shared(page) -> set[tuple[int, ...]]:
    marked = page.locator(".entry.shared")
    found = marked.evaluate_all("all => all.map(e => e.dataset.place)")
    return {tuple(map(int, place.split(","))) for place in found}


def test_every_choice_of_axes_has_torchs_means_and_variances(page):
    start(page)
    x = torch.tensor(example(), dtype=torch.float64)
    places = list(itertools.product(*map(range, x.shape)))
    for axes, group in EVERY_CHOICE:
        got = page.evaluate(
            """([axes, group, places]) => {
              const state = { values: model.get("values"), axes, group };
              const all = places.map((p) => widget.statistics(state, p));
              return [all.map((s) => s.mean), all.map((s) => s.variance), all[0].count];
            }""",
            [axes, group, places],
        )
        split = group or 4
        parts = x.reshape(3, 4 // split, split, 3, 3)
        dims = [{"N": 0, "C": 2, "H": 3, "W": 4}[axis] for axis in axes]
        if "C" not in axes:
            parts, dims = x, ["NCHW".index(axis) for axis in axes]
        mean, var = parts, torch.zeros_like(parts)
        if dims:
            mean = parts.mean(dims, keepdim=True).expand_as(parts)
            var = parts.var(dims, keepdim=True, correction=0).expand_as(parts)
        assert torch.allclose(torch.tensor(got[0]).double(), mean.flatten(), atol=1e-6)
        assert torch.allclose(torch.tensor(got[1]).double(), var.flatten(), atol=1e-5)
        own = NormalizationAxes(alt=ALT, axes=axes, group=group)
        for mine, theirs in zip(own.statistics(), (mean, var), strict=True):
            assert torch.allclose(mine.flatten(), theirs.flatten(), atol=1e-12)
        assert got[2] == own.members().sum()


def test_the_expression_that_is_shown_runs_and_gives_the_mean(page):
    start(page)
    x = torch.tensor(example(), dtype=torch.float64)
    for axes, group in EVERY_CHOICE[1:]:
        code = page.evaluate(
            "([axes, group]) => widget.expression({ values: model.get('values'), axes, group })",
            [axes, group],
        )
        own, _ = NormalizationAxes(alt=ALT, axes=axes, group=group).statistics()
        mean = eval(code, {"x": x})
        if mean.ndim == 5:
            mean = mean.expand(3, -1, 4 // mean.shape[1], 3, 3).reshape(3, 4, 3, 3)
        assert torch.allclose(mean.expand_as(x), own), code


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("batch norm", BatchNorm2d(4)),
        ("layer norm", LayerNorm((4, 3, 3))),
        ("instance norm", InstanceNorm2d(4)),
        ("group norm", GroupNorm(2, 4)),
    ],
)
def test_a_method_chosen_by_name_is_the_librarys_layer(name, layer, page):
    start(page)
    page.get_by_role("combobox", name="Method").select_option(name)
    axes, group = page.evaluate("[saved.axes, saved.group]")
    own = NormalizationAxes(alt=ALT, axes=axes, group=group)
    assert own.method() == name
    assert status(page).startswith(name)
    mean, var = own.statistics()
    x = torch.tensor(example()).float()
    assert torch.allclose(layer(x), ((x - mean) / (var + layer.eps).sqrt()).float(), atol=1e-5)


def test_both_languages_name_the_same_choices(page):
    start(page)
    assert page.evaluate("widget.METHODS") == {k: list(v) for k, v in METHODS.items()}
    for axes, group in EVERY_CHOICE:
        got = page.evaluate(
            "([axes, group]) => widget.method({ values: model.get('values'), axes, group })",
            [axes, group],
        )
        assert got == NormalizationAxes(alt=ALT, axes=axes, group=group).method()


def test_ticking_axes_marks_the_entries_that_share_a_mean(page):
    start(page, entry=[1, 2, 0, 1])
    assert shared(page) == {(n, 2, h, w) for n in range(3) for h in range(3) for w in range(3)}
    assert "4 means, 27 entries each" in status(page)
    page.get_by_role("checkbox", name="N", exact=True).uncheck()
    assert "instance norm" in status(page)
    assert len(shared(page)) == 9
    page.get_by_role("checkbox", name="C", exact=True).check()
    assert "layer norm" in status(page)
    page.get_by_role("combobox", name="Channels in a group").select_option("2")
    assert "group norm" in status(page)
    assert shared(page) == {(1, c, h, w) for c in (2, 3) for h in range(3) for w in range(3)}
    for axis in "CHW":
        page.get_by_role("checkbox", name=axis, exact=True).uncheck()
    assert shared(page) == {(1, 2, 0, 1)}
    assert "nothing would be left" in status(page)
    assert page.get_by_role("combobox", name="Method").input_value() == ""


def test_an_entry_is_chosen_with_the_mouse_and_with_the_keyboard(page):
    start(page)
    page.locator('[data-place="2,3,1,2"] text').click()
    assert page.evaluate("saved.entry") == [2, 3, 1, 2]
    field = page.locator(".field")
    field.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)  # the last row and column are the end
    assert page.evaluate("saved.entry") == [2, 3, 2, 1]
    for _ in range(3):
        page.keyboard.press("ArrowUp")  # from one example into the one above
    assert page.evaluate("saved.entry") == [1, 3, 2, 1]
    assert "n 1, c 3, h 2, w 1" in field.get_attribute("aria-label")


def test_the_static_picture_follows_the_choice():
    pictures = {
        NormalizationAxes(alt=ALT, axes=list(m[0]), group=m[1]).picture() for m in METHODS.values()
    }
    assert len(pictures) == len(METHODS)


@pytest.mark.parametrize(
    "wrong",
    [{"values": [1, 2]}, {"values": [[[[1], [2, 3]]]]}, {"axes": ["D"]}, {"group": 3},
     {"entry": [3, 0, 0, 0]}, {"entry": [0, 0]}],
)  # fmt: skip
def test_what_is_no_tensor_or_no_axis_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        NormalizationAxes(alt=ALT, **wrong)
