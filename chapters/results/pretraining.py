"""Three objectives, what they are worth with few labels, and a task learned from its context.

    python chapters/results/pretraining.py

The code is that of the page 13-pretraining: its cells with the tag `recorded` run here. Every run
is written to the file at once, and what is there is not run again.
"""

from __future__ import annotations

import copy
import json
import platform
import re
import tempfile
import time
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import layers, losses, optim
from course_utils.book.recording import run_recorded_cells
from course_utils.data.packages import package_file
from course_utils.runtime import Setup

PATH = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "13-pretraining.md"
MERGES = 256
SEEDS = (0, 1)  # of pretraining; the first is what is fine-tuned
DRAWS = (0, 1, 2)  # of labeled passages
PER_CLASS = (4, 16, 64)  # passages of each topic
PASSAGES = (4, 16, 64, 256)  # with commas
RATES = (1e-3, 3e-3)  # of fine-tuning, the better one is taken, for each start
TUNING_SEED = 100
BLANKS = 40  # passages with a hidden token
FEW_STEPS = 800  # with 15 % of the targets
PRACTICE = 2500  # steps
PRACTICE_SEEDS = (0, 1)
KEPT = Path(tempfile.gettempdir()) / "course-pretraining"  # weights, so that a run can go on
SHIFTS = {"as practiced": {}, "weights doubled": {"scale": 2.0}, "weights tripled": {"scale": 3.0}}
SHIFTS["bent"] = {"turn": 0.5}


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"Counter": Counter, "F": F, "defaultdict": defaultdict, "pairwise": pairwise}
    names |= {"package_file": package_file, "re": re, "torch": torch}
    names |= {"setup": Setup(0, torch.device("cpu"))}
    names |= vars(optim) | vars(losses) | vars(layers)
    return run_recorded_cells(PAGE, names)


def material(book: dict[str, Any]) -> tuple[int, dict[str, Tensor], dict[str, list[Tensor]]]:
    """The size of the vocabulary, the passages to read, and those with a topic."""
    text = "\n\n".join(text for _, text in book["messages"]())
    merges, _ = book["learn_merges"](text, MERGES)
    tokenizer = book["Tokenizer"](merges)
    return len(tokenizer.tokens), book["passages"](tokenizer), book["censored"](tokenizer)


def smooth(history: list[float], each: int = 25) -> list[float]:
    parts = torch.tensor(history).split(each)
    return [round(part.mean().item(), 3) for part in parts]


def every_seventh(task: Any) -> Any:
    """The same task, but of its targets only 15 % count, as many as are masked."""

    def fewer(rows: Tensor, draws: torch.Generator, extra: int) -> tuple[Tensor, Tensor, Tensor]:
        x, y, mask = task(rows, draws, extra)
        left_out = torch.rand(y.shape, generator=draws) >= 0.15
        return x, y.masked_fill(left_out, -100), mask

    return fewer


def labeled(book: dict[str, Any], topics: dict[str, list[Tensor]], each: int, seed: int) -> Any:
    """Passages with labels to learn from, and all new ones to be tested on."""
    x, y = topics["read"]
    rows = book["equally_many"](y, each, seed)
    return x[rows], y[rows], *topics["new"]


def main() -> None:
    torch.set_num_threads(1)
    KEPT.mkdir(exist_ok=True)
    book = from_the_page()
    vocabulary, parts, topics = material(book)
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    for kind in ("pretraining", "context", "tuning", "labels", "commas", "blanks"):
        saved.setdefault(kind, [])
    saved |= {
        "what": "three objectives in miniature, fine-tuning over numbers of labels, and a task "
        "learned from its context",
        "command": f"python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "vocabulary": vocabulary,
        "steps": book["STEPS"],
        "per_class": PER_CLASS,
        "passages": PASSAGES,
        "practice": PRACTICE,
    }

    saved.setdefault("rates", {})  # of fine-tuning, as chosen

    def known(kind: str, key: dict[str, Any]) -> bool:
        return any(key.items() <= run.items() for run in saved[kind])

    def save(kind: str, key: dict[str, Any], result: dict[str, Any]) -> None:
        saved[kind].append(key | result)
        head = json.dumps({k: v for k, v in saved.items() if not isinstance(v, list)})
        runs = {k: v for k, v in saved.items() if isinstance(v, list)}
        lines = [
            f' "{k}": [\n' + ",\n".join("  " + json.dumps(r) for r in v) + "\n ]"
            for k, v in runs.items()
        ]
        PATH.write_text(f"{head[:-1]},\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        print(kind, key, str(result)[-120:], flush=True)

    tasks = {
        "next token": book["next_token"],
        "masked token": book["masked_token"],
        "denoising": book["denoising"],
    }

    def tuned(name: str, view: str, rate: float, each: int, draw: int) -> tuple[Any, float]:
        """A classifier, and its accuracy on new passages."""
        start = nets.get(name, (book["reader"](vocabulary + 4, draw),))[0]
        x, y, x_new, y_new = labeled(book, topics, each, draw)
        classify = book["fine_tune"](copy.deepcopy(start), view, x, y, rate, draw)
        return classify, round(book["accuracy"](classify, x_new, y_new), 4)

    nets: dict[str, Any] = {}
    for name, task in tasks.items():
        for seed in SEEDS:
            key = {"task": name, "seed": seed}
            kept = KEPT / f"{name.replace(' ', '-')}-{seed}.pt"
            if not (known("pretraining", key) and kept.exists()):
                started = time.process_time()
                net, last, history = book["pretrain"](
                    task, parts["read"], vocabulary, book["STEPS"], seed
                )
                torch.save((net.state_dict(), last.state_dict()), kept)
                seconds = round(time.process_time() - started, 1)
                save("pretraining", key, {"seconds": seconds, "losses": smooth(history)})
            if seed == SEEDS[0]:
                nets[name] = book["reader"](vocabulary + 4, 0), book["dense"](64, vocabulary + 4, 0)
                for layer, state in zip(nets[name], torch.load(kept), strict=True):
                    layer.load_state_dict(state)
    # A task in the context.
    for seed in PRACTICE_SEEDS:
        key = {"seed": seed}
        if not known("context", key):
            started = time.process_time()
            net, history = book["practice"](seed, PRACTICE)
            errors = {}
            for name, change in SHIFTS.items():
                draws = torch.Generator().manual_seed(1000)
                tokens, _, y = book["regressions"](2000, draws, **change)
                error = (net(tokens) - y).square().mean(0) / y.square().mean()
                errors[name] = [round(e, 5) for e in error.tolist()]
            seconds = round(time.process_time() - started, 1)
            save("context", key, {"seconds": seconds, "losses": smooth(history), "errors": errors})
    # Which word is blacked out?
    for draw in DRAWS:
        for name, view in (book["VIEWS"] | {"random": "all"}).items():
            for rate in RATES:
                key = {"start": name, "rate": rate, "task": "topics"}
                if not known("tuning", key):
                    classify, _ = tuned(name, view, rate, 16, TUNING_SEED)
                    right = book["accuracy"](classify, *topics["read"])
                    save("tuning", key, {"accuracy": round(right, 4)})
            tried = [r for r in saved["tuning"] if r["start"] == name and "accuracy" in r]
            rate = max(tried, key=lambda run: run["accuracy"])["rate"]
            saved["rates"][name] = rate
            for each in PER_CLASS:
                key = {"start": name, "each": each, "seed": draw}
                if not known("labels", key):
                    _, right = tuned(name, view, rate, each, draw)
                    save("labels", key, {"accuracy": right})
        for each in PER_CLASS:
            key = {"start": "naive Bayes", "each": each, "seed": draw}
            if not known("labels", key):
                save("labels", key, {"accuracy": round(counted(book, topics, each, draw), 4)})
    # Where were the commas?
    text = "\n\n".join(text for _, text in book["messages"]())
    tokenizer = book["Tokenizer"](book["learn_merges"](text, MERGES)[0])
    x, y = book["without_commas"](tokenizer)["read"]
    x_new, y_new = (t[::3] for t in book["without_commas"](tokenizer)["new"])

    def punctuated(name: str, view: str, rate: float, rows: Tensor, draw: int) -> Any:
        start = nets.get(name, (book["reader"](vocabulary + 4, draw),))[0]
        logits = book["fine_tune"](copy.deepcopy(start), view, x[rows], y[rows], rate, draw)
        return lambda passages: book["score_of"](logits, passages)

    key = {"start": "next token", "passages": 0, "seed": 0}
    if not known("commas", key):
        net, last = nets["next token"]
        mask = book["what_it_sees"]("past")
        score = [last(net(part, mask))[..., book["COMMA"]] for part in x_new.split(200)]
        log_sum = [last(net(part, mask)).logsumexp(2) for part in x_new.split(200)]
        found = book["commas_found"](torch.cat(score) - torch.cat(log_sum), y_new)
        save("commas", key, {"found": round(found, 4)})
    for draw in DRAWS:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(draw))
        for name, view in (book["VIEWS"] | {"random": "all"}).items():
            for rate in RATES:
                key = {"start": name, "rate": rate, "task": "commas"}
                if not known("tuning", key):
                    score = punctuated(name, view, rate, order[-16:], TUNING_SEED)
                    other = order[-1000:-16]
                    found = book["commas_found"](score(x[other]), y[other])
                    save("tuning", key, {"found": round(found, 4)})
            tried = [r for r in saved["tuning"] if r["start"] == name and "found" in r]
            rate = max(tried, key=lambda run: run["found"])["rate"]
            for passages in PASSAGES:
                key = {"start": name, "passages": passages, "seed": draw}
                if not known("commas", key):
                    score = punctuated(name, view, rate, order[:passages], draw)
                    found = book["commas_found"](score(x_new), y_new)
                    save("commas", key, {"found": round(found, 4)})
        for passages in PASSAGES:
            key = {"start": "counting", "passages": passages, "seed": draw}
            if not known("commas", key):
                rows = order[:passages]
                score = book["counted_commas"](x[rows], y[rows], vocabulary)
                found = book["commas_found"](score(x_new), y_new)
                save("commas", key, {"found": round(found, 4)})
    # What is hidden here?
    rows = parts["new"][:: len(parts["new"]) // BLANKS][:BLANKS]
    ways = {
        "masked token": (book["from_both_sides"], nets["masked token"]),
        "next token": (book["from_the_left"], nets["next token"]),
        "next token, trying all": (book["by_trying"], nets["next token"]),
    }
    for name, (way, both) in ways.items():
        key = {"way": name, "seed": SEEDS[0]}
        if not known("blanks", key):
            log_p = way(*both, rows, vocabulary)[:, :vocabulary]
            target = rows[:, book["BLANK"]]
            right = (log_p.argmax(1) == target).double().mean().item()
            surprise = -log_p.gather(1, target[:, None]).mean().item()
            save("blanks", key, {"accuracy": round(right, 4), "surprise": round(surprise, 3)})
    # Is it the number of targets that makes masked tokens slow to learn?
    for seed in SEEDS:
        key = {"task": "next token, 15 % of targets", "seed": seed}
        if not known("pretraining", key):
            few = every_seventh(book["next_token"])
            started = time.process_time()
            history = book["pretrain"](few, parts["read"], vocabulary, FEW_STEPS, seed)[2]
            seconds = round(time.process_time() - started, 1)
            save("pretraining", key, {"seconds": seconds, "losses": smooth(history)})


def counted(book: dict[str, Any], topics: dict[str, list[Tensor]], each: int, seed: int) -> float:
    """What counting tokens alone is worth with so many labels."""
    x, y, x_new, y_new = labeled(book, topics, each, seed)
    return book["accuracy"](book["naive_bayes"](x, y, 512), x_new, y_new)


if __name__ == "__main__":
    main()
