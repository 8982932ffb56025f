"""GoogLeNet and its block: the table of the paper."""

import pytest
import torch
from torch import nn

from course_utils.models import GoogLeNet, Inception, count_parameters, multiply_adds
from course_utils.models.inception import BLOCKS


def test_the_first_block_has_the_papers_sizes():
    block = Inception(192, *BLOCKS["3a"])
    biases = sum(p.numel() for name, p in block.named_parameters() if name.endswith("bias"))
    assert count_parameters(block) == 163_696
    assert (count_parameters(block) - biases) // 1024 == 159  # "159K" in Table 1
    with torch.device("meta"):
        block = Inception(192, *BLOCKS["3a"])
    assert round(multiply_adds(block, (1, 192, 28, 28)) / 1e6) == 128  # "128M"
    assert block(torch.zeros(2, 192, 28, 28, device="meta")).shape == (2, 256, 28, 28)


def test_each_branch_fills_its_own_channels():
    block = Inception(4, 2, (3, 5), (3, 6), 7)
    x = torch.rand(2, 4, 9, 9)
    branches = block(x).split([2, 5, 6, 7], dim=1)
    for branch, output in zip(
        (block.branch1, block.branch2, block.branch3, block.branch4), branches, strict=True
    ):
        assert torch.equal(branch(x), output)


@pytest.mark.parametrize(("branch", "field"), [(1, 1), (2, 3), (3, 5), (4, 3)])
def test_branches_see_neighborhoods_of_their_kernels(branch, field):
    torch.manual_seed(0)
    part = getattr(Inception(4, 8, (8, 8), (8, 8), 8), f"branch{branch}")
    seen = torch.zeros(9, 9)
    for _ in range(20):  # a maximum or a ReLU hides some pixels from one input
        x = torch.rand(8, 4, 9, 9, requires_grad=True)
        (gradient,) = torch.autograd.grad(part(x)[:, :, 4, 4].sum(), x)
        seen += gradient.abs().sum((0, 1))
    rows = seen.sum(1).nonzero().flatten()
    assert (rows.min().item(), rows.max().item()) == (4 - field // 2, 4 + field // 2)


def test_googlenet_is_22_deep_with_57_convolutions_and_seven_million_parameters():
    with torch.device("meta"):
        model = GoogLeNet()
    assert count_parameters(model) == 6_998_552
    assert sum(isinstance(m, nn.Conv2d) for m in model.modules()) == 57
    blocks = sum(isinstance(m, Inception) for m in model.modules())
    assert 3 + 2 * blocks + 1 == 22
    x = torch.zeros(2, 3, 224, 224, device="meta")
    assert model.features(x).shape == (2, 1024, 7, 7)
    assert model(x).shape == (2, 1000)
