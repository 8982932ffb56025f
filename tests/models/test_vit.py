"""The vision transformer: sizes, and what it knows about space."""

import pytest
import torch
from torch.nn import functional as F

from course_utils.models import ViT, count_parameters

LARGE = {"dim": 1024, "depth": 24, "heads": 16, "mlp_dim": 4096}
HUGE = {"patch_size": 14, "dim": 1280, "depth": 32, "heads": 16, "mlp_dim": 5120}


def small(**options):
    torch.manual_seed(0)
    sizes = {"image_size": 12, "patch_size": 4, "in_channels": 1, "num_classes": 5}
    return ViT(**sizes | {"dim": 16, "depth": 2, "heads": 2, "mlp_dim": 32} | options)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, 86_567_656),
        (LARGE, 304_326_632),
        (HUGE, 632_045_800),
        (HUGE | {"image_size": 518}, 633_470_440),  # more positions, nothing else
    ],
)
def test_published_sizes(options, parameters):
    with torch.device("meta"):
        assert count_parameters(ViT(**options)) == parameters


def test_the_embedding_is_one_linear_map_of_each_patch():
    model = small()
    x = torch.rand(3, 1, 12, 12)
    patches = F.unfold(x, 4, stride=4).transpose(1, 2)  # (3, 9, 16)
    conv = model.patch_embedding
    expected = patches @ conv.weight.flatten(1).T + conv.bias
    torch.testing.assert_close(conv(x).flatten(2).transpose(1, 2), expected)


def shuffled_patches(x, order):
    patches = F.unfold(x, 4, stride=4)[:, :, order]
    return F.fold(patches, (12, 12), 4, stride=4)


def test_only_the_position_embedding_knows_where_a_patch_is():
    model = small().eval()
    x = torch.rand(2, 1, 12, 12)
    moved = shuffled_patches(x, torch.tensor([3, 1, 4, 0, 5, 8, 2, 6, 7]))
    assert not torch.allclose(model(x), model(moved))
    torch.nn.init.zeros_(model.position_embedding)
    torch.testing.assert_close(model(x), model(moved))


def test_every_patch_reaches_the_class_token():
    model = small().eval()
    x = torch.rand(1, 1, 12, 12, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x).square().sum(), x)
    assert gradient.abs().gt(0).all()


def test_learns_which_corner_is_bright():
    model = small(num_classes=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        x = 0.3 * torch.rand(32, 1, 12, 12, generator=generator)
        y = torch.randint(4, (32,), generator=generator)
        rows, columns = y // 2 * 8, y % 2 * 8
        for image, row, column in zip(x, rows, columns, strict=True):
            image[0, row : row + 4, column : column + 4] += 0.5
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1  # chance: ln 4 = 1.4


def test_sizes_that_do_not_fit_are_refused_with_their_numbers():
    with pytest.raises(ValueError, match=r"patches of 5 pixels do not tile images of 12"):
        small(patch_size=5)
    with pytest.raises(ValueError, match=r"images are 8 × 12.* 12 × 12 \(input \(1, 1, 8, 12\)\)"):
        small()(torch.zeros(1, 1, 8, 12))
