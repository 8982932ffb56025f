"""LeNet-5: the numbers of the 1998 paper, layer by layer."""

import pytest
import torch
from torch.nn import functional as F

from course_utils.data import load
from course_utils.models import LeNet5, ModernLeNet5, count_parameters
from course_utils.models.lenet import C3_INPUTS, Subsampling, squash


def test_the_original_has_exactly_the_papers_parameters_in_each_layer():
    model = LeNet5()
    by_layer = {name: count_parameters(layer) for name, layer in model.named_children()}
    assert by_layer == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert count_parameters(model) == 60_000


def test_the_modern_form_has_61706():
    model = ModernLeNet5()
    assert [count_parameters(m) for m in model if count_parameters(m)] == [
        *(156, 2416, 48120, 10164, 850)
    ]
    assert count_parameters(model) == 61_706


def test_c3_is_wired_as_table_1_of_the_paper():
    assert [len(maps) for maps in C3_INPUTS] == [3] * 6 + [4] * 9 + [6]
    assert len(set(C3_INPUTS)) == 16
    # Each map of S2 is seen by ten of the sixteen: that is what makes 60 kernels of 96.
    for source in range(6):
        assert sum(source in maps for maps in C3_INPUTS) == 10


def test_an_output_map_of_c3_depends_on_its_own_inputs_only():
    c3 = LeNet5().c3
    x = torch.rand(1, 6, 5, 5, requires_grad=True)
    for output, maps in enumerate(C3_INPUTS):
        (gradient,) = torch.autograd.grad(c3(x)[0, output].sum(), x)
        seen = gradient[0].abs().sum((1, 2)).nonzero().flatten().tolist()
        assert seen == list(maps)


def test_kernels_of_c3_start_as_in_a_convolution_with_as_many_inputs():
    torch.manual_seed(0)
    c3 = LeNet5().c3
    for output, maps in enumerate(C3_INPUTS):
        kernels, bound = c3.weight[c3.wires[0] == output], (25 * len(maps)) ** -0.5
        assert kernels.shape == (len(maps), 5, 5)
        assert 0.9 * bound < kernels.abs().max() <= bound
        assert c3.bias[output].abs() <= bound


def test_subsampling_starts_as_the_mean_and_scales_each_channel():
    pool = Subsampling(2)
    x = torch.rand(3, 2, 8, 6)
    torch.testing.assert_close(pool(x), torch.nn.functional.avg_pool2d(x, 2))
    with torch.no_grad():
        pool.weight.copy_(torch.tensor([1.0, 0.0]))
        pool.bias.copy_(torch.tensor([0.0, 5.0]))
    y = pool(x)
    torch.testing.assert_close(y[0, 0, 0, 0], x[0, 0, :2, :2].sum())
    assert y[:, 1].eq(5).all()


def test_squash_maps_one_to_one_and_minus_one_to_minus_one():
    torch.testing.assert_close(squash(torch.tensor([-1.0, 1.0])), torch.tensor([-1.0, 1.0]))


def test_the_output_is_largest_for_the_nearest_code():
    model = LeNet5()
    assert model.codes.abs().eq(1).all()
    assert "codes" not in dict(model.named_parameters())
    # Skip everything below F6: feed it codes and undo the squashing.
    f6 = torch.atanh(model.codes / 1.7159) * 3 / 2
    model.f6 = torch.nn.Identity()
    model.c5 = Constant(f6[:, :, None, None])
    logits = model(torch.zeros(10, 1, 32, 32))
    torch.testing.assert_close(logits.diagonal(), torch.zeros(10), atol=1e-4, rtol=0)
    assert logits.argmax(1).tolist() == list(range(10))


def test_the_codes_do_not_depend_on_the_seed():
    torch.manual_seed(1)
    first = LeNet5().codes
    torch.manual_seed(2)
    assert torch.equal(first, LeNet5().codes)


@pytest.mark.parametrize("kind", [LeNet5, ModernLeNet5])
def test_gradients_reach_every_parameter(kind):
    torch.manual_seed(0)
    model = kind()
    logits = model(torch.randn(4, 1, 32, 32))
    assert logits.shape == (4, 10)
    torch.nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_original_learns_digits_by_the_distance_of_the_right_code():
    digits = load("mnist-5k")
    x = F.pad(digits.x_train[:1000].view(-1, 1, 28, 28), (2, 2, 2, 2))
    torch.manual_seed(0)
    model = LeNet5()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(4):
        for rows in torch.randperm(1000).split(32):
            logits = model(x[rows])
            loss = -logits.gather(1, digits.y_train[rows, None]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    x_test = F.pad(digits.x_test[:500].view(-1, 1, 28, 28), (2, 2, 2, 2))
    with torch.inference_mode():
        correct = model(x_test).argmax(1) == digits.y_test[:500]
    assert correct.float().mean() > 0.8


class Constant(torch.nn.Module):
    """Gives the wanted F6 input, with the squashing that follows undone."""

    def __init__(self, value):
        super().__init__()
        self.value = torch.atanh(value / 1.7159) * 3 / 2

    def forward(self, x):
        return self.value
