"""A small network on points in the plane that the reader trains."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import torch
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import layers
from course_utils.losses import MSELoss
from course_utils.widgets.base import InteractiveFigure, source

DATASETS = ["circle", "xor", "gaussians", "spiral"]
INPUTS = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1^2": lambda x1, x2: x1 * x1,
    "x2^2": lambda x1, x2: x2 * x2,
    "x1*x2": lambda x1, x2: x1 * x2,
    "sin x1": lambda x1, x2: np.sin(x1),
    "sin x2": lambda x1, x2: np.sin(x2),
}
ACTIVATIONS = {
    "relu": layers.ReLU,
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "linear": layers.Sequential,  # of nothing
}


REACH, POINTS = 3.0, 400  # as in playground_data.js, which draws the same examples
PICTURED = 100  # epochs before the static picture


class Playground(InteractiveFigure):
    r"""A multi-layer perceptron learns to tell two kinds of points apart, epoch by epoch.

    The reader chooses data, inputs, layers and how to train, and sees the map of every unit, the
    weights and both losses. The hidden layers share one activation, the output is one tanh unit;
    the loss is the mean of :math:`\frac12 (\hat y - y)^2` for labels of −1 and +1, so that a
    network that always answers 0 has ½. All of it is computed in the browser; the same settings
    give the same run.

    Args:
        dataset: "circle", "xor", "gaussians" or "spiral".
        noise: standard deviation of what is added to both coordinates, in percent of their range.
        share: percent of the 400 points that are for training.
        batch: examples in a batch.
        inputs: what the network gets of a point, some of ``INPUTS``.
        hidden: units of each hidden layer, at most 8 in at most 4 layers.
        activation: of the hidden layers: "relu", "tanh", "sigmoid" or "linear".
        rate: the learning rate.
        penalty: on the weights, "none", "L1" (strength · Σ|w|) or "L2" (strength/2 · Σw²).
        strength: the penalty's factor.
        seed: of the points, the first weights and the order of the examples.
        show_test: whether the test points are drawn.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a choice that is not there, or a number out of range.
    """

    _esm = source(
        "figure.js",
        "playground_data.js",
        "playground_network.js",
        "playground_drawing.js",
        "playground.js",
    )
    _css = source("figure.css", "playground.css")

    dataset = traitlets.Enum(DATASETS, "circle").tag(sync=True)
    noise = traitlets.Int(0, min=0, max=50).tag(sync=True)
    share = traitlets.Int(50, min=10, max=90).tag(sync=True)
    batch = traitlets.Int(10, min=1, max=30).tag(sync=True)
    inputs = traitlets.List(traitlets.Enum(list(INPUTS)), ["x1", "x2"], minlen=1).tag(sync=True)
    hidden = traitlets.List(traitlets.Int(min=1, max=8), [4, 2], maxlen=4).tag(sync=True)
    activation = traitlets.Enum(list(ACTIVATIONS), "tanh").tag(sync=True)
    rate = traitlets.Float(0.03, min=0).tag(sync=True)
    penalty = traitlets.Enum(["none", "L1", "L2"], "none").tag(sync=True)
    strength = traitlets.Float(0.003, min=0).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=9999).tag(sync=True)
    show_test = traitlets.Bool(False).tag(sync=True)
    alt = traitlets.Unicode(
        "A playground: a small network learns to tell two kinds of points in the plane apart. "
        "Beside the network, each unit of which shows its map of the plane, stand the map of the "
        "output with the points, and the losses over the epochs."
    ).tag(sync=True)

    def __repr__(self) -> str:
        return f"Playground: {self.alt}"

    def examples(self) -> tuple[np.ndarray, np.ndarray]:
        """Places (400, 2) and labels (400,); those for training come first."""
        random = Random(self.seed, 1)
        places, labels = [], [1 if i % 2 else -1 for i in range(POINTS)]
        for label in labels:
            place = POINT[self.dataset](label, random)
            places.append([x + self.noise / 100 * REACH * random.normal() for x in place])
        return np.array(places), np.array(labels)

    def see(self, places: np.ndarray) -> Tensor:
        """What the network gets of the places (n, 2): (n, inputs)."""
        return torch.tensor(np.stack([INPUTS[name](*places.T) for name in self.inputs], axis=1))

    def network(self) -> layers.Sequential:
        """The network before training."""
        random = Random(self.seed, 2)
        sizes = [len(self.inputs), *self.hidden, 1]
        parts = []
        for fan_in, fan_out in pairwise(sizes):
            linear = layers.Linear(fan_in, fan_out, dtype=torch.float64)
            for name in ("weight", "bias"):
                shape = linear.state_dict()[name].shape
                draws = [2 * random.uniform() - 1 for _ in range(shape.numel())]
                start = torch.tensor(draws, dtype=torch.float64) / math.sqrt(fan_in)
                linear.assign(name, start.view(shape))
            parts += [linear, ACTIVATIONS[self.activation]()]
        return layers.Sequential(*parts[:-1], layers.Tanh())

    def train(self, epochs: int) -> tuple[layers.Sequential, list[tuple[float, float]]]:
        """The network after so many epochs, and its losses on training and test points."""
        places, labels = self.examples()
        x, y = self.see(places), torch.tensor(labels[:, None], dtype=torch.float64)
        border = round(self.share / 100 * POINTS)
        net, random, squares = self.network(), Random(self.seed, 3), MSELoss()

        def losses() -> tuple[float, float]:
            answers = net(x)
            halves = (slice(None, border), slice(border, None))
            return tuple(squares(answers[part], y[part]).item() / 2 for part in halves)

        history = [losses()]
        for _ in range(epochs):
            order = random.shuffle(list(range(border)))
            for start in range(0, border, self.batch):
                chosen = order[start : start + self.batch]
                squares(net(x[chosen]), y[chosen])
                net.backward(squares.backward(0.5))
                self.update(net)
            history.append(losses())
        return net, history

    def update(self, net: layers.Sequential) -> None:
        """A step down the gradients that the layers hold, and the penalty's."""
        for layer in net.children().values():
            for name, gradient in layer.grads.items():
                old = layer.state_dict()[name]
                decays = self.penalty == "L2" and name == "weight"
                new = old - self.rate * (gradient + self.strength * old if decays else gradient)
                if self.penalty == "L1" and name == "weight":
                    new = new.sign() * (new.abs() - self.rate * self.strength).clamp(min=0)
                layer.assign(name, new)

    def picture(self) -> str:
        """The output's map with the training points, and the losses, after 100 epochs."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # with batches as small as these, more would wait for each other
        try:
            net, losses = self.train(PICTURED)
        finally:
            torch.set_num_threads(threads)
        places, labels = self.examples()
        edge, border = 1.1 * REACH, round(self.share / 100 * POINTS)
        axis = np.linspace(-edge, edge, 61)
        grid = np.stack(np.meshgrid(axis, axis), axis=-1)
        answers = net(self.see(grid.reshape(-1, 2))).reshape(61, 61).numpy()
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(7.6, 4), layout="constrained", facecolor="white")
            left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
            colors = LinearSegmentedColormap.from_list("", ["#e39a5c", "white", "#6aaad3"])
            left.contourf(axis, axis, answers, np.linspace(-1, 1, 9), cmap=colors)
            left.contour(axis, axis, answers, [0], colors="black")
            for label, marker, color in ((1, "o", "#0072b2"), (-1, "s", "#a04300")):
                shown = places[:border][labels[:border] == label]
                style = {"ms": 4, "mfc": color, "mec": "white", "mew": 0.5}
                left.plot(*shown.T, marker, label=f"label {label:+}".replace("-", "−"), **style)
            left.set(xlabel="x₁", ylabel="x₂", xlim=(-edge, edge), ylim=(-edge, edge))
            left.set(title="Output and training points", aspect="equal")
            left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
            right.plot([train for train, _ in losses], lw=2, label="training")
            right.plot([test for _, test in losses], "--", label="test")
            right.set(xlabel="epoch", ylabel="loss", ylim=(0, None), title="Losses")
            right.legend()
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


class Random:
    """The random numbers of playground_data.js, bit by bit."""

    def __init__(self, seed: int, stream: int) -> None:
        self.state = mix(mix(seed) + stream)

    def uniform(self) -> float:
        self.state += 0x9E3779B9
        return mix(self.state) / 2**32

    def normal(self) -> float:
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())

    def shuffle(self, items: list[int]) -> list[int]:
        for i in range(len(items) - 1, 0, -1):
            j = int((i + 1) * self.uniform())
            items[i], items[j] = items[j], items[i]
        return items


def mix(bits: int) -> int:
    z = bits % 2**32
    z = (z ^ z >> 16) * 0x21F0AAAD % 2**32
    z = (z ^ z >> 15) * 0x735A2D97 % 2**32
    return z ^ z >> 15


def polar(radius: float, angle: float) -> tuple[float, float]:
    return radius * math.sin(angle), radius * math.cos(angle)


def circle(label: int, random: Random) -> tuple[float, float]:
    u = random.uniform()
    radius = 0.5 * math.sqrt(u) if label > 0 else 0.7 + 0.3 * u
    return polar(REACH * radius, 2 * math.pi * random.uniform())


def xor(label: int, random: Random) -> tuple[float, float]:
    x1, x2 = (REACH * (0.4 + 0.6 * random.uniform()) for _ in range(2))
    side = 1 if random.uniform() < 0.5 else -1
    return side * x1, -side * label * x2


def gaussians(label: int, random: Random) -> tuple[float, float]:
    x1, x2 = (label * 0.4 * REACH + 0.15 * REACH * random.normal() for _ in range(2))
    return x1, x2


def spiral(label: int, random: Random) -> tuple[float, float]:
    t = random.uniform()
    turn = 3.5 * math.pi * t + (0 if label > 0 else math.pi)
    return polar(REACH * (0.04 + 0.92 * t), turn)


POINT = {"circle": circle, "xor": xor, "gaussians": gaussians, "spiral": spiral}
