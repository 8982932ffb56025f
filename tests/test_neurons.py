"""McCulloch–Pitts units as gates, and the perceptron rule on data that can and cannot be split."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.losses import PerceptronLoss
from course_utils.neurons import McCullochPittsUnit, Perceptron
from twins import randn

INPUTS = torch.tensor(list(itertools.product([0.0, 1.0], repeat=2)))  # 00 01 10 11
NOTHING = torch.empty(4, 0)
OR, AND, NOT = McCullochPittsUnit(1), McCullochPittsUnit(2), McCullochPittsUnit(0)


def test_gates_have_their_truth_tables():
    a, b = INPUTS[:, :1], INPUTS[:, 1:]
    assert OR(INPUTS).tolist() == [0, 1, 1, 1]
    assert AND(INPUTS).tolist() == [0, 0, 0, 1]
    assert NOT(NOTHING, a).tolist() == [1, 1, 0, 0]
    nand = NOT(NOTHING, AND(INPUTS).unsqueeze(1))
    assert nand.tolist() == [1, 1, 1, 0]
    a_without_b, b_without_a = OR(a, b), OR(b, a)
    xor = OR(torch.stack([a_without_b, b_without_a], 1))
    assert xor.tolist() == [0, 1, 1, 0]


@given(bits=st.lists(st.booleans(), min_size=1, max_size=6), threshold=st.integers(0, 7))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_unit_counts_and_one_inhibiting_input_vetoes(bits, threshold):
    x = torch.tensor(bits, dtype=torch.float32)
    unit = McCullochPittsUnit(threshold)
    assert unit(x) == (sum(bits) >= threshold)
    assert unit(x, torch.tensor([0, 0])) == unit(x)
    assert unit(x, torch.tensor([0, 1])) == 0


def test_integers_and_batches_of_any_shape_are_taken():
    x = torch.ones(2, 3, 4, dtype=torch.int64)
    y = McCullochPittsUnit(4)(x, torch.zeros(2, 3, 1, dtype=torch.int64))
    assert y.shape == (2, 3)
    assert y.dtype == torch.int64
    assert y.all()


def test_inputs_that_are_not_binary_are_refused():
    with pytest.raises(ValueError, match=r"inputs are 0 or 1, got 0\.5"):
        OR(torch.tensor([1.0, 0.5]))
    with pytest.raises(ValueError, match=r"inputs are 0 or 1, got -1"):
        OR(torch.tensor([1.0]), torch.tensor([-1]))


@pytest.mark.parametrize(("labels", "epochs"), [([-1, 1, 1, 1], 4), ([-1, -1, -1, 1], 6)])
def test_or_and_and_are_learned(labels, epochs):
    labels = torch.tensor(labels)
    perceptron = Perceptron(2)
    fit = perceptron.fit(INPUTS, labels)
    assert fit.outcome == "converged"
    assert len(fit.mistakes) == epochs
    assert fit.mistakes[-1] == 0 < min(fit.mistakes[:-1])
    assert torch.equal(perceptron(INPUTS), labels)


def test_xor_goes_round_for_ever_and_fit_says_so():
    fit = Perceptron(2).fit(INPUTS, torch.tensor([-1, 1, 1, -1]))
    assert fit.outcome == "cycled"
    assert len(fit.mistakes) <= 3
    assert min(fit.mistakes) > 0
    # It really is a cycle: the weights come back after so many more epochs.
    perceptron = Perceptron(2)
    states = []
    for _ in range(len(fit.mistakes) + fit.cycle_length + 1):
        states.append((*perceptron.weight.tolist(), perceptron.bias.item()))
        perceptron.fit(INPUTS, torch.tensor([-1, 1, 1, -1]), max_epochs=1)
    assert states[len(fit.mistakes)] == states[len(fit.mistakes) - fit.cycle_length]


def test_fourteen_of_the_sixteen_boolean_functions_are_learned():
    outcomes = {
        labels: Perceptron(2).fit(INPUTS, torch.tensor(labels)).outcome
        for labels in itertools.product([-1, 1], repeat=4)
    }
    assert [labels for labels, outcome in outcomes.items() if outcome != "converged"] == [
        (-1, 1, 1, -1),
        (1, -1, -1, 1),
    ]
    assert outcomes[-1, 1, 1, -1] == outcomes[1, -1, -1, 1] == "cycled"


def test_epochs_can_run_out():
    fit = Perceptron(2).fit(INPUTS, torch.tensor([-1, 1, 1, 1]), max_epochs=2)
    assert fit.outcome == "stopped"
    assert len(fit.mistakes) == 2
    assert fit.cycle_length is None


@given(seed=st.integers(0, 1000), lr=st.sampled_from([0.1, 1.0, 3.0]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_mistakes_stay_below_novikoffs_bound(seed, lr):
    teacher = randn(4, seed=seed)
    teacher = teacher / teacher.norm()
    x = randn(60, 3, seed=seed + 1)
    x = x[(torch.nn.functional.pad(x, (0, 1), value=1.0) @ teacher).abs() > 0.1]
    longer = torch.nn.functional.pad(x, (0, 1), value=1.0)
    distances = longer @ teacher
    fit = Perceptron(3, lr).fit(x, distances.sign())
    assert fit.outcome == "converged"
    assert sum(fit.mistakes) <= longer.norm(dim=1).max() ** 2 / distances.abs().min() ** 2


def test_the_rule_is_gradient_descent_on_the_perceptron_loss():
    loss, x, labels = PerceptronLoss(), randn(30, 3), randn(30, seed=1).sign()
    perceptron = Perceptron(3, lr=0.5)
    weight, bias = torch.full((3,), 0.25, dtype=torch.float64), torch.tensor(0.1).double()
    perceptron.weight, perceptron.bias = weight, bias
    for example, label in zip(x, labels, strict=True):
        loss((example @ weight + bias).reshape(1), label.reshape(1))
        slope = loss.backward()
        weight, bias = weight - 0.5 * slope * example, bias - 0.5 * slope.squeeze()
        perceptron.learn(example, label.item())
        torch.testing.assert_close(perceptron.weight, weight)
        torch.testing.assert_close(perceptron.bias, bias)
    assert not torch.equal(weight, torch.full((3,), 0.25, dtype=torch.float64))


def test_data_that_do_not_fit_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"x \(4, 2\) and labels \(3,\) must be \(N, 2\) and \(N,"):
        Perceptron(2).fit(INPUTS, torch.ones(3))
    with pytest.raises(ValueError, match=r"must be \(N, 3\)"):
        Perceptron(3).fit(INPUTS, torch.ones(4))
    with pytest.raises(ValueError, match="labels must be −1 or \\+1, got 0"):
        Perceptron(2).fit(INPUTS, torch.tensor([0, 1, 1, 1]))
    with pytest.raises(ValueError, match=r"positive, got 0 and 1\.0"):
        Perceptron(0)
