"""Losses against torch.nn, value and gradient."""

import pytest
import torch

from course_utils.losses import CrossEntropyLoss, MSELoss

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def against_torch(ours, theirs, prediction, target):
    twin = prediction.clone().requires_grad_()
    expected = theirs(twin, target)
    (2.5 * expected).backward()
    torch.testing.assert_close(ours(prediction, target), expected.detach())
    torch.testing.assert_close(ours.backward(2.5), twin.grad)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 3, 4)])
def test_mse_matches_torch(shape, dtype, device):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=generator, dtype=dtype).to(device) for _ in range(2))
    against_torch(MSELoss(), torch.nn.MSELoss(), a, b)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 3, 5), (2, 3, 4, 5)])
def test_cross_entropy_matches_torch(shape, dtype, device):
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(shape, generator=generator, dtype=dtype)).to(device)
    target = torch.randint(3, shape[:1] * (len(shape) > 1) + shape[2:], generator=generator)
    against_torch(CrossEntropyLoss(), torch.nn.CrossEntropyLoss(), logits, target.to(device))


def test_cross_entropy_survives_huge_logits():
    logits = torch.tensor([[1e4, 0.0, -1e4]])
    against_torch(CrossEntropyLoss(), torch.nn.CrossEntropyLoss(), logits, torch.tensor([1]))


def test_wrong_targets_are_refused_with_numbers():
    loss = CrossEntropyLoss()
    with pytest.raises(ValueError, match=r"0 … 2, got 0 … 3"):
        loss(torch.zeros(2, 3), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match=r"logits are \(2, 3\), target is \(3,\)"):
        loss(torch.zeros(2, 3), torch.tensor([0, 1, 2]))
    with pytest.raises(TypeError, match=r"class numbers, got torch\.float32"):
        loss(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"input is \(2,\), target is \(2, 1\)"):
        MSELoss()(torch.zeros(2), torch.zeros(2, 1))


def test_options_left_out_are_refused_by_name():
    with pytest.raises(NotImplementedError, match=r"label_smoothing=0\.1 is left out"):
        CrossEntropyLoss(label_smoothing=0.1)
    with pytest.raises(NotImplementedError, match="weight=tensor"):
        CrossEntropyLoss(weight=torch.ones(3))
    with pytest.raises(NotImplementedError, match=r"torch\.nn.MSELoss has it"):
        MSELoss(reduction="sum")
