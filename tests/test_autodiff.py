"""The reverse-mode engine against torch's autograd and against finite differences."""

import numpy as np
import pytest
import torch

from course_utils.autodiff import Variable

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def randn(*shape, seed=0, dtype=torch.float64, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype).to(device)


def both(function, *values):
    """Value and gradients of a random projection of ``function``: ours, then torch's."""
    ours = [Variable(value) for value in values]
    theirs = [value.clone().requires_grad_() for value in values]
    y, y_torch = function(*ours), function(*theirs)
    p = randn(*y_torch.shape, seed=9).to(y_torch)
    y.backward(p)
    y_torch.backward(p)
    return (y.value, *(x.grad for x in ours)), (y_torch.detach(), *(x.grad for x in theirs))


SHAPES = [
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((4,), (3, 4)),
    ((3, 1), (1, 4)),
    ((2, 1, 4), (3, 1)),
    ((), (3, 4)),
    ((3, 4), ()),
    ((1,), (5,)),
    ((1, 1), (1,)),
    ((0, 4), (1, 4)),
]
BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_arithmetic_matches_torch_under_broadcasting(name, shapes, dtype, device):
    a = randn(*shapes[0], seed=1, dtype=dtype, device=device)
    b = randn(*shapes[1], seed=2, dtype=dtype, device=device).abs() + 0.5
    ours, theirs = both(BINARY[name], a, b)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "shapes",
    [((3, 4), (4, 2)), ((5, 3, 4), (4, 2)), ((3, 4), (5, 4, 2)), ((5, 1, 3, 4), (2, 4, 1))],
    ids=str,
)
def test_matrix_products_match_torch_under_broadcasting(shapes, device):
    values = [randn(*shape, seed=i, device=device) for i, shape in enumerate(shapes)]
    ours, theirs = both(lambda a, b: a @ b, *values)
    torch.testing.assert_close(ours, theirs)


UNARY = {
    "neg": lambda x: -x,
    "square": lambda x: x**2,
    "power": lambda x: (x**2 + 0.1) ** -1.5,
    "power zero": lambda x: x**0,
    "exp": lambda x: x.exp(),
    "log": lambda x: (x * x + 0.1).log(),
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.relu(),
    "sum": lambda x: x.sum(),
    "sum of rows": lambda x: x.sum(0),
    "sum of columns": lambda x: x.sum(-1, keepdim=True),
    "sum of two": lambda x: x.sum((0, 2)),
    "mean": lambda x: x.mean(),
    "mean of columns": lambda x: x.mean(1, keepdim=True),
    "amax": lambda x: x.amax(),
    "amax of columns": lambda x: x.amax(1),
    "amax of two": lambda x: x.amax((0, 2), keepdim=True),
    "reshape": lambda x: x.reshape(6, -1),
    "transpose": lambda x: x.transpose(-2, -1),
    "slice": lambda x: x[1:, ::2],
    "one element": lambda x: x[1, 2, 0],
    "picked twice": lambda x: x[torch.tensor([0, 1, 1])],
    "mask": lambda x: x[(x.value if isinstance(x, Variable) else x.detach()) > 0],
    "numbers on the left": lambda x: 2 - 3 / (1 + 2 * x * x),
    "log-softmax": lambda x: x - x.amax(2, True) - (x - x.amax(2, True)).exp().sum(2, True).log(),
    "used three times": lambda x: x * x.tanh() + x,
    "never used": lambda x: x * 0 + 1,
}


@pytest.mark.parametrize("name", UNARY)
def test_each_operation_matches_torch(name):
    ours, theirs = both(UNARY[name], randn(2, 3, 4))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", UNARY)
def test_each_operation_matches_finite_differences(name):
    x, h = randn(2, 3, 4, seed=5), 1e-6
    y = UNARY[name](variable := Variable(x))
    p = randn(*y.shape, seed=9)
    y.backward(p)
    numeric = torch.zeros_like(x)
    for i in range(x.numel()):
        nudge = torch.zeros_like(x)
        nudge.view(-1)[i] = h
        up, down = UNARY[name](x + nudge), UNARY[name](x - nudge)
        numeric.view(-1)[i] = (p * (up - down)).sum() / (2 * h)
    torch.testing.assert_close(variable.grad, numeric, rtol=1e-6, atol=1e-7)


def test_ties_of_the_maximum_and_relu_at_zero_are_torchs():
    tied = torch.tensor([[2.0, 2.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    for function in (lambda x: x.amax(1), lambda x: x.amax(), lambda x: x.relu()):
        ours, theirs = both(function, tied)
        torch.testing.assert_close(ours, theirs)


def test_a_two_layer_network_matches_torch():
    x = randn(7, 5)

    def loss(W1, b1, W2):
        h = (x @ W1 + b1).relu() @ W2
        return ((h - 1) ** 2).mean()

    ours, theirs = both(loss, randn(5, 6, seed=1), randn(6, seed=2), randn(6, 3, seed=3))
    torch.testing.assert_close(ours, theirs)


def test_a_chain_of_ten_thousand_operations_needs_no_recursion():
    x = Variable(1.0)
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    y.backward()
    assert x.grad.item() == pytest.approx(1.0001**10_000, rel=1e-10)


def test_a_diamond_is_walked_once_per_variable_not_once_per_path():
    x = Variable(1.0)
    y = x
    for _ in range(200):  # 2^200 paths
        y = 0.5 * y + 0.5 * y
    y.backward()
    assert x.grad.item() == 1.0


def test_calls_of_backward_add_up_and_a_second_call_is_right():
    x = Variable(torch.tensor([1.0, 2.0]))
    y = x * x
    z = y.sum()
    z.backward()
    z.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    assert y.grad is None


def test_constants_get_no_gradient_and_nothing_is_recorded_for_them():
    x, data = Variable(randn(3)), Variable(randn(3), requires_grad=False)
    product = data * data
    assert not product.requires_grad
    (x * product).sum().backward()
    torch.testing.assert_close(x.grad, data.value**2)
    assert data.grad is None


def test_values_and_given_gradients_are_never_changed():
    value, p = randn(3, 3), randn(3, 3, seed=1)
    before = value.clone(), p.clone()
    x = Variable(value)
    for _ in range(2):
        (x + x.tanh() @ x).backward(p)
    assert torch.equal(value, before[0])
    assert torch.equal(p, before[1])


def test_tensors_and_numpy_on_the_left_reach_the_engine():
    x = Variable(randn(2, 2))
    for y in (torch.ones(2, 2).double() @ x, torch.ones(2, 2).double() * x, 1 - x):
        assert isinstance(y, Variable)
    with pytest.raises(TypeError, match="cannot be combined with a ndarray"):
        np.ones((2, 2)) * x


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda x: Variable(torch.arange(3)), TypeError, "torch.int64 has no derivatives"),
        (lambda x: Variable(torch.ones(3, requires_grad=True)), TypeError, "detach"),
        (lambda x: x.backward(), ValueError, r"gradient None for an output \(2, 3\)"),
        (
            lambda x: x.backward(torch.ones(3)),
            ValueError,
            r"gradient \(3,\) for an output \(2, 3\)",
        ),
        (
            lambda x: x @ torch.ones(3).double(),
            ValueError,
            r"\(2, 3\) and \(3,\) must both be matrices",
        ),
        (lambda x: x * torch.ones(3), TypeError, "one dtype: torch.float64, torch.float32"),
        (lambda x: torch.ones(3) / x, TypeError, "one dtype: torch.float64, torch.float32"),
        (lambda x: x**x, TypeError, "exponent must be a number, got a Variable"),
        (lambda x: x + "one", TypeError, "cannot be combined with a str"),
        (lambda x: 1 if x.sum() else 0, TypeError, "decisions have no derivative"),
        (lambda x: x.__setitem__(0, 1.0), AttributeError, "__setitem__"),
        (lambda x: torch.sin(x), TypeError, "must be Tensor, not Variable"),
        (lambda x: Variable(1.0, False).backward(), ValueError, "constants"),
    ],
)
def test_what_it_cannot_do_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong(Variable(randn(2, 3)))
