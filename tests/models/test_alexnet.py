"""AlexNet: its sizes, its versions, and what taking out layers does to them."""

import pytest
import torch

from course_utils.models import AlexNet, count_parameters, multiply_adds


def on_meta(**options):
    with torch.device("meta"):
        return AlexNet(**options)


def activations(model, *names):
    """Shapes, without the batch, that leave the named layers for one 227 × 227 image."""
    shapes = {}
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in names:
            module.register_forward_hook(
                lambda _, __, output, name=name: shapes.update({name: tuple(output.shape[1:])})
            )
    model(torch.zeros(1, 3, 227, 227, device="meta"))
    return list(shapes.values())


def test_published_parameter_counts_of_three_versions():
    assert count_parameters(on_meta()) == 60_965_224
    assert count_parameters(on_meta(groups=1)) == 62_378_344
    one_gpu = on_meta(channels=(64, 192, 384, 256, 256), groups=1)
    assert count_parameters(one_gpu) == 61_100_840


def test_neurons_in_each_layer():
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    neurons = [torch.Size(shape).numel() for shape in activations(on_meta(), *names)]
    assert neurons == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert sum(neurons[:-1]) + 1000 == 659_272


def test_most_parameters_are_fully_connected_and_most_work_is_convolution():
    model = on_meta()
    assert count_parameters(model.classifier) == 58_631_144
    assert count_parameters(model.features.conv1) == 34_944
    everything = multiply_adds(model, (1, 3, 227, 227))
    convolutions = multiply_adds(model.features, (1, 3, 227, 227))
    assert round(everything / 1e6) == 724
    assert round(100 * convolutions / everything) == 92


@pytest.mark.parametrize(
    ("without", "fewer"),
    [
        ((7,), 16_781_312),
        ((6, 7), 49_414_144),
        ((3, 4), 1_696_512),
        ((3, 4, 6, 7), 49_414_144 + 1_696_512),
    ],
)
def test_parameters_that_go_with_layers(without, fewer):
    model = on_meta(without=without)
    assert count_parameters(on_meta()) - count_parameters(model) == fewer
    assert model(torch.zeros(2, 3, 227, 227, device="meta")).shape == (2, 1000)
    gone = {f"conv{n}" for n in without} | {f"fc{n}" for n in without}
    assert not gone & {name.rpartition(".")[2] for name, _ in model.named_modules()}


@pytest.mark.parametrize("layer", [1, 2, 5, 8])
def test_layers_that_have_to_stay_are_refused(layer):
    with pytest.raises(ValueError, match=rf"only \(3, 4, 6, 7\) can be taken out.*\({layer},\)"):
        AlexNet(without=(layer,))


@pytest.mark.parametrize(("conv", "split"), [(2, True), (3, False), (4, True), (5, True)])
def test_the_two_gpus_meet_in_layer_3_only(conv, split):
    layer = getattr(AlexNet(num_classes=2).features, f"conv{conv}")
    channels = layer.in_channels
    x = torch.rand(1, channels, 3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0, 0].sum(), x)  # the first map: first GPU
    second_gpu = gradient[0, channels // 2 :].abs().sum()
    assert (second_gpu == 0) == split


def test_response_normalization_is_the_papers_formula():
    norm = AlexNet(num_classes=2).features.norm1
    a = torch.rand(1, 7, 1, 1) * 100
    for i in range(7):
        window = a[0, max(0, i - 2) : i + 3, 0, 0]
        expected = a[0, i, 0, 0] / (2 + 1e-4 * window.square().sum()) ** 0.75
        torch.testing.assert_close(norm(a)[0, i, 0, 0], expected)


def test_pooling_overlaps():
    pool = AlexNet(num_classes=2).features.pool1
    assert (pool.kernel_size, pool.stride) == (3, 2)
