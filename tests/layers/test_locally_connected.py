"""LocallyConnected2d, which has no torch twin, against torch's unfold and autograd."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import Conv2d, Linear, LocallyConnected2d, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


class Unfolded(nn.Module):
    """The same layer in torch's own operations."""

    def __init__(self, layer):
        super().__init__()
        for name, tensor in layer.state_dict().items():
            self.register_parameter(name, nn.Parameter(tensor.clone()))
        self.stride, self.padding = layer.stride, [before for before, _ in layer.padding]

    def forward(self, x):
        images = x if x.ndim == 4 else x[None]
        kernel_size, out = self.weight.shape[2:4], self.weight.shape[4:]
        columns = F.unfold(images, kernel_size, padding=self.padding, stride=self.stride)
        y = (self.weight.flatten(1, 3).flatten(2) * columns[:, None]).sum(2).unflatten(2, out)
        y = y + self.bias if hasattr(self, "bias") else y
        return y if x.ndim == 4 else y[0]


def pairs(values):
    return st.one_of(values, st.tuples(values, values))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    kernel_size=pairs(st.integers(1, 3)),
    stride=pairs(st.integers(1, 4)),
    padding=pairs(st.integers(0, 2)),
    bias=st.booleans(),
    batch=st.sampled_from([(), (1,), (3,)]),
    dtype=st.sampled_from(DTYPES),
    device=st.sampled_from(DEVICES),
)
def test_it_is_an_unfolding_and_a_product_at_each_place(
    channels, size, kernel_size, stride, padding, bias, batch, dtype, device
):
    layer = LocallyConnected2d(
        *channels, size, kernel_size, stride, padding, bias, dtype=dtype, device=device
    )
    x = randn(*batch, channels[0], *size, dtype=dtype, device=device)
    compare(layer, Unfolded(layer), x)


def test_an_empty_batch():
    layer = LocallyConnected2d(2, 3, 5, 3)
    assert layer(torch.zeros(0, 2, 5, 5)).shape == (0, 3, 3, 3)
    assert layer.backward(torch.zeros(0, 3, 3, 3)).shape == (0, 2, 5, 5)
    assert not layer.grads["weight"].any()
    assert layer.grads["weight"].shape == layer.weight.shape


@pytest.mark.parametrize("bias", [True, False])
def test_gradients_agree_with_finite_differences(bias):
    layer = LocallyConnected2d(2, 2, (4, 5), 3, 2, 1, bias, dtype=torch.float64)
    finite_differences(layer, randn(2, 2, 4, 5))


def test_with_one_shared_kernel_it_is_a_convolution_and_gradients_add_up():
    conv = Conv2d(2, 3, 3, stride=2, padding=1, dtype=torch.float64)
    local = LocallyConnected2d(2, 3, (6, 7), 3, stride=2, padding=1, dtype=torch.float64)
    state = {"weight": conv.weight[..., None, None], "bias": conv.bias[:, None, None]}
    local.load_state_dict({k: v.expand_as(local.state_dict()[k]) for k, v in state.items()})
    x = randn(4, 2, 6, 7)
    y = local(x)
    close(y, conv(x), "shared kernel")
    dy = randn(*y.shape, seed=1)
    close(local.backward(dy), conv.backward(dy), "gradient of the input")
    for name, gradient in conv.grads.items():
        close(local.grads[name].sum((-2, -1)), gradient, f"gradient of {name}")


def test_with_a_kernel_of_the_images_size_it_is_a_fully_connected_layer():
    local, linear = LocallyConnected2d(2, 3, (4, 5), (4, 5)), Linear(2 * 4 * 5, 3)
    linear.load_state_dict({"weight": local.weight.flatten(1), "bias": local.bias.flatten()})
    x = randn(4, 2, 4, 5, dtype=torch.float32)
    close(local(x).flatten(1), linear(x.flatten(1)), "fully connected")


def test_it_does_not_commute_with_shifts():
    layer = LocallyConnected2d(1, 1, 8, 3, dtype=torch.float64)
    x = randn(1, 1, 8, 8)
    assert not torch.allclose(layer(x.roll(1, -1))[..., 1:], layer(x)[..., :-1])


def test_the_first_layer_of_alexnet_without_sharing_has_106_million_parameters():
    layer = LocallyConnected2d(3, 96, 227, 11, stride=4, device="meta")
    assert sum(p.numel() for _, p in layer.named_parameters()) == 290_400 * 364


def test_initial_values_are_uniform_within_the_bound_of_one_window():
    generator = torch.Generator().manual_seed(0)
    layer = LocallyConnected2d(4, 8, 8, 3, generator=generator)
    again = LocallyConnected2d(4, 8, 8, 3, generator=torch.Generator().manual_seed(0))
    bound = (4 * 3 * 3) ** -0.5
    for name, tensor in layer.named_parameters():
        assert 0.95 * bound < tensor.abs().max() <= bound
        assert torch.equal(tensor, again.state_dict()[name])


def test_bfloat16_forward():
    layer = LocallyConnected2d(4, 8, 6, 3, dtype=torch.bfloat16)
    x = randn(2, 4, 6, 6, dtype=torch.bfloat16)
    y = layer(x)
    close(y, layer.to(torch.float32)(x.float()).bfloat16(), "bfloat16", 4e-2)


def test_it_trains_as_a_module():
    layer = LocallyConnected2d(1, 2, 6, 3, dtype=torch.float64)
    module = as_module(layer)
    x = randn(3, 1, 6, 6)
    module(x).square().sum().backward()
    layer.backward(2 * layer(x))
    for name, parameter in module.named_parameters():
        close(parameter.grad, layer.grads[name], name)


def test_messages_name_both_shapes_and_the_numbers():
    layer = LocallyConnected2d(1, 2, (6, 7), 3)
    with pytest.raises(
        ValueError, match=r"\(1, 6, 7\), got \(4, 1, 7, 6\) \(weight \(2, 1, 3, 3, 4"
    ):
        layer(torch.zeros(4, 1, 7, 6))
    with pytest.raises(ValueError, match=r"\(1, 6, 7\), got \(3, 6, 7\)"):
        layer(torch.zeros(3, 6, 7))
    with pytest.raises(ValueError, match=r"or \(B, C, H, W\), got \(6, 7\)"):
        layer(torch.zeros(6, 7))
    with pytest.raises(TypeError, match=r"torch.float64, the layer is torch.float32"):
        layer(torch.zeros(1, 6, 7, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"window of \(3, 3\) does not fit into \(2, 2\)"):
        LocallyConnected2d(1, 1, 2, 3)
    with pytest.raises(ValueError, match=r"in_channels=0"):
        LocallyConnected2d(0, 1, 6, 3)
    with pytest.raises(ValueError, match=r"stride must .* got 0"):
        LocallyConnected2d(1, 1, 6, 3, stride=0)
    layer(torch.zeros(1, 6, 7))
    with pytest.raises(ValueError, match=r"shape \(2, 1, 5\), the output had \(2, 4, 5\)"):
        layer.backward(torch.zeros(2, 1, 5))
