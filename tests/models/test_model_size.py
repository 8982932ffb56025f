"""Counting parameters and work."""

import torch
from torch import nn

from course_utils.models import count_parameters, multiply_adds


def test_shared_tensors_count_once_and_frozen_ones_not_at_all():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    assert count_parameters(model) == 18
    model[1].weight = model[0].weight
    assert count_parameters(model) == 9
    model[0].weight.requires_grad_(False)
    assert count_parameters(model) == 0


def test_multiply_adds_of_layers_that_can_be_done_in_the_head():
    assert multiply_adds(nn.Linear(10, 4), (3, 10)) == 3 * 10 * 4
    grouped = nn.Conv2d(4, 6, 3, padding=1, groups=2)
    assert multiply_adds(grouped, (2, 4, 5, 5)) == 2 * 25 * 6 * 2 * 9
    with torch.device("meta"):
        huge = nn.Linear(10**6, 10**6)
    assert multiply_adds(huge, (1, 10**6)) == 10**12
