"""Pooling against torch.nn, finite differences, and what the lectures say about it."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv2d,
    MaskPool2d,
    MaxPool2d,
    as_module,
)
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


def pairs(values):
    return st.one_of(values, st.tuples(values, values))


BATCHES = st.sampled_from([(), (0, 2), (1, 3), (3, 1)])
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
DTYPE, DEVICE = st.sampled_from(DTYPES), st.sampled_from(DEVICES)
MASKS = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4)


def image(batch, size, dtype, device):
    """Small integers: windows have equal maxima often."""
    shape = (*(batch or (2,)), *size)
    return (2 * randn(*shape, device=device)).round().to(dtype)


def compare_where_torch_takes_it(ours, theirs, options, x):
    """The same values and gradients; and where torch refuses options or an image, so do we."""
    try:
        theirs = theirs(**options)
        zeros = torch.zeros(1, *x.shape[-2:], dtype=x.dtype, device=x.device)
        blank = theirs(zeros.requires_grad_())  # torch checks more where there is a way back
        # Torch's way back from a window that sees nothing writes outside of its memory.
        refused = blank.isinf().any()
    except RuntimeError:
        refused = True
    if refused:
        with pytest.raises(ValueError, match=r"does not fit|over half of the kernel|but padding"):
            ours(**options)(x)
        assume(False)
    compare(ours(**options), theirs, x)


@settings(max_examples=130, deadline=None, derandomize=True)
@given(
    kernel_size=pairs(st.integers(1, 4)),
    stride=st.one_of(st.none(), pairs(st.integers(1, 5))),
    padding=pairs(st.integers(0, 2)),
    dilation=pairs(st.integers(1, 2)),
    ceil_mode=st.booleans(),
    batch=BATCHES,
    size=SIZES,
    dtype=DTYPE,
    device=DEVICE,
)
def test_max_pool2d_is_torchs_for_every_size_and_option(
    kernel_size, stride, padding, dilation, ceil_mode, batch, size, dtype, device
):
    options = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
    }
    x = image(batch, size, dtype, device)
    compare_where_torch_takes_it(MaxPool2d, nn.MaxPool2d, options, x)


@settings(max_examples=130, deadline=None, derandomize=True)
@given(
    kernel_size=pairs(st.integers(1, 4)),
    stride=st.one_of(st.none(), pairs(st.integers(1, 5))),
    padding=pairs(st.integers(0, 2)),
    ceil_mode=st.booleans(),
    count_include_pad=st.booleans(),
    batch=BATCHES,
    size=SIZES,
    dtype=DTYPE,
    device=DEVICE,
)
def test_avg_pool2d_is_torchs_for_every_size_and_option(
    kernel_size, stride, padding, ceil_mode, count_include_pad, batch, size, dtype, device
):
    options = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
    }
    x = image(batch, size, dtype, device)
    compare_where_torch_takes_it(AvgPool2d, nn.AvgPool2d, options, x)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    output_size=st.one_of(
        st.integers(1, 9),
        st.tuples(st.one_of(st.none(), st.integers(1, 9)), st.one_of(st.none(), st.integers(1, 9))),
    ),
    batch=BATCHES,
    size=SIZES,
    dtype=DTYPE,
    device=DEVICE,
)
def test_adaptive_avg_pool2d_is_torchs_for_every_size(output_size, batch, size, dtype, device):
    x = image(batch, size, dtype, device)
    compare(AdaptiveAvgPool2d(output_size), nn.AdaptiveAvgPool2d(output_size), x)


def by_unfolding(mask, stride, mode):
    """MaskPool2d in torch's operations."""

    def pool(x):
        images = x if x.ndim == 4 else x[None]
        size = [(n - k) // s + 1 for n, k, s in zip(x.shape[-2:], mask.shape, stride, strict=True)]
        columns = F.unfold(images, mask.shape, stride=stride)
        columns = columns.unflatten(1, (-1, mask.numel()))[:, :, mask.flatten()]
        y = columns.max(2).values if mode == "max" else columns.mean(2)
        y = y.unflatten(-1, size)
        return y if x.ndim == 4 else y[0]

    return pool


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    mask=MASKS.filter(lambda rows: any(map(any, rows))),
    stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    mode=st.sampled_from(["max", "mean"]),
    batch=st.sampled_from([(), (1, 3), (3, 1)]),
    size=st.tuples(st.integers(4, 9), st.integers(3, 9)),
    dtype=DTYPE,
    device=DEVICE,
)
def test_mask_pool2d_is_an_unfolding_without_what_is_masked(
    mask, stride, mode, batch, size, dtype, device
):
    mask = torch.tensor(mask)
    x = image(batch, size, dtype, device)
    compare(MaskPool2d(mask, stride, mode), by_unfolding(mask.to(device), stride, mode), x)


@pytest.mark.parametrize("mode", ["max", "mean"])
def test_a_full_mask_is_ordinary_pooling(mode):
    theirs = nn.MaxPool2d if mode == "max" else nn.AvgPool2d
    full = torch.ones(2, 3, dtype=torch.bool)
    compare(
        MaskPool2d(full, mode=mode), theirs((2, 3)), image((2, 3), (7, 8), torch.float64, "cpu")
    )
    compare(MaskPool2d(full, 1, mode), theirs((2, 3), 1), randn(3, 7, 8))


def test_pooling_the_mean_over_a_disc_is_a_depthwise_convolution():
    offset = torch.arange(-2, 3)
    disc = offset[:, None] ** 2 + offset**2 <= 4
    assert disc.sum() == 13
    conv = Conv2d(3, 3, 5, stride=2, groups=3, bias=False, dtype=torch.float64)
    conv.weight = (disc.double() / 13).expand(3, 1, 5, 5)
    x = randn(2, 3, 9, 10)
    close(MaskPool2d(disc, 2, "mean")(x), conv(x), "disc")


def test_a_mask_keeps_the_corners_out():
    disc = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]]).bool()
    x = torch.tensor([[[9.0, 1, 9], [2, 0, 3], [9, 4, 9]]])
    layer = MaskPool2d(disc)
    assert layer(x).tolist() == [[[4]]]
    assert layer.backward(torch.ones(1, 1, 1)).nonzero().tolist() == [[0, 2, 1]]
    assert MaskPool2d(disc, mode="mean")(x).tolist() == [[[2]]]


@pytest.mark.parametrize("layer", [MaxPool2d(2), MaskPool2d(torch.ones(2, 2).bool())], ids=str)
def test_of_equal_maxima_the_first_gets_the_gradient(layer):
    layer(torch.zeros(1, 4, 4))
    dx = layer.backward(torch.ones(1, 2, 2))
    assert dx.nonzero().tolist() == [[0, 0, 0], [0, 0, 2], [0, 2, 0], [0, 2, 2]]


@pytest.mark.parametrize(
    "layer", [MaxPool2d(3, 1), MaskPool2d(torch.ones(3, 3).bool(), 1)], ids=str
)
def test_where_windows_overlap_their_gradients_add_up(layer):
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 1
    layer(x)
    dx = layer.backward(torch.ones(1, 1, 3, 3))
    assert dx[0, 0, 2, 2] == 9
    assert dx.sum() == 9


LAYERS = [
    MaxPool2d(3, 2, 1),
    MaxPool2d(2, 3, dilation=2),
    MaxPool2d(2, ceil_mode=True),
    AvgPool2d(3, 2, 1),
    AvgPool2d(3, 2, 1, count_include_pad=False),
    AvgPool2d(2, ceil_mode=True),
    AdaptiveAvgPool2d((3, None)),
    MaskPool2d(torch.eye(3).bool(), 1),
    MaskPool2d(torch.eye(3).bool(), 2, "mean"),
]


def name(layer):
    options = {k: v for k, v in vars(layer).items() if isinstance(v, tuple | bool | str)}
    return f"{type(layer).__name__} {options}"


@pytest.mark.parametrize("layer", LAYERS, ids=name)
def test_gradients_agree_with_finite_differences(layer):
    finite_differences(layer, randn(2, 2, 5, 7))


@pytest.mark.parametrize("layer", LAYERS, ids=name)
def test_bfloat16_forward(layer):
    x = randn(2, 3, 7, 9, dtype=torch.bfloat16)
    y = layer(x)
    assert y.dtype == torch.bfloat16
    close(y, layer(x.float()).bfloat16(), "bfloat16", 4e-2)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (MaxPool2d(2, 1), nn.MaxPool2d(2, 1)),
        (AvgPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1)),
        (AdaptiveAvgPool2d(3), nn.AdaptiveAvgPool2d(3)),
        (
            MaskPool2d(torch.eye(2).bool(), 1),
            by_unfolding(torch.eye(2).bool(), (1, 1), "max"),
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_not_a_number_and_infinity_stay_in_their_windows(ours, theirs):
    x = randn(1, 1, 8, 8)
    x[0, 0, 1, 1], x[0, 0, 6, 6], x[0, 0, 1, 6] = float("nan"), float("inf"), -float("inf")
    close(ours(x), theirs(x), "not finite")


def test_max_pooling_changes_little_under_a_small_shift_the_less_the_larger_its_windows():
    x = randn(1, 1, 512, 512)
    unchanged = {}
    for kernel_size, stride in [(2, 2), (3, 2), (8, 8)]:
        pool = MaxPool2d(kernel_size, stride)
        same = pool(x)[..., :60] == pool(x.roll(1, -1))[..., :60]
        unchanged[kernel_size] = same.double().mean().item()
    assert unchanged[2] == pytest.approx(1 / 3, abs=0.02)
    assert unchanged[3] == pytest.approx(1 / 2, abs=0.02)
    assert unchanged[8] == pytest.approx(7 / 9, abs=0.04)


def test_global_average_pooling_takes_images_of_any_size():
    layer = AdaptiveAvgPool2d(1)
    for size in [(1, 1), (7, 7), (5, 12)]:
        x = randn(2, 3, *size)
        close(layer(x)[..., 0, 0], x.mean((2, 3)), "mean of all")


def test_pooling_inside_a_module():
    layer = MaxPool2d(3, 2)
    x = randn(2, 3, 7, 7).requires_grad_()
    y = as_module(layer)(x)
    y.square().sum().backward()
    close(x.grad, layer.backward(2 * layer(x.detach())), "gradient")


def test_messages_name_the_shapes_and_the_numbers():
    for layer in LAYERS:
        kind = type(layer).__name__
        with pytest.raises(ValueError, match=rf"{kind}: input must be .*, got \(7, 7\)"):
            layer(torch.zeros(7, 7))
        with pytest.raises(TypeError, match=rf"{kind}: .* floating-point numbers, got torch.int64"):
            layer(torch.zeros(1, 7, 7, dtype=torch.int64))
        y = layer(torch.zeros(2, 7, 7))
        with pytest.raises(
            ValueError, match=rf"{kind}: the gradient .* \(2, 1, 1\), the output had"
        ):
            layer.backward(y[:, :1, :1])
    with pytest.raises(ValueError, match=r"window of \(3, 3\) does not fit into \(2, 9\)"):
        MaxPool2d(3)(torch.zeros(1, 2, 9))
    with pytest.raises(ValueError, match=r"no elements, got \(1, 0, 4\)"):
        AdaptiveAvgPool2d(1)(torch.zeros(1, 0, 4))
    with pytest.raises(ValueError, match=r"sees nothing but padding \(input \(1, 1, 4\), k"):
        MaxPool2d(2, padding=1, dilation=2)(torch.zeros(1, 1, 4))
    with pytest.raises(ValueError, match=r"window of \(4, 4\) does not fit into \(3, 3\)"):
        MaskPool2d(torch.ones(4, 4).bool())(torch.zeros(1, 3, 3))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MaxPool2d(0), "kernel_size must .* got 0"),
        (lambda: MaxPool2d(2, 0), "stride must .* got 0"),
        (lambda: MaxPool2d(2, dilation=0), "dilation must .* got 0"),
        (lambda: MaxPool2d(2, padding=2), r"padding \(2, 2\) is over half of the kernel"),
        (lambda: AvgPool2d((2, 2, 2)), r"kernel_size must .* got \(2, 2, 2\)"),
        (lambda: AvgPool2d(3, padding=(1, 2)), r"padding \(1, 2\) is over half of the kernel"),
        (lambda: AdaptiveAvgPool2d(0), "output_size must .* got"),
        (lambda: AdaptiveAvgPool2d((1, 2, 3)), "output_size must .* got"),
        (lambda: MaskPool2d(torch.zeros(3, 3).bool()), r"at least one True, got \(3, 3\)"),
        (lambda: MaskPool2d(torch.ones(3, 3)), r"booleans .* torch.float32"),
        (lambda: MaskPool2d(torch.ones(3).bool()), r"matrix .* got \(3,\)"),
        (lambda: MaskPool2d(torch.ones(3, 3).bool(), mode="sum"), "'max' or 'mean', got 'sum'"),
        (lambda: MaskPool2d(torch.ones(3, 3).bool(), 0), "stride must .* got 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_what_is_left_out_says_so():
    with pytest.raises(NotImplementedError, match=r"return_indices=True.*torch.nn.MaxPool2d"):
        MaxPool2d(2, return_indices=True)
    with pytest.raises(NotImplementedError, match=r"divisor_override=3.*torch.nn.AvgPool2d"):
        AvgPool2d(2, divisor_override=3)


def test_arguments_stand_in_torchs_order():
    x = randn(1, 9, 9)
    compare(MaxPool2d(3, 2, 1, 2, False, True), nn.MaxPool2d(3, 2, 1, 2, False, True), x)
    compare(AvgPool2d(3, 2, 1, True, False), nn.AvgPool2d(3, 2, 1, True, False), x)
