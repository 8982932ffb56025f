"""Learning-rate schedules against torch.optim.lr_scheduler."""

import pytest
import torch
from torch.optim import lr_scheduler as theirs

from course_utils import optim as ours
from course_utils.layers import Linear

SCHEDULES = {
    "step": lambda lib, o: lib.StepLR(o, 4),
    "step, slow": lambda lib, o: lib.StepLR(o, step_size=7, gamma=0.5),
    "cosine": lambda lib, o: lib.CosineAnnealingLR(o, 12),
    "cosine, short and not to zero": lambda lib, o: lib.CosineAnnealingLR(o, T_max=5, eta_min=0.01),
    "linear": lambda lib, o: lib.LinearLR(o),
    "linear down": lambda lib, o: lib.LinearLR(o, 1.0, end_factor=0.2, total_iters=9),
    "warm-up, then cosine": lambda lib, o: lib.SequentialLR(
        o, [lib.LinearLR(o, 0.1, total_iters=6), lib.CosineAnnealingLR(o, 20)], [6]
    ),
    "three, the second cut short": lambda lib, o: lib.SequentialLR(
        o,
        [lib.LinearLR(o, 0.1, total_iters=9), lib.StepLR(o, 3), lib.CosineAnnealingLR(o, 20)],
        milestones=[4, 11],
    ),
}


def rates(lib, name, steps=30):
    if lib is ours:
        optimizer = ours.SGD(Linear(2, 1), lr=0.4)
        schedule = SCHEDULES[name](ours, optimizer)
        current = lambda: optimizer.lr  # noqa: E731
    else:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
        schedule = SCHEDULES[name](theirs, optimizer)
        current = lambda: optimizer.param_groups[0]["lr"]  # noqa: E731
    result = [current()]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        result.append(current())
    return result


@pytest.mark.filterwarnings("ignore:Please also save or load")
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_torchs_from_the_first_step_on(name):
    actual = rates(ours, name)
    assert actual == pytest.approx(rates(theirs, name), rel=1e-9, abs=1e-12)
    assert len(set(actual)) > 2


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_resumed_schedule_goes_on_where_it_stopped(name):
    expected = rates(ours, name)
    first = ours.SGD(Linear(2, 1), lr=0.4)
    schedule = SCHEDULES[name](ours, first)
    for _ in range(13):
        schedule.step()
    second = ours.SGD(Linear(2, 1), lr=9.0)
    resumed = SCHEDULES[name](ours, second)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    for wanted in expected[13:]:
        assert second.lr == wanted
        resumed.step()


def test_a_schedule_can_be_drawn_without_a_step():
    optimizer = ours.SGD(Linear(2, 1), lr=2.0)
    schedule = ours.CosineAnnealingLR(optimizer, 10, eta_min=1.0)
    assert [schedule.lr_at(t) for t in (0, 5, 10)] == pytest.approx([2.0, 1.5, 1.0])
    assert optimizer.lr == 2.0


def test_the_rate_moves_with_the_batch():
    assert ours.linear_scaling(0.1, 8192) == pytest.approx(3.2)  # Goyal and others' own numbers
    assert ours.linear_scaling(0.1, 16, base_batch_size=32) == pytest.approx(0.05)


def test_schedules_that_make_no_sense_are_refused():
    optimizer, other = (ours.SGD(Linear(2, 1), lr=0.4) for _ in range(2))
    linear = ours.LinearLR(optimizer)
    for bad, message in (
        (lambda: ours.StepLR(optimizer, 0), "step_size must be positive, got 0"),
        (lambda: ours.CosineAnnealingLR(optimizer, 0), "T_max must be positive, got 0"),
        (lambda: ours.LinearLR(optimizer, 0.0), r"start_factor in \(0, 1\].* got 0\.0, 1\.0 and 5"),
        (lambda: ours.SequentialLR(optimizer, [linear], [3]), "1 schedules need 0 .* got 1"),
        (lambda: ours.SequentialLR(other, [linear], []), "must belong to this optimizer"),
        (lambda: ours.SequentialLR(optimizer, [linear] * 3, [5, 2]), r"must rise, got \[5, 2\]"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()
