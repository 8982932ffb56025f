"""The first artificial neurons: McCulloch and Pitts's unit, and Rosenblatt's perceptron."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class McCullochPittsUnit:
    r"""A unit that fires, 1, when enough of its exciting inputs do and none of its inhibiting ones.

    .. math:: y = \Bigl[\textstyle\sum_j x_j \ge \theta\Bigr] \cdot \prod_k (1 - \bar x_k)

    with :math:`x_j` the exciting inputs, :math:`\bar x_k` the inhibiting ones: a single one that is
    active vetoes. All weights are one, and nothing is learned; a net is designed. A threshold of 1
    over n exciting inputs is OR, of n is AND; a threshold of 0 and one inhibiting input is NOT.
    Every Boolean function is a net of such units, XOR one of two layers.

    Shapes: exciting (*, J) and inhibiting (*, K), of zeros and ones → y (*); J may be 0.

    Source: McCulloch and Pitts 1943.

    Attributes:
        threshold: how many exciting inputs have to be active; reaching it is enough.
    """

    threshold: int

    def __call__(self, exciting: Tensor, inhibiting: Tensor | None = None) -> Tensor:
        """Fire or not.

        Raises:
            ValueError: an input is neither 0 nor 1.
        """
        for x in (exciting, inhibiting):
            if x is not None and (wrong := x[(x != 0) & (x != 1)]).numel():
                raise ValueError(f"McCullochPittsUnit: inputs are 0 or 1, got {wrong[0].item()}")
        fires = exciting.sum(-1) >= self.threshold
        if inhibiting is not None:
            fires = fires & (inhibiting.sum(-1) == 0)
        return fires.to(exciting.dtype)


@dataclass(frozen=True)
class PerceptronFit:
    """How the training of a `Perceptron` went.

    Attributes:
        outcome: ``"converged"``: a whole epoch without a mistake. ``"cycled"``: the weights were
            exactly these at the beginning of an earlier epoch, so they go round for ever, and
            no line separates the examples. ``"stopped"``: neither within ``max_epochs``.
        mistakes: how many there were in each epoch.
        cycle_length: after how many epochs the weights come back, if they do.
    """

    outcome: str
    mistakes: list[int]
    cycle_length: int | None = None


class Perceptron:
    r"""A linear unit with two answers, and Rosenblatt's rule to learn them.

    .. math:: \hat y = \begin{cases} +1 & w^\top x + b > 0 \\ -1 & \text{otherwise}\end{cases}

    and on a mistake

    .. math:: w \leftarrow w + \eta\, y\, x \qquad b \leftarrow b + \eta\, y

    Append a 1 to every input, for b. If a hyperplane through the origin then has all examples on
    their right sides at a distance of at least :math:`\gamma`, and none is longer than R, the rule
    makes at most :math:`R^2 / \gamma^2` mistakes, whatever their order and :math:`\eta` (Novikoff
    1962).

    Weights start at zero, in double precision: with inputs and :math:`\eta` of whole numbers there
    is no rounding.

    Shapes: x (N, M), labels (N,) of −1 or +1; weight (M,), bias ().

    Source: Rosenblatt 1958.
    """

    def __init__(self, in_features: int, lr: float = 1.0) -> None:
        if in_features < 1 or lr <= 0:
            raise ValueError(
                f"Perceptron: in_features and lr must be positive, got {in_features} and {lr}"
            )
        self.lr = lr
        self.weight = torch.zeros(in_features, dtype=torch.float64)
        self.bias = torch.zeros((), dtype=torch.float64)

    def score(self, x: Tensor) -> Tensor:
        return x.double() @ self.weight + self.bias

    def __call__(self, x: Tensor) -> Tensor:
        """The labels (*) of x (*, M)."""
        return torch.where(self.score(x) > 0, 1, -1)

    def learn(self, x: Tensor, label: float) -> bool:
        """Look at one example (M,), and say whether it was a mistake."""
        if self(x) == label:
            return False
        self.weight = self.weight + self.lr * label * x
        self.bias = self.bias + self.lr * label
        return True

    def fit(self, x: Tensor, labels: Tensor, max_epochs: int = 1000) -> PerceptronFit:
        """Go through the examples in order, again and again, until one of three things happens.

        Raises:
            ValueError: the shapes do not belong together, or a label is neither −1 nor +1.
        """
        if x.ndim != 2 or x.shape[1] != len(self.weight) or labels.shape != x.shape[:1]:
            raise ValueError(
                f"Perceptron: x {tuple(x.shape)} and labels {tuple(labels.shape)} must be "
                f"(N, {len(self.weight)}) and (N,)"
            )
        if (wrong := labels[labels.abs() != 1]).numel():
            raise ValueError(f"Perceptron: labels must be −1 or +1, got {wrong[0].item()}")
        x = x.double()
        mistakes: list[int] = []
        seen: dict[tuple[float, ...], int] = {}  # weights at the beginning of an epoch: which one
        for epoch in range(max_epochs):
            state = (*self.weight.tolist(), self.bias.item())
            if state in seen:
                return PerceptronFit("cycled", mistakes, epoch - seen[state])
            seen[state] = epoch
            mistakes.append(sum(map(self.learn, x, labels.tolist())))
            if mistakes[-1] == 0:
                return PerceptronFit("converged", mistakes)
        return PerceptronFit("stopped", mistakes)
