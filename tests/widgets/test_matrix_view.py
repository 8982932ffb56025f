"""The matrix of a convolution: its entries against conv2d on basis vectors."""

import living
import pytest
import torch
import torch.nn.functional as F
import traitlets

from course_utils.widgets import MatrixView

ALT = "A convolution and its matrix"
EVERY_SIZE = [(size, padding) for size in (3, 4) for padding in (0, 1)]


def start(page, **settings) -> MatrixView:
    figure = MatrixView(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def choose(page, name, option):
    page.get_by_role("combobox", name=name).select_option(option)


@pytest.mark.parametrize(("size", "padding"), EVERY_SIZE)
def test_the_matrix_is_conv2d_on_every_basis_vector(size, padding, page):
    figure = start(page, size=size, padding=padding)
    kernel = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    basis = torch.eye(size * size).reshape(-1, 1, size, size)
    expected = F.conv2d(basis, kernel, padding=padding).flatten(1).T - 1  # −1 is a zero
    assert figure.matrix() == expected.long().tolist()
    state = {"size": size, "padding": padding}
    assert page.evaluate("state => widget.matrix(state)", state) == figure.matrix()
    shown = page.locator(".matrix .entry").all_text_contents()
    flat = [k for row in figure.matrix() for k in row]
    assert "".join(shown) == "".join("abcdefghi"[k] if k >= 0 else "·" for k in flat)
    # A column is a row of the transposed convolution's matrix.
    out = figure.out
    basis = torch.eye(out * out).reshape(-1, 1, out, out)
    back = F.conv_transpose2d(basis, kernel, padding=padding).flatten(1) - 1
    for pixel in range(size * size):
        got = page.evaluate(
            "state => widget.line(state)", state | {"transposed": True, "chosen": pixel}
        )
        assert got == back[:, pixel].long().tolist()


def test_the_lectures_3_by_3_example_has_49_of_81_entries(page):
    figure = start(page, size=3, padding=1)
    counts = [sum(k >= 0 for k in row) for row in figure.matrix()]
    assert counts == [4, 6, 4, 6, 9, 6, 4, 6, 4]
    assert status(page).startswith("y₀ = e x₀ + f x₁ + h x₃ + i x₄")
    assert "32 of them zeros, 49 shared by 9 weights" in status(page)
    choose(page, "Frame all copies of", "e")
    assert "The weight e stands in the matrix 9 times." in status(page)
    assert page.locator(".matrix .marked").count() == 9


def test_an_output_is_chosen_by_clicks_and_by_keys(page):
    start(page)
    page.locator(".grids [data-choose='3']").click()
    assert page.evaluate("saved.chosen") == 3
    page.locator(".matrix .entry").nth(2 * 16 + 5).click()  # anywhere in its row
    assert page.evaluate("saved.chosen") == 2
    grids = page.get_by_role("application")
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight"):
        grids.press(key)
    assert page.evaluate("saved.chosen") == 1
    assert "Output 1 is chosen: y₁ = a x₁" in grids.get_attribute("aria-label")
    choose(page, "Choose", "a pixel: its column")
    for key in ("ArrowDown", "ArrowRight"):
        grids.press(key)
    assert page.evaluate("saved.chosen") == 5
    assert status(page).startswith("x₅′ = e y₀ + d y₁ + b y₂ + a y₃")
    page.locator(".matrix .entry").nth(16 + 15).click()
    assert page.evaluate("saved.chosen") == 15
    choose(page, "Image", "3 × 3")
    assert page.evaluate("[saved.chosen, saved.size]") == [0, 3]


@pytest.mark.parametrize(
    "wrong", [{"size": 5}, {"padding": 2}, {"weight": 9}, {"chosen": 4}, {"chosen": -1}]
)
def test_what_is_not_offered_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        MatrixView(alt=ALT, **wrong)
