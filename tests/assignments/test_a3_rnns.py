"""A3: what is its own beside what every assignment has."""

from __future__ import annotations

import contextlib
import io

import pytest
import torch
from bench import Bench


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench("a3-rnns")


def printed(bench: Bench, cell: str, names: dict[str, object]) -> str:
    """What a cell prints, run with these names."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(bench.cells[cell].source, cell, "exec"), names)
    return output.getvalue()


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_references_and_right_functions_are_alike(bench):
    """Who has not solved a task trains and measures as who has."""
    yours, reference = bench.namespace({}), bench.namespace(bench.blank())
    assert printed(bench, "parts", yours).count("yours.") == 7
    assert printed(bench, "parts", reference).count("the reference steps in") == 7
    B, T, M, H = 3, 4, 2, 5
    x, h, hs, dhs = normal(B, T, M), normal(B, H), normal(B, T, H).tanh(), normal(B, T, H)
    W_ih, W_hh, b, logits = normal(2, H, M), normal(2, H, H), normal(2, H), normal(B, T, 27)
    targets, lengths = torch.arange(B * T).view(B, T), torch.tensor([1, 4, 2])
    for name, arguments in {
        "rnn_forward": (x, h, W_ih[0], W_hh[0], b[0]),
        "rnn_backward": (dhs, x, h, hs, W_ih[0], W_hh[0]),
        "mgu_step": (x[:, 0], h, W_ih, W_hh, b),
        "mgu_step_backward": (dhs[:, 0], x[:, 0], h, W_ih, W_hh, b),
        "clip_gradients": ([x, dhs], 0.5),
        "sequence_loss": (logits, targets, lengths),
        "sequence_loss_backward": (logits, targets, lengths),
    }.items():
        results = [getattr(names["parts"], name)(*arguments) for names in (yours, reference)]
        torch.testing.assert_close(*map(flat, results), msg=name)


def flat(value: object) -> torch.Tensor:
    """All numbers of a result behind one another."""
    if isinstance(value, torch.Tensor):
        return value.flatten()
    return torch.cat([flat(item) for item in value])


def test_slow_functions_are_used_by_nobody(bench):
    """Else experiments of a student who wrote loops would not end in time."""
    slow = bench.solutions["rnn-forward"].replace(
        "h, hs = h0, []", "time.sleep(0.02); h, hs = h0, []"
    )
    names = bench.namespace({"rnn-forward": slow})

    assert "times as slow as the reference" in printed(bench, "parts", names)


def test_bands_begin_where_counting_ends(bench):
    lines = printed(bench, "counting", bench.namespace({})).splitlines()

    assert [line.split()[-4] for line in lines[1:]] == ["2.33", "2.09", "1.95"]
    bands = [cell.source for id, cell in bench.cells.items() if id.startswith("test-train")]
    for line, source in zip(lines[1:], bands, strict=True):
        assert f"if not loss < {line.split()[-4]}:" in source
