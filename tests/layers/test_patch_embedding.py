"""Patch embedding against the convolution whose kernel and stride are the patch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import PatchEmbedding, as_module
from twins import DEVICES, DTYPES, compare, finite_differences, randn


class ConvolutionOfPatches(torch.nn.Conv2d):
    def __init__(self, in_channels, embed_dim, patch, **options):
        super().__init__(in_channels, embed_dim, patch, stride=patch, **options)

    def forward(self, x):
        return super().forward(x).flatten(-2).mT


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    leading=st.sampled_from([(), (0,), (1,), (3,)]),
    channels=st.integers(1, 3),
    width=st.integers(1, 5),
    patch=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    grid=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    bias=st.booleans(),
)
def test_values_and_gradients_match_the_convolution(
    dtype, device, leading, channels, width, patch, grid, bias
):
    like = {"dtype": dtype, "device": device, "bias": bias}
    size = (patch[0] * grid[0], patch[1] * grid[1])
    compare(
        PatchEmbedding(channels, width, patch, **like),
        ConvolutionOfPatches(channels, width, patch, **like),
        randn(*leading, channels, *size, dtype=dtype, device=device),
    )


def test_gradients_match_finite_differences():
    finite_differences(PatchEmbedding(2, 3, (2, 1), dtype=torch.float64), randn(2, 2, 4, 2))


def test_the_same_seed_gives_the_initial_values_of_the_convolution():
    for options in [{}, {"bias": False}]:
        torch.manual_seed(3)
        theirs = ConvolutionOfPatches(3, 8, 4, **options).state_dict()
        torch.manual_seed(3)
        ours = PatchEmbedding(3, 8, 4, **options).state_dict()
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        torch.manual_seed(4)
        generator = torch.Generator().manual_seed(3)
        ours = PatchEmbedding(3, 8, 4, generator=generator, **options).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_tokens_are_the_patches_from_left_to_right_then_down():
    layer = PatchEmbedding(1, 4, 2, bias=False)
    layer.weight = torch.eye(4).view(4, 1, 2, 2)  # a token is its patch
    picture = torch.arange(24.0).view(1, 4, 6)
    wanted = [[0.0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11], [12, 13, 18, 19]]
    assert layer(picture)[:4].tolist() == wanted
    assert torch.equal(layer.backward(layer(picture)), picture)


def test_moving_a_picture_by_a_patch_moves_the_tokens():
    layer = PatchEmbedding(3, 5, 4, dtype=torch.float64)
    x = randn(2, 3, 8, 12)
    tokens = layer(x).view(2, 2, 3, 5)
    moved = layer(x.roll(4, dims=-1)).view(2, 2, 3, 5)
    torch.testing.assert_close(moved, tokens.roll(1, dims=2))


def test_several_leading_dimensions_are_a_batch():
    layer, x = PatchEmbedding(3, 5, 2, dtype=torch.float64), randn(2, 3, 3, 4, 6)
    y = layer(x)
    dy = randn(2, 3, 6, 5)
    dx = layer.backward(dy)
    grads = dict(layer.grads)
    torch.testing.assert_close(layer(x.flatten(0, 1)).view_as(y), y)
    torch.testing.assert_close(layer.backward(dy.flatten(0, 1)).view_as(dx), dx)
    torch.testing.assert_close(layer.grads, grads)


def test_wrapped_as_a_module_it_trains_with_autograd():
    theirs = ConvolutionOfPatches(3, 5, 2, dtype=torch.float64)
    layer = PatchEmbedding(3, 5, 2, dtype=torch.float64)
    layer.load_state_dict(theirs.state_dict())
    module = as_module(layer)
    for net in (module, theirs):
        net(randn(2, 3, 4, 6)).square().sum().backward()
    torch.testing.assert_close(module.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(module.bias.grad, theirs.bias.grad)


def test_bfloat16_forward_matches_the_convolution():
    theirs = ConvolutionOfPatches(3, 5, 2, dtype=torch.bfloat16)
    layer = PatchEmbedding(3, 5, 2, dtype=torch.bfloat16)
    layer.load_state_dict(theirs.state_dict())
    x = randn(2, 3, 4, 6, dtype=torch.bfloat16)
    torch.testing.assert_close(layer(x), theirs(x).detach(), rtol=0.02, atol=0.02)


def test_pictures_that_do_not_fit_are_refused_with_both_shapes():
    layer = PatchEmbedding(3, 5, 4)
    for shape in [(2, 1, 8, 8), (2, 3, 8, 6), (2, 3, 6, 8), (8, 8)]:
        numbers = ", ".join(map(str, shape))
        with pytest.raises(ValueError, match=rf"3 channels .*4×4.*\({numbers}\), .*\(5, 3, 4, 4\)"):
            layer(torch.ones(shape))
    with pytest.raises(TypeError, match=r"input is torch.float64, the layer is torch.float32"):
        layer(torch.ones(2, 3, 8, 8, dtype=torch.float64))
    layer(torch.ones(2, 3, 8, 8))
    with pytest.raises(ValueError, match=r"\(2, 5, 4\), the output had \(2, 4, 5\)"):
        layer.backward(torch.ones(2, 5, 4))
    with pytest.raises(ValueError, match=r"patch_size=0"):
        PatchEmbedding(3, 5, 0)
