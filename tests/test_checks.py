from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.layers import Linear, ReLU
from course_utils.losses import CrossEntropyLoss


def tensor(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def message(function, *args, **kwargs) -> str:
    with pytest.raises(CheckFailed) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# --- call -----------------------------------------------------------------------------------------


def test_call_gives_copies_and_returns_copies():
    kept = []

    def student(x, values, *, scale):
        kept.extend([x, values])
        x.zero_()
        values.append(3)
        return kept

    x, values = torch.ones(2), [1, 2]
    returned = checks.call(student, x, values, scale=2.0)
    kept[0].fill_(7)

    assert x.tolist() == [1, 1]
    assert values == [1, 2]
    assert returned[0].tolist() == [0, 0]
    assert returned[1] == [1, 2, 3]


def test_call_detaches_tensors_both_ways():
    seen = []

    def student(x):
        seen.append(x.requires_grad)
        return x * torch.ones(2, requires_grad=True)

    returned = checks.call(student, torch.ones(2, requires_grad=True))

    assert seen == [False]
    assert not returned.requires_grad


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_come_back_equal_and_of_the_same_types(value):
    returned = checks.call(lambda x: x, value)

    assert repr(returned) == repr(value)


class Liar(torch.Tensor):
    """A tensor that equals everything."""

    def __eq__(self, other):
        return True

    __hash__ = torch.Tensor.__hash__


class Zero(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (torch.ones(2).as_subclass(Liar), "Liar"),
        (torch.nn.Parameter(torch.ones(2)), "torch.nn.parameter.Parameter"),
        (torch.ones(2).numpy(), "numpy.ndarray"),
        (Zero(1), "Zero"),
        ([1, {"a": (object(),)}], "value of type object"),
        ({(1, 2): 3}, "keys are not strings or integers"),
        (torch.eye(2).to_sparse(), "not dense"),
        (lambda: 1, "function"),
    ],
)
def test_call_refuses_what_is_not_plain(value, named):
    text = message(checks.call, lambda: value)

    assert text.startswith("<lambda> must return numbers, strings, plain tensors")
    assert named in text


def test_call_does_not_use_methods_hung_on_a_tensor():
    def student():
        x = torch.ones(2)
        x.clone = x.detach = lambda: "forged"
        return x

    assert checks.call(student).tolist() == [1, 1]


def test_call_reports_an_exception_with_the_students_line_and_the_arguments():
    def student(x, W, *, k):
        y = x + k
        return y @ W

    text = message(checks.call, student, tensor(8, 10), tensor(8, 3), k=2)

    line = inspect.getsourcelines(student)[1] + 2
    assert "student raised RuntimeError: mat1 and mat2 shapes cannot be multiplied" in text
    assert f"in student, line {line}: return y @ W" in text
    assert "argument 1: a float32 tensor of shape (8, 10)" in text
    assert "argument k: 2" in text


def test_call_reports_sys_exit_and_endless_recursion_but_lets_an_interrupt_through():
    def exits():
        raise SystemExit(0)

    def recurs():
        return recurs()

    def is_interrupted():
        raise KeyboardInterrupt

    assert message(checks.call, exits).startswith("exits raised SystemExit: 0")
    assert message(checks.call, recurs).startswith("recurs raised RecursionError")
    with pytest.raises(KeyboardInterrupt):
        checks.call(is_interrupted)


def test_call_says_that_a_stub_is_not_written_yet():
    def stub(x):
        raise NotImplementedError

    assert message(checks.call, stub, 1) == "stub is not written yet."


# --- close ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (tensor(3, 4), tensor(3, 4)),
        (tensor(3, 4).double(), tensor(3, 4)),
        (tensor(3, 4) * (1 + 5e-5), tensor(3, 4)),
        (2.5, torch.tensor(2.5)),
        (torch.tensor(2.5), 2.5),
        (3, 3.0),
        (torch.tensor([math.inf, math.nan]), torch.tensor([math.inf, math.nan])),
        ((tensor(2), 1.0), [tensor(2), 1.0]),
        (torch.zeros(0, 3), torch.zeros(0, 3)),
    ],
)
def test_close_accepts(actual, expected):
    checks.close(actual, expected, what="y")


T = tensor(8, 10)
WITH_NAN = T.clone()
WITH_NAN[3, 4] = math.nan
ONE_OFF = T.clone()
ONE_OFF[3, 4] += 1
SQUARE = tensor(4, 4)


@pytest.mark.parametrize(
    ("actual", "expected", "said"),
    [
        (T.T, T, "expected shape (8, 10), got (10, 8): did you transpose?"),
        (SQUARE.T, SQUARE, "right but transposed"),
        (T, T.sum(0), "expected shape (10,), got (8, 10): did you forget to sum or average"),
        (T.sum(0), T, "expected shape (8, 10), got (10,): did you sum or average"),
        (T.sum(), T, "expected shape (8, 10), got ()."),
        (T[:, :1], T[:, 0], "expected shape (8,), got (8, 1)."),
        (None, T, "expected a float32 tensor of shape (8, 10), got None: did you forget `return`?"),
        ("2.5", 2.5, "got '2.5'."),
        (True, 1.0, "got True."),
        ([1.0, 2.0], T, "got a list of 2 (1.0; 2.0)."),
        (T.long(), T, "expected the type torch.float32, got torch.int64."),
        (T[0], T[0].long(), "expected the type torch.int64, got torch.float32."),
        (WITH_NAN, T, "1 of 80 values is NaN or infinite (the first: nan at [3, 4])."),
        (torch.tensor(math.inf), 2.0, "the value is NaN or infinite (the first: inf)."),
        (ONE_OFF, T, "1 of 80 values is wrong. The largest difference is 1, at [3, 4]: expected"),
        (8 * T, T, "Your values are 8 times too large. Mean or sum?"),
        (T / 8, T, "Your values are 8 times too small. Mean or sum?"),
        (-T, T, "Your values have the wrong sign."),
        (-T / 8, T, "8 times too small and have the wrong sign. Mean or sum?"),
        (1.3 * T, T, "Your values are 1.3 times too large."),
        (torch.zeros(3), torch.ones(3), "3 of 3 values are wrong."),
        (torch.ones(3), torch.zeros(3), "3 of 3 values are wrong."),
        (18.4, 2.3, "expected 2.3, got 18.4.\n    Your values are 8 times too large."),
        ((T, T), T, "expected a float32 tensor of shape (8, 10), got a tuple of 2"),
        ((T, T), (T, T + 1), ", value 2: 80 of 80 values are wrong."),
        ((T,), (T, T), "must return 2 values, value 1, value 2. It returned a tuple of 1"),
    ],
)  # fmt: skip
def test_close_says_what_is_wrong(actual, expected, said):
    text = message(checks.close, actual, expected, what="dW")

    assert text.startswith("dW")
    assert said in text


def test_close_does_not_guess_from_a_single_number_that_is_no_multiple():
    assert message(checks.close, 2.5, 2.3, what="loss") == "loss: expected 2.3, got 2.5."


def test_close_gives_the_hint_whose_value_was_returned():
    hints = {"the bias is missing.": torch.zeros(3), "the bias is subtracted.": -torch.ones(3)}

    text = message(checks.close, -torch.ones(3), torch.ones(3), what="y", hints=hints)

    assert text.endswith("Hint: the bias is subtracted.")
    assert "missing" not in text


@given(st.floats(-1e3, 1e3), st.floats(0, 0.1), st.booleans())
def test_close_draws_the_line_where_it_says(value, excess, inside):
    bound = 1e-5 + 1e-4 * abs(value)
    actual = value + bound * ((1 - 1e-3 - excess) if inside else (1 + 1e-3 + excess))

    if inside:
        checks.close(actual, torch.tensor(value, dtype=torch.float64), what="y")
    else:
        assert message(checks.close, actual, torch.tensor(value, dtype=torch.float64), what="y")


# --- equal, unpack, yours_or_reference ------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (3, 3),
        (torch.tensor(3), 3),
        ("cat", "cat"),
        ((1, [2, "a"]), [1, (2, "a")]),
        (torch.tensor([1, 2]), torch.tensor([1, 2])),
        ([torch.tensor(1), 2], torch.tensor([1, 2])),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_equal_accepts(actual, expected):
    checks.equal(actual, expected, what="n")


@pytest.mark.parametrize(
    ("actual", "expected", "said"),
    [
        (4, 3, "n: expected 3, got 4."),
        (1, True, "n: expected True, got 1."),
        (3.0, 3, "n: expected 3, got 3.0."),
        ("dog", "cat", "n: expected 'cat', got 'dog'."),
        ([1, 2], [1, 2, 3], "n: expected a list of 3 (1; 2; 3), got a list of 2 (1; 2)."),
        ([1, torch.tensor([2, 3])], [1, [2, 4]], "n[1][1]: expected 4, got 3."),
        (torch.tensor([1, 2]), torch.tensor([1, 5]), "n[1]: expected 5, got 2."),
        (None, 3, "n: expected 3, got None."),
    ],
)
def test_equal_says_what_is_wrong(actual, expected, said):
    assert message(checks.equal, actual, expected, what="n") == said


def test_unpack_names_what_was_expected():
    assert checks.unpack([1, 2], "dx, dW", what="backward") == (1, 2)
    assert message(checks.unpack, None, "dx, dW", what="backward") == (
        "backward must return 2 values, dx, dW. It returned None. Did you forget `return`?"
    )


def test_reference_steps_in_unless_yours_agrees(capsys):
    def double(x):
        return 2 * x

    def mine(x):
        return x + x

    def wrong(x):
        return 3 * x

    assert checks.yours_or_reference(mine, double, T) is mine
    assert checks.yours_or_reference(wrong, double, T) is double
    out = capsys.readouterr().out
    assert "mine: yours." in out
    assert "wrong: the reference steps in. (wrong: 80 of 80 values are wrong." in out


# --- by_hand --------------------------------------------------------------------------------------

W = tensor(3, 10)
LABELS = torch.arange(8)
NAMES = ("linear", "relu", "relu_", "softmax", "log_softmax", "logsumexp", "cross_entropy")


def autograd_by_method(x):
    x.requires_grad_()
    (x * x).sum().backward()
    return x.grad


def autograd_by_attribute(x):
    x.requires_grad = True
    return torch.autograd.grad((x * x).sum(), x)[0]


def optimizer(x):
    parameter = torch.nn.Parameter(x)
    parameter.grad = x.clone()
    torch.optim.SGD([parameter], lr=0.1).step()
    return parameter.data


def swallows(x):
    try:
        return x.softmax(1)
    except Exception:
        return x


FORBIDDEN = {
    "F.linear": (lambda x: F.linear(x, W), "linear"),
    "nn.Linear": (lambda x: torch.nn.Linear(10, 3)(x).detach(), "torch.nn"),
    "the course's Linear": (lambda x: Linear(10, 3)(x), "course_utils.layers.linear"),
    "the course's ReLU": (lambda x: ReLU()(x), "course_utils.layers.activations"),
    "the course's loss": (lambda x: CrossEntropyLoss()(x, LABELS), "course_utils.losses"),
    "F.cross_entropy": (lambda x: F.cross_entropy(x, LABELS), "cross_entropy"),
    "torch.softmax": (lambda x: torch.softmax(x, 1), "softmax"),
    "Tensor.softmax": (lambda x: x.softmax(1), "softmax"),
    "F.softmax": (lambda x: F.softmax(x, 1), "softmax"),
    "torch.special.softmax": (lambda x: torch.special.softmax(x, 1), "softmax"),
    "torch.special.logsumexp": (lambda x: torch.special.logsumexp(x, 1), "logsumexp"),
    "nn.Softmax": (lambda x: torch.nn.Softmax(1)(x), "softmax"),
    "torch.ops": (lambda x: torch.ops.aten.softmax(x, 1), "softmax"),
    "relu_": (lambda x: x.relu_(), "relu_"),
    "nn.Tanh, not named": (lambda x: torch.nn.Tanh()(x), "torch.nn"),
    "requires_grad_": (autograd_by_method, "autograd"),
    "requires_grad =": (autograd_by_attribute, "autograd"),
    "tensor(requires_grad)": (lambda x: torch.ones(3, requires_grad=True) * 2, "autograd"),
    "torch.func.grad": (lambda x: torch.func.grad(lambda t: (t * t).sum())(x), "autograd"),
    "torch.func.vjp": (lambda x: torch.func.vjp(lambda t: t * t, x)[1](x)[0], "autograd"),
    "torch.func.jvp": (lambda x: torch.func.jvp(lambda t: t * t, (x,), (x,))[1], "autograd"),
    "jacobian": (lambda x: torch.autograd.functional.jacobian(lambda t: t * t, x), "autograd"),
    "torch.optim": (optimizer, "torch.optim"),
    "an exception that is caught": (swallows, "softmax"),
}


@pytest.mark.parametrize(("function", "named"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_by_hand_refuses_what_does_the_work(function, named):
    with checks.by_hand(*NAMES):
        text = message(checks.call, function, T)

    assert f"uses {named}, which does the work of this task" in text
    assert checks.call(lambda x: F.relu(x), T).shape == T.shape, "outside it is allowed"


def without_gradient(x):
    with torch.no_grad(), torch.inference_mode():
        return x * 2


ALLOWED = {
    "matrix product": lambda x: x @ W.T,
    "addmm": lambda x: torch.addmm(torch.zeros(3), x, W.T),
    "einsum": lambda x: torch.einsum("bm,nm->bn", x, W),
    "one_hot": lambda x: F.one_hot(LABELS, 10),
    "clamp": lambda x: x.clamp(min=0),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "NumPy": lambda x: torch.from_numpy(np.maximum(x.numpy(), 0)),
    "double precision": lambda x: x.double().exp().sum(1).log(),
    "norm": lambda x: x.norm(),
    "no_grad": without_gradient,
    "requires_grad_(False)": lambda x: x.requires_grad_(False),
    "asking for requires_grad": lambda x: 0 if x.requires_grad else 1,
    "detach and clone": lambda x: x.detach().clone(),
    "vmap": lambda x: torch.vmap(lambda row: row * 2)(x),
    "scatter": lambda x: torch.zeros(8, 10).scatter_(1, LABELS[:, None], 1.0),
    "printing": lambda x: str(x),
}


@pytest.mark.parametrize("function", ALLOWED.values(), ids=ALLOWED.keys())
def test_by_hand_allows_elementary_operations(function):
    with checks.by_hand(*NAMES):
        checks.call(function, T)


def test_by_hand_gives_the_students_line():
    def student(x):
        y = 2 * x
        return y.softmax(1)

    with checks.by_hand("softmax"):
        text = message(checks.call, student, T)

    line = inspect.getsourcelines(student)[1] + 2
    assert text.splitlines()[1] == f"    in student, line {line}: return y.softmax(1)"


# --- functions as arguments -----------------------------------------------------------------------


def test_a_function_of_the_test_is_called_with_copies_and_may_use_what_is_forbidden():
    kept = []

    def loss(x):
        kept.append(x)
        return F.cross_entropy(x, LABELS)

    def student(f, x):
        value = f(x)
        x.zero_()
        return value

    with checks.by_hand(*NAMES):
        value = checks.call(student, loss, T)

    assert value == F.cross_entropy(T, LABELS)
    assert torch.equal(kept[0], T)
    with checks.by_hand(*NAMES):
        text = message(checks.call, lambda f, x: f(x.softmax(1)), loss, T)
    assert "uses softmax" in text


# --- Draw -----------------------------------------------------------------------------------------


def drawn(name: str) -> list:
    draw = checks.Draw(name)
    sizes = draw.sizes(3, low=2, high=9)
    return [sizes, draw.normal(2, 3).tolist(), draw.uniform(2).tolist(), draw.labels(4, 5).tolist()]


def test_draw_depends_on_the_name_and_the_secret_alone(monkeypatch):
    monkeypatch.delenv("COURSE_SECRET", raising=False)
    public = drawn("a")
    assert drawn("a") == public
    assert drawn("b") != public
    monkeypatch.setenv("COURSE_SECRET", "")
    assert drawn("a") == public
    monkeypatch.setenv("COURSE_SECRET", "s")
    assert drawn("a") != public
    assert drawn("a") == drawn("a")


@given(st.text(), st.integers(0, 5), st.integers(0, 10))
def test_drawn_sizes_are_different_and_within_bounds(name, low, more):
    sizes = checks.Draw(name).sizes(more + 1, low=low, high=low + more)
    assert sorted(sizes) == list(range(low, low + more + 1))


def test_draw_refuses_more_sizes_than_there_are():
    with pytest.raises(ValueError, match="3 different sizes from 1 … 2"):
        checks.Draw("a").sizes(3, low=1, high=2)


# --- how it looks ---------------------------------------------------------------------------------


def test_notebook_shows_the_message_alone():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell.instance()
    with capture_output() as shown:
        shell.run_cell(
            "import torch\nfrom course_utils import checks\n"
            "checks.close(torch.ones(2, 3), torch.ones(3, 2), what='dW')"
        )

    assert shown.stdout.strip() == "dW: expected shape (3, 2), got (2, 3): did you transpose?"
    assert shown.stderr == ""
