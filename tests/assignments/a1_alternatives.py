"""Right solutions of A1 in other styles. Every test must accept all of them.

A style gives the cells that it writes differently; the others are the solution's own.
"""

from __future__ import annotations

LOOPS = {
    "linear-forward": """
def linear_forward(x, W, b):
    y = torch.empty(x.shape[0], W.shape[0])
    for i in range(x.shape[0]):
        for n in range(W.shape[0]):
            total = float(b[n])
            for m in range(x.shape[1]):
                total += float(W[n, m]) * float(x[i, m])
            y[i, n] = total
    return y
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    dx, dW, db = torch.zeros_like(x), torch.zeros_like(W), torch.zeros(W.shape[0])
    for i in range(x.shape[0]):
        for n in range(W.shape[0]):
            dx[i] += dy[i, n] * W[n]
            dW[n] += dy[i, n] * x[i]
            db[n] += dy[i, n]
    return dx, dW, db
""",
    "relu": """
def relu_forward(z):
    return torch.tensor([[max(value, 0.0) for value in row] for row in z.tolist()])


def relu_backward(dy, z):
    dz = dy.clone()
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            if z[i, j] <= 0:
                dz[i, j] = 0
    return dz
""",
    "cross-entropy": """
import math


def cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist()):
        largest = max(row)
        total += largest + math.log(sum(math.exp(s - largest) for s in row)) - row[label]
    return total / len(labels)
""",
    "cross-entropy-backward": """
def cross_entropy_backward(logits, labels):
    rows = []
    for row, label in zip(logits.tolist(), labels.tolist()):
        e = [math.exp(s - max(row)) for s in row]
        rows.append([(e[k] / sum(e) - (k == label)) / len(labels) for k in range(len(row))])
    return torch.tensor(rows)
""",
    "numerical-gradient": """
def numerical_gradient(f, x, h):
    gradient = torch.zeros_like(x)
    flat, out = x.view(-1), gradient.view(-1)
    for i in range(x.numel()):
        before = flat[i].item()
        flat[i] = before + h
        up = f(x)
        flat[i] = before - h
        down = f(x)
        flat[i] = before
        out[i] = (up - down) / (2 * h)
    return gradient
""",
    "gradients-agree": """
def gradients_agree(gradient, numerical):
    if gradient.shape != numerical.shape:
        return False
    a, n = gradient.flatten().tolist(), numerical.flatten().tolist()
    scale = max(abs(value) for value in a + n)
    for one, other in zip(a, n):
        if not abs(one - other) <= 1e-5 * scale:
            return False
    return True
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    y = torch.full((len(x), W.shape[1]), -torch.inf)
    for p in range(len(W)):
        for i in range(len(x)):
            for n in range(W.shape[1]):
                y[i, n] = max(y[i, n], (W[p, n] * x[i]).sum() + b[p, n])
    return y
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    dx, dW, db = torch.zeros_like(x), torch.zeros_like(W), torch.zeros_like(b)
    for i in range(len(x)):
        for n in range(W.shape[1]):
            p = int((W[:, n] @ x[i] + b[:, n]).argmax())
            dx[i] += dy[i, n] * W[p, n]
            dW[p, n] += dy[i, n] * x[i]
            db[p, n] += dy[i, n]
    return dx, dW, db
""",
    "smooth-cross-entropy": """
def smooth_cross_entropy(logits, labels, epsilon):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist()):
        log_sum = max(row) + math.log(sum(math.exp(s - max(row)) for s in row))
        for k, s in enumerate(row):
            total += ((1 - epsilon) * (k == label) + epsilon / len(row)) * (log_sum - s)
    return total / len(labels)
""",
    "smooth-cross-entropy-backward": """
def smooth_cross_entropy_backward(logits, labels, epsilon):
    d = torch.zeros_like(logits)
    B, K = logits.shape
    for i in range(B):
        e = torch.exp(logits[i] - logits[i].max())
        for k in range(K):
            q = epsilon / K + (1 - epsilon if k == labels[i] else 0)
            d[i, k] = (e[k] / e.sum() - q) / B
    return d
""",
    "sine-forward": """
def sine_forward(z, omega):
    w = omega.tolist()
    return torch.tensor([[math.sin(w[d] * v) / w[d] for d, v in enumerate(r)] for r in z.tolist()])
""",
    "sine-backward": """
def sine_backward(dy, z, omega):
    dz, domega = torch.zeros_like(z), torch.zeros_like(omega)
    for i in range(len(z)):
        for d in range(len(omega)):
            w, v, g = float(omega[d]), float(z[i, d]), float(dy[i, d])
            dz[i, d] = g * math.cos(w * v)
            domega[d] += g * (v * math.cos(w * v) * w - math.sin(w * v)) / w**2
    return dz, domega
""",
    "sgd-step": """
def sgd_step(parameters, gradients, velocities, learning_rate, momentum, weight_decay):
    for i in range(len(parameters)):
        velocities[i] = momentum * velocities[i] + gradients[i] + weight_decay * parameters[i]
        parameters[i] = parameters[i] - learning_rate * velocities[i]
    return parameters, velocities
""",
}

EINSUM = {
    "linear-forward": """
def linear_forward(x, W, b):
    return torch.einsum("bm,nm->bn", x, W) + b
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    return (
        torch.einsum("bn,nm->bm", dy, W),
        torch.einsum("bn,bm->nm", dy, x),
        torch.einsum("bn->n", dy),
    )
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    return (torch.einsum("bm,pnm->pbn", x, W) + b[:, None]).max(0)[0]
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    winner = (torch.einsum("bm,pnm->bnp", x, W) + b.T).argmax(2)
    won = torch.nn.functional.one_hot(winner, len(W)).to(dy.dtype)
    return (
        torch.einsum("bn,bnp,pnm->bm", dy, won, W),
        torch.einsum("bn,bnp,bm->pnm", dy, won, x),
        torch.einsum("bn,bnp->pn", dy, won),
    )
""",
    "cross-entropy": """
def cross_entropy(logits, labels):
    s = logits - logits.amax(1, keepdim=True)
    t = torch.nn.functional.one_hot(labels, logits.shape[1]).to(s.dtype)
    return (s.exp().sum(1).log() - torch.einsum("bk,bk->b", s, t)).mean()
""",
    "sine-backward": """
def sine_backward(dy, z, omega):
    a = z * omega
    dz = torch.einsum("bd,bd->bd", dy, a.cos())
    return dz, torch.einsum("bd,bd,d->d", dy, a * a.cos() - a.sin(), omega**-2)
""",
}

NUMPY = {
    "linear-forward": """
import numpy as np


def linear_forward(x, W, b):
    return torch.from_numpy(x.numpy() @ W.numpy().T + b.numpy())
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    dy, x, W = dy.numpy(), x.numpy(), W.numpy()
    return tuple(torch.from_numpy(g) for g in (dy @ W, dy.T @ x, dy.sum(axis=0)))
""",
    "relu": """
def relu_forward(z):
    return torch.from_numpy(np.maximum(z.numpy(), 0))


def relu_backward(dy, z):
    return torch.from_numpy(np.where(z.numpy() > 0, dy.numpy(), 0))
""",
    "cross-entropy": """
def cross_entropy(logits, labels):
    s = logits.numpy().astype(np.float64)
    s = s - s.max(axis=1, keepdims=True)
    log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(s)), labels.numpy()].mean())
""",
    "cross-entropy-backward": """
def cross_entropy_backward(logits, labels):
    s = logits.numpy()
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return torch.from_numpy((p - np.eye(s.shape[1], dtype=p.dtype)[labels.numpy()]) / len(s))
""",
    "numerical-gradient": """
def numerical_gradient(f, x, h):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        up, down = x.clone(), x.clone()
        up[index] += h
        down[index] -= h
        gradient[index] = (f(up) - f(down)) / (2 * h)
    return torch.from_numpy(gradient)
""",
    "gradients-agree": """
def gradients_agree(gradient, numerical):
    a, n = gradient.numpy(), numerical.numpy()
    if a.shape != n.shape or np.isnan(a).any() or np.isnan(n).any():
        return False
    return bool(np.abs(a - n).max() <= 1e-5 * max(np.abs(a).max(), np.abs(n).max()))
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    z = np.tensordot(x.numpy(), W.numpy(), axes=([1], [2])) + b.numpy()
    return torch.from_numpy(z.max(axis=1))
""",
    "smooth-cross-entropy-backward": """
def smooth_cross_entropy_backward(logits, labels, epsilon):
    s = logits.numpy().astype(np.float64)
    B, K = s.shape
    e = np.exp(s - s.max(1, keepdims=True))
    q = np.full((B, K), epsilon / K)
    q[np.arange(B), labels.numpy()] += 1 - epsilon
    return torch.from_numpy((e / e.sum(1, keepdims=True) - q) / B)
""",
    "sine-forward": """
def sine_forward(z, omega):
    z, omega = z.numpy(), omega.numpy()
    return torch.from_numpy(z * np.sinc(omega * z / np.pi)).float()
""",
}

DOUBLE = {
    "linear-forward": """
def linear_forward(x, W, b):
    return (W.double() @ x.double().T).T + b.double()
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    dy, x, W = dy.double(), x.double(), W.double()
    return [dy.matmul(W), dy.T.matmul(x), dy.T @ torch.ones(len(dy), dtype=torch.float64)]
""",
    "relu": """
def relu_forward(z):
    return (z.double() + z.double().abs()) / 2


def relu_backward(dy, z):
    return dy.double() * (torch.sign(z.double()) + 1).floor().clamp(max=2).div(2).floor()
""",
    "cross-entropy": """
def cross_entropy(logits, labels):
    s = logits.double()
    m = s.amax(1)
    return (m + (s - m[:, None]).exp().sum(1).log() - s[range(len(s)), labels]).mean().item()
""",
    "cross-entropy-backward": """
def cross_entropy_backward(logits, labels):
    s = logits.double()
    p = 1 / (s[:, None, :] - s[:, :, None]).exp().sum(2)
    return (p - torch.eye(s.shape[1], dtype=torch.float64)[labels]) / len(s)
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    dy, x, W, b = dy.double(), x.double(), W.double(), b.double()
    z = torch.stack([x @ W[p].T + b[p] for p in range(len(W))])
    winner = z.argmax(0)
    dx, dW, db = 0, [], []
    for p in range(len(W)):
        dz = dy * (winner == p)
        dx = dx + dz @ W[p]
        dW.append(dz.T @ x)
        db.append(dz.sum(0))
    return dx, torch.stack(dW), torch.stack(db)
""",
    "sine-backward": """
def sine_backward(dy, z, omega):
    dy, z, w = dy.double(), z.double(), omega.double()
    y = torch.sin(w * z) / w
    return dy * torch.cos(w * z), torch.sum(dy * (z * torch.cos(w * z) - y) / w, dim=0)
""",
}

INDEXED = {
    "relu": """
def relu_forward(z):
    z[z < 0] = 0
    return z


def relu_backward(dy, z):
    dy[z <= 0] = 0
    return dy
""",
    "cross-entropy": """
def cross_entropy(logits, labels):
    logits -= logits.max(dim=1, keepdim=True)[0]
    chosen = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    return torch.mean(torch.log(torch.sum(torch.exp(logits), dim=1)) - chosen)
""",
    "cross-entropy-backward": """
def cross_entropy_backward(logits, labels):
    d = (logits - logits.amax(1, keepdim=True)).exp_()
    d /= d.sum(1, keepdim=True)
    d.scatter_add_(1, labels[:, None], -torch.ones(len(labels), 1))
    return d.div_(len(labels))
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    P, N, M = W.shape
    z = x @ W.reshape(P * N, M).T + b.reshape(-1)
    return z.reshape(-1, P, N).max(dim=1).values
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    P, N, M = W.shape
    z = (x @ W.view(-1, M).T + b.view(-1)).view(-1, P, N)
    dz = torch.zeros_like(z).scatter_(1, z.argmax(1, keepdim=True), dy.unsqueeze(1))
    flat = dz.view(-1, P * N)
    return flat @ W.view(-1, M), (flat.T @ x).view(P, N, M), flat.sum(0).view(P, N)
""",
    "smooth-cross-entropy": """
def smooth_cross_entropy(logits, labels, epsilon):
    s = logits - logits.max(1, keepdim=True)[0]
    log_p = s - s.exp().sum(1, keepdim=True).log()
    right = log_p.gather(1, labels[:, None]).mean()
    return -((1 - epsilon) * right + epsilon * log_p.mean())
""",
    "smooth-cross-entropy-backward": """
def smooth_cross_entropy_backward(logits, labels, epsilon):
    B, K = logits.shape
    d = (logits - logits.max(1, keepdim=True)[0]).exp()
    d = d / d.sum(1, keepdim=True) - epsilon / K
    d[range(B), labels] -= 1 - epsilon
    return d / B
""",
    "sgd-step": """
def sgd_step(parameters, gradients, velocities, learning_rate, momentum, weight_decay):
    with torch.no_grad():
        for p, g, v in zip(parameters, gradients, velocities):
            v.mul_(momentum).add_(g).add_(p, alpha=weight_decay)
            p.sub_(v, alpha=learning_rate)
    return parameters, velocities
""",
}

BROADCAST = {
    "linear-forward": """
def linear_forward(x, W, b):
    return (x[:, None, :] * W[None]).sum(-1) + b[None]
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    dx = (dy[:, :, None] * W).sum(1)
    dW = (dy[:, :, None] * x[:, None, :]).sum(0)
    return dx, dW, torch.ones(1, len(dy)).mm(dy).squeeze(0)
""",
    "relu": """
def relu_forward(z):
    return torch.maximum(z, torch.zeros_like(z))


def relu_backward(dy, z):
    return torch.where(z > 0, dy, torch.zeros(()))
""",
    "numerical-gradient": """
def numerical_gradient(f, x, h):
    steps = h * torch.eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape)
    values = [(f(x + step) - f(x - step)) / (2 * h) for step in steps]
    return torch.tensor(values, dtype=x.dtype).reshape(x.shape)
""",
    "gradients-agree": """
def gradients_agree(gradient, numerical):
    if tuple(gradient.shape) != tuple(numerical.shape):
        return False
    difference = (gradient - numerical).norm()
    return bool(difference <= 1e-5 * torch.maximum(gradient.norm(), numerical.norm()))
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    return (x[:, None, None, :] * W[None]).sum(-1).add(b).max(dim=1).values
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    z = torch.matmul(W, x.T).permute(2, 0, 1) + b
    dz = torch.where(z == z.max(dim=1, keepdim=True).values, dy[:, None], 0.0)
    dx = (dz[..., None] * W).sum((1, 2))
    dW = (dz[..., None] * x[:, None, None]).sum(0)
    return dx, dW, dz.sum(dim=0)
""",
    "sine-forward": """
def sine_forward(z, omega):
    return torch.sin(z * omega[None, :]) * omega.reciprocal()
""",
}

BATCHED = {
    "linear-forward": """
def linear_forward(x, W, b):
    return torch.addmm(b, x, W.t())
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    return torch.mm(dy, W), torch.mm(x.t(), dy).t(), torch.sum(dy, dim=0)
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    z = torch.baddbmm(b[:, None], x.expand(len(W), *x.shape), W.transpose(1, 2))
    return z.max(0).values
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    xs = x.expand(len(W), *x.shape)
    z = torch.baddbmm(b[:, None], xs, W.transpose(1, 2))
    dz = (z == z.max(0).values) * dy
    return torch.bmm(dz, W).sum(0), torch.bmm(dz.transpose(1, 2), xs), dz.sum(1)
""",
    "smooth-cross-entropy": """
def smooth_cross_entropy(logits, labels, epsilon):
    # the loss is linear in the targets: a mixture of the plain loss and that of uniform ones
    K = logits.shape[1]
    return (1 - epsilon) * cross_entropy(logits, labels) + epsilon / K * sum(
        cross_entropy(logits, torch.full_like(labels, k)) for k in range(K)
    )
""",
    "smooth-cross-entropy-backward": """
def smooth_cross_entropy_backward(logits, labels, epsilon):
    K = logits.shape[1]
    return (1 - epsilon) * cross_entropy_backward(logits, labels) + epsilon / K * sum(
        cross_entropy_backward(logits, torch.full_like(labels, k)) for k in range(K)
    )
""",
}

COMPREHENSIONS = {
    "linear-forward": """
def linear_forward(x, W, b):
    return torch.stack([W @ row + b for row in x])
""",
    "linear-backward": """
def linear_backward(dy, x, W):
    pairs = list(zip(dy, x))
    dx = torch.stack([W.T @ d for d in dy])
    dW = sum(torch.outer(d, row) for d, row in pairs)
    return dx, dW, sum(dy)
""",
    "cross-entropy": """
def cross_entropy(logits, labels):
    rows = [row - max(row) for row in logits]
    losses = [torch.log(sum(torch.exp(row))) - row[t] for row, t in zip(rows, labels)]
    return sum(losses) / len(losses)
""",
    "cross-entropy-backward": """
def cross_entropy_backward(logits, labels):
    def one(row, label):
        p = (row - row.max()).exp()
        p = p / p.sum()
        p[label] -= 1
        return p

    return torch.stack([one(row, t) for row, t in zip(logits, labels)]) / len(logits)
""",
    "gradients-agree": """
def gradients_agree(gradient, numerical):
    if gradient.shape != numerical.shape or (gradient + numerical).isnan().any():
        return False
    scale = torch.max(torch.stack([gradient.abs().max(), numerical.abs().max()])).item()
    return torch.allclose(gradient, numerical, rtol=0, atol=1e-5 * scale)
""",
    "maxout-forward": """
def maxout_forward(x, W, b):
    pieces = [linear_forward(x, weight, bias) for weight, bias in zip(W, b)]
    y = pieces[0]
    for piece in pieces[1:]:
        y = torch.where(piece > y, piece, y)
    return y
""",
    "maxout-backward": """
def maxout_backward(dy, x, W, b):
    y = maxout_forward(x, W, b)
    parts = [
        linear_backward(dy * (linear_forward(x, weight, bias) == y), x, weight)
        for weight, bias in zip(W, b)
    ]
    dx, dW, db = zip(*parts)
    return sum(dx), torch.stack(dW), torch.stack(db)
""",
    "sgd-step": """
def sgd_step(parameters, gradients, velocities, learning_rate, momentum, weight_decay):
    triples = zip(parameters, gradients, velocities)
    velocities = tuple(momentum * v + (g + weight_decay * p) for p, g, v in triples)
    return tuple(p - learning_rate * v for p, v in zip(parameters, velocities)), velocities
""",
}

ALTERNATIVES: dict[str, dict[str, str]] = {
    "loops, number by number": LOOPS,
    "einsum": EINSUM,
    "NumPy": NUMPY,
    "double precision": DOUBLE,
    "in place, by index": INDEXED,
    "broadcast and sum": BROADCAST,
    "batched matrix products": BATCHED,
    "comprehensions, earlier functions": COMPREHENSIONS,
    "einsum, then loops": LOOPS | EINSUM,
    "in place, then double precision": INDEXED | DOUBLE,
}
