"""VGG: the table of the paper."""

import pytest
import torch
from torch import nn

from course_utils.models import VGG, count_parameters, multiply_adds


@pytest.mark.parametrize(
    ("depth", "parameters"),
    [(11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240)],
)
def test_depth_parameters_and_shape(depth, parameters):
    with torch.device("meta"):
        model = VGG(depth)
    assert count_parameters(model) == parameters
    weighted = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == depth
    assert all(m.kernel_size == (3, 3) for m in weighted if isinstance(m, nn.Conv2d))
    x = torch.zeros(2, 3, 224, 224, device="meta")
    assert model.features(x).shape == (2, 512, 7, 7)
    assert model(x).shape == (2, 1000)


def test_work_and_share_of_the_fully_connected_layers():
    with torch.device("meta"):
        vgg16, vgg19 = VGG(16), VGG(19)
    assert round(100 * count_parameters(vgg16.classifier) / count_parameters(vgg16)) == 89
    assert round(multiply_adds(vgg16, (1, 3, 224, 224)) / 1e9, 1) == 15.5
    assert round(multiply_adds(vgg19, (1, 3, 224, 224)) / 1e9, 1) == 19.6


def test_other_depths_are_refused():
    with pytest.raises(ValueError, match=r"one of \(11, 13, 16, 19\), got 12"):
        VGG(12)
