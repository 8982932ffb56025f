"""Residual networks: sizes, shortcuts, and published weights."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from course_utils.models import CifarResNet, ResNet, count_parameters, multiply_adds
from course_utils.models.resnet import BasicBlock, Bottleneck, CifarBlock

DATA = Path(os.environ.get("COURSE_DATA", "."))
WEIGHTS = DATA / "weights" / "resnet20-12fca82f.th"
IMAGES = DATA / "cifar10" / "cifar10_jpeg_subset.npz"


@pytest.mark.parametrize(
    ("depth", "parameters"),
    [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)],
)
def test_cifar_nets_have_their_depth_and_size_and_so_have_plain_nets(depth, parameters):
    with torch.device("meta"):
        for model in (CifarResNet(depth), CifarResNet(depth, shortcuts=False)):
            assert count_parameters(model) == parameters
            weighted = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
            assert len(weighted) == depth
            assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("depth", "parameters", "billions"),
    [
        (18, 11_689_512, 1.8),
        (34, 21_797_672, 3.7),
        (50, 25_557_032, 4.1),
        (101, 44_549_160, 7.8),
        (152, 60_192_808, 11.5),
    ],
)
def test_imagenet_nets_have_published_sizes(depth, parameters, billions):
    with torch.device("meta"):
        model = ResNet(depth)
    assert count_parameters(model) == parameters
    assert round(multiply_adds(model, (1, 3, 224, 224)) / 1e9, 1) == billions
    on_the_way = [m for n, m in model.named_modules() if "downsample" not in n]
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in on_the_way) == depth
    assert model(torch.zeros(2, 3, 224, 224, device="meta")).shape == (2, 1000)


def test_imagenet_nets_have_torchvisions_names():
    with torch.device("meta"):
        names = ResNet(50).state_dict().keys()
    assert {
        *("conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight", "fc.bias"),
        *("layer4.2.conv3.weight", "layer2.0.downsample.1.running_mean"),
    } <= names
    assert not any("layer1.1.downsample" in name for name in names)


def silent(block):
    """The block with a residual branch that gives nothing."""
    last = block.bn3 if isinstance(block, Bottleneck) else block.bn2
    nn.init.zeros_(last.weight)
    return block.eval()


def test_a_block_whose_branch_is_silent_passes_its_input_on():
    x = torch.rand(2, 16, 8, 8)
    assert torch.equal(silent(CifarBlock(16, 16, 1, shortcut=True))(x), x)
    assert silent(CifarBlock(16, 16, 1, shortcut=False))(x).eq(0).all()


@pytest.mark.parametrize("kind", [BasicBlock, Bottleneck])
def test_imagenet_blocks_pass_their_input_on_or_project_it(kind):
    torch.manual_seed(0)
    wide = 16 * kind.expansion
    x = torch.rand(2, wide, 8, 8)
    assert torch.equal(silent(kind(wide, 16, 1))(x), x)
    for channels, stride in ((16, 2), (32, 1), (32, 2)):
        block = silent(kind(wide, channels, stride))
        projected = block.downsample(x)
        assert projected.shape == (2, channels * kind.expansion, 8 // stride, 8 // stride)
        assert torch.equal(block(x), projected.relu())
        assert not torch.equal(kind(wide, channels, stride).eval()(x), block(x))


def test_the_shortcut_takes_every_second_pixel_and_pads_channels_with_zeros():
    x = torch.rand(2, 16, 8, 8)
    y = silent(CifarBlock(16, 32, 2, shortcut=True))(x)
    assert torch.equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert y[:, :8].eq(0).all()
    assert y[:, 24:].eq(0).all()


def test_convolutions_start_with_variance_two_over_fan_out():
    torch.manual_seed(0)
    wider = CifarResNet(20).layer3[0].conv1  # 32 → 64 channels
    assert wider.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)


def test_depths_that_the_paper_has_not_are_refused():
    with pytest.raises(ValueError, match=r"one of \(20, 32, 44, 56, 110\), got 18"):
        CifarResNet(18)
    with pytest.raises(ValueError, match=r"one of \(18, 34, 50, 101, 152\), got 20"):
        ResNet(20)


@pytest.mark.skipif(
    not (WEIGHTS.is_file() and IMAGES.is_file()),
    reason="COURSE_DATA names no folder with the published ResNet-20 and CIFAR-10",
)
def test_published_weights_load_and_classify_as_they_did():
    state = torch.load(WEIGHTS, map_location="cpu", weights_only=True)["state_dict"]
    consume_prefix_in_state_dict_if_present(state, "module.")
    model = CifarResNet(20)
    model.load_state_dict(state)
    model.eval()
    with np.load(IMAGES) as file:
        images, labels = file["x_test"][:1000], file["y_test"][:1000]
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / std[:, None, None]
    with torch.inference_mode():
        predicted = torch.cat([model(part).argmax(1) for part in x.split(250)])
    # 0.810 on all 10,000 of these JPEG images (0.917 on the originals); 0.814 on this part.
    assert (predicted == torch.from_numpy(labels).long()).float().mean() == pytest.approx(
        0.814, abs=0.003
    )
