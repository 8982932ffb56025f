"""Balanced assignment by the Sinkhorn–Knopp algorithm, as in self-labelling."""

from __future__ import annotations

import math

from torch import Tensor


def sinkhorn(
    scores: Tensor, temperature: float = 0.05, iterations: int = 100, tolerance: float = 0.0
) -> Tensor:
    r"""Share N items out to K classes by their scores, the same amount to each class.

    The assignment Q that maximizes :math:`\sum_{ik} Q_{ik} s_{ik} + \varepsilon H(Q)`, H its
    entropy and :math:`\varepsilon` the temperature, among all with

    .. math:: Q \ge 0, \qquad \sum_k Q_{ik} = 1, \qquad \sum_i Q_{ik} = N / K .

    It has the form :math:`Q_{ik} = u_i\, e^{s_{ik}/\varepsilon}\, v_k`: columns and rows are scaled
    in turns until both sums are right. In logarithms each scaling subtracts a log-sum-exp, so that
    low temperatures neither overflow nor divide by zero. As the temperature goes to zero, Q becomes
    the best hard assignment, as it grows, uniform. Low temperatures need more iterations.

    Rows are scaled last and sum to 1 up to rounding; columns sum to N / K only as closely as the
    iterations got. Without the condition on the columns the best answer to "choose your own
    labels" is one label for all.

    Shapes: scores (N, K) → Q (N, K).

    Args:
        iterations: at most so many, each scaling columns, then rows.
        tolerance: stop as soon as all columns are within this fraction of N / K.

    Source: Sinkhorn and Knopp 1967; Cuturi 2013; for labels Asano, Rupprecht and Vedaldi 2020,
    Caron and others 2020.

    Raises:
        ValueError: the scores are no matrix or not finite, or an option is not positive.
    """
    if scores.ndim != 2 or scores.numel() == 0:
        raise ValueError(f"sinkhorn: scores must be (N, K), got {tuple(scores.shape)}")
    if temperature <= 0 or iterations < 1:
        raise ValueError(
            "sinkhorn: temperature and iterations must be positive, got "
            f"{temperature} and {iterations}"
        )
    if not scores.isfinite().all():
        raise ValueError("sinkhorn: all scores must be finite")
    items, classes = scores.shape
    share = items / classes
    log_q = (scores / temperature).log_softmax(1)
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(0) + math.log(share)  # each column to N / K
        log_q = log_q.log_softmax(1)  # each row to 1
        if tolerance and (log_q.logsumexp(0).exp() / share - 1).abs().max() <= tolerance:
            break
    return log_q.exp()
