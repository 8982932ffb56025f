"""Embeddings of tokens and of positions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import Embedding, PositionalEmbedding, PositionalEncoding, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


def numbers(*shape, rows, seed=0, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(rows, shape, generator=generator).to(device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    rows=st.integers(1, 6),
    width=st.integers(1, 5),
    padding=st.sampled_from([None, 0, -1]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_embedding_matches_torch(dtype, device, shape, rows, width, padding):
    where = {"dtype": dtype, "device": device}
    ours = Embedding(rows, width, padding, **where)
    theirs = torch.nn.Embedding(rows, width, padding, **where)
    compare(ours, theirs, numbers(*shape, rows=rows, device=device))


def test_int32_and_noncontiguous_input_and_gradient_are_taken():
    ours = Embedding(9, 4)
    compare(ours, torch.nn.Embedding(9, 4), numbers(3, 5, rows=9).int())
    compare(ours, torch.nn.Embedding(9, 4), numbers(3, 5, rows=9).T)
    ours(numbers(3, 5, rows=9))
    dy = randn(4, 5, 3, dtype=torch.float32)
    ours.backward(dy.transpose(0, 2))
    strided = ours.grads["weight"]
    ours.backward(dy.transpose(0, 2).contiguous())
    assert torch.equal(strided, ours.grads["weight"])


def test_a_row_looked_up_twice_gets_both_gradients_and_the_padding_none():
    layer = Embedding(4, 2, padding_idx=0)
    y = layer(torch.tensor([3, 0, 3, 1]))
    assert not y[1].any()
    layer.backward(torch.tensor([[1.0, 2.0], [5.0, 5.0], [10.0, 20.0], [7.0, 8.0]]))
    expected = torch.tensor([[0.0, 0.0], [7.0, 8.0], [0.0, 0.0], [11.0, 22.0]])
    assert torch.equal(layer.grads["weight"], expected)


def test_embedding_is_a_product_with_one_hot_vectors():
    layer = Embedding(6, 3)
    index = numbers(4, 5, rows=6)
    one_hot = torch.nn.functional.one_hot(index, 6).float()
    close(layer(index), one_hot @ layer.weight, "product")


def test_embedding_gradients_match_finite_differences():
    finite_differences(Embedding(5, 3, dtype=torch.float64), numbers(2, 4, rows=5))


@pytest.mark.parametrize("padding", [None, 2, -1])
def test_the_same_seed_gives_torchs_embedding(padding):
    torch.manual_seed(5)
    theirs = torch.nn.Embedding(7, 6, padding)
    torch.manual_seed(5)
    ours = Embedding(7, 6, padding)
    assert torch.equal(ours.weight, theirs.weight)
    assert ours.padding_idx == theirs.padding_idx


def test_bfloat16_embedding_matches_torch():
    ours = Embedding(7, 6, dtype=torch.bfloat16)
    theirs = torch.nn.Embedding(7, 6, dtype=torch.bfloat16)
    ours.load_state_dict(theirs.state_dict())
    index = numbers(3, rows=7)
    assert torch.equal(ours(index), theirs(index))


def test_rows_that_do_not_exist_are_named():
    layer = Embedding(5, 3)
    with pytest.raises(IndexError, match=r"no row 5, rows are 0 … 4 \(input \(2,\), weight \(5, 3"):
        layer(torch.tensor([0, 5]))
    with pytest.raises(IndexError, match="no row -2"):
        layer(torch.tensor([7, -2]))
    with pytest.raises(TypeError, match=r"whole numbers \(int64\), got torch\.float32"):
        layer(torch.ones(2))
    with pytest.raises(ValueError, match="padding_idx=5 is none of 5 rows"):
        Embedding(5, 3, 5)
    with pytest.raises(ValueError, match="num_embeddings=0"):
        Embedding(0, 3)
    with pytest.raises(NotImplementedError, match=r"sparse=True is left out"):
        Embedding(5, 3, sparse=True)
    layer(torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"\(2,\), the output had \(2, 3\)"):
        layer.backward(torch.ones(2))


def test_as_module_trains_an_embedding():
    module, twin = as_module(Embedding(5, 3)), torch.nn.Embedding(5, 3)
    module.load_state_dict(twin.state_dict())
    index = numbers(8, rows=5)
    for net in (module, twin):
        net(index).square().sum().backward()
    close(module.weight.grad, twin.weight.grad, "gradient")


def wave(position, column, width):
    exponent = (column - column % 2) / width
    return (math.cos if column % 2 else math.sin)(position / 10000**exponent)


@pytest.mark.parametrize("width", [2, 8])
def test_the_encoding_is_the_formula_of_the_paper(width):
    layer = PositionalEncoding(width, 200, dtype=torch.float64)
    expected = [[wave(t, j, width) for j in range(width)] for t in range(200)]
    y = layer(torch.zeros(3, 200, width, dtype=torch.float64))
    for sequence in y:
        close(sequence, torch.tensor(expected, dtype=torch.float64), "encoding")


def test_a_step_turns_every_hand_by_the_same_angle_wherever_it_starts():
    pe = PositionalEncoding(16, 100, dtype=torch.float64).pe
    products = pe @ pe.T
    for step in (1, 7, 40):
        diagonal = products.diagonal(step)
        close(diagonal, diagonal[:1].expand_as(diagonal), f"step {step}")
    close(products.diagonal(), torch.full((100,), 8.0, dtype=torch.float64), "length")


def test_far_positions_are_exact_in_single_precision():
    pe = PositionalEncoding(512, 5000).pe
    assert pe.dtype == torch.float32
    for column in (0, 1, 2, 510):
        assert pe[4999, column].item() == pytest.approx(wave(4999, column, 512), abs=1e-7)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
def test_positions_are_added_and_learned(batch, dtype, device):
    twin = torch.nn.Embedding(7, 4, dtype=dtype, device=device)
    ours = PositionalEmbedding(7, 4, dtype=dtype, device=device)
    ours.load_state_dict(twin.state_dict())
    x = randn(*batch, 5, 4, dtype=dtype, device=device)
    compare(ours, lambda x: x + twin(torch.arange(5, device=device)), x)
    close(ours.grads["weight"], twin.weight.grad, "weight")
    assert not ours.grads["weight"][5:].any()
    fixed = PositionalEncoding(4, 7, dtype=dtype, device=device)
    compare(fixed, lambda x: x + fixed.pe[:5], x)


def test_position_gradients_match_finite_differences():
    finite_differences(PositionalEmbedding(6, 4, dtype=torch.float64), randn(2, 5, 4))
    finite_differences(PositionalEncoding(4, 6, dtype=torch.float64), randn(2, 5, 4))


def test_positions_go_through_in_bfloat16_and_as_modules():
    layer = PositionalEmbedding(6, 4, dtype=torch.bfloat16)
    x = randn(2, 6, 4, dtype=torch.bfloat16)
    assert torch.equal(layer(x), x + layer.weight)
    assert torch.equal(layer.to(torch.float32)(x.float()), x.float() + layer.weight)
    module = as_module(PositionalEncoding(4, 6))
    x = randn(2, 6, 4, dtype=torch.float32).requires_grad_()
    module(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))
    assert list(module.state_dict()) == ["pe"]


def test_learned_positions_start_as_small_normal_numbers():
    weight = PositionalEmbedding(400, 50, generator=torch.Generator().manual_seed(0)).weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=5e-4)


@pytest.mark.parametrize("kind", [PositionalEncoding, PositionalEmbedding])
def test_sequences_that_do_not_fit_are_refused_with_both_shapes(kind):
    layer = kind(d_model=4, max_len=6)
    name = kind.__name__
    with pytest.raises(ValueError, match=rf"{name}: .*T at most 6, got \(2, 7, 4\) \(table \(6, 4"):
        layer(torch.ones(2, 7, 4))
    with pytest.raises(ValueError, match=r"got \(2, 5, 3\)"):
        layer(torch.ones(2, 5, 3))
    with pytest.raises(ValueError, match=r"got \(4,\)"):
        layer(torch.ones(4))
    with pytest.raises(TypeError, match=r"input is torch\.float64, the layer is torch\.float32"):
        layer(torch.ones(5, 4, dtype=torch.float64))
    layer(torch.ones(5, 4))
    with pytest.raises(ValueError, match=r"\(4, 4\), the output had \(5, 4\)"):
        layer.backward(torch.ones(4, 4))
    with pytest.raises(ValueError, match="max_len=0"):
        kind(d_model=4, max_len=0)


def test_an_odd_width_has_no_pairs_of_waves():
    with pytest.raises(ValueError, match=r"even .* got d_model=5"):
        PositionalEncoding(5)
