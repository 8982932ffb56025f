"""Transformer layers against torch.nn's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import TransformerDecoderLayer, TransformerEncoderLayer, as_module
from twins import DEVICES, DTYPES, compare, finite_differences, randn

properties = settings(max_examples=40, deadline=None, derandomize=True)
LAYERS = {
    "encoder": (TransformerEncoderLayer, torch.nn.TransformerEncoderLayer),
    "decoder": (TransformerDecoderLayer, torch.nn.TransformerDecoderLayer),
}
FUTURE = torch.ones(4, 4, dtype=torch.bool).triu(1)


def pair(kind, d=6, heads=2, dtype=torch.float64, device="cpu", dropout=0.0, **options):
    """A layer and its twin, with scales and shifts that are not the initial ones and zeros."""
    options = {"dim_feedforward": 7, "dropout": dropout, "dtype": dtype, "device": device} | options
    ours, theirs = (which(d, heads, **options) for which in LAYERS[kind])
    for seed, parameter in enumerate(theirs.parameters()):
        parameter.data += randn(*parameter.shape, seed=seed, dtype=dtype, device=device) / 2
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def tokens(kind, batch=2, t=4, s=5, d=6, batch_first=False, dtype=torch.float64, device="cpu"):
    inputs = []
    for seed, length in enumerate((t, s) if kind == "decoder" else (t,)):
        shape = (length, d) if batch is None else (batch, length, d)
        x = randn(*shape, seed=seed + 20, dtype=dtype, device=device)
        inputs.append(x if batch is None or batch_first else x.transpose(0, 1).contiguous())
    return inputs


def blocked(*shape, device="cpu"):
    mask = (randn(*shape, seed=9) > 0.3).to(device)
    mask[..., 0] = False
    return mask


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", LAYERS)
@properties
@given(
    heads=st.integers(1, 3),
    width=st.integers(2, 3),
    batch=st.sampled_from([None, 0, 1, 3]),
    t=st.integers(1, 4),
    s=st.integers(1, 4),
    hidden=st.integers(1, 5),
    activation=st.sampled_from(["relu", "gelu"]),
    eps=st.sampled_from([1e-5, 0.1]),
    batch_first=st.booleans(),
    norm_first=st.booleans(),
    bias=st.booleans(),
    masks=st.sets(st.sampled_from(["mask", "padding", "memory mask", "memory padding"])),
    additive=st.booleans(),
)
def test_values_and_gradients_match_torch(
    kind, dtype, device, heads, width, batch, t, s, hidden, activation, eps, batch_first,
    norm_first, bias, masks, additive,
):  # fmt: skip
    d = heads * width
    ours, theirs = pair(
        kind, d, heads, dtype, device, dim_feedforward=hidden, activation=activation,
        layer_norm_eps=eps, batch_first=batch_first, norm_first=norm_first, bias=bias,
    )  # fmt: skip
    inputs = tokens(kind, batch, t, s, d, batch_first, dtype, device)
    name = "tgt" if kind == "decoder" else "src"
    shapes = {
        "mask": (f"{name}_mask", (t, t)),
        "padding": (f"{name}_key_padding_mask", (t,) if batch is None else (batch, t)),
        "memory mask": ("memory_mask", (t, s)),
        "memory padding": ("memory_key_padding_mask", (s,) if batch is None else (batch, s)),
    }
    options = {}
    for mask in masks:
        option, shape = shapes[mask]
        # torch fails for masks of an empty batch.
        if (kind == "decoder" or not mask.startswith("memory")) and batch != 0:
            made = randn(*shape, seed=3).to(device, dtype) if additive else blocked(*shape)
            options[option] = made.to(device)
    compare(ours, theirs, *inputs, **options)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("norm_first", [True, False])
def test_gradients_match_finite_differences(kind, norm_first):
    options = {"norm_first": norm_first, "activation": "gelu", "dim_feedforward": 3}
    ours, _ = pair(kind, 4, **options)
    inputs = tokens(kind, 1, 2, 3, 4)
    finite_differences(ours, *inputs, tolerance=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_same_seed_gives_torchs_initial_values(kind):
    for options in [{}, {"bias": False}]:
        torch.manual_seed(3)
        theirs = LAYERS[kind][1](6, 2, 7, **options).state_dict()
        torch.manual_seed(3)
        ours = LAYERS[kind][0](6, 2, 7, **options).state_dict()
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        torch.manual_seed(4)
        generator = torch.Generator().manual_seed(3)
        ours = LAYERS[kind][0](6, 2, 7, generator=generator, **options).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("kind", LAYERS)
def test_defaults_are_torchs(kind):
    ours, theirs = LAYERS[kind][0](6, 2), LAYERS[kind][1](6, 2)
    assert ours.linear1.weight.shape == theirs.linear1.weight.shape == (2048, 6)
    for name in ("dropout", "dropout1", "dropout2"):
        assert getattr(ours, name).p == getattr(theirs, name).p == 0.1
    assert ours.self_attn.attention.dropout.p == theirs.self_attn.dropout
    compare(ours.eval(), theirs.eval(), *tokens(kind, dtype=torch.float32))


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_encoder_agrees_with_both_of_torchs_paths(norm_first, activation):
    """In eval mode without gradients, torch runs one fused kernel for the whole layer."""
    options = {"norm_first": norm_first, "activation": activation, "dtype": torch.float32}
    ours, theirs = pair("encoder", batch_first=True, dropout=0.1, **options)
    ours.eval()
    (x,) = tokens("encoder", batch_first=True, dtype=torch.float32)
    padding = torch.tensor([[False] * 4, [False, False, True, True]])
    for masks in [{}, {"src_mask": FUTURE}, {"src_key_padding_mask": padding}]:
        slow = theirs.eval()(x, **masks)
        assert slow.requires_grad  # so this was not the fused kernel
        with torch.no_grad():
            fast = theirs(x, **masks)
        y = ours(x, **masks)
        torch.testing.assert_close(y, slow.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(y, fast, rtol=1e-4, atol=1e-5)
    assert torch.equal(ours(x, is_causal=True), ours(x, src_mask=FUTURE))


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("kind", LAYERS)
def test_dropout_drops_what_torch_drops_for_the_same_seed(kind, norm_first):
    """Without a batch, both draw in the same order of elements, one mask after the other."""
    generator = torch.Generator()
    ours, theirs = pair(kind, dropout=0.3, norm_first=norm_first)
    dropouts = [ours.self_attn.attention.dropout, ours.dropout, ours.dropout1, ours.dropout2]
    if kind == "decoder":
        dropouts += [ours.multihead_attn.attention.dropout, ours.dropout3]
    for dropout in dropouts:
        dropout.generator = generator
    theirs.register_forward_pre_hook(lambda *_: torch.manual_seed(8) and None)
    inputs = tokens(kind, batch=None)
    generator.manual_seed(8)
    compare(ours, theirs, *inputs)
    assert all(dropout.mask.eq(0).any() for dropout in dropouts)
    theirs.zero_grad()
    compare(ours.eval(), theirs.eval(), *inputs)


@pytest.mark.parametrize("kind", LAYERS)
def test_one_generator_decides_everything_that_is_dropped(kind):
    def output():
        layer = LAYERS[kind][0](6, 2, 7, 0.5, generator=torch.Generator().manual_seed(1))
        return layer(*tokens(kind, dtype=torch.float32))

    torch.manual_seed(1)
    first = output()
    torch.manual_seed(2)
    assert torch.equal(first, output())


@pytest.mark.parametrize("norm_first", [True, False])
def test_causal_layers_do_not_see_the_future(norm_first):
    encoder, _ = pair("encoder", norm_first=norm_first)
    decoder, _ = pair("decoder", norm_first=norm_first)
    x, memory = tokens("decoder")
    changed = torch.cat([x[:2], x[2:] + randn(2, 2, 6)])
    for y, z in [
        (encoder(x, is_causal=True), encoder(changed, is_causal=True)),
        (decoder(x, memory, tgt_is_causal=True), decoder(changed, memory, tgt_is_causal=True)),
    ]:
        assert torch.equal(y[:2], z[:2])
        assert (y[2:] != z[2:]).all()
    decoder(x, memory, memory_is_causal=True, tgt_is_causal=True)
    early = randn(4, 2, 6)
    early[2:] = 0
    dx, dmemory = decoder.backward(early)
    assert dx[2:].eq(0).all()
    assert dmemory[2:].eq(0).all()
    assert dmemory[:2].ne(0).any()


def test_without_positions_the_encoder_commutes_with_permutations():
    layer, _ = pair("encoder")
    (x,) = tokens("encoder")
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(layer(x[order]), layer(x)[order])


def test_masking_padding_is_as_good_as_taking_it_away():
    layer, _ = pair("encoder", batch_first=True)
    (x,) = tokens("encoder", batch_first=True)
    padding = torch.tensor([[False] * 4, [False, False, True, True]])
    y = layer(x, src_key_padding_mask=padding)
    torch.testing.assert_close(y[1:, :2], layer(x[1:, :2]))
    torch.testing.assert_close(y[:1], layer(x[:1]))


@pytest.mark.parametrize("kind", LAYERS)
def test_wrapped_as_a_module_it_trains_with_autograd(kind):
    ours, theirs = pair(kind)
    module = as_module(ours)
    mine, wanted = ([x.clone().requires_grad_() for x in tokens(kind)] for _ in range(2))
    module(*mine).square().sum().backward()
    theirs(*wanted).square().sum().backward()
    for a, b in zip(mine, wanted, strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    grads = {name: parameter.grad for name, parameter in module.named_parameters()}
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(grads[name], parameter.grad)


@pytest.mark.parametrize("kind", LAYERS)
def test_bfloat16_forward_matches_torch(kind):
    ours, theirs = pair(kind, dtype=torch.bfloat16)
    inputs = tokens(kind, dtype=torch.bfloat16)
    y, wanted = ours(*inputs), theirs(*inputs).detach()
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, wanted, rtol=0.1, atol=0.1)


def test_mistakes_are_refused_with_the_numbers():
    with pytest.raises(ValueError, match=r"TransformerEncoderLayer: activation .* got 'tanh'"):
        TransformerEncoderLayer(6, 2, activation="tanh")
    with pytest.raises(ValueError, match=r"embed_dim=6, num_heads=4"):
        TransformerDecoderLayer(6, 4)
    layer = TransformerEncoderLayer(6, 2, 7)
    with pytest.raises(ValueError, match=r"query has 5 features.* expects 6 .*\(4, 2, 5\)"):
        layer(torch.ones(4, 2, 5))
    with pytest.raises(ValueError, match=r"attn_mask is \(3, 3\), expected \(4, 4\)"):
        layer(torch.ones(4, 2, 6), src_mask=FUTURE[:3, :3])
    layer(torch.ones(4, 2, 6))
    with pytest.raises(ValueError, match=r"\(2, 4, 6\), the output had \(4, 2, 6\)"):
        layer.backward(torch.ones(2, 4, 6))
    decoder = TransformerDecoderLayer(6, 2, 7)
    with pytest.raises(ValueError, match=r"2 examples ask, 3 answer .*key \(5, 3, 6\)"):
        decoder(torch.ones(4, 2, 6), torch.ones(5, 3, 6))
