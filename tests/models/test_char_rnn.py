"""The character RNN."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.models import CharRNN, count_parameters

CELLS = [nn.RNN, nn.GRU, nn.LSTM]


@pytest.mark.parametrize(("cell", "maps"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_parameter_count(cell, maps):
    v, h = 27, 16
    model = CharRNN(v, h, cell=cell)
    assert count_parameters(model) == maps * (v * h + h * h + 2 * h) + h * v + v


@pytest.mark.parametrize("cell", CELLS)
def test_reading_in_pieces_with_the_state_is_reading_at_once(cell):
    torch.manual_seed(0)
    model = CharRNN(5, 8, cell=cell, num_layers=2)
    tokens = torch.randint(5, (3, 10))
    whole = model(tokens)
    assert whole.shape == (3, 10, 5)
    first, state = model.read(tokens[:, :4], None)
    second, _ = model.read(tokens[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    # and without the state it is not
    assert not torch.allclose(model(tokens[:, 4:]), whole[:, 4:])


def test_one_hot_input_is_an_embedding_by_the_identity():
    torch.manual_seed(0)
    one_hot = CharRNN(5, 8)
    embedded = CharRNN(5, 8, embedding_dim=5)
    embedded.load_state_dict(one_hot.state_dict() | {"embedding.weight": torch.eye(5)})
    tokens = torch.randint(5, (2, 6))
    torch.testing.assert_close(embedded(tokens), one_hot(tokens))


def test_the_same_generator_gives_the_same_sample_and_the_prompt_comes_first():
    torch.manual_seed(0)
    model = CharRNN(5, 8, cell=nn.GRU)
    prompt = torch.tensor([[1, 2], [3, 4]])

    def sample(seed):
        return model.sample(prompt, 20, generator=torch.Generator().manual_seed(seed))

    assert sample(0).shape == (2, 22)
    assert torch.equal(sample(0)[:, :2], prompt)
    assert torch.equal(sample(0), sample(0))
    assert not torch.equal(sample(0), sample(1))


def test_a_low_temperature_takes_the_most_likely_character_each_time():
    torch.manual_seed(0)
    model = CharRNN(5, 8)
    nn.init.normal_(model.head.weight, std=3)
    prompt = tokens = torch.tensor([[0, 1, 2], [3, 4, 0]])
    for _ in range(8):
        tokens = torch.cat([tokens, model(tokens)[:, -1:].argmax(-1)], 1)
    assert torch.equal(model.sample(prompt, 8, temperature=1e-4), tokens)


def test_a_high_temperature_makes_all_characters_alike():
    torch.manual_seed(0)
    model = CharRNN(4, 8)
    nn.init.constant_(model.head.bias, 0)
    model.head.bias.data[2] = 20  # certain at temperature 1
    certain = model.sample(torch.zeros(1, 1, dtype=torch.long), 50)[0, 1:]
    assert certain.eq(2).all()
    hot = model.sample(torch.zeros(200, 1, dtype=torch.long), 5, temperature=1e4)[:, 1:]
    assert torch.bincount(hot.flatten(), minlength=4).min() > 180  # of 250 each


def test_sampling_uses_no_dropout_and_keeps_the_mode():
    torch.manual_seed(0)
    model = CharRNN(5, 8, num_layers=2, dropout=0.9)
    prompt = torch.tensor([[1]])
    first = model.sample(prompt, 10, temperature=1e-4)
    assert all(torch.equal(first, model.sample(prompt, 10, temperature=1e-4)) for _ in range(5))
    assert model.training


def test_a_temperature_that_is_not_positive_is_refused():
    model = CharRNN(5, 8)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        model.sample(torch.tensor([[1]]), 1, temperature=0)
    assert model.training  # the error changed nothing


@pytest.mark.parametrize("cell", CELLS)
def test_learns_a_text_that_needs_memory(cell):
    # After "a" comes "b" or "c", in turns: one character back is not enough to know.
    torch.manual_seed(0)
    text = torch.tensor([0, 1, 0, 2] * 10)
    model = CharRNN(3, 16, cell=cell)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        loss = F.cross_entropy(model(text[None, :-1]).mT, text[None, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Only the first step cannot be known: its share of the mean is ln 2 / 39 at the most.
    assert loss < 0.1
