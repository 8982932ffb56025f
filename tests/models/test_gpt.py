"""GPT: sizes, causality, generation."""

import math

import pytest
import torch
from torch.nn import functional as F

from course_utils.models import GPT, GPTConfig, count_parameters
from course_utils.models.gpt import CausalSelfAttention

SMALL = GPTConfig(vocab_size=11, block_size=8, n_layer=2, n_head=2, n_embd=16, dropout=0.0)


def small(seed=0, **options):
    torch.manual_seed(seed)
    return GPT(GPTConfig(**{**vars(SMALL), **options}))


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, 124_439_808),
        ({"n_layer": 24, "n_head": 16, "n_embd": 1024}, 354_823_168),
        ({"n_layer": 36, "n_head": 20, "n_embd": 1280}, 774_030_080),
        ({"n_layer": 48, "n_head": 25, "n_embd": 1600}, 1_557_611_200),
        (
            {"block_size": 2048, "n_layer": 96, "n_head": 96, "n_embd": 12288},
            174_604_259_328,  # GPT-3: "175 billion"
        ),
    ],
)
def test_published_sizes(options, parameters):
    with torch.device("meta"):
        assert count_parameters(GPT(GPTConfig(**options))) == parameters


def test_no_token_sees_a_later_one():
    model = small().eval()
    tokens = torch.randint(11, (2, 8))
    before = model(tokens)
    assert before.shape == (2, 8, 11)
    tokens[:, 5] = (tokens[:, 5] + 1) % 11
    after = model(tokens)
    assert torch.equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).any(-1).all()


def test_the_order_of_tokens_matters():
    model = small().eval()
    forward = model(torch.tensor([[1, 2, 3]]))[0, -1]
    assert not torch.allclose(forward, model(torch.tensor([[2, 1, 3]]))[0, -1])


def test_attention_weights_are_those_that_forward_uses():
    torch.manual_seed(0)
    attention = CausalSelfAttention(SMALL)
    x = torch.randn(3, 5, 16)
    weights = attention.weights(x)
    assert weights.shape == (3, 2, 5, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 5))
    assert weights.triu(1).eq(0).all()
    _, _, v = attention.heads(x)
    expected = attention.proj((weights @ v).transpose(1, 2).reshape(3, 5, 16))
    torch.testing.assert_close(attention(x), expected)


def test_attention_maps_follow_the_forward_pass():
    model = small(dropout=0.5)
    tokens = torch.randint(11, (2, 6))
    maps = model.attention_maps(tokens)
    assert [m.shape for m in maps] == [(2, 2, 6, 6)] * 2
    assert model.training
    seen = []
    for block in model.blocks:
        block.attn.register_forward_pre_hook(lambda attn, args: seen.append(attn.weights(*args)))
    model.eval()(tokens)
    for ours, theirs in zip(maps, seen, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_new_model_finds_all_tokens_equally_likely():
    model = small(vocab_size=64).eval()
    tokens = torch.randint(64, (16, 8))
    loss = F.cross_entropy(model(tokens).mT, torch.randint(64, (16, 8)))
    assert loss.item() == pytest.approx(math.log(64), abs=0.05)


def test_the_stream_starts_with_the_same_variance_at_any_depth():
    def added(n_layer):
        model = small(n_layer=n_layer, n_embd=64, n_head=4).eval()
        x = start = model.embed(torch.randint(11, (8, 8)))
        for block in model.blocks:
            x = block(x)
        return (x - start).std().item()

    assert added(32) == pytest.approx(added(2), rel=0.3)


def test_attention_mlp_and_head_each_read_a_normalized_copy_of_the_stream():
    model, read = small().eval(), []
    for reader in [model.head, *(part for b in model.blocks for part in (b.attn, b.mlp))]:
        reader.register_forward_pre_hook(lambda _, args: read.extend(args))
    model(torch.randint(11, (2, 8)))
    assert len(read) == 5
    for x in read:
        torch.testing.assert_close(x.mean(-1), torch.zeros(2, 8), atol=1e-5, rtol=0)
        # A new model's stream is so small (0.02) that the layer's eps of 1e-5 shows.
        torch.testing.assert_close(x.std(-1, correction=0), torch.ones(2, 8), atol=0.05, rtol=0)


def test_input_and_output_share_one_table():
    model = small()
    assert model.head.weight is model.token_embedding.weight
    assert "head.weight" not in dict(model.named_parameters())


def test_generation_repeats_with_its_generator_and_goes_beyond_the_block_size():
    model = small()
    prompt = torch.tensor([[1, 2, 3]])

    def generate(seed):
        return model.generate(prompt, 20, generator=torch.Generator().manual_seed(seed))

    assert generate(0).shape == (1, 23)
    assert torch.equal(generate(0)[:, :3], prompt)
    assert torch.equal(generate(0), generate(0))
    assert not torch.equal(generate(0), generate(1))


@pytest.mark.parametrize("length", [3, 12])  # a part of the block of 8, and more than it
def test_a_low_temperature_takes_the_most_likely_token_each_time(length):
    model = small()
    torch.nn.init.normal_(model.token_embedding.weight)
    torch.nn.init.normal_(model.position_embedding.weight)
    prompt = tokens = torch.randint(11, (4, length))
    for _ in range(7):
        tokens = torch.cat([tokens, model(tokens[:, -8:])[:, -1:].argmax(-1)], 1)
    assert torch.equal(model.generate(prompt, 7, temperature=1e-4), tokens)


def test_generation_uses_no_dropout_and_keeps_the_mode():
    model = small(dropout=0.9)
    outcomes = {
        tuple(model.generate(torch.tensor([[1]]), 6, temperature=1e-4)[0].tolist())
        for _ in range(5)
    }
    assert len(outcomes) == 1
    assert model.training


def test_generation_and_maps_build_no_graph():
    model, graph = small(), []
    model.register_forward_hook(lambda *_: graph.append(torch.is_grad_enabled()))
    model.generate(torch.tensor([[1]]), 2)
    assert graph == [False, False]
    assert not any(each.requires_grad for each in model.attention_maps(torch.tensor([[1, 2]])))


def test_training_uses_dropout_in_attention_too():
    attention = CausalSelfAttention(GPTConfig(**{**vars(SMALL), "dropout": 0.5}))
    attention.resid_dropout.p = 0.0
    x = torch.randn(1, 8, 16)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    assert torch.equal(attention(x), attention(x))


def test_learns_to_copy_what_stood_four_tokens_before():
    model = small(block_size=8, n_embd=32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(200):
        half = torch.randint(11, (64, 4))
        tokens = torch.cat([half, half], 1)
        logits = model(tokens[:, :-1])[:, 3:]  # from here on the answer is known
        loss = F.cross_entropy(logits.mT, tokens[:, 4:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1  # chance: ln 11 = 2.4


def test_sequences_that_are_too_long_and_heads_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"9 tokens, block_size is 8 \(tokens \(2, 9\)\)"):
        small()(torch.zeros(2, 9, dtype=torch.long))
    with pytest.raises(ValueError, match="n_head=3 does not divide n_embd=16"):
        small(n_head=3)
    with pytest.raises(ValueError, match="must be positive, got -1"):
        small().generate(torch.tensor([[1]]), 1, temperature=-1)
