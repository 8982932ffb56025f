"""A small GPT that has read a book's worth of text already: for looking into, and for going on."""

from __future__ import annotations

import json

import numpy as np
import torch

from course_utils.models.gpt import GPT, GPTConfig
from course_utils.recorded import recorded_file


def pretrained_gpt() -> tuple[GPT, str]:
    """A character-level GPT trained on the State of the Union messages, and its characters.

    Four blocks of four heads, width 96, 128 characters of context; how it was trained stands in
    ``chapters/results/gpt.py``, its loss in ``gpt.json`` beside the weights (float16, 0.9 MB).
    The model is on the CPU, in float32 and evaluation mode; token i is ``characters[i]``.

    Raises:
        CourseError: the recorded weights are neither in a clone nor installed with the course.

    Example:
        >>> model, characters = pretrained_gpt()
        >>> model.config.n_layer, model.config.n_head, model.config.n_embd
        (4, 4, 96)
    """
    about = json.loads(recorded_file("results/gpt.json").read_text(encoding="utf-8"))["small"]
    model = GPT(GPTConfig(**about["config"]))
    with np.load(recorded_file("results/gpt.npz"), allow_pickle=False) as weights:
        state = {name: torch.from_numpy(weights[name]).float() for name in weights.files}
    state["head.weight"] = state["token_embedding.weight"]  # one table for both ends
    model.load_state_dict(state)
    return model.eval(), about["characters"]
