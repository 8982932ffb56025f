"""What took too long for a page was recorded; one point of each record is computed again here."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from course_utils import data
from course_utils.book.recording import recorded_cells
from course_utils.errors import CourseError
from course_utils.models import pretrained_gpt
from course_utils.train import evaluate

RESULTS = Path(__file__).resolve().parents[2] / "chapters" / "results"


@pytest.fixture(autouse=True)
def one_thread():
    """Small steps, many of them: a second thread costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def script(name: str) -> ModuleType:
    """The module that made a record, which stands beside it."""
    spec = importlib.util.spec_from_file_location(name, RESULTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def record(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_moved_digits_are_read_as_recorded():
    made, kept = script("networks_learn"), record("networks_learn")
    x, y, x_new, y_new = made.digits()
    net = made.digit_reader("fully connected", 0, x, y)
    for kind, at, name in (("shift", 2.0, "right"), ("rotation", 30.0, "degrees")):
        places = kept["shifts"] if kind == "shift" else kept["angles"]
        expected = kept["digits"]["fully connected"][0][kind][places.index(at)]
        found = made.accuracy(net, made.moved(x_new, **{name: at}), y_new)
        assert found == pytest.approx(expected, abs=0.02)


def test_an_untrained_network_is_worth_what_is_recorded_with_few_labels():
    made, kept = script("self_supervision"), record("self_supervision")
    key = {"set": "mnist-5k", "task": "random", "augment": "as_it_is", "seed": 0}
    (expected,) = [run["accuracy"] for run in kept["runs"] if key.items() <= run.items()]
    expected = expected[kept["per_class"].index(5)]
    made.PER_CLASS = (5,)
    (found,) = made.run(made.from_the_pages(), *key.values())["accuracy"]
    assert found == pytest.approx(expected, abs=0.02)


def test_what_both_pages_on_self_supervision_define_is_the_same():
    made = script("self_supervision")
    first, second = (
        {
            node.name: ast.unparse(node)
            for cell in recorded_cells(RESULTS.parent / f"{page}.md")
            for node in ast.parse(cell).body
            if isinstance(node, ast.FunctionDef)
        }
        for page in made.PAGES
    )
    both = first.keys() & second.keys()
    assert {"encoder", "pretrain", "probe", "warp"} <= both
    assert all(first[name] == second[name] for name in both)


def test_a_residual_net_begins_to_learn_as_recorded():
    made, kept = script("architectures"), record("architectures")
    key = {"depth": 8, "shortcuts": True, "rate": 0.01, "seed": 0}
    (expected,) = [run["losses"] for run in kept["depths"] if key.items() <= run.items()]
    found = made.deep(*key.values(), epochs=2)["losses"]
    assert found == pytest.approx(expected[:2], rel=0.05)


def test_papers_are_sorted_by_their_citations_as_recorded():
    made, kept = script("graphs"), record("graphs")
    try:
        cora = made.Cora(made.from_the_pages())
    except CourseError as error:
        pytest.skip(str(error))
    made.SMOOTHINGS = made.SMOOTHINGS[:3]
    assert cora.smoothed(0.0) == pytest.approx(kept["smoothing"]["plain"][:3], abs=0.01)
    (expected,) = kept["methods"]["label propagation"]
    assert cora.label_propagation(0) == pytest.approx(expected, abs=0.01)


def test_a_small_gpt_begins_to_learn_as_recorded():
    made, kept = script("small_gpt"), record("small_gpt")
    key = ("GPT", made.RATES[0], made.WARM_UP, 0)
    found = made.run(made.from_the_page(), *key, 1)["val_losses"]
    assert found == pytest.approx(kept["one_epoch"], abs=0.02)


def test_a_vision_transformer_begins_to_learn_as_recorded():
    made, kept = script("vision_transformer"), record("vision_transformer")
    found = made.forty_steps(made.from_the_page())
    assert found == pytest.approx(kept["forty_steps"], abs=0.03)


def test_twelve_layers_begin_to_learn_as_recorded_with_the_norm_first_and_not_with_it_after():
    made, kept = script("induction"), record("induction")
    for norm_first in (True, False):
        key = {"norm_first": norm_first, "warm_up": 0, "xavier": True, "lr": 0.01, "seed": 0}
        (expected,) = [run["loss"] for run in kept["depth"] if key.items() <= run.items()]
        found = made.depth(made.from_the_page(), **key, steps=made.MEAN_OF)
        assert found == pytest.approx(expected[:1], abs=0.02)


def test_the_last_layer_learns_ants_and_bees_as_recorded():
    made, kept = script("finetuning"), record("finetuning")
    key = {"target": "hymenoptera", "arm": "last", "size": 10, "seed": 0}
    (expected,) = [run for run in kept["runs"] if key.items() <= run.items()]
    try:
        net, _ = made.run(*key.values(), rate=expected["rate"])
    except CourseError as error:
        pytest.skip(str(error))
    found = made.accuracy(net, made.splits("hymenoptera")[2])
    assert found == pytest.approx(expected["accuracy"], abs=0.02)


def test_stored_features_are_those_of_the_photographs():
    made = script("hymenoptera_features")
    kept = np.load(RESULTS / "hymenoptera_features.npz")
    try:
        photographs = data.load("hymenoptera").x_test[:2]
    except CourseError as error:
        pytest.skip(str(error))
    stored = torch.tensor(kept["x_test"][:2]) * (float(kept["scale"]) / 255)
    assert torch.allclose(made.features(photographs), stored, atol=made.SCALE / 255)


def test_the_trained_gpt_loses_on_new_text_what_is_recorded():
    made, kept = script("gpt"), record("gpt")["small"]
    model, characters = pretrained_gpt()
    known, _, val_tokens = made.texts("state-of-the-union")
    assert characters == known == kept["characters"]
    windows, following = made.in_order(val_tokens, 128)
    found = evaluate(model, (windows[::8], following[::8]), made.next_token_loss)
    assert found == pytest.approx(kept["val_loss"], abs=0.02)
    assert record("gpt")["shakespeare"]["val_loss"] <= 1.47


def test_recurrent_networks_begin_to_learn_as_recorded():
    made, kept = script("recurrent"), record("recurrent")
    book = made.from_the_pages()
    (_, kind, bias) = made.MEMORIES[3]
    (right,) = [r["right"] for r in kept["memory"]["runs"] if r["who"] == made.MEMORIES[3][0]][:1]
    found = book["remember"](kind, bias, 0, updates=20)
    assert sum(found) / 20 == pytest.approx(right[0], abs=0.02)
    read, _, vocab_size = made.prose()
    found = book["read_on"](book["text_model"](vocab_size, 0), read, made.EPOCHS, stop=4)
    assert found == pytest.approx(kept["text"]["first_losses"][:4], rel=0.01)


def test_a_bag_of_words_cannot_tell_an_order_as_recorded():
    made, kept = script("multimodal"), record("multimodal")
    name = "bag, half reversed"
    key = {"world": name, "temperature": 0.1, "seed": 0}
    (expected,) = [run for run in kept["runs"] if key.items() <= run.items()]
    found = made.run(made.from_the_page(), made.WORLDS[name], 0.1, 0)
    assert found["usual"] == found["reversed"] == expected["usual"] == 0.5
    assert found["all"] == pytest.approx(expected["all"], abs=0.03)


def test_a_small_reader_of_messages_has_the_recorded_loss():
    made, kept = script("scaling"), record("scaling")
    key = {"part": "isoflop", "flops": 1e10, "width": 128, "seed": 0}
    (expected,) = [run for run in kept["runs"] if key.items() <= run.items()]
    found = made.run(made.from_the_page(), 128, expected["tokens"], None, 0)
    assert found["loss"] == pytest.approx(expected["loss"], abs=0.03)


def test_the_last_layer_learns_names_as_recorded():
    made, kept = script("adaptation"), record("adaptation")
    key = {"part": "adapt", "arm": "last layer", "rate": 0.01, "seed": 0}
    (expected,) = [run for run in kept["runs"] if key.items() <= run.items()]
    found = made.adapted(made.from_the_page(), "last layer", 0, 0.01)
    assert found["names"] == pytest.approx(expected["names"], abs=0.03)


def test_topics_are_named_without_pretraining_as_recorded():
    made, kept = script("pretraining"), record("pretraining")
    book = made.from_the_page()
    vocabulary, _, topics = made.material(book)
    expected = {(r["start"], r["each"], r["seed"]): r["accuracy"] for r in kept["labels"]}
    found = made.counted(book, topics, 16, 0)
    assert found == pytest.approx(expected["naive Bayes", 16, 0], abs=0.01)
    x, y, x_new, y_new = made.labeled(book, topics, 4, 0)
    net = book["reader"](vocabulary + 4, 0)
    logits = book["fine_tune"](net, "all", x, y, kept["rates"]["random"], 0)
    found = book["accuracy"](logits, x_new, y_new)
    assert found == pytest.approx(expected["random", 4, 0], abs=0.03)
