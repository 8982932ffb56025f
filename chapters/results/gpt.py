"""Two character-level GPTs trained on a GPU: the runs behind the JSON and the weights beside it.

    COURSE_DATA=… python chapters/results/gpt.py

The small one reads the State of the Union messages, which come with the course; its weights are
kept for the chapters that look into a trained model (`course_utils.models.pretrained_gpt`). The
larger one, of nanoGPT's size, reads Tiny Shakespeare; of it only the losses are kept.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import course_utils
from course_utils import data
from course_utils.models import GPT, GPTConfig, count_parameters
from course_utils.train import evaluate, fit

PATH = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Run:
    """One training: ``epochs`` times ``batches`` batches of windows drawn at random."""

    data: str
    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    dropout: float
    batch_size: int
    batches: int
    epochs: int
    lr: float
    weight_decay: float = 0.1


RUNS = {
    "small": Run("state-of-the-union", 4, 4, 96, 128, 0.0, 64, 500, 24, 3e-3),
    "shakespeare": Run("tinyshakespeare", 6, 6, 384, 256, 0.2, 64, 250, 12, 1e-3),
}


class Windows:
    """Batches of windows of a long text, each with the same window one token later."""

    def __init__(self, tokens: Tensor, length: int, batch_size: int, batches: int) -> None:
        self.tokens, self.length = tokens, length
        self.batch_size, self.batches = batch_size, batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(self.batches):
            start = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1))
            window = self.tokens[start + torch.arange(self.length + 1)]  # (B, length + 1)
            yield window[:, :-1], window[:, 1:]


def in_order(tokens: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The whole text cut into windows that do not overlap, with what comes next."""
    count = (len(tokens) - 1) // length
    cut = tokens[: count * length + 1]
    return cut[:-1].view(count, length), cut[1:].view(count, length)


def next_token_loss(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.mT, target)


def texts(name: str) -> tuple[str, Tensor, Tensor]:
    """The characters, then nine tenths of the text to train on and the last tenth to test on."""
    text = data.load(name).text
    characters = "".join(sorted(set(text)))
    number = {character: i for i, character in enumerate(characters)}
    tokens = torch.tensor([number[character] for character in text])
    cut = int(0.9 * len(tokens))
    return characters, tokens[:cut], tokens[cut:]


def train(run: Run) -> tuple[GPT, dict[str, Any]]:
    setup = course_utils.setup(seed=0)
    torch.set_float32_matmul_precision("high")  # TF32: several times as fast as full float32
    characters, train_tokens, val_tokens = texts(run.data)
    sizes = {key: getattr(run, key) for key in ("n_layer", "n_head", "n_embd", "dropout")}
    config = GPTConfig(vocab_size=len(characters), block_size=run.block_size, **sizes)
    model = GPT(config).to(setup.device)
    steps, warmup = run.epochs * run.batches, 100
    # Decay is for the matrices; biases and gains are few and have to be free.
    matrices = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": rest, "weight_decay": 0.0}],
        lr=run.lr,
        betas=(0.9, 0.99),
        weight_decay=run.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / warmup, 0.55 + 0.45 * math.cos(math.pi * min(step / steps, 1))
        ),
    )
    started = time.perf_counter()
    history = fit(
        model,
        Windows(train_tokens, run.block_size, run.batch_size, run.batches),
        loss=next_token_loss,
        optimizer=optimizer,
        epochs=run.epochs,
        validation=in_order(val_tokens, run.block_size),
        scheduler=schedule,
        scheduler_step="batch",
        clip_norm=1.0,
        patience=4,
        progress=False,
    )
    seconds = time.perf_counter() - started
    val_loss = evaluate(model, in_order(val_tokens, run.block_size), next_token_loss)
    about = {
        "run": asdict(run),
        "config": asdict(config),
        "parameters": count_parameters(model),
        "train_characters": len(train_tokens),
        "val_characters": len(val_tokens),
        "train_loss": [round(value, 4) for value in history.train_loss],
        "val_losses": [round(value, 4) for value in history.val_loss],
        "val_loss": round(val_loss, 4),
        "seconds": round(seconds, 1),
        "device": f"{setup.device_name}, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "characters": characters,
    }
    return model, about


def main() -> None:
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    saved |= {
        "what": "character-level GPTs: loss in nats per character",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name}",
    }
    for name in sys.argv[1:] or RUNS:
        model, saved[name] = train(RUNS[name])
        print(name, {k: v for k, v in saved[name].items() if k != "characters"}, flush=True)
        if name == "small":
            state = model.cpu().state_dict()
            del state["head.weight"]  # the same table as the token embedding
            half = {key: value.half().numpy() for key, value in state.items()}
            np.savez(PATH.with_suffix(".npz"), **half)
        PATH.write_text(json.dumps(saved, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
