"""A made-up class that hands in A4: mistakes, accidents, late work."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from students import Class, Student, saved

STEPS = {"trained": (560, 100), "short": (160, 12)}  # of training: the GPT, the graph network

ATTENTION = """\
def attention(q, k, v, mask):
    scores = q @ k.transpose(1, 2) / q.shape[2] ** 0.5
    scores = scores.masked_fill(~mask, float("-inf"))
    scores = scores - scores.max(dim=2, keepdim=True)[0]
    e = torch.exp(scores)
    weights = e / e.sum(dim=2, keepdim=True)
    weights = torch.nan_to_num(weights)  # a row without keys is all nan
    return weights @ v
"""
BACKWARD = """\
def attention_backward(dy, q, k, v, mask):
    root = q.shape[2] ** 0.5
    e = torch.exp(q @ k.transpose(1, 2) / root) * mask
    a = e / e.sum(dim=2, keepdim=True)
    da = dy @ v.transpose(1, 2)
    ds = a * (da - (a * da).sum(dim=2, keepdim=True)) / root
    return ds @ k, ds.transpose(1, 2) @ q, a.transpose(1, 2) @ dy
"""
WINDOW = """\
def window_attention(q, k, v, w):
    outputs = []
    for i in range(q.shape[1]):
        start = max(0, i + 1 - w)
        scores = q[:, i : i + 1] @ k[:, start : i + 1].transpose(1, 2) / q.shape[2] ** 0.5
        outputs.append(torch.softmax(scores, dim=2) @ v[:, start : i + 1])
    return torch.cat(outputs, dim=1)
"""
CAUSAL = """\
def is_causal(f, T, D):
    x = torch.randn(T, D)
    for t in range(T - 1):
        changed = torch.cat([x[: t + 1], torch.randn(T - t - 1, D)])
        if (f(x) - f(changed))[: t + 1].abs().max() > 1e-4:
            return False
    return True
"""
EQUIVARIANT = """\
def is_permutation_equivariant(f, x, A):
    for trial in range(30):
        p = torch.randperm(len(x))
        if (f(x[p], A[p][:, p]) - f(x, A)[p]).abs().max() > 1e-4:
            return False
    return True
"""
SAGE = """\
def sage_forward(x, edge_index, W_self, W_neigh):
    source, target = edge_index
    sums = torch.zeros_like(x).index_add(0, target, x[source])
    degree = torch.bincount(target, minlength=len(x)).clamp(min=1)
    return x @ W_self.T + (sums / degree[:, None]) @ W_neigh.T


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    source, target = edge_index
    degree = torch.bincount(target, minlength=len(x)).clamp(min=1)[:, None]
    means = torch.zeros_like(x).index_add(0, target, x[source]) / degree
    back = torch.zeros_like(x).index_add(0, source, (dy @ W_neigh / degree)[target])
    return dy @ W_self + back, dy.T @ x, dy.T @ means
"""
REST = {
    "multi-head": """\
def multi_head_attention(x, W_in, b_in, W_out, b_out, H, mask):
    q, k, v = (x @ W_in.T + b_in).chunk(3, dim=2)
    heads = []
    for q_h, k_h, v_h in zip(q.chunk(H, 2), k.chunk(H, 2), v.chunk(H, 2)):
        scores = q_h @ k_h.transpose(1, 2) / q_h.shape[2] ** 0.5
        heads.append(torch.softmax(scores.masked_fill(~mask, float("-inf")), 2) @ v_h)
    return torch.cat(heads, dim=2) @ W_out.T + b_out
""",
    "make-mask": """\
def make_mask(lengths, T):
    place = torch.arange(T)
    not_later = place[None, None, :] <= place[None, :, None]
    not_padding = place[None, None, :] < lengths[:, None, None]
    return not_later & not_padding
""",
    "rotary": """\
def rotate(x, positions, base):
    half = x.shape[2] // 2
    omega = base ** (-torch.arange(half) / half)
    cos, sin = torch.cos(positions[:, None] * omega), torch.sin(positions[:, None] * omega)
    a, b = x[:, :, :half], x[:, :, half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=2)


def rotate_backward(dy, positions, base):
    return rotate(dy, -positions, base)
""",
    "train-gpt": """\
def train_gpt(text):
    model = new_gpt()
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(1000):
        optimizer.param_groups[0]["lr"] = 0.005 * min(step / 50, 1 - step / 1000)
        windows = text[torch.randint(len(text) - 33, (32, 1)) + torch.arange(33)]
        logits = model(windows[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, 27), windows[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.state_dict()
""",
    "train-graph": """\
def train_graph(x, edge_index, labels):
    sizes = {"W1_self": (64, 64), "W1_neigh": (64, 64), "W2_self": (10, 64), "W2_neigh": (10, 64)}
    w = {name: (torch.randn(size) / 8).requires_grad_() for name, size in sizes.items()}
    optimizer = torch.optim.Adam(w.values(), lr=0.01, weight_decay=0.005)
    for step in range(200):
        h = torch.relu(parts.sage(x, edge_index, w["W1_self"], w["W1_neigh"]))
        logits = parts.sage(h, edge_index, w["W2_self"], w["W2_neigh"])
        loss = F.cross_entropy(logits[labels >= 0], labels[labels >= 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return w
""",
}
PREDICTIONS = {
    "predict-window": """\
1. Every layer adds 7 tokens, so 16 layers reach 112 back.
2. It is like 16 dice with 0 to 7. The middle is the most probable, 56. For k = 0 all dice must be
0, (1/8)^16.
3. With the skip connection half the dice are 0, so the middle moves to 28. The third looks at 112
only.
""",
    "predict-order": """\
1. It can recognize the start sign, the other 15 all look alike: 2 of 16 right, 0.125.
2. Causal about 1, because each token sees another number of tokens. Without the start sign
something in between. With one letter 1/16, because the mean of equal things does not say how many
there are.
""",
    "predict-smooth": """\
1. After 4 rounds 0.9. After 128 rounds all are the same, so 0.1.
2. The spread shrinks by 1 - p, since p of the mean is the same for all. 0.7^n = 1e-7 gives n =
45.
""",
}
EXPLANATIONS = {
    "explain-window": """\
1. All as predicted: 56, 28, and 112.
2. One step has the mean 3.5 and the variance 5.25. 16 steps: 56 and sqrt(84) = 9.17, as in the
table. A sum of many independent steps is a bell.
3. To see itself it must stay 16 times. For 4096 and 32 layers with skip: mean 32 * 4095 / 4 =
32760, the variance of one step is 1.75 million, so the spread is 7480. 131K is 13 spreads away,
nothing comes from there.
4. It is an upper limit. Weights must be sharp in every layer to use it.
""",
    "explain-order": """\
1. 0.124, 1.0, 0.23, 0.06, close to what I said. The best loss is 15/16 ln 15 = 2.54, the table
has 2.540.
2. The weight of the start sign. It is c / (c + t). From t = 3, 0.611, c = 4.7, and for t = 15
that gives 0.239, the table has 0.238. The MLP makes a class of this number.
3. All v are the same and the weights sum to 1, so y = v for all t. Random letters: the mean gets
closer to the average letter.
4. The last ones. The difference of neighbors falls like 1 / t^2.
""",
    "explain-smooth": """\
1. 0.942 after 4 and still 0.936 after 128, I was wrong.
2. The graph has islands, one or two for each digit. Inside an island all become the same, but the
islands stay different. Random edges lead to all islands.
3. For 5 %: (0.0083 / 0.35)^(1/96) = 0.96. For 30 % 0.72. At 1e-8 only rounding is left, since
float32 has 7 digits.
4. Add a bit of the original x in each round, then the difference cannot get lost.
""",
}
ANSWERS = PREDICTIONS | EXPLANATIONS
RIGHT = REST | {
    "attention": ATTENTION,
    "attention-backward": BACKWARD,
    "window": WINDOW,
    "causal": CAUSAL,
    "equivariant": EQUIVARIANT,
    "sage": SAGE,
}

# Another right way: node by node and query by query, in double precision.
LOOPS = RIGHT | {
    "attention": """\
def attention(q, k, v, mask):
    q, k, v = q.double(), k.double(), v.double()
    y = torch.zeros(q.shape[0], q.shape[1], v.shape[2], dtype=torch.float64)
    for b in range(q.shape[0]):
        for i in range(q.shape[1]):
            seen = mask[b, i]
            if seen.any():
                scores = k[b, seen] @ q[b, i] / q.shape[2] ** 0.5
                e = torch.exp(scores - scores.max())
                y[b, i] = (e / e.sum()) @ v[b, seen]
    return y
""",
    "attention-backward": """\
def attention_backward(dy, q, k, v, mask):
    dy, q, k, v = dy.double(), q.double(), k.double(), v.double()
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for b in range(q.shape[0]):
        for i in range(q.shape[1]):
            e = torch.exp(k[b] @ q[b, i] / q.shape[2] ** 0.5) * mask[b, i]
            a = e / e.sum()
            da = v[b] @ dy[b, i]
            ds = a * (da - (a * da).sum()) / q.shape[2] ** 0.5
            dq[b, i] = ds @ k[b]
            dk[b] += torch.outer(ds, q[b, i])
            dv[b] += torch.outer(a, dy[b, i])
    return dq, dk, dv
""",
    "sage": """\
def sage_forward(x, edge_index, W_self, W_neigh):
    y = x.double() @ W_self.double().T
    for node in range(len(x)):
        senders = edge_index[0, edge_index[1] == node]
        if len(senders) > 0:
            y[node] += W_neigh.double() @ x[senders].double().mean(dim=0)
    return y


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    dy, x = dy.double(), x.double()
    dx, dW_neigh = dy @ W_self.double(), torch.zeros_like(W_neigh, dtype=torch.float64)
    for node in range(len(x)):
        senders = edge_index[0, edge_index[1] == node]
        for sender in senders.tolist():
            dx[sender] += dy[node] @ W_neigh.double() / len(senders)
            dW_neigh += torch.outer(dy[node], x[sender]) / len(senders)
    return dx, dy.T @ x, dW_neigh
""",
}

# Classic mistakes.
MASK_TOO_LATE = """\
def attention(q, k, v, mask):
    scores = q @ k.transpose(1, 2) / q.shape[2] ** 0.5
    e = torch.exp(scores - scores.max(dim=2, keepdim=True)[0])
    weights = e / e.sum(dim=2, keepdim=True)
    return (weights * mask) @ v
"""
WEIGHTS_FREE = BACKWARD.replace("(da - (a * da).sum(dim=2, keepdim=True))", "da")
SUM_NOT_MEAN = """\
def sage_forward(x, edge_index, W_self, W_neigh):
    source, target = edge_index
    sums = torch.zeros_like(x).index_add(0, target, x[source])
    return x @ W_self.T + sums @ W_neigh.T


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    source, target = edge_index
    sums = torch.zeros_like(x).index_add(0, target, x[source])
    back = torch.zeros_like(x).index_add(0, source, (dy @ W_neigh)[target])
    return dy @ W_self + back, dy.T @ x, dy.T @ sums
"""
TORCHS_OWN = """\
def attention(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, mask)
"""
ALL_SCORES = """\
def window_attention(q, k, v, w):
    T = q.shape[1]
    window = torch.ones(T, T, dtype=torch.bool).tril().triu(1 - w)
    scores = (q @ k.transpose(1, 2) / q.shape[2] ** 0.5).masked_fill(~window, float("-inf"))
    return torch.softmax(scores, dim=2) @ v
"""
SYNTAX_ERROR = """\
def rotate(x, positions, base)
    half = x.shape[2] // 2
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
        "s03-mask-too-late",
        "the mask comes after the softmax, whose gradient is wrong too; the training was too short",
        "graded",
        54,
        by_hand=10,
        cells=RIGHT
        | {"attention": MASK_TOO_LATE, "attention-backward": WEIGHTS_FREE}
        | PREDICTIONS,
        weights="short",
    ),
    Student(
        "s04-sum-not-mean",
        "the graph layer adds up where it should average, in both directions",
        "graded",
        61,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"sage": SUM_NOT_MEAN},
        weights="trained",
    ),
    Student(
        "s05-ready-made",
        "torch's attention for the first task, and all T × T scores for the window",
        "graded",
        58,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"attention": TORCHS_OWN, "window": ALL_SCORES},
        weights="trained",
    ),
    Student("s06-empty", "the assignment as it was released", "graded", 0),
    Student(
        "s07-late",
        "the two properties are tested for equality to the last digit; damaged files, and late",
        "graded",
        59,
        by_hand=30,
        cells=RIGHT
        | ANSWERS
        | {
            "causal": CAUSAL.replace("> 1e-4", "> 0"),
            "equivariant": EQUIVARIANT.replace("> 1e-4", "> 0"),
        },
        weights="damaged",
        late=True,
    ),
    Student(
        "s08-crash",
        "one cell is not Python, and one of the student's own raises",
        "graded",
        63,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"rotary": SYNTAX_ERROR},
        own_cell="print(text[2_000_000])",
        weights="trained",
    ),
)


def files(word: str) -> Mapping[str, bytes]:
    """The two files of weights; "damaged" ones broke off on the way."""
    if word == "damaged":
        return {name: content[:10_000] for name, content in files("trained").items()}
    gpt_steps, graph_steps = STEPS[word]
    return {"a4-gpt.pt": _gpt(gpt_steps), "a4-graph.pt": _graph(graph_steps)}


@cache
def _gpt(steps: int) -> bytes:
    """Trained on the spot, with torch's own attention, whatever the student wrote."""
    import re

    import torch
    import torch.nn.functional as F

    from course_utils import data
    from course_utils.models.gpt import GPT, GPTConfig

    letters = re.sub("[^a-z]+", " ", data.load("state-of-the-union").text.lower())
    codes = torch.frombuffer(bytearray(letters.encode()), dtype=torch.uint8).long()[:-70_000]
    text = torch.where(codes == ord(" "), 0, codes - ord("a") + 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPT(GPTConfig(27, block_size=32, n_layer=2, n_head=4, n_embd=48, dropout=0.0))
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), fused=True)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.012 * min((step + 1) / 30, 1 - step / steps)
        start = torch.randint(len(text) - 33, (24, 1), generator=generator)
        windows = text[start + torch.arange(33)]
        loss = F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return saved(model.state_dict())


@cache
def _graph(steps: int) -> bytes:
    """Trained on the spot; as all nodes have eight neighbors, a mean over a dimension will do."""
    import torch
    import torch.nn.functional as F

    from course_utils import data

    digits = data.load("digits")
    x, y = torch.cat([digits.x_train, digits.x_test]), torch.cat([digits.y_train, digits.y_test])
    nearest = torch.cdist(x, x).fill_diagonal_(torch.inf).topk(8, largest=False).indices
    known = torch.cat([(y == digit).nonzero()[:3, 0] for digit in range(10)])
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: (torch.randn(size, 64, generator=generator) / 8).requires_grad_()
        for name, size in {"W1_self": 64, "W1_neigh": 64, "W2_self": 10, "W2_neigh": 10}.items()
    }
    optimizer = torch.optim.Adam(weights.values(), lr=0.01, weight_decay=0.005)
    for _ in range(steps):
        h = (x @ weights["W1_self"].T + x[nearest].mean(1) @ weights["W1_neigh"].T).relu()
        logits = h[known] @ weights["W2_self"].T
        logits = logits + h[nearest[known]].mean(1) @ weights["W2_neigh"].T
        optimizer.zero_grad()
        F.cross_entropy(logits, y[known]).backward()
        optimizer.step()
    return saved(weights)


CLASS = Class(
    assignment="a4-transformers-gnns",
    due="2026-12-04 23:59:00 UTC",
    auto_points=70,
    hand_points=30,
    students=STUDENTS,
    files=files,
)
