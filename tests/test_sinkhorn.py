"""Balanced assignment: its sums, its form, its limits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from course_utils.sinkhorn import sinkhorn
from twins import DEVICES, randn

MATRICES = {
    "items": st.integers(1, 12),
    "classes": st.integers(1, 6),
    "temperature": st.sampled_from([0.5, 1.0, 5.0]),
    "seed": st.integers(0, 99),
}


@pytest.mark.parametrize("device", DEVICES)
@given(**MATRICES)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_every_item_is_shared_out_and_every_class_gets_the_same(
    device, items, classes, temperature, seed
):
    scores = randn(items, classes, seed=seed, device=device)
    q = sinkhorn(scores, temperature, iterations=500)
    ones = torch.ones(items, dtype=q.dtype, device=device)
    torch.testing.assert_close(q.sum(1), ones)
    torch.testing.assert_close(q.sum(0), torch.full_like(q[0], items / classes))
    assert (q >= 0).all()


@given(**MATRICES)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_it_is_the_scores_exponential_with_rows_and_columns_scaled(
    items, classes, temperature, seed
):
    # With the sums, this form is the optimality condition of the problem.
    scores = randn(items, classes, seed=seed)
    left = sinkhorn(scores, temperature, iterations=500).log() - scores / temperature
    mixed = left - left.mean(0) - left.mean(1, keepdim=True) + left.mean()
    torch.testing.assert_close(mixed, torch.zeros_like(mixed), atol=1e-9, rtol=0)


def test_nothing_else_that_is_balanced_is_better():
    scores, temperature = randn(8, 3), 0.5
    q = sinkhorn(scores, temperature, iterations=500)

    def value(q):
        return ((q * scores).sum() - temperature * torch.xlogy(q, q).sum()).item()

    for seed in range(50):
        step = randn(8, 3, seed=seed + 1)
        step = step - step.mean(0) - step.mean(1, keepdim=True) + step.mean()  # keeps all sums
        other = q + 0.02 * q.min() * step
        assert value(other) < value(q)


def test_items_and_classes_have_no_order():
    scores = randn(9, 4)
    rows, columns = torch.randperm(9), torch.randperm(4)
    q = sinkhorn(scores)
    torch.testing.assert_close(sinkhorn(scores[rows][:, columns]), q[rows][:, columns])


def test_a_class_that_everybody_likes_gets_no_more_than_its_share():
    scores = randn(12, 4)
    liked = scores + torch.tensor([100.0, 0.0, 0.0, 0.0])
    assert (liked.softmax(1).sum(0)[0] > 11.9).all()
    expected, q = (sinkhorn(s, 1.0, iterations=500) for s in (scores, liked))
    torch.testing.assert_close(q, expected)
    torch.testing.assert_close(sinkhorn(scores + randn(12, 1), 1.0, 500), expected)


@pytest.mark.parametrize(("items", "classes", "seed"), [(12, 4, 0), (6, 6, 1), (20, 2, 2)])
def test_as_the_temperature_falls_it_becomes_the_best_hard_assignment(items, classes, seed):
    scores = randn(items, classes, seed=seed)
    places = scores.repeat_interleave(items // classes, 1)  # a column for each place in a class
    best = torch.from_numpy(linear_sum_assignment(-places.numpy())[1]) // (items // classes)
    q = sinkhorn(scores, temperature=0.002, iterations=30000, tolerance=1e-4)
    assert torch.equal(q.argmax(1), best)
    assert (q.max(1).values > 0.95).all()
    assert q.argmax(1).bincount().tolist() == [items // classes] * classes


def test_as_the_temperature_rises_it_becomes_uniform():
    q = sinkhorn(randn(10, 4), temperature=1e6)
    torch.testing.assert_close(q, torch.full_like(q, 0.25), rtol=1e-5, atol=0)


def test_huge_scores_and_low_temperatures_stay_finite():
    scores = 1e4 * randn(10, 4, dtype=torch.float32)
    q = sinkhorn(scores, temperature=1e-3)
    assert q.isfinite().all()
    torch.testing.assert_close(q.sum(1), torch.ones(10))


def test_few_iterations_balance_a_little_and_many_exactly():
    scores = randn(50, 5)

    def imbalance(*arguments, **options):
        return (sinkhorn(scores, *arguments, **options).sum(0) / 10 - 1).abs().max().item()

    few, more, many = (imbalance(0.5, iterations=n) for n in (1, 10, 2000))
    assert few > 10 * more > 1e6 * many
    assert many < 1e-12
    stopped = imbalance(0.5, iterations=500, tolerance=0.01)
    assert many < 1e-6 < stopped <= 0.01


def test_what_cannot_be_assigned_is_refused():
    with pytest.raises(ValueError, match=r"scores must be \(N, K\), got \(3,\)"):
        sinkhorn(torch.ones(3))
    with pytest.raises(ValueError, match=r"got \(0, 3\)"):
        sinkhorn(torch.ones(0, 3))
    with pytest.raises(ValueError, match="must be finite"):
        sinkhorn(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match=r"positive, got 0\.0 and 100"):
        sinkhorn(torch.ones(3, 2), 0.0)
    with pytest.raises(ValueError, match=r"positive, got 0\.05 and 0"):
        sinkhorn(torch.ones(3, 2), iterations=0)
