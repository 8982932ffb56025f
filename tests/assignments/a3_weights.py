"""Files of weights that are handed in with A3, good and bad."""

from __future__ import annotations

import torch
from variants import File
from weights_files import noisy, ordinary, save

FILE = "a3-weights.pt"
BANDS = {"test-train-pairs", "test-train-triples", "test-train-fours"}
BEGINS = "this band begins at"

FILES = ordinary(FILE, BANDS) | {
    "noise": File(FILE, noisy(0.6, "W_hh"), {"test-train-fours"}, f"{BEGINS} 1.95"),
    "more noise": File(
        FILE, noisy(1.08, "W_hh"), {"test-train-triples", "test-train-fours"}, BEGINS
    ),
    "untrained": File(FILE, noisy(8.6, "W_hh"), BANDS, BEGINS),
    "gate and candidate exchanged": File(
        FILE, save(lambda w: w | {k: w[k].flip(0) for k in ("W_ih", "W_hh", "b")}), BANDS, "nats"
    ),
    "letters only, no end": File(
        FILE, save(lambda w: w | {"b_out": w["b_out"] - 100 * torch.eye(27)[0]}), BANDS, "nats"
    ),
    "torch's names": File(
        FILE, lambda path, w: torch.save(torch.nn.RNN(27, 96).state_dict(), path), BANDS,
        "dictionary with the keys",
    ),
    "too wide": File(
        FILE, save(lambda w: w | {"W_ih": torch.zeros(2, 129, 27)}), BANDS,
        "H is 129; it must be 1 … 128",
    ),
    "W_ih of the gate alone": File(
        FILE, save(lambda w: w | {"W_ih": w["W_ih"][0]}), BANDS, "must have the shape (2, H, 27)"
    ),
    "W_out transposed": File(
        FILE, save(lambda w: w | {"W_out": w["W_out"].T.contiguous()}), BANDS,
        "must have the shape (27, H)",
    ),
}  # fmt: skip
