"""What recurrent networks remember, read and write: the runs behind the JSON beside it.

    COURSE_DATA=… python chapters/results/recurrent.py [memory | dates | languages | text]

Four experiments: which of four symbols came first (10b-gates), lists of dates, the language of a
surname, and English prose (10c-sequence-models). The code is that of the two pages: their cells
with the tag `recorded` run here. Every run is written to the file at once, and what is there is not
run again. The weights that `text` learns go to recurrent_text.npz, as halves of floats.
"""

from __future__ import annotations

import json
import math
import platform
import random
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from course_utils import data, layers, losses, optim
from course_utils.book.recording import run_recorded_cells
from course_utils.models import CharRNN
from course_utils.train import fit

PATH = Path(__file__).with_suffix(".json")
WEIGHTS = PATH.with_name("recurrent_text.npz")
PAGES = ("10b-gates", "10c-sequence-models")

SEEDS = (0, 1, 2, 3, 4)
# Name, layer, bias that opens the forget gate.
MEMORIES = (
    ("RNN", layers.RNN, None),
    ("LSTM", layers.LSTM, None),
    ("LSTM, bias 1", layers.LSTM, 1.0),
    ("LSTM, bias 4", layers.LSTM, 4.0),
    ("GRU", layers.GRU, None),
    ("GRU, bias 4", layers.GRU, 4.0),
)
# Hidden size, attention.
TRANSLATORS = ((32, False), (64, False), (64, True))
LISTS = (1, 2, 3)  # dates in a list, in training
TESTED = (3, 4)
UPDATES = 1500
EPOCHS = 8  # through the prose


def from_the_pages() -> dict[str, Any]:
    """The names that the pages' recorded cells define."""
    names = {"CharRNN": CharRNN, "F": F, "fit": fit, "math": math, "nn": nn, "random": random}
    names |= {"pad_sequence": pad_sequence, "torch": torch}
    names |= vars(optim) | {"Linear": layers.Linear, "CrossEntropyLoss": losses.CrossEntropyLoss}
    for page in PAGES:
        run_recorded_cells(Path(__file__).parents[1] / f"{page}.md", names)
    return names


def memory(book: dict[str, Any], who: str, seed: int) -> dict[str, Any]:
    """Share of right answers, in means over 20 updates."""
    ((_, kind, bias),) = [each for each in MEMORIES if each[0] == who]
    right = torch.tensor(book["remember"](kind, bias, seed))
    return {"right": [round(mean, 4) for mean in right.view(-1, 20).mean(1).tolist()]}


def dates(book: dict[str, Any], hidden: int, attend: bool, seed: int) -> dict[str, Any]:
    """Right dates by the length of the list, right digits by place in the longest of training."""
    model = book["learn_dates"](hidden, attend, LISTS, UPDATES, seed)
    found = {n: book["dates_right"](model, n, 100 + seed) for n in TESTED}
    return {
        "right": [round(share, 4) for share, _ in found.values()],
        "digits": [round(share, 4) for share in found[max(LISTS)][1]],
    }


def surnames() -> tuple[list[str], Tensor, tuple[str, ...]]:
    found = data.load("names-by-language")
    return found.strings, found.labels, found.classes


def split(names: list[str], by_rows: bool, seed: int) -> tuple[list[int], list[int]]:
    """Rows to train on and to test on; without ``by_rows`` no name is in both."""
    dice = random.Random(seed)
    if by_rows:
        rows = list(range(len(names)))
        dice.shuffle(rows)
        return rows[len(rows) // 5 :], rows[: len(rows) // 5]
    different = sorted(set(names))
    dice.shuffle(different)
    kept = set(different[: len(different) // 5])
    return (
        [i for i, name in enumerate(names) if name not in kept],
        [i for i, name in enumerate(names) if name in kept],
    )


def facts() -> dict[str, Any]:
    """What is remarkable about the names themselves."""
    names, labels, _ = surnames()
    pairs = set(zip(names, labels.tolist(), strict=True))
    languages = defaultdict(set)
    for name, label in pairs:
        languages[name].add(label)
    train, test = split(names, by_rows=True, seed=0)
    known = {(names[i], labels[i].item()) for i in train}
    return {
        "rows": len(names),
        "distinct": len(pairs),
        "ambiguous": sum(len(found) > 1 for found in languages.values()),
        "majority": round(labels.bincount().max().item() / len(names), 4),
        "seen": round(sum((names[i], labels[i].item()) in known for i in test) / len(test), 4),
    }


def languages(book: dict[str, Any], who: str, seed: int) -> dict[str, Any]:
    """Accuracy and mean recall of one way to tell the language of a surname."""
    names, labels, classes = surnames()
    # Each name and language once, but for the split by rows.
    if who != "GRU, split by rows":
        once = {pair: i for i, pair in enumerate(zip(names, labels.tolist(), strict=True))}
        rows = sorted(once.values())
        names, labels = [names[i] for i in rows], labels[rows]
    letters = sorted(set("".join(names)))
    tokens = [torch.tensor([letters.index(c) for c in name]) for name in names]
    train, test = split(names, who == "GRU, split by rows", seed)
    y, y_new = labels[train], labels[test]
    if who == "always Russian":
        guess = torch.full((len(test),), y.bincount().argmax().item())
    elif who == "trigrams and Bayes":
        guess = trigrams(book, tokens, labels, train, test, len(letters), len(classes))
    else:
        torch.manual_seed(seed)
        padded = pad_sequence(tokens, batch_first=True, padding_value=-1)
        model = book["NameReader"](len(letters), len(classes))
        optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
        epochs = 6
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 4e-3, total_steps=epochs * math.ceil(len(train) / 64)
        )
        fit(
            model,
            (padded[train], y),
            loss=F.cross_entropy,
            optimizer=optimizer,
            scheduler=schedule,
            scheduler_step="batch",
            clip_norm=1.0,
            epochs=epochs,
            progress=False,
            generator=torch.Generator().manual_seed(seed),
        )
        with torch.no_grad():
            guess = model(padded[test]).argmax(1)
    right = guess == y_new
    recall = [right[y_new == k].double().mean() for k in range(len(classes)) if (y_new == k).any()]
    return {
        "accuracy": round(right.double().mean().item(), 4),
        "recall": round(torch.stack(recall).mean().item(), 4),
    }


def trigrams(
    book: dict[str, Any],
    tokens: list[Tensor],
    labels: Tensor,
    train: list[int],
    test: list[int],
    vocab_size: int,
    classes: int,
) -> Tensor:
    """The likeliest language by a model of three letters for each, and its frequency."""

    def windows(rows: list[int]) -> tuple[Tensor, Tensor]:
        """All windows of three letters, and the number of the name that each is from."""
        edge = torch.tensor([vocab_size])
        framed = [torch.cat([edge, edge, tokens[i], edge]).unfold(0, 3, 1) for i in rows]
        owner = torch.arange(len(rows)).repeat_interleave(torch.tensor([len(f) for f in framed]))
        return torch.cat(framed), owner

    new, owner = windows(test)
    scores = []
    for k in range(classes):
        rows = [i for i in train if labels[i] == k]
        model = book["NGram"](windows(rows)[0], vocab_size + 1)
        log_p = model.probability(new).log()
        score = torch.zeros(len(test), dtype=torch.float64).index_add_(0, owner, log_p)
        scores.append(score + math.log(len(rows) / len(train)))
    return torch.stack(scores, 1).argmax(1)


def prose() -> tuple[Tensor, Tensor, int]:
    """Tokens to learn from, tokens to test with, and how many different ones there are."""
    text = data.load("state-of-the-union").text
    characters = "".join(sorted(set(text)))
    ids = torch.tensor([characters.index(c) for c in text])
    split = len(ids) * 9 // 10
    return ids[:split], ids[split:], len(characters)


def text(book: dict[str, Any]) -> dict[str, Any]:
    """Learn to write prose, keep the weights, and say how well it predicts."""
    read, unread, vocab_size = prose()
    model = book["text_model"](vocab_size, seed=0)
    seen = book["read_on"](model, read, EPOCHS)
    np.savez_compressed(WEIGHTS, **{k: v.half().numpy() for k, v in model.state_dict().items()})
    lanes = unread[: len(unread) // 64 * 64].view(64, -1)
    perplexity = book["perplexity_of"](model, lanes[:, :-1], lanes[:, 1:])
    return {"perplexity": round(perplexity, 4), "first_losses": [round(x, 4) for x in seen[:10]]}


def main() -> None:
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or ["memory", "dates", "languages", "text"]
    book = from_the_pages()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    saved |= {
        "what": "what recurrent networks remember, read and write",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "lists": TESTED,
    }

    def keep(part: str, run: dict[str, Any]) -> None:
        saved[part]["runs"].append(run)
        print(part, run, flush=True)
        write(saved)

    def missing(part: str, **key: Any) -> bool:
        return not any(key.items() <= run.items() for run in saved[part]["runs"])

    for part in ("memory", "dates", "languages"):
        saved.setdefault(part, {"runs": []})
    if "memory" in wanted:
        for seed in SEEDS:
            for who, _, _ in MEMORIES:
                if missing("memory", who=who, seed=seed):
                    keep("memory", {"who": who, "seed": seed} | memory(book, who, seed))
    if "dates" in wanted:
        for seed in SEEDS[:2]:
            for hidden, attend in TRANSLATORS:
                key = {"hidden": hidden, "attend": attend, "seed": seed}
                if missing("dates", **key):
                    keep("dates", key | dates(book, **key))
    if "languages" in wanted:
        saved["languages"]["facts"] = facts()
        jobs = [("always Russian", 0)]
        for seed in SEEDS[:3]:
            jobs += [(who, seed) for who in ("trigrams and Bayes", "GRU", "GRU, split by rows")]
        for who, seed in jobs:
            if missing("languages", who=who, seed=seed):
                keep("languages", {"who": who, "seed": seed} | languages(book, who, seed))
    if "text" in wanted and not (WEIGHTS.exists() and "text" in saved):
        saved["text"] = text(book)
        write(saved)


def write(saved: dict[str, Any]) -> None:
    """JSON with one run in each line."""
    lines = []
    for key, value in saved.items():
        if isinstance(value, dict) and "runs" in value:
            runs = ",\n".join("  " + json.dumps(run) for run in value["runs"])
            rest = "".join(f'"{k}": {json.dumps(v)}, ' for k, v in value.items() if k != "runs")
            lines.append(f'"{key}": {{{rest}"runs": [\n{runs}\n ]}}')
        else:
            lines.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    PATH.write_text("{" + ",\n ".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
