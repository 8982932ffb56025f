"""A made-up class that hands in A1: mistakes, accidents, late work."""

from __future__ import annotations

from functools import cache

from students import Class, Student, saved

STEPS = {"trained": 800, "short": 80}  # of training

FORWARD = """\
def linear_forward(x, W, b):
    return x @ W.T + b
"""
BACKWARD = """\
def linear_backward(dy, x, W):
    return dy @ W, dy.T @ x, dy.sum(0)
"""
LOSS = """\
def cross_entropy(logits, labels):
    logits = logits - logits.max(dim=1, keepdim=True)[0]
    log_p = logits - torch.log(torch.exp(logits).sum(dim=1, keepdim=True))
    return -log_p[range(len(labels)), labels].mean()
"""
LOSS_BACKWARD = """\
def cross_entropy_backward(logits, labels):
    e = torch.exp(logits - logits.max(dim=1, keepdim=True)[0])
    p = e / e.sum(dim=1, keepdim=True)
    one_hot = torch.zeros_like(p)
    one_hot[range(len(labels)), labels] = 1
    return (p - one_hot) / len(labels)
"""
REST = {
    "relu": """\
def relu_forward(z):
    return torch.where(z > 0, z, 0.0)


def relu_backward(dy, z):
    return torch.where(z > 0, dy, 0.0)
""",
    "numerical-gradient": """\
def numerical_gradient(f, x, h):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        up, down = x.clone().reshape(-1), x.clone().reshape(-1)
        up[i] += h
        down[i] -= h
        slope = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / (2 * h)
        gradient.view(-1)[i] = slope
    return gradient
""",
    "gradients-agree": """\
def gradients_agree(gradient, numerical):
    if gradient.shape != numerical.shape:
        return False
    largest = max(gradient.abs().max(), numerical.abs().max())
    return bool((abs(gradient - numerical) <= 1e-5 * largest).all())
""",
    "maxout-forward": """\
def maxout_forward(x, W, b):
    return torch.stack([x @ W[p].T + b[p] for p in range(len(W))]).max(dim=0)[0]
""",
    "maxout-backward": """\
def maxout_backward(dy, x, W, b):
    z = torch.stack([x @ W[p].T + b[p] for p in range(len(W))])
    winner = z.argmax(dim=0)
    dx, dW, db = torch.zeros_like(x), torch.zeros_like(W), torch.zeros_like(b)
    for p in range(len(W)):
        dz = dy * (winner == p)
        dx += dz @ W[p]
        dW[p] = dz.T @ x
        db[p] = dz.sum(dim=0)
    return dx, dW, db
""",
    "smooth-cross-entropy": """\
def smooth_cross_entropy(logits, labels, epsilon):
    logits = logits - logits.max(dim=1, keepdim=True)[0]
    log_p = logits - torch.log(torch.exp(logits).sum(dim=1, keepdim=True))
    right = log_p[range(len(labels)), labels]
    return -((1 - epsilon) * right + epsilon * log_p.mean(dim=1)).mean()
""",
    "smooth-cross-entropy-backward": """\
def smooth_cross_entropy_backward(logits, labels, epsilon):
    e = torch.exp(logits - logits.max(dim=1, keepdim=True)[0])
    d = e / e.sum(dim=1, keepdim=True) - epsilon / logits.shape[1]
    d[range(len(labels)), labels] -= 1 - epsilon
    return d / len(labels)
""",
    "sine-forward": """\
def sine_forward(z, omega):
    return torch.sin(omega * z) / omega
""",
    "sine-backward": """\
def sine_backward(dy, z, omega):
    dz = dy * torch.cos(omega * z)
    domega = dy * (z * torch.cos(omega * z) - torch.sin(omega * z) / omega) / omega
    return dz, domega.sum(dim=0)
""",
    "sgd-step": """\
def sgd_step(parameters, gradients, velocities, learning_rate, momentum, weight_decay):
    v = [
        momentum * v + g + weight_decay * p
        for p, g, v in zip(parameters, gradients, velocities)
    ]
    return [p - learning_rate * v for p, v in zip(parameters, v)], v
""",
    "train": """\
def train(x, labels):
    W1, b1 = torch.randn(64, 784) * 0.05, torch.zeros(64)
    W2, b2 = torch.randn(10, 64) * 0.01, torch.zeros(10)
    parameters = [W1, b1, W2, b2]
    velocities = [torch.zeros_like(p) for p in parameters]
    for step in range(800):
        rows = torch.randint(len(x), (64,))
        W1, b1, W2, b2 = parameters
        z = parts.linear_forward(x[rows], W1, b1)
        h = parts.relu_forward(z)
        logits = parts.linear_forward(h, W2, b2)
        dlogits = parts.cross_entropy_backward(logits, labels[rows])
        dh, dW2, db2 = parts.linear_backward(dlogits, h, W2)
        dz = parts.relu_backward(dh, z)
        dx, dW1, db1 = parts.linear_backward(dz, x[rows], W1)
        gradients = [dW1, db1, dW2, db2]
        parameters, velocities = parts.sgd_step(parameters, gradients, velocities, 0.1, 0.9, 0.0)
    W1, b1, W2, b2 = parameters
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
""",
}
PREDICTIONS = {
    "predict-sum": """\
1. All logits are about 0, so every class gets 1/10 and the loss is -log(1/10) = 2.30.
2. 64 times the gradient is 64 times the step. I think it overshoots and the loss goes up.
""",
    "predict-momentum": """\
1. v = 0.9 v + g gives v = 10 g, so a step goes 10 times as far.
2. Therefore 0.01 with momentum should look like 0.1 without, and 0.1 with like 1 without.
""",
    "predict-smooth": """\
1. It is smallest when p is the target: 0.91 and nine times 0.01. That gives 0.5.
2. The accuracy stays about the same, the largest probability at most 0.91, the loss is larger.
""",
}
EXPLANATIONS = {
    "explain-sum": """\
1. Both started at 2.31 as I said. The second went up at first, but I did not expect it to come back
to 2.3.
2. The step is rate times gradient, so 0.1/64 with the large gradient is the same as 0.1 with the
right one.
3. At first all logits were near 0. Later nearly no hidden unit is active, so h = 0 and only the
bias decides, the same for all images, and ReLU passes no gradient back.
""",
    "explain-momentum": """\
1. The pairs are as I said: 0.41 and 0.42, 0.14 and 0.15. At the start momentum is slower.
2. In ten steps the network changes little, so the last ten gradients are nearly the same.
3. One must compare 0.1 without with 0.01 with momentum. They are the same, so it is the step.
""",
    "explain-smooth": """\
1. The largest probability fell from 0.95 to 0.82, and the accuracy is even a little better.
2. log(0.91/0.01) = 4.5. Without smoothing it is infinite, so the weights grow and grow.
3. Accuracy looks at the largest only. The careful network pays a little for every image. I would
report the plain loss on test images, because it is about the real labels.
""",
}
ANSWERS = PREDICTIONS | EXPLANATIONS
RIGHT = REST | {
    "linear-forward": FORWARD,
    "linear-backward": BACKWARD,
    "cross-entropy": LOSS,
    "cross-entropy-backward": LOSS_BACKWARD,
}

# Another right way: number by number where it is bearable, and in double precision.
LOOPS = RIGHT | {
    "linear-forward": """\
def linear_forward(x, W, b):
    x, W, b = x.double(), W.double(), b.double()
    columns = []
    for n in range(W.shape[0]):
        columns.append((x * W[n]).sum(dim=1) + b[n])
    return torch.stack(columns, dim=1)
""",
    "linear-backward": """\
def linear_backward(dy, x, W):
    dy, x, W = dy.double(), x.double(), W.double()
    dx = torch.zeros_like(x)
    dW = torch.zeros_like(W)
    db = torch.zeros_like(W[:, 0])
    for n in range(W.shape[0]):
        dx += dy[:, n : n + 1] * W[n]
        dW[n] = (dy[:, n : n + 1] * x).sum(dim=0)
        db[n] = dy[:, n].sum()
    return dx, dW, db
""",
    "cross-entropy": """\
def cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(logits.double(), labels):
        largest = row.max()
        total += torch.log(torch.exp(row - largest).sum()) - (row[label] - largest)
    return total / len(labels)
""",
    "cross-entropy-backward": """\
def cross_entropy_backward(logits, labels):
    gradient = torch.zeros_like(logits, dtype=torch.float64)
    for i, (row, label) in enumerate(zip(logits.double(), labels)):
        e = torch.exp(row - row.max())
        gradient[i] = e / e.sum()
        gradient[i, label] -= 1
    return gradient / len(labels)
""",
}

# Classic mistakes.
SUM_NOT_MEAN = LOSS_BACKWARD.replace("(p - one_hot) / len(labels)", "p - one_hot")
WRONG_WEIGHTS = """\
def linear_backward(dy, x, W):
    dx = dy @ W
    dW = x.T @ dy
    db = dy
    return dx, dW, db
"""
OVERFLOWING_LOSS = """\
def cross_entropy(logits, labels):
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    return -torch.log(p[range(len(labels)), labels]).mean()
"""
OVERFLOWING_LOSS_BACKWARD = """\
def cross_entropy_backward(logits, labels):
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    p[range(len(labels)), labels] -= 1
    return p / len(labels)
"""
SYNTAX_ERROR = """\
def linear_forward(x, W, b)
    return x @ W.T + b
"""
KILLS_THE_KERNEL = """\
import os


def sgd_step(parameters, gradients, velocities, learning_rate, momentum, weight_decay):
    os._exit(1)
"""
ENDLESS = """\
def cross_entropy(logits, labels):
    while torch.exp(logits).isinf().any():  # until nothing overflows
        logits = logits - logits.mean()
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    return -torch.log(p[range(len(labels)), labels]).mean()
"""


STUDENTS = (
    Student(
        "s01-perfect",
        "everything right, all questions answered",
        "graded",
        70,
        by_hand=30,
        cells=RIGHT | ANSWERS,
        weights="trained",
    ),
    Student(
        "s02-loops",
        "everything right in another style: loops, double precision",
        "graded",
        70,
        by_hand=30,
        cells=LOOPS | ANSWERS,
        weights="trained",
    ),
    Student(
        "s03-sum-not-mean",
        "the loss's gradient is not divided by the batch size, and the training was too short",
        "graded",
        61,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"cross-entropy-backward": SUM_NOT_MEAN},
        weights="short",
    ),
    Student(
        "s04-wrong-weights",
        "the weight's gradient transposed, the bias's not summed over the batch",
        "graded",
        66,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"linear-backward": WRONG_WEIGHTS},
        weights="trained",
    ),
    Student(
        "s05-overflow",
        "softmax as the formula says it, which overflows; a damaged file of weights",
        "graded",
        60,
        by_hand=10,
        cells=RIGHT
        | {"cross-entropy": OVERFLOWING_LOSS, "cross-entropy-backward": OVERFLOWING_LOSS_BACKWARD}
        | PREDICTIONS,
        weights="damaged",
    ),
    Student("s06-empty", "the assignment as it was released", "graded", 0),
    Student(
        "s07-crash",
        "one cell is not Python, and one of the student's own raises",
        "graded",
        68,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"linear-forward": SYNTAX_ERROR},
        own_cell="print(digits.x_train[5000])",
        weights="trained",
    ),
    Student(
        "s08-kills-kernel",
        "a late function ends the Python process: what came before still counts",
        "graded-needs-review",
        59,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"sgd-step": KILLS_THE_KERNEL},
        weights="trained",
    ),
    Student(
        "s09-endless",
        "a loop that never ends for large logits: that test fails at the time limit",
        "graded",
        68,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"cross-entropy": ENDLESS},
        weights="trained",
    ),
    Student(
        "s10-truncated",
        "half of the file is missing",
        "malformed",
        0,
        cells=RIGHT | ANSWERS,
        truncated=True,
    ),
    Student(
        "s11-late",
        "only task 1, and two hours late",
        "graded",
        8,
        cells={"linear-forward": FORWARD, "linear-backward": BACKWARD},
        late=True,
    ),
)


def files(word: str) -> dict[str, bytes]:
    """The file of weights: "trained", "short" (for a short time) or "damaged"."""
    if word == "damaged":
        return {"a1-weights.pt": _weights(steps=800)[:10_000]}
    return {"a1-weights.pt": _weights(steps=STEPS[word])}


@cache
def _weights(steps: int) -> bytes:
    """A file of weights, trained on the spot by torch's autograd, whatever the student wrote."""
    import torch
    import torch.nn.functional as F

    from course_utils import data

    digits = data.load("mnist-5k")
    generator = torch.Generator().manual_seed(0)
    W1 = (torch.randn(64, 784, generator=generator) * 0.05).requires_grad_()
    W2 = (torch.randn(10, 64, generator=generator) * 0.01).requires_grad_()
    b1, b2 = torch.zeros(64, requires_grad=True), torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.SGD([W1, b1, W2, b2], lr=0.1, momentum=0.9)
    for _ in range(steps):
        rows = torch.randint(len(digits.x_train), (64,), generator=generator)
        logits = F.linear(F.linear(digits.x_train[rows], W1, b1).relu(), W2, b2)
        loss = F.cross_entropy(logits, digits.y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    return saved(parameters)


CLASS = Class(
    assignment="a1-mlps",
    due="2026-10-16 23:59:00 UTC",
    auto_points=70,
    hand_points=30,
    students=STUDENTS,
    files=files,
)
