"""Variants of the small GPT of page 11c: warm-up, an untied output table, and an LSTM instead.

    COURSE_DATA=… python chapters/results/small_gpt.py

All of them read the same number of characters of the State of the Union messages. Batches and
training are those of the page 11c-gpt: its cells with the tag `recorded` run here. Every run is
written to the file at once, and what is there is not run again. Beside them stands what counting
achieves on Tiny Shakespeare.
"""

from __future__ import annotations

import json
import math
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import data
from course_utils.book.recording import run_recorded_cells, save_runs
from course_utils.models import GPT, CharRNN, GPTConfig, count_parameters
from course_utils.train import fit

PATH = Path(__file__).with_suffix(".json")
PAGE = "11c-gpt"
SEEDS = (0, 1, 2)
RATES = (5e-3, 2e-2)
LSTM_RATES = (5e-3, 1e-2)
BLOCK, BATCH, BATCHES = 32, 32, 70  # those of the page on a CPU
EPOCHS, LONGER = 5, 20  # half as many, and twice as many
WARM_UP = 50
TESTED = 20_000  # characters of new text
LONGEST = 7


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"F": F, "data": data, "fit": fit, "math": math, "torch": torch}
    return run_recorded_cells(Path(__file__).parents[1] / f"{PAGE}.md", names)


def text(book: dict[str, Any], name: str = "state-of-the-union") -> tuple[int, Tensor, Tensor]:
    """The number of characters, nine tenths of the text, and the rest."""
    characters, known, new = book["read"](name)
    return len(characters), known, new


def counting(book: dict[str, Any], name: str) -> list[float]:
    """What counting achieves with 0, 1, … characters of context."""
    vocab_size, known, new = text(book, name)
    found = book["counting"](known, new, vocab_size, LONGEST)
    return [round(-p.log().mean().item(), 4) for p in found]


def model(kind: str, vocab_size: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    if kind == "LSTM":
        return CharRNN(vocab_size, 122, embedding_dim=64)  # as many parameters, within 1 %
    net = GPT(GPTConfig(vocab_size, BLOCK, n_layer=2, n_head=4, n_embd=64, dropout=0.0))
    if kind == "GPT, untied":
        net.head.weight = nn.Parameter(net.head.weight.detach().clone())
    return net


def run(
    book: dict[str, Any], kind: str, lr: float, warm_up: int, seed: int, epochs: int
) -> dict[str, Any]:
    """Train one model; its loss on new text after each epoch."""
    vocab_size, known, new = text(book)
    net = model(kind, vocab_size, seed)
    windows = book["Windows"](known, BLOCK, BATCH, BATCHES)
    started = time.process_time()
    history = book["learn"](net, windows, new[:TESTED], epochs, lr, warm_up, progress=False)
    return {
        "parameters": count_parameters(net),
        "val_losses": [round(loss, 4) for loss in history.val_loss],
        "seconds": round(time.process_time() - started, 1),
    }


def jobs() -> list[tuple[str, float, int, int, int]]:
    """(kind, rate, steps of warm-up, seed, epochs) of every run."""
    found: list[tuple[str, float, int, int]] = []
    for seed in SEEDS:
        found += [("GPT", RATES[0], WARM_UP, seed), ("GPT, untied", RATES[0], WARM_UP, seed)]
        found += [("LSTM", lr, WARM_UP, seed) for lr in LSTM_RATES]
        found += [("GPT", RATES[0], 1, seed)]
        found += [("GPT", RATES[1], warm_up, seed) for warm_up in (WARM_UP, 1)]
    longer = [("GPT", RATES[0]), ("LSTM", LSTM_RATES[-1])]
    return [(*job, EPOCHS) for job in found] + [
        (kind, lr, WARM_UP, seed, LONGER) for seed in SEEDS[:2] for kind, lr in longer
    ]


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_page()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"runs": []}
    saved |= {
        "what": "loss on new text in nats per character",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "rates": RATES,
        "shakespeare_counted": counting(book, "tinyshakespeare"),
        "one_epoch": run(book, "GPT", RATES[0], WARM_UP, 0, 1)["val_losses"],  # for the test
        "characters_in_an_epoch": BLOCK * BATCH * BATCHES,
    }
    for job in jobs():
        key = dict(zip(("kind", "lr", "warm_up", "seed", "epochs"), job, strict=True))
        if any(key.items() <= known.items() for known in saved["runs"]):
            continue
        result = run(book, *job)
        saved["runs"].append(key | result)
        print(*key.values(), result["val_losses"][-1], f"{result['seconds']} s", flush=True)
        save_runs(PATH, saved)


if __name__ == "__main__":
    main()
