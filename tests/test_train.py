"""The training loop: what it learns, what it promises, and what it leaves on the screen."""

import os
import pickle
import random
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import ClassVar

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, WeightedRandomSampler

from course_utils.book import kernel
from course_utils.data import load
from course_utils.errors import CourseError
from course_utils.layers import Linear, ReLU, Sequential, as_module
from course_utils.train import accuracy, evaluate, fit

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def classes(n=60, seed=0):
    """Three blobs in the plane, and which one each point is from."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    centers = torch.tensor([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    return centers[y] + torch.randn(n, 2, generator=generator), y


def net(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3)
    )


def quick(model, data=None, **options):
    """A fit with the options that a test does not care about filled in."""
    data = classes() if data is None else data
    optimizer = options.pop("optimizer", None) or torch.optim.SGD(model.parameters(), lr=0.1)
    defaults = {"loss": F.cross_entropy, "epochs": 3, "batch_size": 16, "progress": False}
    return fit(model, data, optimizer=optimizer, **defaults | options)


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---- learning


@pytest.mark.parametrize("device", DEVICES)
def test_learns_digits(device):
    digits = load("mnist-5k")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    history = fit(
        model,
        (digits.x_train, digits.y_train),
        loss=F.cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        epochs=5,
        validation=(digits.x_test, digits.y_test),
        metric=accuracy,
        progress=False,
    )
    assert history.metric[-1] > 0.9
    assert history.metric[-1] == evaluate(model, (digits.x_test, digits.y_test), accuracy)
    assert history.train_loss[-1] < history.train_loss[0] / 3
    assert history.epochs == [1, 2, 3, 4, 5]
    assert len(history.val_loss) == len(history.seconds) == 5


def test_reference_layers_train_as_their_torch_twins_do():
    torch.manual_seed(0)
    theirs = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
    layers = Sequential(Linear(2, 16), ReLU(), Linear(16, 3))
    layers.load_state_dict(theirs.state_dict())
    ours = as_module(layers)
    losses = []
    for model in (ours, theirs):
        torch.manual_seed(1)
        losses.append(quick(model, epochs=20).train_loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0][-1] < losses[0][0] / 2


def test_one_epoch_is_the_loop_written_by_hand():
    x, y = classes(50)
    ours, theirs = net(), net()
    history = quick(ours, (x, y), epochs=1, generator=torch.Generator().manual_seed(7))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    losses = []
    for rows in torch.randperm(50, generator=torch.Generator().manual_seed(7)).split(16):
        loss = F.cross_entropy(theirs(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert same(ours, theirs)
    weights = [16, 16, 16, 2]  # the small last batch counts less
    assert history.train_loss == pytest.approx([np.average(losses, weights=weights)])


def test_every_row_is_used_once_an_epoch_in_a_new_order():
    seen = []

    def loss(output, target):
        seen.append(target.tolist())
        return output.mean()

    quick(nn.Linear(2, 1), (torch.zeros(10, 2), torch.arange(10)), loss=loss, batch_size=4)
    assert [len(batch) for batch in seen] == [4, 4, 2] * 3
    epochs = [[*seen[i], *seen[i + 1], *seen[i + 2]] for i in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    def trained(seed):
        model = net(dropout=0.5)
        torch.manual_seed(seed)
        quick(model)
        return model

    assert same(trained(1), trained(1))
    assert not same(trained(1), trained(2))


def test_data_may_be_a_tuple_or_a_list_of_tensors_or_batches():
    x, y = classes(48)
    batches = list(zip(x.split(16), y.split(16), strict=True))
    loader = DataLoader(TensorDataset(x, y), batch_size=16)
    for data in ((x, y), [x, y], batches, tuple(batches), loader):
        history = quick(net(), data, epochs=30)
        assert history.train_loss[-1] < 0.6
        assert evaluate(net(), data, F.cross_entropy) == pytest.approx(
            evaluate(net(), (x, y), F.cross_entropy)
        )


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(*classes(48), strict=True))


def test_a_loader_of_streamed_data_knows_no_length_and_needs_none(capsys):
    history = quick(net(), DataLoader(Stream(), batch_size=16), epochs=2, progress=True)
    assert len(history.train_loss) == 2
    assert capsys.readouterr().out.startswith("2 epochs in ")


def test_a_model_of_several_inputs_gets_all_but_the_last_tensor():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 3), nn.Linear(2, 3)

        def forward(self, a, b):
            return self.a(a) + self.b(b)

    x, y = classes()
    history = quick(Sum(), (x, x.flip(1), y), epochs=20)
    assert history.train_loss[-1] < 0.5
    loader = DataLoader(TensorDataset(x, x.flip(1), y), batch_size=16)
    assert quick(Sum(), loader, epochs=20).train_loss[-1] < 0.5


def test_clipping_bounds_the_step():
    x, y = torch.full((8, 1), 1000.0), torch.zeros(8, 1)
    for clip_norm, longest in ((None, 1e6), (0.5, 0.05)):
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        before = nn.utils.parameters_to_vector(model.parameters()).detach()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        quick(model, (x, y), loss=F.mse_loss, optimizer=optimizer, epochs=1, clip_norm=clip_norm)
        after = nn.utils.parameters_to_vector(model.parameters()).detach()
        step = (after - before).norm().item()
        assert step == pytest.approx(longest, rel=1e-3) if clip_norm else step > 100


@pytest.mark.parametrize(("each", "steps"), [("epoch", 3), ("batch", 12)])
def test_the_scheduler_steps_each_epoch_or_each_batch(each, steps):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    halving = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    quick(model, optimizer=optimizer, scheduler=halving, scheduler_step=each)
    assert optimizer.param_groups[0]["lr"] == 0.5**steps


# ---- modes, metrics


class Modes(nn.Module):
    """Remembers in which mode it was called."""

    def __init__(self):
        super().__init__()
        self.linear, self.seen = nn.Linear(2, 3), []

    def forward(self, x):
        self.seen.append((self.training, torch.is_grad_enabled()))
        return self.linear(x)


def test_training_and_validation_each_use_their_mode_and_modes_come_back():
    model = nn.Sequential(Modes(), nn.BatchNorm1d(3))
    model.eval()
    model[1].train()
    quick(model, epochs=2, batch_size=60, validation=classes(30))
    assert model[0].seen == [(True, True), (False, False)] * 2
    assert [m.training for m in model.modules()] == [False, False, False, True]
    evaluate(model, classes(), accuracy)
    assert [m.training for m in model.modules()] == [False, False, False, True]


def test_modes_come_back_after_an_error():
    model = net().eval()

    def fails(output, target):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        quick(model, loss=fails)
    with pytest.raises(RuntimeError):
        evaluate(model.train(), classes(), fails)
    assert model.training


def test_evaluation_changes_nothing_and_weighs_batches_by_their_rows():
    model, (x, y) = net(dropout=0.5), classes(50)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    whole = evaluate(model, (x, y), F.cross_entropy, batch_size=50)
    for size in (1, 7, 49):
        parts = evaluate(model, (x, y), F.cross_entropy, batch_size=size)
        assert parts == pytest.approx(whole, rel=1e-5)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    loader = DataLoader(TensorDataset(x, y), batch_size=7)
    assert evaluate(model, loader, F.cross_entropy) == pytest.approx(whole, rel=1e-5)


def test_accuracy_counts_along_the_last_dimension():
    logits = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [5.0, 1.0]])
    assert accuracy(logits, torch.tensor([1, 0, 0, 0])).item() == 0.75
    sequences = logits.view(2, 2, 2)
    assert accuracy(sequences, torch.tensor([[1, 0], [0, 1]])).item() == 0.5
    with pytest.raises(ValueError, match=r"target must be \(4,\), got \(4, 1\)"):
        accuracy(logits, torch.tensor([[1], [0], [0], [0]]))


# ---- stopping


def test_early_stopping_restores_the_best_epoch():
    # A large step and few examples: the validation loss falls, then rises.
    torch.manual_seed(0)
    x, y = torch.randn(20, 30), torch.arange(20) % 2
    model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 2))
    snapshots = []

    def snapshot(output, target):
        if not torch.is_grad_enabled():
            snapshots.append({n: t.clone() for n, t in model.state_dict().items()})
        return F.cross_entropy(output, target)

    history = quick(model, (x, y), loss=snapshot, epochs=100, validation=(x + 1, 1 - y), patience=4)
    best = int(np.argmin(history.val_loss)) + 1
    assert history.stopped == "early"
    assert history.best_epoch == best
    assert len(history.epochs) == best + 4 < 100
    assert all(torch.equal(t, snapshots[best - 1][n]) for n, t in model.state_dict().items())
    assert not all(torch.equal(t, snapshots[-1][n]) for n, t in model.state_dict().items())
    final = evaluate(model, (x + 1, 1 - y), F.cross_entropy)
    assert final == pytest.approx(min(history.val_loss))


def test_with_patience_the_best_weights_are_kept_even_if_nothing_stopped():
    model, validation = net(), classes(30, seed=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
    history = quick(model, optimizer=optimizer, epochs=8, validation=validation, patience=50)
    assert history.stopped == ""
    assert history.val_loss[-1] > min(history.val_loss)
    final = evaluate(model, validation, F.cross_entropy)
    assert final == pytest.approx(min(history.val_loss))


def test_a_validation_loss_that_stays_the_same_is_no_progress():
    model = nn.Linear(2, 3)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    history = quick(model, optimizer=still, epochs=9, validation=classes(30), patience=2)
    assert (history.best_epoch, len(history.epochs), history.stopped) == (1, 3, "early")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_with_epoch_and_batch_and_changes_nothing(bad):
    model, calls, weights = net(), [], []

    def loss(output, target):
        calls.append(1)
        weights.append([p.detach().clone() for p in model.parameters()])
        return F.cross_entropy(output, target) * (bad if len(calls) == 6 else 1)

    with pytest.raises(FloatingPointError, match=rf"loss is {bad} in epoch 2, batch 2 of 4"):
        quick(model, loss=loss)
    assert len(calls) == 6
    assert all(torch.equal(p, w) for p, w in zip(model.parameters(), weights[-1], strict=True))


@pytest.mark.parametrize("during", ["training", "validation"])
def test_an_interrupt_gives_the_history_so_far_and_a_usable_model(during):
    model, calls = net().eval(), []

    def loss(output, target):
        if torch.is_grad_enabled() == (during == "training"):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
        return F.cross_entropy(output, target)

    history = quick(model, loss=loss, epochs=9, batch_size=60, validation=classes(30))
    assert history.stopped == "interrupted"
    lists = (history.train_loss, history.val_loss, history.seconds, history.epochs)
    assert [len(values) for values in lists] == [2, 2, 2, 2]
    assert not model.training
    assert 0 <= evaluate(model, classes(), accuracy) <= 1


# ---- checkpoints

SOURCES = ["tensors", "tensors and generator", "loader", "loader and generator", "sampler"]


def data_from(source):
    """The data in one of the forms that bring a random order, and the argument `generator`."""
    own = torch.Generator().manual_seed(5)
    points = TensorDataset(*classes())
    return {
        "tensors": (classes(), None),
        "tensors and generator": (classes(), own),
        "loader": (DataLoader(points, 16, shuffle=True), None),
        "loader and generator": (DataLoader(points, 16, shuffle=True, generator=own), None),
        "sampler": (
            DataLoader(
                points, 16, sampler=WeightedRandomSampler(torch.ones(60), 60, generator=own)
            ),
            None,
        ),
    }[source]


def everything(source="tensors", stop_after=None, device="cpu", **options):
    """A run with all that has a state; ``stop_after`` interrupts it in the epoch that follows."""
    model = net(dropout=0.5).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
    data, generator = data_from(source)
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(9)
    epochs_done = 0

    def loss(output, target):
        nonlocal epochs_done
        if not torch.is_grad_enabled():  # the validation data are one batch
            epochs_done += 1
            return F.cross_entropy(output, target)
        if epochs_done == stop_after:
            raise KeyboardInterrupt
        noise = 0.1 * (random.random() + np.random.rand())  # as augmentation would draw
        return F.cross_entropy(output + noise * torch.randn_like(output), target)

    history = fit(
        model,
        data,
        loss=loss,
        optimizer=optimizer,
        scheduler=scheduler,
        batch_size=16,
        generator=generator,
        validation=classes(30, seed=1),
        metric=accuracy,
        progress=False,
        **{"epochs": 6} | options,
    )
    return model, optimizer, scheduler, history


def numbers(history):
    return history.train_loss, history.val_loss, history.metric, history.best_epoch


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("source", SOURCES)
def test_a_resumed_run_ends_bit_for_bit_as_one_that_was_not_interrupted(source, device, tmp_path):
    file = tmp_path / "run.pt"
    whole = everything(source, device=device)
    first = everything(source, device=device, stop_after=2, checkpoint=file)
    assert first[3].stopped == "interrupted"
    assert not same(first[0], whole[0])

    resumed = everything(source, device=device, checkpoint=file, resume=True)

    assert same(resumed[0], whole[0])
    momentum = [
        [state["momentum_buffer"] for state in optimizer.state_dict()["state"].values()]
        for optimizer in (resumed[1], whole[1])
    ]
    assert all(torch.equal(a, b) for a, b in zip(*momentum, strict=True))
    assert resumed[2].state_dict() == whole[2].state_dict()
    assert numbers(resumed[3]) == numbers(whole[3])
    assert resumed[3].stopped == ""
    assert len(resumed[3].seconds) == 6


def test_a_loaders_generator_is_restored_even_if_only_its_workers_use_it(tmp_path):
    def run(**options):
        own = torch.Generator().manual_seed(5)
        quick(net(), DataLoader(TensorDataset(*classes()), 16, generator=own), **options)
        return own.get_state()

    run(epochs=2, checkpoint=tmp_path / "run.pt")
    resumed = run(epochs=4, checkpoint=tmp_path / "run.pt", resume=True)
    assert torch.equal(resumed, run(epochs=4))


def test_the_checkpoint_after_a_resumed_run_is_that_of_the_whole_run(tmp_path):
    """The random generators end in the same state, too."""
    everything(checkpoint=tmp_path / "whole.pt")
    everything(checkpoint=tmp_path / "parts.pt", stop_after=3)
    everything(checkpoint=tmp_path / "parts.pt", resume=True)
    whole, parts = (torch.load(tmp_path / f"{name}.pt") for name in ("whole", "parts"))
    assert torch.equal(whole["random"].pop("torch"), parts["random"].pop("torch"))
    assert whole["random"] == parts["random"]


def test_patience_and_the_best_weights_survive_a_resume(tmp_path):
    file = tmp_path / "run.pt"
    whole = everything(patience=2, epochs=40)
    assert whole[3].stopped == "early"
    everything(patience=2, epochs=40, checkpoint=file, stop_after=whole[3].best_epoch + 1)
    for _ in range(2):  # the second finds a run that has already ended
        resumed = everything(patience=2, epochs=40, checkpoint=file, resume=True)
        assert numbers(resumed[3]) == numbers(whole[3])
        assert resumed[3].stopped == "early"
        assert same(resumed[0], whole[0])


def test_a_finished_run_is_not_trained_again_but_may_be_made_longer(tmp_path):
    file = tmp_path / "run.pt"
    short = everything(epochs=2, checkpoint=file)
    content = file.read_bytes()
    again = everything(epochs=2, checkpoint=file, resume=True)
    assert same(again[0], short[0])
    assert file.read_bytes() == content
    longer = everything(epochs=5, checkpoint=file, resume=True)
    assert same(longer[0], everything(epochs=5)[0])


def test_resume_starts_anew_where_there_is_no_file_and_makes_its_folder(tmp_path):
    file = tmp_path / "new" / "run.pt"
    assert same(everything(checkpoint=file, resume=True)[0], everything()[0])
    assert [path.name for path in file.parent.iterdir()] == ["run.pt"]


def refused(file, match, run=everything, **options):
    """The run is refused, the file stays as it is, and so does the model."""
    content = file.read_bytes()
    with pytest.raises(CourseError, match=match):
        run(checkpoint=file, **options)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_existing_file_is_never_written_over_without_resume(tmp_path):
    file = tmp_path / "thesis.pt"
    file.write_bytes(b"ten years of work")
    refused(file, r"already. Pass resume=True")


def test_a_damaged_or_a_foreign_file_is_refused_and_kept(tmp_path):
    file = tmp_path / "run.pt"
    everything(epochs=1, checkpoint=file)
    whole = file.read_bytes()
    for content in (b"", b"no checkpoint", whole[:1000], whole[: len(whole) // 2], whole[1000:]):
        file.write_bytes(content)
        refused(file, "it is damaged, or holds more than tensors", resume=True)
    for foreign in ({"weight": torch.ones(2)}, [1, 2], torch.ones(3)):
        torch.save(foreign, file)
        refused(file, "is no checkpoint of this training loop", resume=True)


class Bomb:
    """Creates a file where it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_hostile_checkpoint_is_refused_and_does_nothing(tmp_path):
    folder, crater = tmp_path / "checkpoints", tmp_path / "crater"
    file = folder / "run.pt"
    everything(epochs=1, checkpoint=file)
    saved = torch.load(file) | {"best": Bomb(crater)}
    torch.save(saved, file)
    refused(file, r"cannot be read \(UnpicklingError\)", resume=True)
    file.write_bytes(pickle.dumps(Bomb(crater)))
    refused(file, "cannot be read", resume=True)
    assert not crater.exists()
    torch.save(saved, file)
    torch.load(file, weights_only=False)  # it would have worked
    assert crater.exists()


def test_a_checkpoint_of_another_run_is_refused_and_changes_nothing(tmp_path):
    file = tmp_path / "run.pt"
    everything(epochs=1, checkpoint=file)

    def run_with(model, kind=torch.optim.SGD, **options):
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        optimizer = kind(model.parameters(), lr=0.1)
        if kind is torch.optim.SGD:
            options["scheduler"] = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
        state = torch.get_rng_state()
        try:
            quick(model, optimizer=optimizer, resume=True, **options)
        finally:
            assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
            assert not optimizer.state
            assert torch.equal(state, torch.get_rng_state())

    wide, deep = net(), net().append(nn.Linear(3, 3))
    wide[0], wide[1], wide[4] = nn.Linear(2, 17), nn.BatchNorm1d(17), nn.Linear(17, 3)
    for match, model, options in (
        (r"0.weight is \(16, 2\) there, \(17, 2\) here", wide, {}),
        (r"only one of the two models has 5.bias, 5.weight", deep, {}),
        (r"SGD with CosineAnnealingLR, this one by Adam", net(), {"kind": torch.optim.Adam}),
        (r"another kind of random", net(), {"generator": torch.Generator()}),
    ):
        refused(file, match, lambda m=model, **more: run_with(m, **more), **options)


def line(checkpoint, epochs):
    """A small run, which the processes below go on with."""
    torch.manual_seed(0)
    data, model = (torch.randn(8, 2), torch.zeros(8, 1)), nn.Linear(2, 1)
    quick(model, data, loss=F.mse_loss, epochs=epochs, checkpoint=checkpoint, resume=True)
    return model


# A checkpoint is larger than this many bytes.
LIMIT = 4096


def second_epoch_with_limited_files(checkpoint, at_the_limit):
    """Run it in a process that can write no larger file; ``at_the_limit`` says what happens."""
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_train import line
signal.signal(signal.SIGXFSZ, signal.{at_the_limit})
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))
line({str(checkpoint)!r}, epochs=2)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_process_killed_while_it_writes_leaves_the_last_checkpoint_whole(tmp_path):
    file = tmp_path / "run.pt"
    line(file, epochs=1)
    content = file.read_bytes()
    assert len(content) > LIMIT

    killed = second_epoch_with_limited_files(file, "SIG_DFL")

    assert killed.returncode == -signal.SIGXFSZ
    assert (tmp_path / "run.pt.part").stat().st_size == LIMIT  # it was killed in the middle
    assert file.read_bytes() == content
    assert same(line(file, epochs=2), line(tmp_path / "whole.pt", epochs=2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.pt", "whole.pt"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_an_error_that_says_so_and_keeps_the_last_checkpoint(tmp_path):
    file = tmp_path / "run.pt"
    line(file, epochs=1)
    content = file.read_bytes()

    failed = second_epoch_with_limited_files(file, "SIG_IGN")

    assert failed.returncode == 1
    assert "could not be written after epoch 2 (File too large)" in failed.stderr
    assert file.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


# ---- what is seen

SLOW_RUN = """
    import time
    import torch
    from torch.nn import functional as F
    from course_utils.train import accuracy, fit

    torch.manual_seed(0)
    x, y = torch.randn(40, 2), torch.arange(40) % 2
    model = torch.nn.Linear(2, 2)

    def loss(output, target):
        time.sleep(0.05)
        return F.cross_entropy(output, target)

    history = fit(model, (x, y), loss=loss, epochs=3, batch_size=10, validation=(x, y),
                  optimizer=torch.optim.SGD(model.parameters(), lr=0.1), metric=accuracy)
"""
LAST_LINE = r"3 epochs in \d+\.\d s: train loss 0\.\d+, validation loss 0\.\d+, accuracy 0\.\d+"


def test_an_executed_notebook_keeps_one_line(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(SLOW_RUN))]
    )

    class Client(NotebookClient):
        updates: ClassVar[list] = []

        def process_message(self, msg, cell, cell_index):
            if msg["msg_type"] == "update_display_data":
                self.updates.append(msg["content"]["data"])
            return super().process_message(msg, cell, cell_index)

    with tempfile.TemporaryDirectory() as sockets:  # a short path, as sockets need
        client = Client(notebook, km=kernel.manager(Path(sockets)), timeout=120)
        client.execute(env=kernel.environment(tmp_path))

    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert list(output.data) == ["text/plain"]
    assert re.fullmatch(LAST_LINE, output.data["text/plain"])
    running = [data for data in Client.updates if "text/html" in data]
    assert len(running) >= 2  # it moved …
    assert len(running) <= 8  # … but not with each of the 12 batches
    assert "<progress" in running[0]["text/html"]
    assert running[-1]["text/plain"].startswith("epoch ")


def test_a_pipe_gets_the_last_line_only():
    code = textwrap.dedent(SLOW_RUN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(LAST_LINE + "\n", done.stdout)
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_a_bar_that_leaves_the_last_line():
    screen, terminal = os.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOW_RUN)],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=environment,
    )
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(screen, 4096):
            shown += part
    except OSError:  # Linux: the other end is closed
        pass
    os.close(screen)
    assert process.communicate()[1] == b""
    text = shown.decode()
    assert "━" in text
    assert "epoch 2 of 3: train loss" in text
    assert re.fullmatch(LAST_LINE, text.strip().splitlines()[-1].split("\x1b[2K")[-1])


def test_without_progress_nothing_is_written(capfd):
    quick(net())
    assert capfd.readouterr() == ("", "")


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"patience": 0, "validation": classes()}, "patience must be at least 1, got 0"),
        ({"patience": 3}, "need validation data"),
        ({"metric": accuracy}, "need validation data"),
        ({"resume": True}, "needs the checkpoint"),
        ({"scheduler_step": "step"}, '"epoch" or "batch", got \'step\''),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"data": (torch.ones(4, 2), torch.ones(3))}, r"number of rows: \(4, 2\), \(3,\)"),
        ({"data": []}, "gave no example in epoch 1"),
        ({"data": (torch.ones(0, 2), torch.ones(0))}, r"have no rows: \(0, 2\), \(0,\)"),
        ({"validation": []}, "evaluate: the data gave no example"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        quick(net(), **options)


def test_an_iterable_that_is_used_up_is_refused_in_the_second_epoch():
    x, y = classes()
    with pytest.raises(ValueError, match=r"gave no example in epoch 2.*only once"):
        quick(net(), iter([(x, y)]))
