"""What the normalization layers share, and the table of the axes they average over."""

import inspect

import pytest
import torch

from course_utils import layers
from course_utils.layers import BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm
from twins import close, randn

SHAPE = (4, 6, 3, 5)


def norms():
    """Each without scale and shift, with the axes of (N, G, C/G, H, W) in the table."""
    return {
        "batch": (BatchNorm2d(6, affine=False, dtype=torch.float64), (0, 3, 4)),
        "layer": (LayerNorm(SHAPE[1:], elementwise_affine=False), (1, 2, 3, 4)),
        "instance": (InstanceNorm2d(6), (3, 4)),
        "group": (GroupNorm(2, 6, affine=False), (2, 3, 4)),
    }


@pytest.mark.parametrize("name", norms())
def test_each_norm_averages_over_the_axes_of_the_table_and_no_others(name):
    layer, axes = norms()[name]
    x = (3 * randn(*SHAPE) + 2).unflatten(1, (2, 3))
    y = layer(x.flatten(1, 2)).unflatten(1, (2, 3))
    assert y.mean(axes).abs().max() < 1e-14
    var = x.var(axes, correction=0)
    close(y.var(axes, correction=0), var / (var + 1e-5), "variance")
    # A number outside the set of another does not touch it; one inside does.
    other = x.clone()
    other[0, 0, 0, 0, 0] += 10
    changed = (layer(other.flatten(1, 2)).unflatten(1, (2, 3)) != y).nonzero()
    same_set = [axis for axis in range(5) if axis not in axes]
    assert not changed[:, same_set].any()
    assert all(changed[:, axis].any() for axis in axes)


def test_group_norm_with_one_group_is_layer_norm_and_with_one_channel_each_instance_norm():
    x = randn(*SHAPE)
    dy = randn(*SHAPE, seed=1)
    for groups, name in ((1, "layer"), (6, "instance")):
        group, twin = GroupNorm(groups, 6, affine=False), norms()[name][0]
        close(group(x), twin(x), f"{groups} groups")
        close(group.backward(dy), twin.backward(dy), f"{groups} groups, gradient")


def test_instance_norm_of_one_image_is_batch_norm_of_a_batch_of_one():
    x = randn(1, 6, 3, 5)
    close(InstanceNorm2d(6)(x), BatchNorm2d(6, affine=False, dtype=x.dtype)(x), "one image")


@pytest.mark.parametrize("name", norms())
def test_the_gradient_has_no_part_that_would_only_shift_or_scale_the_input(name):
    layer, axes = norms()[name]
    layer.eps = 0
    x = randn(*SHAPE)
    layer(x)
    dx = layer.backward(randn(*SHAPE, seed=1)).unflatten(1, (2, 3))
    assert dx.sum(axes).abs().max() < 1e-12
    assert (dx * x.unflatten(1, (2, 3))).sum(axes).abs().max() < 1e-12


NAMES = [
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Softplus",
    "SiLU",
    "GELU",
    "Softmax",
    "LogSoftmax",
    "Dropout",
    "Flatten",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "GroupNorm",
    "InstanceNorm2d",
    "LocalResponseNorm",
]


@pytest.mark.parametrize("name", NAMES)
def test_constructor_arguments_have_torchs_names_order_and_defaults(name):
    ours = inspect.signature(getattr(layers, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    extra = {"device", "dtype"}  # torch's own, keywords here

    def described(parameters):
        return [(p.name, p.default) for p in parameters.values() if p.name not in extra]

    assert [(n, d) for n, d in described(ours) if n != "generator"] == described(theirs)
    assert (extra & theirs.keys()) == (extra & ours.keys())
