"""The animator of windows: sizes and windows against torch, sliding signals against NumPy."""

import itertools

import living
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets

from course_utils.widgets import ConvolutionArithmetic
from course_utils.widgets.convolution_arithmetic import (
    PLACES,
    SHAPES,
    SHIFTS,
    STEP,
    counts,
    windows,
)

ALT = "A window that walks over an image"
NAMES = ("size", "kernel_size", "stride", "padding", "dilation")
EVERY = [
    dict(zip(NAMES, numbers, strict=True))
    for numbers in itertools.product(
        (1, 2, 4, 7, 8, 10), range(1, 6), (1, 2, 3), (0, 1, 3), (1, 2, 3)
    )
]


def start(page, **settings) -> ConvolutionArithmetic:
    figure = ConvolutionArithmetic(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".words").inner_text()


def torchs_size(mode: str, numbers: dict[str, int]) -> int:
    """The size of an axis of torch's output; 0 where torch refuses."""
    size, kernel_size, *rest = numbers.values()
    convolve = F.conv_transpose1d if mode == "transposed" else F.conv1d
    options = dict(zip(NAMES[2:], rest, strict=True))
    x, w = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel_size)
    try:
        return convolve(x, w, **options).shape[-1]
    except RuntimeError:
        return 0


@pytest.mark.parametrize("mode", ["convolution", "transposed"])
def test_every_size_is_torchs_and_every_place_is_in_as_many_windows(mode, page):
    start(page)
    got = page.evaluate(
        """([mode, every]) => every.map((numbers) => {
          const state = { mode, ...numbers };
          return [widget.sizes(state), widget.counts(state), widget.formula(state)[0]];
        })""",
        [mode, EVERY],
    )
    for numbers, (sizes, hits, formula) in zip(EVERY, got, strict=True):
        out = torchs_size(mode, numbers)
        assert sizes["out"] == out, numbers
        if out:
            assert formula.endswith(f"= {out}"), numbers
        count, places = windows(mode, **numbers)
        assert (count, places) == (sizes["small"], sizes["large"])
        expected = torch.zeros(places)
        if count:  # what a gradient of ones sends back to each place
            ones, kernel = torch.ones(1, 1, count), torch.ones(1, 1, numbers["kernel_size"])
            back = F.conv_transpose1d(
                ones, kernel, stride=numbers["stride"], dilation=numbers["dilation"]
            )
            expected[: back.shape[-1]] = back[0, 0]
            assert sizes["rest"] == places - back.shape[-1]
        assert hits == expected.tolist() == counts(mode, **numbers).tolist()


def test_what_is_said_of_lost_pixels_and_checkerboards_holds(page):
    start(page)
    said, overlaps = page.evaluate(
        """every => [
          every.map((numbers) => widget.remarks({ mode: "convolution", ...numbers }).join(" ")),
          every.map((numbers) => widget.overlap(numbers)),
        ]""",
        EVERY,
    )
    for numbers, words, overlap in zip(EVERY, said, overlaps, strict=True):
        size, kernel_size, stride, padding, dilation = numbers.values()
        hits = counts("convolution", **numbers)
        unseen = size**2 - np.count_nonzero(hits[padding : padding + size]) ** 2
        told = f"{unseen} of the {size**2} pixels are in no window" in words
        assert told == (unseen > 0 and hits.any()), (numbers, words)
        rest = (size + 2 * padding - dilation * (kernel_size - 1) - 1) % stride
        assert ("They are padding." in words) == (hits.any() and 0 < rest <= padding)
        middle = counts("transposed", **numbers | {"size": 10})[12:16]  # far from all borders
        if stride > 1:
            assert overlap == [middle.min(), middle.max()], numbers
        else:
            assert overlap == [kernel_size] * 2


def test_the_area_is_numpys_convolution_and_torchs_correlation(page):
    start(page)
    for signal, kernel, flipped in itertools.product(SHAPES, SHAPES, (True, False)):
        state = {"signal": signal, "kernel": kernel, "flipped": flipped}
        got = np.array(page.evaluate("state => widget.curve(state)", state))
        assert np.allclose(ConvolutionArithmetic(alt=ALT, **state).curve(), got, atol=1e-12)
        # Kernel samples between the shifts, from −24 to 24: more than meets the signal's.
        x, w = SHAPES[signal](PLACES), SHAPES[kernel](np.arange(-24 + STEP / 2, 24, STEP))
        if flipped:
            full, first = np.convolve(x, w) * STEP, PLACES[0] - 24 + STEP / 2
        else:  # torch's conv1d does not turn the kernel around
            both = [torch.tensor(v)[None, None] for v in (x, w)]
            full = F.conv1d(*both, padding=len(w) - 1)[0, 0].numpy() * STEP
            first = PLACES[0] + STEP / 2 - 24
        where = np.rint((SHIFTS - first) / STEP).astype(int)
        assert np.allclose(got, full[where], atol=1e-12), state


def test_known_results(page):
    start(page)
    curve = "([signal, kernel]) => widget.curve({ signal, kernel, flipped: true })"
    t = SHIFTS
    expected = {
        ("box", "box"): np.maximum(0, 1 - np.abs(t)),
        ("exponential", "exponential"): np.where(t > 0, t * np.exp(-t), 0),
        ("box", "exponential"): np.maximum(0, 1 - np.exp(-np.maximum(t + 0.5, 0)))
        - np.maximum(0, 1 - np.exp(-np.maximum(t - 0.5, 0))),
    }
    for pair, values in expected.items():
        assert np.allclose(page.evaluate(curve, list(pair)), values, atol=2e-4), pair


def test_the_window_walks_by_buttons_keys_and_clicks(page):
    start(page, size=7, stride=2, padding=1)
    assert "7 × 7 → 4 × 4" in status(page)
    taps = "all => all.flatMap((cell, i) => cell.classList.contains('tap') ? [i] : [])"
    assert page.locator(".grids .large").evaluate_all(taps) == [0, 1, 2, 9, 10, 11, 18, 19, 20]
    page.get_by_role("button", name="Back").click()  # round to the last
    assert page.evaluate("saved.place") == [3, 3]
    page.get_by_role("button", name="Step").click()
    assert page.evaluate("saved.place") == [0, 0]
    page.locator("[data-place='2,1']").click()
    grids = page.get_by_role("application", name="Input 7")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowRight"):
        grids.press(key)
    assert page.evaluate("saved.place") == [3, 1]
    assert "Output (3, 1) sees rows 5 to 7, columns 1 to 3" in status(page)
    page.get_by_role("slider", name="Kernel k").press("End")  # fewer windows: the last row is one
    assert "Output (2, 1) sees rows 3 to 7" in status(page)
    page.get_by_role("slider", name="Input n").press("Home")
    assert "It does not fit" in status(page)
    assert page.get_by_role("button", name="Step").is_disabled()


def test_it_plays_to_the_last_window_and_then_stops(page):
    page.clock.install()
    start(page, size=3, kernel_size=2)
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(1100)
    assert page.evaluate("model.get('place')") == [1, 0]
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(5000)
    assert page.evaluate("model.get('place')") == [1, 0]
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(5000)
    assert page.evaluate("model.get('place')") == [1, 1]
    page.get_by_role("button", name="Play").click()  # once more from the first
    page.evaluate("stop()")
    page.clock.run_for(5000)
    assert page.evaluate("model.get('place')") == [0, 0]


def test_whoever_wants_no_motion_walks_by_steps(page):
    page.emulate_media(reduced_motion="reduce")
    start(page, mode="signals", kernel="box")
    assert not page.get_by_role("button", name="Play").is_visible()
    assert "t = 0: area 1.000" in status(page)
    page.get_by_role("button", name="Step").click()
    assert "t = 0.125: area 0.875" in status(page)
    assert "length of their overlap" in status(page)
    page.get_by_role("application", name="Shift").first.press("ArrowLeft")
    assert page.evaluate("saved.shift") == 0
    page.get_by_role("combobox", name="Operation").select_option("cross-correlation")
    assert "w(a − t)" in status(page)


@pytest.mark.parametrize(
    "wrong", [{"size": 11}, {"stride": 0}, {"mode": "3-d"}, {"place": [1]}, {"shift": 0.1}]
)
def test_what_is_not_offered_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        ConvolutionArithmetic(alt=ALT, **wrong)
