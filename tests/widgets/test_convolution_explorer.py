"""The explorer of kernels: its JavaScript against torch's conv2d and the library's Conv2d."""

import living
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets

from course_utils.layers import Conv2d
from course_utils.widgets import ConvolutionExplorer
from course_utils.widgets.convolution_explorer import BORDERS, KERNELS, pictures

ALT = "A picture and what a kernel makes of it"
RESULT = """state => {
  const image = widget.decode(model.get("images")[state.picture_name]);
  return [...widget.convolve(image, state)];
}"""


def start(page, **settings) -> ConvolutionExplorer:
    figure = ConvolutionExplorer(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def choose(page, name, option):
    page.get_by_role("combobox", name=name).select_option(option)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("flipped", [False, True])
def test_random_kernels_give_what_torch_and_the_librarys_layer_give(flipped, border, page):
    start(page)
    torch.manual_seed(0)
    layer = Conv2d(1, 1, 3)
    for name, levels in pictures().items():
        kernel, divisor, bias = torch.randn(9).double(), 2.5, -7.0
        x = torch.tensor(levels).double()[None, None]
        weight = kernel.reshape(1, 1, 3, 3)
        weight = weight.flip(2, 3) if flipped else weight
        x = F.pad(x, (1, 1, 1, 1), mode=BORDERS[border])
        expected = F.conv2d(x, weight / divisor, torch.tensor([bias]).double())[0, 0]
        state = {
            "picture_name": name, "kernel": kernel.tolist(), "divisor": divisor, "bias": bias,
            "border": border, "flipped": flipped,
        }  # fmt: skip
        got = torch.tensor(page.evaluate(RESULT, state)).double()
        assert torch.allclose(got, expected.flatten(), atol=1e-9)
        assert torch.allclose(ConvolutionExplorer(alt=ALT, **state).result(), expected, atol=1e-9)
        layer.weight, layer.bias = (weight / divisor).float(), torch.tensor([bias])
        assert torch.allclose(layer.forward(x.float())[0, 0], expected.float(), atol=1e-3)


def test_the_window_holds_the_products_of_its_pixel(page):
    figure = start(page)
    state = {n: getattr(figure, n) for n in ("kernel", "divisor", "bias", "border", "flipped")}
    state["kernel"] = [1, -2, 3, -4, 5, -6, 7, -8, 9]
    for flipped in (False, True):
        figure.kernel, figure.flipped = state["kernel"], flipped
        result = figure.result()
        for place in ([0, 0], [95, 50], [40, 41]):
            found = page.evaluate(
                """([state, place]) => widget.lookAt(
                  widget.decode(model.get("images")["a cat"]), state, place)""",
                [state | {"flipped": flipped}, place],
            )
            products = [term["weight"] * term["level"] for term in found["terms"]]
            assert [term["product"] for term in found["terms"]] == products
            assert found["value"] == pytest.approx(sum(products))
            assert found["value"] == pytest.approx(result[tuple(place)].item())
            outside = {(0, 0): 5, (95, 50): 3, (40, 41): 0}[tuple(place)]
            assert sum(term["outside"] for term in found["terms"]) == outside


def test_both_languages_have_the_same_kernels(page):
    start(page)
    assert page.evaluate("widget.KERNELS") == {name: [*kept] for name, kept in KERNELS.items()}


@pytest.mark.parametrize("name", KERNELS)
def test_a_preset_keeps_flat_areas_or_makes_them_zero_and_says_so(name, page):
    start(page)
    choose(page, "Kernel", name)
    kernel, divisor, signed = page.evaluate("[saved.kernel, saved.divisor, saved.signed]")
    total = sum(kernel) / divisor
    assert total == (0 if signed else 1)
    said = "flat areas become 0" if signed else "flat areas keep their gray level"
    assert said in status(page)
    turned = kernel[::-1]
    same, negative = turned == kernel, turned == [-w for w in kernel]
    word = "agree." if same else "differ in sign" if negative else "is another one"
    assert word in status(page)


def test_sobel_on_a_rising_ramp_is_minus_8_as_libraries_compute_and_8_convolved(page):
    start(page)
    ramp = {"height": 3, "width": 5, "levels": [0, 1, 2, 3, 4] * 3}
    for flipped, expected in ((False, -8), (True, 8)):
        state = {"kernel": KERNELS["Sobel x"][0], "divisor": 1, "bias": 0, "border": "reflect"}
        state["flipped"] = flipped
        look = "([image, state]) => widget.lookAt(image, state, [1, 2]).value"
        assert page.evaluate(look, [ramp, state]) == expected


def test_zero_is_mid_gray_where_signs_are_shown(page):
    start(page)
    shades = "signed => [-300, -255, 0, 100, 255, 300].map(v => widget.shade(v, signed))"
    assert page.evaluate(shades, True) == [0, 0, 128, 178, 255, 255]
    assert page.evaluate(shades, False) == [0, 0, 0, 100, 255, 255]
    choose(page, "Kernel", "Laplacian")
    assert page.locator(".ends").inner_text().split() == ["−255", "0", "255"]
    assert "below 0" in status(page)


def test_the_canvas_shows_the_result(page):
    figure = ConvolutionExplorer.preset("box blur", picture_name="a digit", alt=ALT)
    living.start(page, figure)
    pixels = (
        page.locator("canvas")
        .nth(1)
        .evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    )
    shown = np.array(pixels).reshape(28, 28, 4)
    assert np.abs(shown[..., 0] - figure.result().numpy()).max() <= 0.5
    assert (shown[..., 3] == 255).all()


def test_numbers_are_typed_and_what_is_no_number_changes_nothing(page):
    start(page)
    page.get_by_role("spinbutton", name="Weight in row 1, column 3").fill("-2.5")
    assert page.evaluate("saved.kernel") == [0, 0, -2.5, 0, 1, 0, 0, 0, 0]
    divisor = page.get_by_role("spinbutton", name="Divisor")
    for wrong in ("0", ""):
        divisor.fill(wrong)
        assert page.evaluate("model.get('divisor')") == 1
        assert divisor.get_attribute("aria-invalid") == "true"
    divisor.blur()
    assert divisor.input_value() == "1"
    page.get_by_role("spinbutton", name="Bias").fill("-30")
    assert "− 30" in status(page)
    page.get_by_role("button", name="Random kernel").click()
    assert page.evaluate("saved.kernel.length === 9 && saved.signed && saved.bias === 0")
    assert page.get_by_role("combobox", name="Kernel").input_value() == ""


def test_the_window_is_dragged_and_moved_by_keys_and_stays_in_the_picture(page):
    start(page)
    box = page.locator(".stage").first.bounding_box()

    def at(row, column):
        return box["x"] + (column + 0.5) * box["width"] / 96, (
            box["y"] + (row + 0.5) * box["height"] / 96
        )

    page.mouse.move(*at(30, 70))
    page.mouse.down()
    assert page.evaluate("saved.place") == [30, 70]
    page.mouse.move(*at(2, 94))
    page.mouse.move(*at(-50, 94))
    page.mouse.up()
    assert page.evaluate("saved.place") == [0, 94]
    picture = page.get_by_role("application")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowDown", "Shift+ArrowLeft"):
        picture.press(key)
    assert page.evaluate("saved.place") == [1, 85]
    assert "row 1, column 85" in picture.get_attribute("aria-label")
    choose(page, "Picture", "a digit")  # 28 pixels wide: the window stays at the same part of it
    assert page.evaluate("saved.place") == [0, 24]


@pytest.mark.parametrize(
    "wrong",
    [{"kernel": [1.0] * 8}, {"kernel": [float("nan")] * 9}, {"divisor": 0.0}, {"border": "wrap"},
     {"picture_name": "a dog"}, {"place": [96, 0]}],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        ConvolutionExplorer(alt=ALT, **wrong)
