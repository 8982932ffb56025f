"""A made-up class that hands in A2: gradients overwritten, modes mixed up, the forbidden twin."""

from __future__ import annotations

from functools import cache

from students import Class, Student, saved

ARITHMETIC = {
    "conv-output-size": """\
def conv_output_size(size, kernel_size, stride, padding, dilation):
    reach = dilation * (kernel_size - 1) + 1
    return (size + 2 * padding - reach) // stride + 1
""",
    "conv-parameters": """\
def conv_parameters(in_channels, out_channels, kernel_size, groups, bias):
    count = in_channels // groups * out_channels * kernel_size * kernel_size
    if bias:
        count += out_channels
    return count
""",
    "receptive-field": """\
def receptive_field(layers):
    r = 1
    jump = 1
    for k, s, d in layers:
        r = r + d * (k - 1) * jump
        jump = jump * s
    return r
""",
}
FORWARD = {
    "conv2d-forward": """\
def conv2d_forward(x, weight, bias, stride, padding):
    x = F.pad(x, (padding, padding, padding, padding))
    kh, kw = weight.shape[2:]
    U = (x.shape[2] - kh) // stride + 1
    V = (x.shape[3] - kw) // stride + 1
    y = torch.zeros(x.shape[0], weight.shape[0], U, V)
    for u in range(U):
        for v in range(V):
            window = x[:, :, stride * u : stride * u + kh, stride * v : stride * v + kw]
            y[:, :, u, v] = torch.einsum("bcij,ocij->bo", window, weight) + bias
    return y
""",
}
REST = {
    "conv2d-backward": """\
def conv2d_backward(dy, x, weight, stride, padding):
    H, W = x.shape[2:]
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    dx, dweight = torch.zeros_like(x), torch.zeros_like(weight)
    for u in range(dy.shape[2]):
        for v in range(dy.shape[3]):
            rows = slice(stride * u, stride * u + kh)
            columns = slice(stride * v, stride * v + kw)
            d = dy[:, :, u, v]
            dx[:, :, rows, columns] += torch.einsum("bo,ocij->bcij", d, weight)
            dweight += torch.einsum("bo,bcij->ocij", d, x[:, :, rows, columns])
    dx = dx[:, :, padding : padding + H, padding : padding + W]
    return dx, dweight, dy.sum(dim=(0, 2, 3))
""",
    "depthwise-forward": """\
def depthwise_forward(x, weight, dilation):
    H, W = x.shape[2:]
    K = weight.shape[1]
    y = torch.zeros_like(x)
    for c in range(x.shape[1]):
        d = dilation[c]
        p = d * (K - 1) // 2
        padded = F.pad(x[:, c], (p, p, p, p))
        for i in range(K):
            for j in range(K):
                y[:, c] += weight[c, i, j] * padded[:, d * i : d * i + H, d * j : d * j + W]
    return y
""",
    "depthwise-backward": """\
def depthwise_backward(dy, x, weight, dilation):
    H, W = x.shape[2:]
    K = weight.shape[1]
    dx, dweight = torch.zeros_like(x), torch.zeros_like(weight)
    for c in range(x.shape[1]):
        d = dilation[c]
        p = d * (K - 1) // 2
        padded = F.pad(x[:, c], (p, p, p, p))
        dpadded = torch.zeros_like(padded)
        for i in range(K):
            for j in range(K):
                place = (slice(None), slice(d * i, d * i + H), slice(d * j, d * j + W))
                dpadded[place] += weight[c, i, j] * dy[:, c]
                dweight[c, i, j] = (dy[:, c] * padded[place]).sum()
        dx[:, c] = dpadded[:, p : p + H, p : p + W]
    return dx, dweight
""",
    "max-pool-forward": """\
def max_pool_forward(x, kernel_size, stride):
    windows = x.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride)
    return windows.amax(dim=(4, 5))
""",
    "max-pool-backward": """\
def max_pool_backward(dy, x, kernel_size, stride):
    dx = torch.zeros_like(x)
    for u in range(dy.shape[2]):
        for v in range(dy.shape[3]):
            rows = slice(stride * u, stride * u + kernel_size)
            columns = slice(stride * v, stride * v + kernel_size)
            window = x[:, :, rows, columns]
            won = window == window.amax(dim=(2, 3), keepdim=True)
            dx[:, :, rows, columns] += won * dy[:, :, u : u + 1, v : v + 1]
    return dx
""",
    "batch-norm": """\
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    def line_up(t):
        return t.view(1, -1, 1, 1)

    if training:
        mean = x.mean(dim=(0, 2, 3))
        var = x.var(dim=(0, 2, 3), unbiased=False)
        unbiased = x.var(dim=(0, 2, 3))
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * unbiased
    else:
        mean, var = running_mean, running_var
    x_hat = (x - line_up(mean)) / torch.sqrt(line_up(var) + eps)
    return line_up(gamma) * x_hat + line_up(beta), running_mean, running_var
""",
    "train": """\
def train(x, labels):
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 10, 7), nn.Flatten(),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    for epoch in range(10):
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            F.cross_entropy(net(x[rows]), labels[rows]).backward()
            optimizer.step()
    W1, b1, W2, b2, W3, b3 = [p.detach() for p in net.parameters()]
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "W3": W3, "b3": b3}
""",
}
BONUS = {
    "batch-norm-backward": """\
def batch_norm_backward(dy, x, gamma, eps):
    def mean(t):
        return t.mean(dim=(0, 2, 3), keepdim=True)

    centered = x - mean(x)
    std = torch.sqrt(mean(centered**2) + eps)
    x_hat = centered / std
    dx_hat = dy * gamma.view(1, -1, 1, 1)
    dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / std
    return dx, (dy * x_hat).sum(dim=(0, 2, 3)), dy.sum(dim=(0, 2, 3))
""",
}
PREDICTIONS = {
    "predict-dots": """\
1. Stride 1 everywhere, so 1 + 2 times the sum of the dilations: 5, 7, 13, 15.
2. A unit has to see both dots, they reach over 6 pixels. So only the first must guess, because 5
is less than 6.
""",
    "predict-night": """\
1. The convolution gives a times as much, then mean and standard deviation are a times as large
too, and a cancels (if epsilon is small).
2. eval about 60 %, because the running mean is too large. train with 100 about 95 %, as before.
One image at a time 20 %, one image has no statistics.
""",
    "predict-labels": """\
1. 2 labels: pretrained 75, from scratch 20, mean color 25. 20 labels: 90, 60, 40. The pretrained
one is first, since 20 patches are not enough to learn filters.
2. Both about 10 points, because shapes stay.
""",
}
EXPLANATIONS = {
    "explain-dots": """\
1. 50, 100, 50, 100 %. The third one surprised me, its field is 13.
2. Dilations 2 and 4 only reach even distances: -6, -4, -2, 0, 2, 4, 6. The dots are 5 apart, so
no unit sees both. Every unit sees one dot or nothing, and the mean just adds up the two dots,
wherever they are. So all images give the same, the last column says 1.5e-08.
3. With zeros it can see how close to the border a dot is, that gave 64 %. Dilations 1 and 2 would
do, they reach 5. With 6 apart the dilations 2 and 4 work, since 6 is even.
""",
    "explain-night": """\
1. train with 100 stays at 96 % as I said. eval is at 29 % for 0.1. One at a time also has 96 %, I
was wrong.
2. Because a single image still has 14 times 14 numbers in every channel. sqrt(1e-5 / 0.032) =
0.018. Below this the first one no longer scales up to 1, but the second batch norm does it again.
3. For a to 0 only the part with the running mean is left, the same for all images, so one answer
and 10 %. For large a this part does not matter, and twice the logits is the same order. I would
run a few night images through it in train() and then use eval().
""",
    "explain-labels": """\
1. With 2 labels 61 and 60, I had 75 and 20.
2. In gray it falls from 60 to 35 and with 20 labels from 71 to 41, the pretrained one only by 5
and 7. The mean color alone has 37 %. So it mostly looks at colors, and here every photograph has
its own.
3. With 20 examples and 1,280 features one cannot know which features are good. With 200 one can.
The colors are learned after a few examples, more needs texture.
4. Not sure, the spread is 8 and 5 points and the difference 2. I would take more draws and gray
pictures, and more photographs.
""",
}
ANSWERS = PREDICTIONS | EXPLANATIONS
RIGHT = ARITHMETIC | FORWARD | REST

# Another right way: columns of windows, NumPy, double precision.
COLUMNS = RIGHT | {
    "conv2d-forward": """\
def conv2d_forward(x, weight, bias, stride, padding):
    columns = F.unfold(x.double(), weight.shape[2:], stride=stride, padding=padding)
    y = torch.matmul(weight.double().flatten(1), columns) + bias.double().unsqueeze(1)
    U = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
    return y.view(len(x), len(weight), U, -1)
""",
    "conv2d-backward": """\
def conv2d_backward(dy, x, weight, stride, padding):
    size, kernel = x.shape[2:], weight.shape[2:]
    columns = F.unfold(x.double(), kernel, stride=stride, padding=padding)
    flat = dy.double().flatten(2)
    dcolumns = torch.matmul(weight.double().flatten(1).T, flat)
    dx = F.fold(dcolumns, size, kernel, stride=stride, padding=padding)
    dweight = torch.matmul(flat, columns.transpose(1, 2)).sum(dim=0).view_as(weight)
    return dx, dweight, flat.sum(dim=(0, 2))
""",
    "max-pool-backward": """\
import numpy as np


def max_pool_backward(dy, x, kernel_size, stride):
    dx = np.zeros(x.shape)
    for b, c, u, v in np.ndindex(*dy.shape):
        window = x[b, c, stride * u :, stride * v :][:kernel_size, :kernel_size]
        i, j = np.unravel_index(int(window.argmax()), window.shape)
        dx[b, c, stride * u + i, stride * v + j] += float(dy[b, c, u, v])
    return torch.from_numpy(dx)
""",
}

# Classic mistakes.
OVERWRITTEN = {
    "conv2d-backward": REST["conv2d-backward"].replace(
        "dx[:, :, rows, columns] += torch", "dx[:, :, rows, columns] = torch"
    ),
    "max-pool-backward": REST["max-pool-backward"].replace(
        "            dx[:, :, rows, columns] += won * dy[:, :, u : u + 1, v : v + 1]\n",
        "            old = dx[:, :, rows, columns]\n"
        "            dx[:, :, rows, columns] = "
        "torch.where(won, dy[:, :, u : u + 1, v : v + 1], old)\n",
    ),
}
MODES = {
    "batch-norm": """\
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    mean = x.mean(dim=(0, 2, 3))
    var = x.var(dim=(0, 2, 3), unbiased=False)
    if training:
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var
    x_hat = (x - mean.view(1, -1, 1, 1)) / torch.sqrt(var.view(1, -1, 1, 1) + eps)
    y = gamma.view(1, -1, 1, 1) * x_hat + beta.view(1, -1, 1, 1)
    return y, running_mean, running_var
""",
}
FORBIDDEN = {
    "conv2d-forward": """\
def conv2d_forward(x, weight, bias, stride, padding):
    return F.conv2d(x, weight, bias, stride=stride, padding=padding)
""",
    "depthwise-backward": """\
def depthwise_backward(dy, x, weight, dilation):
    dx = torch.tensor([[[[0.0, 2.0, 0.0, 0.0]], [[0.0, 0.0, 2.0, 0.0]]]])
    dweight = torch.zeros(2, 3, 3)
    dweight[0, 1] = torch.tensor([0.0, 1.0, 2.0])
    dweight[1, 1] = torch.tensor([0.0, 1.0, 3.0])
    return dx, dweight
""",
}

STUDENTS = (
    Student(
        "s01-perfect",
        "everything right, the bonus, too, and all questions answered",
        "graded",
        70,
        by_hand=30,
        cells=RIGHT | BONUS | ANSWERS,
        weights="trained",
    ),
    Student(
        "s02-columns",
        "everything right in another style: columns of windows, NumPy, double precision; no bonus",
        "graded",
        70,
        by_hand=30,
        cells=COLUMNS | ANSWERS,
        weights="trained",
    ),
    Student(
        "s03-overwritten",
        "where windows overlap, gradients are overwritten; and the training was too short",
        "graded",
        55,
        by_hand=30,
        cells=RIGHT | ANSWERS | OVERWRITTEN,
        weights="short",
    ),
    Student(
        "s04-modes",
        "batch norm with the batch's own statistics in use, and a biased running variance",
        "graded",
        65,
        by_hand=30,
        cells=RIGHT | BONUS | ANSWERS | MODES,
        weights="trained",
    ),
    Student(
        "s05-forbidden",
        "conv2d by conv2d, and the visible answers copied; predictions without explanations",
        "graded",
        53,
        by_hand=10,
        cells=RIGHT | PREDICTIONS | FORBIDDEN,
        weights="trained",
    ),
    Student("s06-empty", "the assignment as it was released", "graded", 0),
    Student(
        "s07-late",
        "tasks 1 and 2, and a damaged file of weights, two hours late",
        "graded",
        15,
        cells=ARITHMETIC | FORWARD,
        weights="damaged",
        late=True,
    ),
)

# Channels and steps of training.
TRAININGS = {"trained": (16, 32, 400), "short": (8, 16, 120)}


def files(word: str) -> dict[str, bytes]:
    """The file of weights: "trained", "short" (for a short time) or "damaged"."""
    if word == "damaged":
        return {"a2-weights.pt": _weights("trained")[:10_000]}
    return {"a2-weights.pt": _weights(word)}


@cache
def _weights(word: str) -> bytes:
    """A file of weights, trained on the spot by torch's autograd, whatever the student wrote."""
    import torch
    import torch.nn.functional as F

    from course_utils import data

    C1, C2, steps = TRAININGS[word]
    digits = data.load("mnist-5k")
    generator = torch.Generator().manual_seed(0)
    shapes = {"W1": (C1, 1, 3, 3), "W2": (C2, C1, 3, 3), "W3": (10, C2, 7, 7)}
    parameters = {}
    for name, (out, inputs, kh, kw) in shapes.items():
        start = torch.randn(out, inputs, kh, kw, generator=generator)
        parameters[name] = start.mul_((2 / (inputs * kh * kw)) ** 0.5).requires_grad_()
        parameters[name.replace("W", "b")] = torch.zeros(out, requires_grad=True)
    W1, b1, W2, b2, W3, b3 = parameters.values()
    optimizer = torch.optim.Adam(parameters.values())
    for step in range(steps):
        rows = torch.randint(len(digits.x_train), (64,), generator=generator)
        moved = torch.randint(-1, 2, (2,), generator=generator).tolist()
        x = digits.x_train[rows].reshape(-1, 1, 28, 28).roll(moved, (2, 3))
        x = F.max_pool2d(F.conv2d(x, W1, b1, padding=1), 2).relu()
        x = F.max_pool2d(F.conv2d(x, W2, b2, padding=1), 2).relu()
        loss = F.cross_entropy(F.conv2d(x, W3, b3).flatten(1), digits.y_train[rows])
        optimizer.param_groups[0]["lr"] = 0.004 * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return saved(parameters)


CLASS = Class(
    assignment="a2-cnns",
    due="2026-10-30 23:59:00 UTC",
    auto_points=70,
    hand_points=30,
    students=STUDENTS,
    files=files,
)
