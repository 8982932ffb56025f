"""The explorer of features: its JavaScript against the library's layers and torch."""

import living
import pytest
import torch
import traitlets
from torch import nn

from course_utils.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from course_utils.widgets import FeatureExplorer

ALT = "The units of a small network"
ANSWERS = """() => {
  const net = widget.network(model.get("network"));
  return widget.pictures(model.get("images")).slice(0, 3).map((image) =>
    widget.answers(net, image).map((values) => [...values]));
}"""


def small_network(first: int = 5, second: int = 3, stride: int = 1) -> Sequential:
    draws = {"generator": torch.Generator().manual_seed(0)}
    return Sequential(
        *(Conv2d(1, 4, first, stride, first // 2, **draws), ReLU(), MaxPool2d(2)),
        *(Conv2d(4, 6, second, padding=second // 2, **draws), ReLU(), MaxPool2d(2)),
        *(Flatten(), Linear(6 * 49, 10, **draws)),
    )


def explorer(net: Sequential | None = None, alt: str = ALT, **settings) -> FeatureExplorer:
    draws = torch.Generator().manual_seed(1)
    images = torch.rand(20, 1, 28, 28, generator=draws) ** 4
    labels = torch.arange(20) % 10
    return FeatureExplorer.of(net or small_network(), images, labels, alt=alt, **settings)


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


@pytest.mark.parametrize(("first", "second"), [(5, 3), (3, 5), (7, 1)])
def test_the_browser_computes_what_torch_computes_from_the_same_weights(first, second, page):
    net = small_network(first, second)
    figure = explorer(net)
    living.start(page, figure)
    twin = nn.Sequential(
        *(nn.Conv2d(1, 4, first, padding=first // 2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, second, padding=second // 2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(6 * 49, 10)),
    )
    twin.load_state_dict(net.state_dict())
    twin, x = twin.double(), figure.pictures[:3]
    found = page.evaluate(ANSWERS)
    with torch.inference_mode():
        for layer, position in enumerate((2, 5, 8)):
            expected = twin[:position](x).flatten(1)
            got = torch.tensor([each[layer] for each in found]).double()
            assert torch.allclose(got, expected, atol=1e-6)
            assert torch.allclose(figure.answers(x)[layer].flatten(1), expected, atol=1e-12)


@pytest.mark.parametrize(("layer", "unit"), [(1, 2), (2, 5), (3, 7)])
def test_patches_fields_and_places_are_those_of_python(layer, unit, page):
    figure = explorer(layer=layer, unit=unit)
    living.start(page, figure)
    rows = page.evaluate(
        """([layer, unit]) => {
          const net = widget.network(model.get("network"));
          return widget.pictures(model.get("images")).map((image) => {
            const found = widget.answers(net, image);
            const { value, row, column } = widget.look(found, net, layer, unit);
            return { value, row, column, field: widget.field(net, layer, row, column) };
          });
        }""",
        [layer, unit],
    )
    best = sorted(range(20), key=lambda i: -rows[i]["value"])[:8]
    for i, (index, value, row, column) in zip(best, figure.top(), strict=True):
        assert i == index
        assert rows[i]["value"] == pytest.approx(value)
        assert [rows[i]["row"], rows[i]["column"]] == [row, column]
        assert rows[i]["field"] == [*figure.field(row, column)]
    labels = page.locator(".patches button").evaluate_all("all => all.map(b => b.ariaLabel)")
    assert [f"Digit {i % 10}," in text for i, text in zip(best, labels, strict=True)] == [True] * 8


@pytest.mark.parametrize("layer", [1, 2])
def test_the_frame_holds_all_pixels_that_reach_the_unit_and_no_others(layer):
    figure = explorer(layer=layer, unit=1)
    x = torch.rand(1, 1, 28, 28).double()
    spot = (9, 6) if layer == 2 else (20, 11)
    row, column, size = figure.field(*spot)
    inside = torch.zeros(28, 28, dtype=torch.bool)
    inside[row : row + size, column : column + size] = True
    before = figure.answers(x)[layer - 1][0, :, *spot]
    elsewhere = torch.where(inside, x, torch.rand_like(x))
    assert torch.equal(figure.answers(elsewhere)[layer - 1][0, :, *spot], before)
    corners = x.clone()
    corners[0, 0, row, column] += 100  # a corner of the frame takes part
    assert not torch.equal(figure.answers(corners)[layer - 1][0, :, *spot], before)


def test_pixels_are_drawn_erased_shifted_and_restored_and_the_answer_follows(page):
    figure = explorer()
    living.start(page, figure)
    image = page.get_by_role("application")
    before = status(page)
    image.press("ArrowUp")
    image.press(" ")
    levels = page.evaluate("saved.drawn")
    assert levels[13 * 28 + 14] == 15
    assert levels[13 * 28 + 15] >= 10
    assert "As it came" in status(page)
    page.get_by_role("combobox", name="Pen").select_option("erases")
    image.press("Enter")
    assert page.evaluate("saved.drawn")[13 * 28 + 14] == 0
    page.get_by_role("button", name="Shift the image left").click()
    left = torch.tensor(page.evaluate("saved.drawn")).view(28, 28)
    assert not left[:, -1].any()
    figure.drawn = left.flatten().tolist()
    value = figure.answers(figure.now())[0][0, 0].max().item()
    assert f"Layer 1, unit 0: {value:.2f}".rstrip("0") in status(page)
    box = image.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 2.5 / 28, box["y"] + box["height"] * 3.5 / 28)
    page.mouse.down()
    page.mouse.up()
    assert "Pen at row 3, column 2" in image.get_attribute("aria-label")
    page.get_by_role("button", name="As it came").click()
    assert status(page) == before
    page.get_by_role("combobox", name="Layer").select_option("3: class scores")
    assert page.get_by_role("combobox", name="Unit").locator("option").count() == 10
    chances = figure.answers(figure.pictures[:1])[2].softmax(1)[0]
    shown = page.get_by_role("img", name="Chances").get_attribute("aria-label")
    assert shown == "Chances: " + ", ".join(f"{k} {p:.2f}" for k, p in enumerate(chances))
    page.locator(".patches button").first.click()
    assert page.evaluate("saved.chosen") == explorer(layer=3, unit=0).top()[0][0]


@pytest.mark.parametrize(
    "wrong", [{"chosen": 20}, {"unit": 4}, {"layer": 4}, {"drawn": [0] * 10}, {"drawn": [16] * 784}]
)
def test_what_is_not_there_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        explorer(**wrong)


def test_another_kind_of_network_is_refused():
    with pytest.raises(TypeError, match="keep the size"):
        explorer(small_network(stride=2))
