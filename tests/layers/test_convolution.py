"""Convolutions against torch.nn, finite differences, and what the mathematics promises."""

import itertools

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import (
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Linear,
    ReLU,
    Sequential,
    as_module,
    correlation,
)
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

KINDS = [Conv1d, Conv2d, ConvTranspose2d]
TWIN = {Conv1d: nn.Conv1d, Conv2d: nn.Conv2d, ConvTranspose2d: nn.ConvTranspose2d}
IMAGES = {Conv1d: (2, 4, 9), Conv2d: (2, 4, 7, 9), ConvTranspose2d: (2, 4, 4, 5)}


def pair(kind, *arguments, dtype=torch.float64, device="cpu", **options):
    """A reference layer and its twin."""
    ours = kind(*arguments, dtype=dtype, device=device, **options)
    return ours, TWIN[kind](*arguments, dtype=dtype, device=device, **options)


def pairs(values):
    return st.one_of(values, st.tuples(values, values))


@st.composite
def options(draw):
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    return {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": draw(pairs(st.integers(1, 3))),
        "stride": draw(pairs(st.integers(1, 4))),
        "padding": draw(pairs(st.integers(0, 3))),
        "dilation": draw(pairs(st.integers(1, 3))),
        "groups": groups,
        "bias": draw(st.booleans()),
    }


BATCHES = st.sampled_from([(), (0,), (1,), (3,)])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    options=options(),
    batch=BATCHES,
    size=st.tuples(st.integers(7, 10), st.integers(7, 10)),
    dtype=st.sampled_from(DTYPES),
    device=st.sampled_from(DEVICES),
)
def test_conv2d_is_torchs_for_every_size_and_option(options, batch, size, dtype, device):
    ours, theirs = pair(Conv2d, dtype=dtype, device=device, **options)
    x = randn(*batch, options["in_channels"], *size, dtype=dtype, device=device)
    compare(ours, theirs, x)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    options=options(),
    batch=BATCHES,
    length=st.integers(7, 12),
    dtype=st.sampled_from(DTYPES),
    device=st.sampled_from(DEVICES),
)
def test_conv1d_is_torchs_for_every_size_and_option(options, batch, length, dtype, device):
    for name in ("kernel_size", "stride", "padding", "dilation"):
        if isinstance(options[name], tuple):
            options[name] = options[name][:1]
    ours, theirs = pair(Conv1d, dtype=dtype, device=device, **options)
    x = randn(*batch, options["in_channels"], length, dtype=dtype, device=device)
    compare(ours, theirs, x)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    options=options(),
    extra=pairs(st.integers(0, 3)),
    batch=BATCHES,
    size=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    dtype=st.sampled_from(DTYPES),
    device=st.sampled_from(DEVICES),
)
def test_conv_transpose2d_is_torchs_for_every_size_and_option(
    options, extra, batch, size, dtype, device
):
    theirs = nn.ConvTranspose2d(output_padding=extra, dtype=dtype, device=device, **options)
    one = randn(options["in_channels"], *size, dtype=dtype, device=device)
    try:
        something = theirs(one).numel() > 0
    except RuntimeError:  # too much output padding, or all of the output is padding
        something = False
    if not something:
        with pytest.raises(ValueError, match=r"output_padding|nothing is left"):
            ConvTranspose2d(output_padding=extra, dtype=dtype, device=device, **options)(one)
        assume(False)
    ours = ConvTranspose2d(output_padding=extra, dtype=dtype, device=device, **options)
    compare(ours, theirs, randn(*batch, *one.shape, dtype=dtype, device=device))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, (2, 5)])
@pytest.mark.parametrize("dilation", [1, 2, (3, 1)])
def test_same_padding_keeps_the_size_for_even_kernels_too(kernel_size, dilation):
    arguments = 2, 3, kernel_size, 1, "same", dilation
    y = compare(*pair(Conv2d, *arguments), randn(2, 2, 9, 10))
    assert y.shape == (2, 3, 9, 10)


def test_valid_padding_is_none():
    y = compare(*pair(Conv1d, 2, 3, 4, padding="valid"), randn(2, 2, 9))
    assert y.shape == (2, 3, 6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("channels", "groups"), [((6, 6), 6), ((6, 12), 6), ((6, 3), 3), ((6, 6), 2), ((1, 1), 1)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_grouped_and_depthwise_convolutions_with_every_other_option(kind, channels, groups, device):
    ours, theirs = pair(
        kind, *channels, 3, stride=2, padding=1, dilation=2, groups=groups, device=device
    )
    shape = IMAGES[kind]
    compare(ours, theirs, randn(2, channels[0], *shape[2:], device=device))


@pytest.mark.parametrize("images_at_once", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_images_are_unfolded_a_few_at_a_time(kind, images_at_once, monkeypatch):
    ours, theirs = pair(kind, 4, 6, 3, stride=2, padding=1, groups=2)
    x = randn(5, *IMAGES[kind][1:])
    places = (ours(x) if kind is not ConvTranspose2d else x).flatten(2).shape[2]
    of_one_image = (6 if kind is ConvTranspose2d else 4) * ours.weight[0, 0].numel() * places
    monkeypatch.setitem(correlation.UNFOLDED, "cpu", images_at_once * of_one_image)
    seen = []
    matmul = torch.Tensor.__matmul__
    monkeypatch.setattr(
        torch.Tensor, "__matmul__", lambda a, b: seen.append(b.shape[0]) or matmul(a, b)
    )
    compare(ours, theirs, x)
    assert max(seen) == images_at_once


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_agree_with_finite_differences(kind, bias, groups):
    more = {"output_padding": 1} if kind is ConvTranspose2d else {}
    layer = kind(
        4,
        4,
        2,
        stride=2,
        padding=1,
        dilation=2,
        groups=groups,
        bias=bias,
        dtype=torch.float64,
        **more,
    )
    finite_differences(layer, randn(*IMAGES[kind]))


def test_gradients_of_same_padding_agree_with_finite_differences():
    finite_differences(Conv2d(2, 2, 2, padding="same", dtype=torch.float64), randn(2, 4, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_torchs_initial_values(kind):
    arguments = 4, 6, 3, 1, 0
    torch.manual_seed(5)
    theirs = TWIN[kind](*arguments, groups=2)
    torch.manual_seed(5)
    ours = kind(*arguments, groups=2)
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(6)
    assert torch.equal(kind(*arguments, groups=2, generator=generator).weight, theirs.weight)


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_stand_in_torchs_order(kind):
    shape = IMAGES[kind]
    if kind is ConvTranspose2d:
        arguments = 4, 6, 3, 3, 1, 2, 2, False, 2, "zeros"
    else:
        arguments = 4, 6, 3, 3, 2, 2, 2, False, "zeros"
    compare(*pair(kind, *arguments), randn(*shape))


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_forward(kind, groups):
    ours, theirs = pair(kind, 4, 8 // 2, 3, groups=groups, dtype=torch.bfloat16)
    ours.load_state_dict(theirs.state_dict())
    x = randn(*IMAGES[kind], dtype=torch.bfloat16)
    close(ours(x), theirs(x).detach(), "bfloat16", 4e-2)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2}, {"padding": 2}, {"dilation": 2}, {"stride": 3, "padding": (0, 2)}],
    ids=str,
)
def test_the_transposed_convolution_is_the_adjoint(groups, options):
    conv = Conv2d(4, 6, 3, groups=groups, bias=False, dtype=torch.float64, **options)
    x = randn(2, 4, 10, 11)
    y = randn(*conv(x).shape, seed=1)
    # Sizes that a stride makes alike are told apart by output_padding.
    plain = ConvTranspose2d(6, 4, 3, groups=groups, bias=False, dtype=torch.float64, **options)
    extra = [n - m for n, m in zip(x.shape[2:], plain(y).shape[2:], strict=True)]
    transposed = ConvTranspose2d(
        6, 4, 3, output_padding=extra, groups=groups, bias=False, dtype=torch.float64, **options
    )
    transposed.load_state_dict(conv.state_dict())
    torch.testing.assert_close((conv(x) * y).sum(), (x * transposed(y)).sum())
    close(transposed.backward(x), conv(x), "backward of the one, forward of the other")
    close(transposed(y), conv.backward(y), "forward of the one, backward of the other")


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2}], ids=str)
def test_a_convolution_is_a_matrix_and_backward_its_transpose(options):
    layer = Conv2d(2, 3, 3, dtype=torch.float64, **options)
    x = randn(2, 6, 7)
    y = layer(x)
    matrix = layer.matrix(6, 7)
    assert matrix.shape == (y.numel(), x.numel())
    product = matrix @ x.flatten() + layer.bias.repeat_interleave(y[0].numel())
    close(product, y.flatten(), "matrix product")
    dy = randn(*y.shape, seed=1)
    close(matrix.T @ dy.flatten(), layer.backward(dy).flatten(), "product with the transpose")


def test_the_matrix_is_the_lectures_doubly_blocked_one():
    layer = Conv2d(1, 1, 3, padding=1, bias=False)
    layer.weight = torch.arange(1.0, 10).view(1, 1, 3, 3)  # a … i
    matrix = layer.matrix(3, 3)
    a, b, c, d, e, f, g, h, i = range(1, 10)
    assert matrix[0].tolist() == [e, f, 0, h, i, 0, 0, 0, 0]
    assert matrix[4].tolist() == [a, b, c, d, e, f, g, h, i]
    assert (matrix != 0).sum(1).tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]
    blocks = matrix.view(3, 3, 3, 3).transpose(1, 2)  # block row, block column, row, column
    for down, right in itertools.product(range(2), range(2)):
        assert torch.equal(blocks[down, right], blocks[down + 1, right + 1])
        assert torch.equal(matrix[down * 3, right], matrix[down * 3 + 1, right + 1])


def test_a_kernel_of_the_images_size_is_a_fully_connected_layer():
    conv, linear = Conv2d(3, 5, (6, 7)), Linear(3 * 6 * 7, 5)
    linear.load_state_dict({"weight": conv.weight.flatten(1), "bias": conv.bias})
    x = randn(4, 3, 6, 7, dtype=torch.float32)
    close(conv(x).flatten(1), linear(x.flatten(1)), "fully connected")


def test_a_1x1_convolution_is_a_linear_layer_at_each_pixel():
    conv, linear = Conv2d(3, 5, 1), Linear(3, 5)
    linear.load_state_dict({"weight": conv.weight.flatten(1), "bias": conv.bias})
    x = randn(2, 3, 6, 7, dtype=torch.float32)
    close(conv(x), linear(x.movedim(1, -1)).movedim(-1, 1), "linear at each pixel")


@pytest.mark.parametrize("groups", [1, 3])
def test_convolution_commutes_with_shifts_away_from_the_border(groups):
    layer = Conv2d(3, 3, 3, padding=1, groups=groups, dtype=torch.float64)
    x = randn(1, 3, 12, 12)
    shifted = layer(x.roll((2, 1), (2, 3)))
    expected = layer(x).roll((2, 1), (2, 3))
    inside = (..., slice(3, -1), slice(2, -1))
    close(shifted[inside], expected[inside], "shifted")
    assert not torch.allclose(shifted, expected), "zeros around the image are not shifted with it"


def test_convolution_of_a_circularly_padded_image_commutes_with_all_shifts():
    layer = Conv2d(2, 3, 3, dtype=torch.float64)
    x = randn(1, 2, 8, 9)
    around = nn.CircularPad2d(1)
    shift = {"shifts": (3, 5), "dims": (2, 3)}
    close(layer(around(x.roll(**shift))), layer(around(x)).roll(**shift), "shifted")


def test_with_stride_2_only_even_shifts_commute():
    layer = Conv2d(1, 1, 3, stride=2, dtype=torch.float64)
    x = randn(1, 1, 21, 21)
    y = layer(x)
    close(layer(x[..., 2:, 4:])[..., :8, :7], y[..., 1:9, 2:9], "shifted by 2 and 4")
    assert not torch.allclose(layer(x[..., 1:, :])[..., :8, :8], y[..., :8, :8])


def test_it_is_cross_correlation_and_turning_the_kernel_around_gives_convolution():
    layer = Conv1d(1, 1, 3, padding=2, bias=False, dtype=torch.float64)
    layer.weight = torch.tensor([[[1.0, 2.0, 4.0]]], dtype=torch.float64)
    x = torch.tensor([[[1.0, 10.0, 100.0]]], dtype=torch.float64)
    assert layer(x).tolist() == [[[4, 42, 421, 210, 100]]]
    layer.weight = layer.weight.flip(-1)
    assert layer(x).tolist() == [[[1, 12, 124, 240, 400]]]


def test_not_a_number_stays_where_its_windows_are():
    for groups in (1, 2):
        ours, theirs = pair(Conv2d, 2, 2, 3, groups=groups)
        ours.load_state_dict(theirs.state_dict())
        x = randn(1, 2, 8, 8)
        x[0, 0, 1, 1] = float("nan")
        x[0, 1, 6, 6] = float("inf")
        close(ours(x), theirs(x).detach(), "not finite")


@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_that_are_expanded_and_inputs_that_are_not_contiguous(groups):
    ours, theirs = pair(Conv2d, 2, 2, 3, groups=groups)
    ours.load_state_dict(theirs.state_dict())
    x = randn(2, 7, 8, 3).permute(3, 0, 2, 1)
    leaf = x.clone().requires_grad_()
    theirs(leaf).sum().backward()
    y = ours(x)
    close(ours.backward(torch.ones(()).double().expand(y.shape)), leaf.grad, "gradient")


def test_a_net_of_convolutions_trains_as_torchs():
    ours = Sequential(Conv2d(1, 4, 3, padding=1), ReLU(), Conv2d(4, 4, 3, groups=4), ReLU())
    theirs = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=4), nn.ReLU()
    )
    module = as_module(ours)
    theirs.load_state_dict(module.state_dict())
    x = randn(3, 1, 8, 8, dtype=torch.float32)
    for net in (module, theirs):
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    for name, parameter in theirs.named_parameters():
        close(module.get_parameter(name).detach(), parameter.detach(), name)
        assert not torch.equal(parameter, ours.state_dict()[name]), f"{name} was not trained"


def test_messages_name_both_shapes_and_the_numbers():
    layer = Conv2d(1, 6, 5)
    with pytest.raises(
        ValueError, match=r"3 channels, weight expects 1 \(input \(8, 3, 28, 28\), w"
    ):
        layer(torch.zeros(8, 3, 28, 28))
    with pytest.raises(ValueError, match=r"must be \(C, H, W\) or \(B, C, H, W\), got \(8, 784\)"):
        layer(torch.zeros(8, 784))
    with pytest.raises(ValueError, match=r"\(C, L\) or \(B, C, L\), got \(1, 1, 8, 8\)"):
        Conv1d(1, 6, 5)(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"window of \(5, 5\) does not fit into \(4, 9\)"):
        layer(torch.zeros(1, 4, 9))
    with pytest.raises(ValueError, match=r"window of \(9,\) does not fit into \(8,\)"):
        Conv1d(1, 1, 5, dilation=2)(torch.zeros(1, 8))
    with pytest.raises(TypeError, match=r"torch.float64, the layer is torch.float32"):
        layer(torch.zeros(1, 8, 8, dtype=torch.float64))
    with pytest.raises(TypeError, match=r"torch.int64"):
        layer(torch.zeros(1, 8, 8, dtype=torch.int64))
    layer(torch.zeros(1, 8, 8))
    with pytest.raises(ValueError, match=r"shape \(6, 1, 1\), the output had \(6, 4, 4\)"):
        layer.backward(torch.zeros(6, 1, 1))
    with pytest.raises(ValueError, match=r"nothing is left of an output of \(1, 1\)"):
        ConvTranspose2d(1, 1, 1, padding=1)(torch.zeros(1, 1, 1))


@pytest.mark.parametrize(
    ("kind", "arguments", "options", "message"),
    [
        (Conv2d, (4, 6, 3), {"groups": 4}, "in_channels=4, out_channels=6, groups=4"),
        (Conv2d, (4, 6, 3), {"groups": 3}, "in_channels=4, out_channels=6, groups=3"),
        (Conv2d, (0, 6, 3), {}, "in_channels=0"),
        (Conv2d, (4, 6, 0), {}, "kernel_size must be one integer or 2, each at least 1, got 0"),
        (Conv2d, (4, 6, (3, 3, 3)), {}, r"kernel_size must .* got \(3, 3, 3\)"),
        (Conv1d, (4, 6, (3, 3)), {}, r"kernel_size must be one integer or 1"),
        (Conv2d, (4, 6, 3), {"stride": 0}, "stride must .* got 0"),
        (Conv2d, (4, 6, 3), {"dilation": (1, 0)}, r"dilation must .* got \(1, 0\)"),
        (Conv2d, (4, 6, 3), {"padding": -1}, "padding must .* at least 0, got -1"),
        (Conv2d, (4, 6, 3), {"padding": "full"}, "'same', 'valid', or numbers, got 'full'"),
        (Conv2d, (4, 6, 3), {"padding": "same", "stride": (1, 2)}, r"stride 1, got \(1, 2\)"),
        (ConvTranspose2d, (4, 6, 3), {"output_padding": 1}, r"output_padding \(1, 1\) must be sm"),
        (ConvTranspose2d, (4, 6, 3), {"padding": "same"}, "padding must .* got 'same'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(kind, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        kind(*arguments, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_other_paddings_than_zeros_are_left_out(kind):
    with pytest.raises(NotImplementedError, match=r"padding_mode='circular'.*torch.nn.Conv"):
        kind(1, 1, 3, padding_mode="circular")
