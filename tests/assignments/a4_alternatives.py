"""Right solutions of A4 in other styles. Every test must accept all of them.

A style gives the cells that it writes differently; the others are the solution's own.
"""

from __future__ import annotations

LOOPS = {
    "attention": """
def attention(q, k, v, mask):
    y = torch.zeros(len(q), q.shape[1], v.shape[2])
    for b in range(len(q)):
        for i in range(q.shape[1]):
            seen = [j for j in range(k.shape[1]) if mask[b, i, j]]
            scores = [float(q[b, i] @ k[b, j]) / math.sqrt(q.shape[2]) for j in seen]
            e = [math.exp(s - max(scores)) for s in scores]
            for j, weight in zip(seen, e):
                y[b, i] += weight / sum(e) * v[b, j]
    return y
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    root = math.sqrt(q.shape[2])
    for b in range(len(q)):
        for i in range(q.shape[1]):
            seen = [j for j in range(k.shape[1]) if mask[b, i, j]]
            e = [math.exp(float(q[b, i] @ k[b, j]) / root) for j in seen]
            a = {j: weight / sum(e) for j, weight in zip(seen, e)}
            da = {j: float(dy[b, i] @ v[b, j]) for j in seen}
            mean = sum(a[j] * da[j] for j in seen)
            for j in seen:
                ds = a[j] * (da[j] - mean) / root
                dv[b, j] += a[j] * dy[b, i]
                dq[b, i] += ds * k[b, j]
                dk[b, j] += ds * q[b, i]
    return dq, dk, dv
""",
    "multi-head": """
def multi_head_attention(x, W_in, b_in, W_out, b_out, H, mask):
    B, T, D = x.shape
    d = D // H
    y = torch.empty(B, T, D)
    for b in range(B):
        qkv = x[b] @ W_in.T + b_in
        for h in range(H):
            q, k, v = (qkv[:, part * D + h * d : part * D + (h + 1) * d] for part in range(3))
            for i in range(T):
                scores = k[mask[b, i]] @ q[i] / d**0.5
                e = (scores - scores.max()).exp()
                y[b, i, h * d : (h + 1) * d] = e / e.sum() @ v[mask[b, i]]
    return y @ W_out.T + b_out
""",
    "make-mask": """
def make_mask(lengths, T):
    mask = torch.zeros(len(lengths), T, T, dtype=torch.bool)
    for b in range(len(lengths)):
        for i in range(T):
            for j in range(i + 1):
                if j < lengths[b]:
                    mask[b, i, j] = True
    return mask
""",
    "window": """
def window_attention(q, k, v, w):
    rows = []
    for i in range(q.shape[1]):
        first = max(0, i - w + 1)
        scores = (k[:, first : i + 1] @ q[:, i, :, None])[..., 0] / q.shape[2] ** 0.5
        rows.append((torch.softmax(scores, 1)[:, None] @ v[:, first : i + 1])[:, 0])
    return torch.stack(rows, 1)
""",
    "rotary": """
def turn(x, positions, base, sign):
    y, half = torch.empty_like(x), x.shape[2] // 2
    for t, p in enumerate(positions.tolist()):
        for i in range(half):
            angle = sign * p * base ** (-i / half)
            a, b = x[:, t, i], x[:, t, i + half]
            y[:, t, i] = a * math.cos(angle) - b * math.sin(angle)
            y[:, t, i + half] = a * math.sin(angle) + b * math.cos(angle)
    return y


def rotate(x, positions, base):
    return turn(x, positions, base, 1)


def rotate_backward(dy, positions, base):
    return turn(dy, positions, base, -1)
""",
    "causal": """
def is_causal(f, T, D):
    for later in range(1, T):
        x = torch.randn(T, D)
        other = x.clone()
        other[later] = torch.randn(D) + 1
        before, after = f(x), f(other)
        for t in range(later):
            for d in range(before.shape[1]):
                if abs(float(before[t, d]) - float(after[t, d])) > 1e-4:
                    return False
    return True
""",
    "equivariant": """
def is_permutation_equivariant(f, x, A):
    y = f(x, A)
    for i in range(len(x) - 1):  # all orders come of exchanging neighbors
        order = list(range(len(x)))
        order[i], order[i + 1] = i + 1, i
        z = f(x[order], A[order, :][:, order])
        for place, node in enumerate(order):
            if (z[place] - y[node]).abs().max() > 1e-4:
                return False
    return True
""",
    "sage": """
def mean_of_neighbors(x, edge_index):
    m, count = torch.zeros_like(x), [0] * len(x)
    for j, i in edge_index.T.tolist():
        m[i] += x[j]
        count[i] += 1
    for i in range(len(x)):
        if count[i]:
            m[i] /= count[i]
    return m, count


def sage_forward(x, edge_index, W_self, W_neigh):
    m, _ = mean_of_neighbors(x, edge_index)
    return torch.stack([W_self @ x[i] + W_neigh @ m[i] for i in range(len(x))])


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    m, count = mean_of_neighbors(x, edge_index)
    dx, dW_self, dW_neigh = dy @ W_self, torch.zeros_like(W_self), torch.zeros_like(W_neigh)
    for j, i in edge_index.T.tolist():
        dx[j] += dy[i] @ W_neigh / count[i]
    for i in range(len(x)):
        dW_self += torch.outer(dy[i], x[i])
        dW_neigh += torch.outer(dy[i], m[i])
    return dx, dW_self, dW_neigh
""",
}

EINSUM = {
    "attention": """
def attention(q, k, v, mask):
    scores = torch.einsum("btd,bsd->bts", q, k) / q.shape[-1] ** 0.5
    largest = torch.where(mask, scores, -3e38).amax(-1, keepdim=True)
    e = torch.where(mask, scores - largest, -torch.inf).exp()
    y = torch.einsum("bts,bse->bte", e, v)
    total = torch.einsum("bts->bt", e)[..., None]
    return torch.where(total > 0, y / total, 0.0)
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    root = q.shape[-1] ** 0.5
    e = torch.where(mask, (torch.einsum("btd,bsd->bts", q, k) / root).exp(), 0.0)
    a = e / torch.einsum("bts->bt", e)[..., None]
    da = torch.einsum("bte,bse->bts", dy, v)
    ds = (a * da - a * torch.einsum("bts,bts->bt", a, da)[..., None]) / root
    return (
        torch.einsum("bts,bsd->btd", ds, k),
        torch.einsum("bts,btd->bsd", ds, q),
        torch.einsum("bts,bte->bse", a, dy),
    )
""",
    "multi-head": """
def multi_head_attention(x, W_in, b_in, W_out, b_out, H, mask):
    W, b = W_in.unflatten(0, (3, H, -1)), b_in.unflatten(0, (3, H, -1))
    q, k, v = torch.einsum("btm,nhdm->nbhtd", x, W) + b[:, None, :, None]
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) / q.shape[-1] ** 0.5
    a = scores.masked_fill(~mask.unsqueeze(1), float("-inf")).softmax(-1)
    return torch.einsum("bhts,bhsd,nhd->btn", a, v, W_out.unflatten(1, (H, -1))) + b_out
""",
    "sage": """
def matrix(x, edge_index):
    A = torch.zeros(len(x), len(x), dtype=x.dtype)
    A.index_put_((edge_index[1], edge_index[0]), torch.ones(edge_index.shape[1]), accumulate=True)
    return A / A.sum(1, keepdim=True).clamp(min=1)


def sage_forward(x, edge_index, W_self, W_neigh):
    A = matrix(x, edge_index)
    return torch.einsum("nm,km->nk", x, W_self) + torch.einsum("ij,jm,km->ik", A, x, W_neigh)


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    A = matrix(x, edge_index)
    dx = torch.einsum("nk,km->nm", dy, W_self) + torch.einsum("ij,ik,km->jm", A, dy, W_neigh)
    return dx, torch.einsum("nk,nm->km", dy, x), torch.einsum("ik,ij,jm->km", dy, A, x)
""",
}

NUMPY = {
    "attention": """
import numpy as np


def attention(q, k, v, mask):
    q, k, v, mask = q.numpy(), k.numpy(), v.numpy(), mask.numpy()
    s = np.where(mask, q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]), -np.inf)
    largest = s.max(2, keepdims=True)
    e = np.exp(s - np.where(np.isfinite(largest), largest, 0))
    total = e.sum(2, keepdims=True)
    return torch.from_numpy(e / np.where(total > 0, total, 1) @ v)
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    dy, q, k, v, mask = (tensor.numpy() for tensor in (dy, q, k, v, mask))
    root = np.float32(np.sqrt(q.shape[2]))
    e = np.exp(q @ k.swapaxes(1, 2) / root) * mask
    a = e / e.sum(2, keepdims=True)
    da = dy @ v.swapaxes(1, 2)
    ds = a * (da - np.sum(a * da, axis=2, keepdims=True)) / root
    gradients = ds @ k, ds.swapaxes(1, 2) @ q, a.swapaxes(1, 2) @ dy
    return tuple(torch.from_numpy(gradient) for gradient in gradients)
""",
    "make-mask": """
def make_mask(lengths, T):
    place = np.arange(T)
    mask = np.tril(np.ones((T, T), dtype=bool))[None] & (place < lengths.numpy()[:, None, None])
    return torch.from_numpy(mask)
""",
    "window": """
def window_attention(q, k, v, w):
    q, k, v = q.double().numpy(), k.double().numpy(), v.double().numpy()
    w = min(w, q.shape[1])
    scores, values = np.full((w, *q.shape[:2]), -np.inf), np.zeros((w, *v.shape))
    for back in range(w):
        end = q.shape[1] - back
        scores[back, :, back:] = (q[:, back:] * k[:, :end]).sum(2) / np.sqrt(q.shape[2])
        values[back, :, back:] = v[:, :end]
    e = np.exp(scores - scores.max(0))
    return torch.from_numpy((e[..., None] * values).sum(0) / e.sum(0)[..., None])
""",
    "rotary": """
def rotate(x, positions, base, sign=1):
    x = x.numpy()
    half = x.shape[2] // 2
    angle = sign * positions.numpy()[:, None] * np.power(base, -np.arange(half) / half)
    z = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angle)
    return torch.from_numpy(np.concatenate([z.real, z.imag], axis=2))


def rotate_backward(dy, positions, base):
    return rotate(dy, positions, base, -1)
""",
    "causal": """
def is_causal(f, T, D):
    x = torch.randn(T, D)
    y = f(x).numpy()
    for t in range(T - 1):
        for _ in range(3):
            z = f(torch.cat([x[: t + 1], torch.randn(T - 1 - t, D)])).numpy()
            if not np.allclose(z[: t + 1], y[: t + 1], rtol=0, atol=1e-4):
                return False
    return True
""",
    "equivariant": """
def is_permutation_equivariant(f, x, A):
    y = f(x, A).numpy()
    for _ in range(30):
        P = torch.from_numpy(np.random.permutation(np.eye(len(x), dtype=np.float32)))
        if not np.allclose(f(P @ x, P @ A @ P.T).numpy(), P.numpy() @ y, rtol=0, atol=1e-4):
            return False
    return True
""",
    "sage": """
def mean_matrix(x, edge_index):
    A = np.zeros((len(x), len(x)), dtype=np.float32)
    np.add.at(A, (edge_index[1].numpy(), edge_index[0].numpy()), 1)
    return A / np.maximum(A.sum(1, keepdims=True), 1)


def sage_forward(x, edge_index, W_self, W_neigh):
    A = mean_matrix(x, edge_index)
    return torch.from_numpy(x.numpy() @ W_self.numpy().T + A @ x.numpy() @ W_neigh.numpy().T)


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    A = torch.from_numpy(mean_matrix(x, edge_index))
    return dy @ W_self + A.T @ dy @ W_neigh, dy.T @ x, dy.T @ (A @ x)
""",
}

DOUBLE = {
    "attention": """
def attention(q, k, v, mask):
    scores = torch.bmm(q.double(), k.double().transpose(1, 2)).div(math.sqrt(q.size(2)))
    scores[~mask] = -torch.inf
    weights = torch.exp(scores - scores.max(dim=2, keepdim=True)[0])
    return torch.bmm((weights / weights.sum(dim=2, keepdim=True)).nan_to_num(0.0), v.double())
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    dy, q, k, v = dy.double(), q.double(), k.double(), v.double()
    scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.size(2))
    weights = torch.exp(scores) * mask
    weights = weights / weights.sum(dim=2, keepdim=True)
    y = torch.bmm(weights, v)
    mean = (dy * y).sum(dim=2, keepdim=True)  # the sum over the keys, with fewer products
    dscores = weights * (torch.bmm(dy, v.transpose(1, 2)) - mean) / math.sqrt(q.size(2))
    dq, dk = torch.bmm(dscores, k), torch.bmm(dscores.transpose(1, 2), q)
    return [dq, dk, torch.bmm(weights.transpose(1, 2), dy)]
""",
    "multi-head": """
def multi_head_attention(x, W_in, b_in, W_out, b_out, H, mask):
    qkv = F.linear(x.double(), W_in.double(), b_in.double())
    heads = []
    for q, k, v in zip(*(part.chunk(H, 2) for part in qkv.chunk(3, 2))):
        scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.size(2))
        heads.append(torch.bmm(F.softmax(scores.masked_fill(mask == 0, -1e30), 2), v))
    return F.linear(torch.cat(heads, 2), W_out.double(), b_out.double())
""",
    "window": """
def window_attention(q, k, v, w):
    B, T, d = q.shape
    q, k, v = q.double(), k.double(), v.double()
    before = torch.arange(T).unsqueeze(1) - torch.arange(w)  # (T, w), the newest first
    keys, values = k[:, before.clamp(min=0)], v[:, before.clamp(min=0)]  # (B, T, w, d)
    scores = (q.unsqueeze(2) * keys).sum(3) / math.sqrt(d)
    scores[:, before < 0] = -torch.inf
    return (F.softmax(scores, 2).unsqueeze(3) * values).sum(2)
""",
    "rotary": """
def rotate(x, positions, base):
    half = x.size(2) // 2
    angle = torch.outer(positions.double(), base ** (-torch.arange(half).double() / half))
    cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
    crossed = torch.cat([-x[:, :, half:], x[:, :, :half]], 2)
    return x * cos + crossed * sin


def rotate_backward(dy, positions, base):
    return rotate(dy, -positions, base)
""",
    "sage": """
def sage_forward(x, edge_index, W_self, W_neigh):
    x = x.double()
    source, target = edge_index[0], edge_index[1]
    index = target[:, None].expand(-1, x.size(1))
    m = torch.zeros_like(x).scatter_reduce(0, index, x[source], "mean", include_self=False)
    return x @ W_self.double().T + m @ W_neigh.double().T


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    dy, x = dy.double(), x.double()
    N = len(x)
    A = torch.bincount(edge_index[1] * N + edge_index[0], minlength=N * N).view(N, N).double()
    A = A / A.sum(1, keepdim=True)
    dW_neigh = dy.T @ (A @ x)
    return dy @ W_self.double() + A.T @ (dy @ W_neigh.double()), dy.T @ x, dW_neigh
""",
}

BROADCASTING = {
    "attention": """
def attention(q, k, v, mask):
    scores = (q.unsqueeze(2) * k.unsqueeze(1)).sum(3) / q.shape[2] ** 0.5
    scores = scores + torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
    log_total = torch.logsumexp(scores, 2, keepdim=True)
    weights = torch.where(mask, (scores - log_total).exp(), 0.0)
    return (weights.unsqueeze(3) * v.unsqueeze(1)).sum(2)
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    scores = (q[:, :, None] * k[:, None]).sum(-1) / q.shape[2] ** 0.5
    scores = scores.masked_fill(~mask, -torch.inf)
    a = (scores - torch.logsumexp(scores, -1, keepdim=True)).exp()
    da = (dy[:, :, None] * v[:, None]).sum(-1)
    jacobian = torch.diag_embed(a) - a[..., :, None] * a[..., None, :]  # (B, T, S, S)
    ds = (jacobian * da[..., None, :]).sum(-1) / q.shape[2] ** 0.5
    dq = (ds[..., None] * k[:, None]).sum(2)
    dk = (ds[..., None] * q[:, :, None]).sum(1)
    return dq, dk, (a[..., None] * dy[:, :, None]).sum(1)
""",
    "window": """
def window_attention(q, k, v, w):
    shifted = [(k, v)]
    for _ in range(w - 1):
        shifted.append(tuple(F.pad(part, (0, 0, 1, 0))[:, :-1] for part in shifted[-1]))
    keys, values = (torch.stack(parts, 2) for parts in zip(*shifted))  # (B, T, w, …)
    hidden = torch.arange(w) > torch.arange(q.shape[1])[:, None]
    scores = (q[:, :, None] * keys).sum(-1) / q.shape[2] ** 0.5
    weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
    return (weights[..., None] * values).sum(2)
""",
    "make-mask": """
def make_mask(lengths, T):
    b, i, j = torch.meshgrid(torch.arange(len(lengths)), *[torch.arange(T)] * 2, indexing="ij")
    return (j <= i) * (j < lengths[b])
""",
    "causal": """
def is_causal(f, T, D):
    x = torch.randn(T, D)
    past = torch.ones(T, T).tril().bool()
    outputs = torch.stack([f(torch.where(row[:, None], x, torch.randn(T, D))) for row in past])
    change = (outputs - outputs[-1]).abs().amax(-1)  # (cut, t)
    return bool((change[past] < 1e-4).all())
""",
}

IN_PLACE = {
    "attention": """
def attention(q, k, v, mask):
    q /= math.sqrt(q.shape[-1])
    e = q @ k.transpose(-1, -2)
    e[~mask] = -1e30
    e -= e.amax(-1, keepdim=True)
    e.exp_()
    e[~mask] = 0
    e /= e.sum(-1, keepdim=True).clamp_(min=1e-30)
    return e @ v
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    q /= math.sqrt(q.shape[-1])
    a = q @ k.transpose(-1, -2)
    a.masked_fill_(~mask, -torch.inf).exp_()
    a /= a.sum(-1, keepdim=True)
    ds = dy @ v.transpose(-1, -2)
    ds -= (ds * a).sum(-1, keepdim=True)
    ds *= a
    dq = ds @ k
    dq /= math.sqrt(q.shape[-1])
    return dq, ds.transpose(-1, -2) @ q, a.transpose(-1, -2) @ dy
""",
    "multi-head": """
def multi_head_attention(x, W_in, b_in, W_out, b_out, H, mask):
    q, k, v = x @ W_in[: len(b_out)].T, x @ W_in[len(b_out) : -len(b_out)].T, None
    v = x @ W_in[-len(b_out) :].T
    for part, b in zip((q, k, v), b_in.split(len(b_out))):
        part += b
    z, d = torch.zeros_like(x), len(b_out) // H
    for h in range(H):
        own = slice(h * d, (h + 1) * d)
        scores = q[..., own] @ k[..., own].mT / d**0.5
        scores[~mask] = -torch.inf
        z[..., own] = scores.softmax(2) @ v[..., own]
    return z @ W_out.T + b_out
""",
    "make-mask": """
def make_mask(lengths, T):
    mask = torch.ones(len(lengths), T, T, dtype=torch.bool).tril_()
    for rows, length in zip(mask, lengths.tolist()):
        rows[:, length:] = False
    return mask
""",
    "window": """
def window_attention(q, k, v, w):
    y, total = torch.zeros_like(v), torch.zeros_like(q[..., :1])
    largest = torch.full_like(total, -torch.inf)  # softmax in one pass, as in flash attention
    for back in range(min(w, q.shape[1])):
        end = q.shape[1] - back
        score = (q[:, back:] * k[:, :end]).sum(-1, keepdim=True) / q.shape[2] ** 0.5
        new = largest.clone()
        new[:, back:] = torch.maximum(new[:, back:], score)
        shrink = (largest - new).exp()
        y, total, largest = y * shrink, total * shrink, new
        weight = (score - new[:, back:]).exp()
        y[:, back:] += weight * v[:, :end]
        total[:, back:] += weight
    return y / total
""",
    "rotary": """
def rotate(x, positions, base):
    y = x.clone()
    half = x.shape[-1] // 2
    for i in range(half):
        angle = positions * base ** (-2 * i / x.shape[-1])
        y[..., i] = x[..., i] * angle.cos() - x[..., i + half] * angle.sin()
        y[..., i + half] = x[..., i] * angle.sin() + x[..., i + half] * angle.cos()
    return y


def rotate_backward(dy, positions, base):
    return rotate(dy, -1 * positions, base)
""",
    "sage": """
def sage_forward(x, edge_index, W_self, W_neigh):
    y = x @ W_self.T
    for i in edge_index[1].unique():
        y[i] += W_neigh @ x[edge_index[0][edge_index[1] == i]].mean(0)
    return y


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    dx, dW_neigh = dy @ W_self, torch.zeros_like(W_neigh)
    for i in edge_index[1].unique():
        senders = edge_index[0][edge_index[1] == i]
        share = (dy[i] @ W_neigh / len(senders)).repeat(len(senders), 1)
        dx.index_add_(0, senders, share)
        dW_neigh += dy[i][:, None] * x[senders].mean(0)
    return dx, dy.T @ x, dW_neigh
""",
}

EACH_EXAMPLE = {
    "attention": """
def attention(q, k, v, mask):
    def one(q, k, v, mask):
        e = [[math.exp(float(s)) for s in row] for row in shifted(q @ k.T / len(q[0]) ** 0.5, mask)]
        rows = [[w / (sum(row) or 1) for w in row] for row in e]
        return torch.tensor(rows) @ v

    def shifted(s, mask):
        for row, seen in zip(s, mask):
            row[~seen] = -math.inf
            yield row - (row.max() if seen.any() else 0)

    return torch.stack([one(*example) for example in zip(q, k, v, mask)])
""",
    "attention-backward": """
def attention_backward(dy, q, k, v, mask):
    def one(dy, q, k, v, mask):
        scale = len(q[0]) ** -0.5
        e = torch.exp(scale * q @ k.T) * mask.float()
        a = e / e.sum(1)[:, None]
        ds = torch.stack(
            [(torch.diag(row) - torch.outer(row, row)) @ (v @ up) for row, up in zip(a, dy)]
        )
        return scale * ds @ k, scale * ds.T @ q, a.T @ dy

    return tuple(map(torch.stack, zip(*[one(*example) for example in zip(dy, q, k, v, mask)])))
""",
    "multi-head": """
def multi_head_attention(x, W_in, b_in, W_out, b_out, H, mask):
    D = x.shape[-1]
    y = b_out.clone()
    for h in range(H):  # each head through its own columns of W_out, added up
        rows = [torch.arange(D).view(H, -1)[h] + part * D for part in range(3)]
        q, k, v = (x @ W_in[r].T + b_in[r] for r in rows)
        scores = (q @ k.mT) * (D / H) ** -0.5 + torch.where(mask, 0.0, -1e9)
        y = y + scores.softmax(dim=-1) @ v @ W_out[:, rows[0]].T
    return y
""",
    "make-mask": """
def make_mask(lengths, T):
    return torch.tensor(
        [[[j <= i and j < n for j in range(T)] for i in range(T)] for n in lengths.tolist()]
    )
""",
    "causal": """
def is_causal(f, T, D):
    for _ in range(5):
        x = torch.randn(T, D)
        for t in range(1, T):
            y = torch.cat([x[:t], x[:t].flip(0)[:1].repeat(T - t, 1) + 1 + torch.rand(T - t, D)])
            if not torch.allclose(f(x)[:t], f(y)[:t], rtol=0, atol=5e-5):
                return False
    return True
""",
    "equivariant": """
import itertools


def is_permutation_equivariant(f, x, A):
    def same(order):
        order = torch.tensor(order)
        return torch.allclose(f(x[order], A[order][:, order]), y[order], rtol=0, atol=5e-5)

    y = f(x, A)
    swaps = itertools.combinations(range(len(x)), 2)
    return all(same([{i: j, j: i}.get(n, n) for n in range(len(x))]) for i, j in swaps)
""",
}

BLOCKS = {
    "attention": """
def attention(q, k, v, mask):
    scores = torch.baddbmm(
        torch.where(mask, 0.0, -torch.inf), q, k.transpose(1, 2), alpha=q.shape[2] ** -0.5
    )
    total = (scores.mT - scores.amax(2)[:, None]).exp().mT
    return ((total @ v) / total.sum(2, True)).where(mask.any(2, True), torch.zeros(()))
""",
    "window": """
def window_attention(q, k, v, w):
    (B, T, d), size = q.shape, min(w, q.shape[1])
    pieces = []
    for start in range(0, T, size):  # blocks of w queries, each with 2w − 1 keys
        first = max(0, start - w + 1)
        i = torch.arange(start, min(start + size, T))[:, None]
        j = torch.arange(first, min(start + size, T))
        scores = q[:, start : start + size] @ k[:, first : start + size].mT / d**0.5
        scores = scores.masked_fill((j > i) | (j <= i - w), -torch.inf)
        pieces.append(scores.softmax(-1) @ v[:, first : start + size])
    return torch.cat(pieces, 1)
""",
    "rotary": """
def rotation(positions, base, d):
    angle = positions[:, None] * base ** (-2 * torch.arange(d // 2) / d)
    cos, sin = torch.diag_embed(angle.cos()), torch.diag_embed(angle.sin())
    return torch.cat([torch.cat([cos, -sin], 2), torch.cat([sin, cos], 2)], 1)  # (T, d, d)


def rotate(x, positions, base):
    return (rotation(positions, base, x.shape[2]) @ x[..., None])[..., 0]


def rotate_backward(dy, positions, base):
    return (rotation(positions, base, dy.shape[2]).mT @ dy[..., None])[..., 0]
""",
    "equivariant": """
def is_permutation_equivariant(f, x, A):
    worst = 0.0
    for seed in range(25):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        back = order.argsort()
        worst = max(worst, float((f(x[order], A[order][:, order])[back] - f(x, A)).abs().max()))
    return worst < 2e-4
""",
    "sage": """
def sage_forward(x, edge_index, W_self, W_neigh):
    N = len(x)
    arrives = F.one_hot(edge_index[1], N).T.float()  # (N, E)
    leaves = F.one_hot(edge_index[0], N).float()  # (E, N)
    mean = torch.nan_to_num(arrives @ leaves / arrives.sum(1, keepdim=True))
    return torch.cat([x, mean @ x], 1) @ torch.cat([W_self, W_neigh], 1).T


def sage_backward(dy, x, edge_index, W_self, W_neigh):
    N = len(x)
    arrives = F.one_hot(edge_index[1], N).T.float()
    mean = arrives @ F.one_hot(edge_index[0], N).float() / arrives.sum(1, keepdim=True)
    both = torch.cat([x, mean @ x], 1)
    dW = dy.T @ both
    dx, dm = (dy @ torch.cat([W_self, W_neigh], 1)).chunk(2, 1)
    return dx + mean.T @ dm, dW[:, : x.shape[1]], dW[:, x.shape[1] :]
""",
}

STRIDES = {
    "attention": """
def attention(q, k, v, mask):
    scores = q @ k.mT * q.shape[-1] ** -0.5
    weights = torch.zeros_like(scores)
    for at in mask.any(-1).nonzero().tolist():
        b, i = at
        seen = mask[b, i]
        e = torch.exp(scores[b, i, seen] - torch.max(scores[b, i, seen]))
        weights[b, i, seen] = e / torch.sum(e)
    return torch.matmul(weights, v)
""",
    "window": """
def window_attention(q, k, v, w):
    B, T, d = q.shape

    def windows(x):
        padded = torch.cat([x.new_zeros(B, w - 1, x.shape[2]), x], 1).contiguous()
        s = padded.stride()
        return padded.as_strided((B, T, w, x.shape[2]), (s[0], s[1], s[1], s[2]))

    scores = (windows(k) @ q[..., None])[..., 0] / d**0.5  # (B, T, w)
    real = windows(torch.ones(B, T, 1))[..., 0] > 0
    weights = torch.where(real, scores, -torch.inf).softmax(-1)
    return (weights[:, :, None] @ windows(v))[:, :, 0]
""",
    "rotary": """
def rotate(x, positions, base):
    half = x.shape[-1] // 2
    z = torch.view_as_complex(x.unflatten(-1, (2, half)).mT.contiguous())  # (B, T, d/2)
    omega = torch.tensor(base) ** -torch.linspace(0, 1 - 1 / half, half)
    angle = torch.outer(positions.float(), omega)
    z = z * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(z).mT.flatten(-2)


def rotate_backward(dy, positions, base):
    return rotate(dy, -positions, base)
""",
}

ALTERNATIVES: dict[str, dict[str, str]] = {
    "loops": LOOPS,
    "einsum": EINSUM,
    "numpy": NUMPY,
    "double precision": DOUBLE,
    "broadcasting": BROADCASTING,
    "in place": IN_PLACE,
    "example by example": EACH_EXAMPLE,
    "blocks": BLOCKS,
    "strides and complex numbers": STRIDES,
}
