"""Scaled dot-product attention against F.scaled_dot_product_attention."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import ScaledDotProductAttention, as_module
from twins import DEVICES, DTYPES, compare, finite_differences, randn

properties = settings(max_examples=60, deadline=None, derandomize=True)
sizes = st.integers(1, 6)


def qkv(*leading, t=5, s=7, d=4, e=3, **kwargs):
    return (
        randn(*leading, t, d, seed=1, **kwargs),
        randn(*leading, s, d, seed=2, **kwargs),
        randn(*leading, s, e, seed=3, **kwargs),
    )


def some_mask(kind, *shape, dtype=torch.float64, device="cpu"):
    """A mask of one of the kinds that torch knows; every query may see at least one key."""
    if kind == "none":
        return None
    numbers = randn(*shape, seed=4, dtype=dtype, device=device)
    if kind == "additive":
        return numbers
    allowed = numbers > -0.3
    allowed[..., 0] = True
    return allowed


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@properties
@given(
    leading=st.sampled_from([(), (1,), (3,), (2, 3), (0,), (2, 1, 2)]),
    t=sizes,
    s=sizes,
    d=sizes,
    e=sizes,
    mask=st.sampled_from(["none", "bool", "additive"]),
    shared=st.booleans(),
    scale=st.sampled_from([None, 0.3]),
)
def test_values_and_gradients_match_torch(dtype, device, leading, t, s, d, e, mask, shared, scale):
    inputs = qkv(*leading, t=t, s=s, d=d, e=e, dtype=dtype, device=device)
    shape = (t, s) if shared else (*leading, t, s)
    compare(
        ScaledDotProductAttention(scale=scale),
        partial(F.scaled_dot_product_attention, scale=scale),
        *inputs,
        attn_mask=some_mask(mask, *shape, dtype=dtype, device=device),
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("t", "s"), [(1, 1), (6, 6), (3, 6), (6, 3)])
def test_causal_masks_match_torch_for_any_number_of_queries_and_keys(t, s, device):
    inputs = qkv(2, 3, t=t, s=s, device=device)
    compare(ScaledDotProductAttention(), F.scaled_dot_product_attention, *inputs, is_causal=True)


def test_a_mask_and_causality_both_hold_when_given_together():
    q, k, v = qkv(2, t=5, s=5)
    allowed = some_mask("bool", 5, 5)
    both = allowed & torch.ones(5, 5, dtype=torch.bool).tril()
    y = ScaledDotProductAttention()(q, k, v, attn_mask=allowed, is_causal=True)
    torch.testing.assert_close(y, F.scaled_dot_product_attention(q, k, v, attn_mask=both))


@pytest.mark.parametrize("shapes", [((2, 3), (2, 1), (2, 1)), ((3,), (), (2, 3)), ((), (4,), (1,))])
def test_leading_dimensions_broadcast_as_in_torch(shapes):
    inputs = [x.expand(*shape, -1, -1) for x, shape in zip(qkv(), shapes, strict=True)]
    inputs = [x + randn(*x.shape, seed=4) for x in inputs]
    compare(ScaledDotProductAttention(), F.scaled_dot_product_attention, *inputs)


@pytest.mark.parametrize("mask", ["none", "bool", "additive"])
def test_gradients_match_finite_differences(mask):
    finite_differences(
        ScaledDotProductAttention(), *qkv(2, t=3, s=4, d=2), attn_mask=some_mask(mask, 3, 4)
    )
    finite_differences(ScaledDotProductAttention(scale=2.0), *qkv(t=3, s=3), is_causal=True)


def test_the_weights_of_every_query_sum_to_one_and_the_output_is_their_mixture():
    layer, (q, k, v) = ScaledDotProductAttention(), qkv(2, 3)
    y = layer(q, k, v, attn_mask=some_mask("bool", 5, 7))
    assert layer.weights.ge(0).all()
    torch.testing.assert_close(layer.weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))
    torch.testing.assert_close(y, layer.weights @ v)
    assert layer.weights[0, 0][~some_mask("bool", 5, 7)].eq(0).all()


def test_a_query_that_sees_no_key_gets_zeros_and_gives_none_a_gradient_as_in_torch():
    allowed = some_mask("bool", 5, 7)
    allowed[2] = False
    y = compare(
        ScaledDotProductAttention(),
        F.scaled_dot_product_attention,
        *qkv(2),
        attn_mask=allowed,
    )
    assert y[:, 2].eq(0).all()
    assert y[:, 1].ne(0).all()
    additive = torch.zeros(5, 7, dtype=torch.float64).masked_fill(~allowed, -torch.inf)
    again = compare(
        ScaledDotProductAttention(),
        F.scaled_dot_product_attention,
        *qkv(2),
        attn_mask=additive,
    )
    assert torch.equal(again, y)
    nobody = ScaledDotProductAttention()
    q, k, v = qkv(2)
    assert nobody(q, k, v, attn_mask=torch.zeros(7, dtype=torch.bool)).eq(0).all()
    assert all(g.eq(0).all() for g in nobody.backward(torch.ones_like(y)))


@pytest.mark.parametrize("shape", [(2, 0, 7), (2, 5, 0)])
def test_without_queries_or_keys_the_output_is_empty_or_zero_as_in_torch(shape):
    b, t, s = shape
    compare(ScaledDotProductAttention(), F.scaled_dot_product_attention, *qkv(b, t=t, s=s))


def test_causal_outputs_do_not_change_by_one_bit_when_the_future_does():
    layer, (q, k, v) = ScaledDotProductAttention(), qkv(2, t=7, s=7, dtype=torch.float32)
    before = layer(q, k, v, is_causal=True)
    changed = [torch.cat([x[:, :4], 9 * x[:, 4:] + 5], 1) for x in (q, k, v)]
    after = layer(*changed, is_causal=True)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.isclose(before[:, 4:], after[:, 4:]).any()
    early = torch.ones_like(before)
    early[:, 4:] = 0
    assert all(gradient[:, 4:].eq(0).all() for gradient in layer.backward(early))


def test_permuting_the_queries_permutes_the_outputs_and_permuting_the_keys_changes_nothing():
    layer, (q, k, v) = ScaledDotProductAttention(), qkv(2)
    y = layer(q, k, v)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(layer(q[:, order], k, v), y[:, order])
    order = torch.tensor([6, 3, 0, 5, 4, 2, 1])
    torch.testing.assert_close(layer(q, k[:, order], v[:, order]), y)


def test_huge_scores_do_not_overflow():
    q, k, v = (1e4 * x.float() for x in qkv(2))
    compare(ScaledDotProductAttention(), F.scaled_dot_product_attention, q, k, v, tolerance=1e-4)


def test_scores_have_unit_variance_whatever_the_width():
    for d in (3, 64, 512):
        q, k = randn(1000, 1, d, seed=1), randn(1000, 1, d, seed=2)
        products = (q @ k.mT).var()
        assert abs(products / d - 1) < 0.15
        layer = ScaledDotProductAttention()
        layer(q, torch.cat([k, 0 * k], 1), torch.cat([k, k], 1))
        odds = layer.weights[..., 0] / layer.weights[..., 1]  # e to the scaled product
        assert abs(odds.log().var() - 1) < 0.15


def test_dropout_drops_what_torch_drops_for_the_same_seed():
    q, k, v = qkv(2, 3)
    layer = ScaledDotProductAttention(0.4, generator=torch.Generator().manual_seed(8))

    def theirs(*inputs):
        torch.manual_seed(8)
        return F.scaled_dot_product_attention(*inputs, dropout_p=0.4)

    compare(layer, theirs, q, k, v)
    dropped = layer.weights.eq(0).double().mean()
    assert 0.3 < dropped < 0.5
    layer.eval()
    compare(layer, F.scaled_dot_product_attention, q, k, v)


class SameDraw(ScaledDotProductAttention):
    """Drops the same weights in each call."""

    def forward(self, *inputs, **options):
        self.dropout.generator.manual_seed(3)
        return super().forward(*inputs, **options)


def test_gradients_with_dropout_match_finite_differences():
    layer = SameDraw(0.4, generator=torch.Generator())
    finite_differences(layer, *qkv(2, t=3, s=4, d=2), is_causal=True)
    assert layer.weights[:, -1].eq(0).any()


def test_a_gradient_of_the_weights_joins_that_of_the_output():
    layer = SameDraw(0.4, generator=torch.Generator())
    q, k, v = (x.requires_grad_() for x in qkv(2))
    y = layer(q.detach(), k.detach(), v.detach())
    weights = torch.softmax(q @ k.mT / 2, -1) * layer.dropout.mask
    dy, dweights = randn(*y.shape, seed=5), randn(*weights.shape, seed=6)
    torch.autograd.backward([weights @ v, weights], [dy, dweights])
    for x, gradient in zip((q, k, v), layer.backward(dy, dweights), strict=True):
        torch.testing.assert_close(gradient, x.grad)


def test_dropout_keeps_the_expected_output():
    q, k, v = qkv()
    many = torch.zeros(20000, 1, 1, dtype=torch.float64)
    layer = ScaledDotProductAttention(0.4, generator=torch.Generator().manual_seed(1))
    mean = layer(q + many, k, v).mean(0)
    torch.testing.assert_close(mean, layer.eval()(q, k, v), rtol=0, atol=0.03)


def test_wrapped_as_a_module_it_trains_with_autograd():
    module = as_module(ScaledDotProductAttention())
    ours = [x.clone().requires_grad_() for x in qkv(2)]
    theirs = [x.clone().requires_grad_() for x in qkv(2)]
    mask = some_mask("bool", 5, 7)
    module(*ours, attn_mask=mask).square().sum().backward()
    F.scaled_dot_product_attention(*theirs, attn_mask=mask).square().sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_bfloat16_forward_matches_torch():
    inputs = qkv(2, 3, dtype=torch.bfloat16)
    y = ScaledDotProductAttention()(*inputs, attn_mask=some_mask("bool", 5, 7))
    assert y.dtype == torch.bfloat16
    wanted = F.scaled_dot_product_attention(*inputs, attn_mask=some_mask("bool", 5, 7))
    torch.testing.assert_close(y, wanted, rtol=0.05, atol=0.05)


def test_nan_in_a_value_reaches_every_output_that_may_see_it():
    q, k, v = qkv(t=7, s=7)
    v[4, 1] = torch.nan
    y = ScaledDotProductAttention()(q, k, v)
    torch.testing.assert_close(y, F.scaled_dot_product_attention(q, k, v), equal_nan=True)
    assert y[:, 1].isnan().all()
    assert not y[:, 0].isnan().any()


def test_nan_in_a_query_is_not_hidden_by_a_mask():
    q, k, v = qkv(2)
    q[0, 3, 1] = torch.nan
    mask = some_mask("bool", 5, 7)
    y = ScaledDotProductAttention()(q, k, v, attn_mask=mask)
    wanted = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(y, wanted, equal_nan=True)
    assert y.isnan().sum() == y.shape[-1]


def test_what_does_not_belong_together_is_refused_with_all_shapes():
    layer, (q, k, v) = ScaledDotProductAttention(), qkv(2)
    with pytest.raises(ValueError, match=r"5 wide, keys 4 \(query \(2, 5, 5\), key \(2, 7, 4\)"):
        layer(randn(2, 5, 5), k, v)
    with pytest.raises(ValueError, match=r"7 keys for 6 values .*key \(2, 7, 4\), value \(2, 6, 3"):
        layer(q, k, v[:, :6])
    with pytest.raises(ValueError, match=r"do not broadcast .*query \(2, 5, 4\), key \(3, 7, 4\)"):
        layer(q, randn(3, 7, 4), randn(3, 7, 3))
    for shape in [(7, 5), (3, 5, 7), (2, 2, 5, 7)]:
        with pytest.raises(ValueError, match=rf"attn_mask \({', '.join(map(str, shape))}\)"):
            layer(q, k, v, attn_mask=torch.ones(shape, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"expected \(\*, tokens, width\) \(query \(4,\)"):
        layer(q[0, 0], k, v)
    with pytest.raises(TypeError, match=r"query is torch.float64 on cpu, value torch.float32"):
        layer(q, k, v.float())
    with pytest.raises(TypeError, match=r"attn_mask torch.float32 on cpu"):
        layer(q, k, v, attn_mask=torch.zeros(5, 7))
    with pytest.raises(TypeError, match=r"must hold floating-point numbers, got torch.int64"):
        layer(torch.ones(2, 5, 4, dtype=torch.long), k, v)
    layer(q, k, v)
    with pytest.raises(ValueError, match=r"\(5, 3\), the output had \(2, 5, 3\)"):
        layer.backward(torch.ones(5, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"p must be"):
        ScaledDotProductAttention(dropout_p=1.5)
