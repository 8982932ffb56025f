"""A made-up class that hands in A3: mistakes, accidents, late work."""

from __future__ import annotations

from functools import cache

from students import Class, Student, saved

EPOCHS = {"trained": 8, "short": 1}  # of training

STEP = """\
def rnn_step(x, h, W_ih, W_hh, b):
    return torch.tanh(x @ W_ih.T + h @ W_hh.T + b)
"""
SEQUENCE = """\
def rnn_forward(x, h0, W_ih, W_hh, b):
    h = h0
    hs = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    return torch.stack(hs, dim=1)
"""
THROUGH_TIME = """\
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    B, T, M = x.shape
    dx = torch.zeros_like(x)
    dW_ih = torch.zeros_like(W_ih)
    dW_hh = torch.zeros_like(W_hh)
    db = torch.zeros(len(W_hh))
    dh_next = torch.zeros_like(h0)
    for t in range(T - 1, -1, -1):
        h_before = h0 if t == 0 else hs[:, t - 1]
        dz = (dhs[:, t] + dh_next) * (1 - hs[:, t] ** 2)
        dx[:, t] = dz @ W_ih
        dW_ih += dz.T @ x[:, t]
        dW_hh += dz.T @ h_before
        db += dz.sum(dim=0)
        dh_next = dz @ W_hh
    return dx, dh_next, dW_ih, dW_hh, db
"""
GATED = """\
def mgu_step(x, h, W_ih, W_hh, b):
    f = torch.sigmoid(x @ W_ih[0].T + h @ W_hh[0].T + b[0])
    n = torch.tanh(x @ W_ih[1].T + f * (h @ W_hh[1].T) + b[1])
    return (1 - f) * h + f * n
"""
GATED_BACKWARD = """\
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    f = torch.sigmoid(x @ W_ih[0].T + h @ W_hh[0].T + b[0])
    m = h @ W_hh[1].T
    n = torch.tanh(x @ W_ih[1].T + f * m + b[1])
    dn = dh_new * f
    dzn = dn * (1 - n**2)
    df = dh_new * n - dh_new * h + dzn * m
    dzf = df * f * (1 - f)
    dm = dzn * f
    dx = dzf @ W_ih[0] + dzn @ W_ih[1]
    dh = dh_new * (1 - f) + dzf @ W_hh[0] + dm @ W_hh[1]
    dW_ih = torch.stack((dzf.T @ x, dzn.T @ x))
    dW_hh = torch.stack((dzf.T @ h, dm.T @ h))
    db = torch.stack((dzf.sum(dim=0), dzn.sum(dim=0)))
    return dx, dh, dW_ih, dW_hh, db
"""
CLIP = """\
def clip_gradients(gradients, max_norm):
    total = 0
    for g in gradients:
        total = total + (g**2).sum()
    norm = total**0.5
    if norm > max_norm:
        gradients = [g * (max_norm / norm) for g in gradients]
    return gradients, norm
"""
LOSS = """\
def sequence_loss(logits, targets, lengths):
    logits = logits - logits.max(dim=2, keepdim=True)[0]
    log_p = logits - torch.log(torch.exp(logits).sum(dim=2, keepdim=True))
    right = torch.gather(log_p, 2, targets.unsqueeze(2)).squeeze(2)
    real = torch.arange(logits.shape[1]) < lengths.unsqueeze(1)
    return -right[real].mean()
"""
LOSS_BACKWARD = """\
def sequence_loss_backward(logits, targets, lengths):
    e = torch.exp(logits - logits.max(dim=2, keepdim=True)[0])
    p = e / e.sum(dim=2, keepdim=True)
    p.scatter_add_(2, targets.unsqueeze(2), -torch.ones_like(p[:, :, :1]))
    real = torch.arange(logits.shape[1]) < lengths.unsqueeze(1)
    return p * real.unsqueeze(2) / real.sum()
"""
NUCLEUS = """\
def nucleus(logits, temperature, top_p):
    p = torch.softmax(logits / temperature, dim=1)
    ordered, index = torch.sort(p, dim=1, descending=True)
    before = torch.cumsum(ordered, dim=1) - ordered
    ordered[before >= top_p] = 0
    kept = torch.zeros_like(p).scatter(1, index, ordered)
    return kept / kept.sum(dim=1, keepdim=True)
"""
TRAIN = """\
def train(inputs, targets, lengths):
    H = 64
    W_ih, W_hh = torch.randn(2, H, 27) * 0.1, torch.randn(2, H, H) * 0.1
    parameters = [W_ih, W_hh, torch.zeros(2, H), torch.randn(27, H) * 0.1, torch.zeros(27)]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for step in range(800):
        W_ih, W_hh, b, W_out, b_out = parameters
        rows = torch.randint(len(inputs), (64,))
        x = torch.eye(27)[inputs[rows]]
        hs = [torch.zeros(64, H)]
        for t in range(x.shape[1]):
            hs.append(parts.mgu_step(x[:, t], hs[-1], W_ih, W_hh, b))
        states = torch.stack(hs[1:], dim=1)
        logits = states @ W_out.T + b_out
        dlogits = parts.sequence_loss_backward(logits, targets[rows], lengths[rows])
        dhs = dlogits @ W_out
        dh = torch.zeros(64, H)
        dW_ih, dW_hh, db = 0, 0, 0
        for t in reversed(range(x.shape[1])):
            dx, dh, a, c, d = parts.mgu_step_backward(
                dhs[:, t] + dh, x[:, t], hs[t], W_ih, W_hh, b
            )
            dW_ih, dW_hh, db = dW_ih + a, dW_hh + c, db + d
        dW_out = dlogits.flatten(0, 1).T @ states.flatten(0, 1)
        gradients = [dW_ih, dW_hh, db, dW_out, dlogits.sum(dim=(0, 1))]
        gradients, norm = parts.clip_gradients(gradients, 1.0)
        for p, g in zip(parameters, gradients):
            p.grad = g
        optimizer.step()
    return dict(zip(["W_ih", "W_hh", "b", "W_out", "b_out"], parameters))
"""
RIGHT = {
    "rnn-step": STEP,
    "rnn-forward": SEQUENCE,
    "rnn-backward": THROUGH_TIME,
    "mgu-step": GATED,
    "mgu-step-backward": GATED_BACKWARD,
    "clip-gradients": CLIP,
    "sequence-loss": LOSS,
    "sequence-loss-backward": LOSS_BACKWARD,
    "nucleus": NUCLEUS,
    "train": TRAIN,
}
PREDICTIONS = {
    "predict-reach": """\
1. At h0 it is (1-f)^40. At x1 it is f (1-f)^39. Setting the derivative to 0 gives f = 1/40, so
the bias is ln(1/39) = -3.66.
2. Best bias first, then bias 0, then the plain network, because plain networks lose gradients.
""",
    "predict-clip": """\
1. Rate times threshold: 4, 1, 1, 1.
2. Run 2 probably explodes. 4, 5 and 6 are the same because the step always has length 1. Run 3 is
clipped, so it should be fine.
""",
    "predict-samples": """\
1. The perfect one hits new names as often as known ones, per name, so 9 % * 500/4663 = 1 %. By
heart 0. The number: (new share / 500) / (known share / 4663).
2. Colder means more known names and a smaller number. I think the network at 0.5 has most real
names.
""",
}
EXPLANATIONS = {
    "explain-reach": """\
1. The maximum is at -3.66 with 1.9e-3 as computed. But the plain network has 1.7e-3 and bias 0 only
2e-7, so my order was wrong.
2. It keeps h0 and cannot write anything, because the same f does both. In an LSTM that is the
forget gate and the input gate.
3. h U = lambda h, so h' = (1-f) h + f f lambda h. At most 1 - f + f^2, smallest at f = 1/2 where it
is 3/4. 0.75^40 = 1e-5. Measured is 2e-6 because other eigenvalues are not 1.
4. About -1.8, since f should be 1/7 for six letters and the end.
""",
    "explain-clip": """\
1. Run 2 went up to 63, run 3 ended at 4.3, the others at 2.21. I was wrong about run 3.
2. The clipped step is rate * threshold * g / |g|. 4 * 0.25 = 10 * 0.1, and all steps were clipped.
With 100 g the 100 cancels.
3. It prevented losses like 63, but a step of length 4 is too long for this network, 1 is not.
4. The median norm, 50 instead of 0.5. I would log the norm. Without clipping it would explode.
""",
    "explain-samples": """\
1. At temperature 1 it is 13 % known and 1.1 % new, at 0.5 it is 45 % and 2 %. The table of five
letters surprised me: 94 % known.
2. Because the split was by chance, known and new names are equally likely for somebody who does not
remember. 30 of 10,000 are new at 1.5, so it is only sure to 20 %.
3. It copies its list. I would ask how many of the outputs were in the training data.
4. Cold makes likely names more likely, and the ones it has seen are a bit more likely. I would take
1 and throw away everything that exists.
""",
}
ANSWERS = PREDICTIONS | EXPLANATIONS

# Another right way: name by name, unit by unit where it is bearable, and in double precision.
LOOPS = RIGHT | {
    "rnn-step": """\
def rnn_step(x, h, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = x.double(), h.double(), W_ih.double(), W_hh.double(), b.double()
    columns = []
    for j in range(len(b)):
        columns.append(torch.tanh((x * W_ih[j]).sum(dim=1) + (h * W_hh[j]).sum(dim=1) + b[j]))
    return torch.stack(columns, dim=1)
""",
    "rnn-backward": """\
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    dhs, x, h0, hs = dhs.double(), x.double(), h0.double(), hs.double()
    W_ih, W_hh = W_ih.double(), W_hh.double()
    dx, dh0 = torch.zeros_like(x), torch.zeros_like(h0)
    dW_ih, dW_hh, db = torch.zeros_like(W_ih), torch.zeros_like(W_hh), torch.zeros_like(W_hh[0])
    for i in range(len(x)):
        for t in reversed(range(x.shape[1])):
            dz = (dhs[i, t] + dh0[i]) * (1 - hs[i, t] ** 2)
            dx[i, t] = W_ih.T @ dz
            dW_ih += torch.outer(dz, x[i, t])
            dW_hh += torch.outer(dz, hs[i, t - 1] if t > 0 else h0[i])
            db += dz
            dh0[i] = W_hh.T @ dz
    return dx, dh0, dW_ih, dW_hh, db
""",
    "sequence-loss": """\
def sequence_loss(logits, targets, lengths):
    total = 0.0
    for rows, labels, length in zip(logits.double(), targets, lengths):
        for row, label in zip(rows[:length], labels[:length]):
            largest = row.max()
            total += torch.log(torch.exp(row - largest).sum()) - (row[label] - largest)
    return total / lengths.sum()
""",
    "sequence-loss-backward": """\
def sequence_loss_backward(logits, targets, lengths):
    gradient = torch.zeros_like(logits, dtype=torch.float64)
    for i, length in enumerate(lengths):
        for t in range(length):
            e = torch.exp(logits[i, t].double() - logits[i, t].max())
            gradient[i, t] = e / e.sum()
            gradient[i, t, targets[i, t]] -= 1
    return gradient / lengths.sum()
""",
}

# Classic mistakes.
DETACHED = THROUGH_TIME.replace("(dhs[:, t] + dh_next)", "dhs[:, t]")
PADDING_COUNTS = LOSS.replace("-right[real].mean()", "-right.mean()")
PADDING_LEARNS = LOSS_BACKWARD.replace("p * real.unsqueeze(2) / real.sum()", "p / targets.numel()")
READY_MADE = """\
def mgu_step(x, h, W_ih, W_hh, b):
    cell = torch.nn.GRUCell(x.shape[1], h.shape[1])
    cell.weight_ih.data = torch.cat([W_ih[0], -W_ih[0], W_ih[1]])
    cell.weight_hh.data = torch.cat([W_hh[0], -W_hh[0], W_hh[1]])
    cell.bias_ih.data = torch.cat([b[0], -b[0], b[1]])
    cell.bias_hh.data.zero_()
    return cell(x, h)
"""
BY_AUTOGRAD = """\
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    inputs = [t.requires_grad_() for t in (x, h, W_ih, W_hh, b)]
    return torch.autograd.grad(mgu_step(*inputs), inputs, dh_new)
"""
EACH_BY_ITSELF = """\
def clip_gradients(gradients, max_norm):
    clipped = []
    for g in gradients:
        norm = g.norm()
        clipped.append(g * max_norm / norm if norm > max_norm else g)
    return clipped, sum((g**2).sum() for g in gradients) ** 0.5
"""
ONE_TOO_FEW = NUCLEUS.replace(
    "before = torch.cumsum(ordered, dim=1) - ordered",
    "before = torch.cumsum(ordered, dim=1)\n    before[:, 0] = 0",
).replace("before >= top_p", "(before > top_p) & (top_p < 1)")
COPIED = """\
def rnn_step(x, h, W_ih, W_hh, b):
    return torch.tensor([[0.6, 0.8]])  # what the test wants
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
        "s03-detached",
        "no gradient from one step to the one before, and the training was too short",
        "graded",
        51,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"rnn-backward": DETACHED},
        weights="short",
    ),
    Student(
        "s04-padding",
        "padding counts in the loss and in its gradient",
        "graded",
        63,
        by_hand=30,
        cells=RIGHT
        | ANSWERS
        | {"sequence-loss": PADDING_COUNTS, "sequence-loss-backward": PADDING_LEARNS},
        weights="trained",
    ),
    Student(
        "s05-ready-made",
        "torch's GRU and autograd do task 3; a damaged file of weights; no explanations",
        "graded",
        43,
        by_hand=10,
        cells=RIGHT | PREDICTIONS | {"mgu-step": READY_MADE, "mgu-step-backward": BY_AUTOGRAD},
        weights="damaged",
    ),
    Student("s06-empty", "the assignment as it was released", "graded", 0),
    Student(
        "s07-own-cell",
        "clips each gradient by itself, a nucleus one too small; an own cell raises",
        "graded",
        62,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"clip-gradients": EACH_BY_ITSELF, "nucleus": ONE_TOO_FEW},
        own_cell="print(new[500])",
        weights="trained",
    ),
    Student(
        "s08-late",
        "only task 1, the answer of its first test copied, and two hours late",
        "graded",
        4,
        cells={"rnn-step": COPIED, "rnn-forward": SEQUENCE},
        late=True,
    ),
)


def files(word: str) -> dict[str, bytes]:
    """The file of weights: "trained", "short" (for a short time) or "damaged"."""
    if word == "damaged":
        return {"a3-weights.pt": _weights(epochs=EPOCHS["trained"])[:10_000]}
    return {"a3-weights.pt": _weights(epochs=EPOCHS[word])}


@cache
def _weights(epochs: int) -> bytes:
    """A file of weights, trained on the spot by torch's autograd, whatever the student wrote."""
    import torch
    import torch.nn.functional as F
    from torch.func import functional_call
    from torch.nn.utils.rnn import pad_sequence

    from course_utils import data

    names = data.load("census-names").strings
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(names), generator=generator)[:-500].tolist()
    rows = [torch.tensor([0, *(ord(c) - ord("a") + 1 for c in names[i]), 0]) for i in order]
    table = pad_sequence(rows, batch_first=True, padding_value=-100)

    H = 96
    shapes = {"W_ih": (2, H, 27), "W_hh": (2, H, H), "b": (2, H), "W_out": (27, H), "b_out": (27,)}
    parameters = {
        name: (0.1 * torch.randn(shape, generator=generator)).requires_grad_()
        for name, shape in shapes.items()
    }
    gru = torch.nn.GRU(27, H, batch_first=True)
    optimizer = torch.optim.Adam(parameters.values(), lr=0.015)
    steps = epochs * -(-len(table) // 64)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=steps)
    for _ in range(epochs):
        for batch in table[torch.randperm(len(table), generator=generator)].split(64):
            W_ih, W_hh, b, W_out, b_out = parameters.values()
            # A minimal gated unit is a GRU whose two gates are one.
            tied = [torch.cat([w[0], -w[0], w[1]]) for w in (W_ih, W_hh, b)]
            tied.append(torch.zeros_like(tied[-1]))
            x = F.one_hot(batch[:, :-1].clamp(min=0), 27).float()
            weights = dict(zip(gru.state_dict(), tied, strict=True))
            states, _ = functional_call(gru, weights, x)
            loss = F.cross_entropy(F.linear(states, W_out, b_out).mT, batch[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            optimizer.step()
            schedule.step()
    return saved(parameters)


CLASS = Class(
    assignment="a3-rnns",
    due="2026-11-13 23:59:00 UTC",
    auto_points=70,
    hand_points=30,
    students=STUDENTS,
    files=files,
)
