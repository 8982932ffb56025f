"""Receptive fields by the formula against the footprint of the gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.models import VGG, AlexNet, ResNet, receptive_field


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_each_3x3_layer_adds_two_pixels(n):
    fields = receptive_field([nn.Conv2d(1, 1, 3) for _ in range(n)])
    assert [f.size for f in fields] == [3, 5, 7, 9][:n]


def test_dilation_doubles_and_pooling_multiplies():
    dilated = [nn.Conv2d(1, 1, 3, dilation=d) for d in (1, 2, 4, 8)]
    assert [f.size for f in receptive_field(dilated)] == [3, 7, 15, 31]
    pooled = [nn.Conv2d(1, 1, 3), nn.MaxPool2d(2)] * 4
    fields = receptive_field(pooled)
    assert [f.size for f in fields[::2]] == [3, 8, 18, 38]
    assert [f.stride for f in fields[1::2]] == [2, 4, 8, 16]


def test_published_fields_of_alexnet_and_vgg():
    with torch.device("meta"):
        alexnet = receptive_field(AlexNet().features)[-1]
        vgg = receptive_field(VGG(16).features)[-1]
    assert (alexnet.size, alexnet.stride, alexnet.padding) == (195, 32, 64)
    assert (vgg.size, vgg.stride, vgg.padding) == (212, 32, 90)


@st.composite
def chains(draw):
    layers = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "conv", "max", "avg"]))
        k, s = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        p = draw(st.integers(0, k // 2))
        if kind == "conv":
            d = draw(st.integers(1, 2))
            layers += [nn.Conv2d(1, 1, k, s, padding=p, dilation=d), nn.BatchNorm2d(1).eval()]
        elif kind == "max":
            layers.append(nn.MaxPool2d(k, s, padding=p, dilation=draw(st.integers(1, 2))))
        else:
            layers.append(nn.AvgPool2d(k, s, padding=p))
    return nn.Sequential(*layers)


def footprint(chain, size, unit):
    """First and last row, and column, with a gradient of output (unit, unit)."""
    generator = torch.Generator().manual_seed(0)
    # Maxima hide pixels from a single input, never from all of many.
    x = torch.randn(256, 1, size, size, generator=generator, requires_grad=True)
    (gradient,) = torch.autograd.grad(chain(x)[:, 0, unit, unit].sum(), x)
    seen = gradient.abs().sum((0, 1))
    rows, columns = seen.sum(1).nonzero(), seen.sum(0).nonzero()
    return [(each.min().item(), each.max().item()) for each in (rows, columns)]


@settings(deadline=None, max_examples=40)
@given(chain=chains(), data=st.data())
def test_the_interval_is_where_the_gradient_is(chain, data):
    torch.manual_seed(0)
    for layer in chain:
        if isinstance(layer, nn.Conv2d):
            nn.init.uniform_(layer.weight, 0.1, 1.0)  # nothing cancels
    field = receptive_field(chain)[-1]
    # Large enough for three units that see no padding: at the edge a field loses its ends.
    size = field.size + field.padding + 3 * field.stride
    inside = [u for u in range(size) if field.interval(u)[0] >= 0]
    unit = data.draw(st.sampled_from(inside[:3]))
    first, last = field.interval(unit)
    assert last < size
    assert footprint(chain, size, unit) == [(first, last)] * 2


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("k", "d"), [(3, 1), (4, 1), (5, 2), (2, 3)])
def test_padding_same_is_torchs(k, d):
    chain = nn.Sequential(nn.Conv2d(1, 1, k, padding="same", dilation=d))
    nn.init.ones_(chain[0].weight)
    first, last = receptive_field(chain)[0].interval(10)
    assert footprint(chain, 21, 10) == [(first, last)] * 2
    assert receptive_field([nn.Conv2d(1, 1, k, padding="valid")])[0].padding == 0


def test_layers_are_named_and_those_without_a_field_are_passed_over():
    inner = nn.Sequential(nn.ReLU(), nn.Dropout(), nn.AvgPool2d(2))
    fields = receptive_field(nn.Sequential(nn.Conv2d(3, 8, 5), inner))
    assert [f.layer for f in fields] == ["Conv2d 5×5", "AvgPool2d 2×2"]


def test_what_is_no_chain_is_refused_by_name():
    with pytest.raises(TypeError, match="Linear is no link of a chain"):
        receptive_field([nn.Conv2d(1, 1, 3), nn.Linear(3, 3)])
    with torch.device("meta"), pytest.raises(TypeError, match="ResNet is no link"):
        receptive_field(ResNet(18))
    with pytest.raises(ValueError, match=r"Conv2d has kernel_size=\(1, 3\)"):
        receptive_field(nn.Conv2d(1, 1, (1, 3)))
