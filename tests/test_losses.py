"""Losses against torch.nn, value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import as_module
from course_utils.losses import (
    CrossEntropyLoss,
    HingeLoss,
    MSELoss,
    NLLLoss,
    PerceptronLoss,
)
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


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


def labels(*shape, classes=3, ignored=None, seed=0):
    """Class numbers, about a third of them replaced by the one to ignore."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(classes, shape, generator=generator)
    if ignored is None:
        return target
    return target.masked_fill(torch.rand(shape, generator=generator) < 0.35, ignored)


CLASS_LOSSES = pytest.mark.parametrize(
    ("ours", "theirs"),
    [(CrossEntropyLoss, torch.nn.CrossEntropyLoss), (NLLLoss, torch.nn.NLLLoss)],
)


@CLASS_LOSSES
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@given(
    batch=st.sampled_from([None, 1, 4, 9]),
    places=st.lists(st.integers(1, 4), max_size=2),
    ignored=st.sampled_from([-100, 1, 7]),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_losses_of_classes_match_torch_for_every_ignored_number(
    ours, theirs, device, dtype, batch, places, ignored
):
    shape = (3,) if batch is None else (batch, 3, *places)
    z = 3 * randn(*shape, dtype=dtype, device=device)
    target = labels(*shape[:1], *shape[2:], ignored=ignored) if batch else labels()
    options = {} if ignored == -100 else {"ignore_index": ignored}
    compare(ours(**options), theirs(**options), z, target=target.to(device))


@CLASS_LOSSES
def test_what_is_ignored_does_not_count(ours, theirs):
    z, target = randn(6, 3), labels(6)
    loss, part = ours(), ours()
    padded = torch.cat([target, torch.full((2,), -100)])
    a = loss(torch.cat([z, torch.full((2, 3), float("inf"), dtype=z.dtype)]), padded)
    assert torch.equal(a, part(z, target))
    dz = loss.backward()
    assert torch.equal(dz[:6], part.backward())
    assert not dz[6:].any()


@CLASS_LOSSES
def test_if_all_is_ignored_the_mean_of_nothing_is_nan_without_a_gradient(ours, theirs):
    z, target = randn(4, 3), torch.full((4,), -100)
    assert compare(ours(), theirs(), z, target=target).isnan()
    empty = randn(0, 3)
    assert compare(ours(), theirs(), empty, target=torch.zeros(0, dtype=torch.int64)).isnan()


def test_negative_log_likelihood_after_log_softmax_is_cross_entropy():
    z, target = randn(5, 3), labels(5, ignored=-100)
    nll, cross_entropy = NLLLoss(), CrossEntropyLoss()
    close(nll(z.log_softmax(1), target), cross_entropy(z, target), "loss")
    dlog_p = nll.backward()
    through_log_softmax = dlog_p - z.softmax(1) * dlog_p.sum(1, keepdim=True)
    close(through_log_softmax, cross_entropy.backward(), "gradient")


def test_backward_without_a_gradient_starts_from_one_in_full_precision():
    z, target = randn(21, 3), labels(21)
    for ours in (CrossEntropyLoss(), NLLLoss(), MSELoss(), HingeLoss(), PerceptronLoss()):
        inputs = (
            (z, target) if isinstance(ours, CrossEntropyLoss | NLLLoss) else (z, z.cos().sign())
        )
        ours(*inputs)
        ours.backward()
        close(ours.backward(), ours.backward(torch.ones((), dtype=z.dtype)), type(ours).__name__)
        close(ours.backward(-2.5), -2.5 * ours.backward(), type(ours).__name__)


MARGINS = pytest.mark.parametrize(("loss", "margin"), [(HingeLoss, 1.0), (PerceptronLoss, 0.0)])


@MARGINS
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (30,), (4, 3)])
def test_margin_losses_match_torch(loss, margin, shape, dtype, device):
    twin = torch.nn.MarginRankingLoss(margin)
    scores = 1.5 * randn(*shape, dtype=dtype, device=device)
    signs = (2 * labels(*shape, classes=2, seed=1) - 1).to(device)

    def theirs(input, target):
        return twin(input, torch.zeros_like(input), target)

    compare(loss(), theirs, scores, target=signs)
    compare(loss(), theirs, scores, target=signs.to(dtype))


@MARGINS
def test_at_the_margin_itself_the_slope_is_that_of_a_mistake(loss, margin):
    layer = loss()
    signs = torch.tensor([1.0, -1.0])
    assert layer(margin * signs, signs) == 0
    assert torch.equal(layer.backward(), -signs / 2)


def test_losses_match_finite_differences():
    scores, signs = randn(6), 2.0 * labels(6, classes=2) - 1
    for loss in (HingeLoss(), PerceptronLoss(), MSELoss()):
        finite_differences(loss, scores, target=signs)
    for loss in (CrossEntropyLoss(), NLLLoss()):
        finite_differences(loss, randn(5, 3), target=labels(5, ignored=-100))


def test_losses_go_through_in_bfloat16():
    z = randn(6, 3, dtype=torch.bfloat16)
    target = labels(6, ignored=-100)
    for ours, theirs in (
        (CrossEntropyLoss(), torch.nn.CrossEntropyLoss()),
        (NLLLoss(), torch.nn.NLLLoss()),
    ):
        compare(ours, theirs, z, target=target)
    assert HingeLoss()(z, z.sign()).dtype == torch.bfloat16


def test_as_module_trains_through_a_loss():
    z = randn(6, 3).requires_grad_()
    as_module(CrossEntropyLoss())(z, labels(6, ignored=-100)).backward()
    twin = z.detach().requires_grad_()
    torch.nn.CrossEntropyLoss()(twin, labels(6, ignored=-100)).backward()
    close(z.grad, twin.grad, "gradient")


def test_labels_that_are_no_signs_are_refused():
    for loss in (HingeLoss(), PerceptronLoss()):
        name = type(loss).__name__
        with pytest.raises(ValueError, match=rf"{name}: labels must be −1 or \+1, got 0\.0"):
            loss(torch.zeros(3), torch.tensor([1.0, 0.0, 1.0]))
        with pytest.raises(ValueError, match=rf"{name}: scores are \(3,\), labels are \(3, 1\)"):
            loss(torch.zeros(3), torch.ones(3, 1))
    with pytest.raises(ValueError, match=r"NLLLoss: class numbers must be 0 … 2, got 0 … 5"):
        NLLLoss()(torch.zeros(2, 3), torch.tensor([-100, 5]))
    with pytest.raises(ValueError, match=r"CrossEntropyLoss: .* got -100 … 1"):
        CrossEntropyLoss(ignore_index=2)(torch.zeros(2, 3), torch.tensor([-100, 1]))


def test_options_left_out_are_refused_by_name():
    with pytest.raises(NotImplementedError, match=r"NLLLoss: reduction='sum' is left out"):
        NLLLoss(reduction="sum")
    with pytest.raises(NotImplementedError, match=r"label_smoothing=0\.1 is left out"):
        CrossEntropyLoss(label_smoothing=0.1)
    with pytest.raises(NotImplementedError, match="weight=tensor"):
        CrossEntropyLoss(weight=torch.ones(3))
    with pytest.raises(NotImplementedError, match=r"torch\.nn.MSELoss has it"):
        MSELoss(reduction="sum")
