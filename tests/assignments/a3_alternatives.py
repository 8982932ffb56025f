"""Right solutions of A3 in other styles. Every test must accept all of them.

A style gives the cells that it writes differently; the others are the solution's own.
"""

from __future__ import annotations

LOOPS = {
    "rnn-step": """
import math


def rnn_step(x, h, W_ih, W_hh, b):
    new = torch.empty(len(x), len(b))
    for i in range(len(x)):
        for j in range(len(b)):
            total = float(b[j])
            for m in range(x.shape[1]):
                total += float(W_ih[j, m]) * float(x[i, m])
            for k in range(len(b)):
                total += float(W_hh[j, k]) * float(h[i, k])
            new[i, j] = math.tanh(total)
    return new
""",
    "rnn-forward": """
def rnn_forward(x, h0, W_ih, W_hh, b):
    B, T, M = x.shape
    hs = torch.zeros(B, T, len(b))
    for i in range(B):
        h = h0[i]
        for t in range(T):
            h = torch.tanh(W_ih @ x[i, t] + W_hh @ h + b)
            hs[i, t] = h
    return hs
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    B, T, M = x.shape
    H = h0.shape[1]
    dx, dh0 = torch.zeros(B, T, M), torch.zeros(B, H)
    dW_ih, dW_hh, db = torch.zeros(H, M), torch.zeros(H, H), torch.zeros(H)
    for i in range(B):
        arrives = torch.zeros(H)
        t = T - 1
        while t >= 0:
            before = h0[i] if t == 0 else hs[i, t - 1]
            dz = (dhs[i, t] + arrives) * (1 - hs[i, t]) * (1 + hs[i, t])
            arrives = torch.zeros(H)
            for j in range(H):
                dx[i, t] += dz[j] * W_ih[j]
                arrives += dz[j] * W_hh[j]
                dW_ih[j] += dz[j] * x[i, t]
                dW_hh[j] += dz[j] * before
                db[j] += dz[j]
            t -= 1
        dh0[i] = arrives
    return dx, dh0, dW_ih, dW_hh, db
""",
    "mgu-step": """
def mgu_step(x, h, W_ih, W_hh, b):
    rows = []
    for one, past in zip(x, h):
        f = 1 / (1 + torch.exp(-(W_ih[0] @ one + W_hh[0] @ past + b[0])))
        n = torch.tanh(W_ih[1] @ one + f * (W_hh[1] @ past) + b[1])
        rows.append(past + f * (n - past))
    return torch.stack(rows)
""",
    "mgu-step-backward": """
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    dx, dh = torch.zeros_like(x), torch.zeros_like(h)
    dW_ih, dW_hh, db = torch.zeros_like(W_ih), torch.zeros_like(W_hh), torch.zeros_like(b)
    for i in range(len(x)):
        f = torch.sigmoid(W_ih[0] @ x[i] + W_hh[0] @ h[i] + b[0])
        m = W_hh[1] @ h[i]
        n = torch.tanh(W_ih[1] @ x[i] + f * m + b[1])
        to_n = dh_new[i] * f * (1 - n * n)
        to_f = (dh_new[i] * (n - h[i]) + to_n * m) * f * (1 - f)
        for k, (z, past) in enumerate([(to_f, to_f), (to_n, to_n * f)]):
            dx[i] += z @ W_ih[k]
            dh[i] += past @ W_hh[k]
            dW_ih[k] += torch.outer(z, x[i])
            dW_hh[k] += torch.outer(past, h[i])
            db[k] += z
        dh[i] += dh_new[i] * (1 - f)
    return dx, dh, dW_ih, dW_hh, db
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    total = 0.0
    for g in gradients:
        for value in g.flatten().tolist():
            total += value * value
    norm = total**0.5
    if norm <= max_norm:
        return gradients, norm
    return [g * (max_norm / norm) for g in gradients], norm
""",
    "sequence-loss": """
import math


def sequence_loss(logits, targets, lengths):
    total, count = 0.0, 0
    for i in range(len(lengths)):
        for t in range(int(lengths[i])):
            row = logits[i, t].tolist()
            largest = max(row)
            log_sum = largest + math.log(sum(math.exp(s - largest) for s in row))
            total += log_sum - row[int(targets[i, t])]
            count += 1
    return total / count
""",
    "sequence-loss-backward": """
def sequence_loss_backward(logits, targets, lengths):
    d = torch.zeros_like(logits)
    for i, length in enumerate(lengths.tolist()):
        for t in range(length):
            e = torch.exp(logits[i, t] - max(logits[i, t]))
            d[i, t] = e / sum(e)
            d[i, t, targets[i, t]] -= 1
    return d / sum(lengths)
""",
    "nucleus": """
def nucleus(logits, temperature, top_p):
    rows = []
    for row in logits.tolist():
        e = [math.exp((s - max(row)) / temperature) for s in row]
        p = [value / sum(e) for value in e]
        kept, total = [0.0] * len(p), 0.0
        for v in sorted(range(len(p)), key=lambda v: -p[v]):
            if total >= top_p and top_p < 1:
                break
            kept[v] = p[v]
            total += p[v]
        rows.append([value / sum(kept) for value in kept])
    return torch.tensor(rows)
""",
}

EINSUM = {
    "rnn-step": """
def rnn_step(x, h, W_ih, W_hh, b):
    return (torch.einsum("bm,hm->bh", x, W_ih) + torch.einsum("bk,hk->bh", h, W_hh) + b).tanh()
""",
    "rnn-forward": """
def rnn_forward(x, h0, W_ih, W_hh, b):
    inputs = torch.einsum("btm,hm->tbh", x, W_ih) + b
    hs = [h0]
    for a in inputs:
        hs.append(torch.tanh(a + torch.einsum("bk,hk->bh", hs[-1], W_hh)))
    return torch.stack(hs[1:]).transpose(0, 1)
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    slopes = 1 - hs**2
    dzs, arrives = [], 0
    for dh, slope in zip(dhs.unbind(1)[::-1], slopes.unbind(1)[::-1]):
        dzs.append((dh + arrives) * slope)
        arrives = torch.einsum("bh,hk->bk", dzs[-1], W_hh)
    dz = torch.stack(dzs[::-1], 1)
    before = torch.cat([h0[:, None], hs[:, :-1]], 1)
    return (
        torch.einsum("bth,hm->btm", dz, W_ih),
        arrives,
        torch.einsum("bth,btm->hm", dz, x),
        torch.einsum("bth,btk->hk", dz, before),
        torch.einsum("bth->h", dz),
    )
""",
    "mgu-step": """
def mgu_step(x, h, W_ih, W_hh, b):
    a = torch.einsum("bm,khm->kbh", x, W_ih) + b[:, None]
    m = torch.einsum("bj,khj->kbh", h, W_hh)
    f = torch.sigmoid(a[0] + m[0])
    return torch.lerp(h, torch.tanh(a[1] + f * m[1]), f)
""",
    "mgu-step-backward": """
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    a = torch.einsum("bm,khm->kbh", x, W_ih) + b[:, None]
    m = torch.einsum("bj,khj->kbh", h, W_hh)
    f = torch.sigmoid(a[0] + m[0])
    n = torch.tanh(a[1] + f * m[1])
    to_n = dh_new * f * (1 - n**2)
    to_f = (dh_new * (n - h) + to_n * m[1]) * f * (1 - f)
    da, dm = torch.stack([to_f, to_n]), torch.stack([to_f, to_n * f])
    return (
        torch.einsum("kbh,khm->bm", da, W_ih),
        dh_new * (1 - f) + torch.einsum("kbh,khj->bj", dm, W_hh),
        torch.einsum("kbh,bm->khm", da, x),
        torch.einsum("kbh,bj->khj", dm, h),
        da.sum(1),
    )
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    flat = torch.cat([g.flatten() for g in gradients])
    norm = torch.einsum("i,i->", flat, flat).sqrt()
    factor = torch.clamp(max_norm / (norm + 1e-6), max=1)
    return [g * factor for g in gradients], norm
""",
    "sequence-loss": """
def sequence_loss(logits, targets, lengths):
    largest = logits.max(-1).values
    log_sum = largest + (logits - largest[..., None]).exp().sum(-1).log()
    right = torch.einsum("btv,btv->bt", logits, F.one_hot(targets, logits.shape[-1]).to(logits))
    mask = (torch.arange(logits.shape[1])[None] < lengths[:, None]).to(logits)
    return torch.einsum("bt,bt->", log_sum - right, mask) / lengths.sum()
""",
}

NUMPY = {
    "rnn-step": """
import numpy as np


def rnn_step(x, h, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = (t.numpy() for t in (x, h, W_ih, W_hh, b))
    return torch.from_numpy(np.tanh(x @ W_ih.T + h @ W_hh.T + b))
""",
    "rnn-forward": """
def rnn_forward(x, h0, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = (t.numpy() for t in (x, h0, W_ih, W_hh, b))
    hs = np.zeros((*x.shape[:2], len(b)), dtype=x.dtype)
    for t in range(x.shape[1]):
        hs[:, t] = h = np.tanh(x[:, t] @ W_ih.T + h @ W_hh.T + b)
    return torch.from_numpy(hs)
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    dhs, x, h0, hs, W_ih, W_hh = (t.numpy() for t in (dhs, x, h0, hs, W_ih, W_hh))
    states = np.concatenate([h0[:, None], hs], axis=1)
    dz = np.zeros_like(hs)
    carried = np.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        dz[:, t] = (dhs[:, t] + carried) * (1 - states[:, t + 1] ** 2)
        carried = dz[:, t] @ W_hh
    flat = dz.reshape(-1, h0.shape[1])
    dW_ih = flat.T @ x.reshape(len(flat), -1)
    dW_hh = flat.T @ states[:, :-1].reshape(len(flat), -1)
    return [torch.from_numpy(a) for a in (dz @ W_ih, carried, dW_ih, dW_hh, flat.sum(0))]
""",
    "mgu-step": """
def mgu_step(x, h, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = (t.numpy() for t in (x, h, W_ih, W_hh, b))
    f = 1 / (1 + np.exp(-(x @ W_ih[0].T + h @ W_hh[0].T + b[0])))
    n = np.tanh(x @ W_ih[1].T + f * (h @ W_hh[1].T) + b[1])
    return torch.from_numpy(h - f * h + f * n)
""",
    "mgu-step-backward": """
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    d, x, h, W_ih, W_hh, b = (t.numpy() for t in (dh_new, x, h, W_ih, W_hh, b))
    f = 0.5 * (1 + np.tanh(0.5 * (x @ W_ih[0].T + h @ W_hh[0].T + b[0])))
    past = h @ W_hh[1].T
    n = np.tanh(x @ W_ih[1].T + f * past + b[1])
    d_n = d * f * (1 - n) * (1 + n)
    d_f = (d * n - d * h + d_n * past) * (f - f * f)
    results = (
        d_f @ W_ih[0] + d_n @ W_ih[1],
        d - d * f + d_f @ W_hh[0] + (d_n * f) @ W_hh[1],
        np.array([d_f.T @ x, d_n.T @ x]),
        np.array([d_f.T @ h, (d_n * f).T @ h]),
        np.array([d_f.sum(0), d_n.sum(0)]),
    )
    return tuple(torch.tensor(result) for result in results)
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    arrays = [g.numpy() for g in gradients]
    norm = float(np.sqrt(sum(np.square(a).sum(dtype=np.float64) for a in arrays)))
    factor = max_norm / (norm + 1e-6) if norm > max_norm else 1.0
    return [torch.from_numpy(a * np.float32(factor)) for a in arrays], norm
""",
    "sequence-loss": """
def sequence_loss(logits, targets, lengths):
    s = logits.double().numpy()
    s = s - s.max(-1, keepdims=True)
    log_p = s - np.log(np.exp(s).sum(-1, keepdims=True))
    picked = np.take_along_axis(log_p, targets.numpy()[..., None], -1)[..., 0]
    real = np.arange(s.shape[1]) < lengths.numpy()[:, None]
    return float(-picked[real].mean())
""",
    "sequence-loss-backward": """
def sequence_loss_backward(logits, targets, lengths):
    s = logits.numpy()
    p = np.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    p -= np.eye(s.shape[-1], dtype=p.dtype)[targets.numpy()]
    p[np.arange(s.shape[1]) >= lengths.numpy()[:, None]] = 0
    return torch.from_numpy(p / int(lengths.sum()))
""",
    "nucleus": """
def nucleus(logits, temperature, top_p):
    p = torch.softmax(logits / temperature, 1).numpy()
    order = np.argsort(-p, axis=1)
    sums = np.cumsum(np.take_along_axis(p, order, 1), 1)
    result = np.zeros_like(p)
    for i in range(len(p)):
        count = p.shape[1] if top_p == 1 else int((sums[i] < top_p).sum()) + 1
        result[i, order[i, :count]] = p[i, order[i, :count]]
    return torch.from_numpy(result / result.sum(1, keepdims=True))
""",
}

DOUBLE = {
    "rnn-step": """
def rnn_step(x, h, W_ih, W_hh, b):
    return torch.tanh(x.double() @ W_ih.double().T + h.double() @ W_hh.double().T + b)
""",
    "rnn-forward": """
def rnn_forward(x, h0, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = (t.double() for t in (x, h0, W_ih, W_hh, b))
    hs = []
    for x_t in x.unbind(1):
        h = torch.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    return torch.stack(hs, dim=1)
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    dhs, x, h0, hs, W_ih, W_hh = (t.double() for t in (dhs, x, h0, hs, W_ih, W_hh))
    dW_ih, dW_hh, db = 0, 0, 0
    dx, dh = [], torch.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        dz = (dhs[:, t] + dh) * (1 - hs[:, t].square())
        dx.insert(0, dz @ W_ih)
        dW_ih = dW_ih + dz.T @ x[:, t]
        dW_hh = dW_hh + dz.T @ (h0 if t == 0 else hs[:, t - 1])
        db = db + dz.sum(0)
        dh = dz @ W_hh
    return torch.stack(dx, 1), dh, dW_ih, dW_hh, db
""",
    "mgu-step": """
def mgu_step(x, h, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = (t.double() for t in (x, h, W_ih, W_hh, b))
    f = (x @ W_ih[0].T + h @ W_hh[0].T + b[0]).sigmoid()
    return h + f * ((x @ W_ih[1].T + f * (h @ W_hh[1].T) + b[1]).tanh() - h)
""",
    "mgu-step-backward": """
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    dh_new, x, h, W_ih, W_hh, b = (t.double() for t in (dh_new, x, h, W_ih, W_hh, b))
    f = (x @ W_ih[0].T + h @ W_hh[0].T + b[0]).sigmoid()
    n = (x @ W_ih[1].T + f * (h @ W_hh[1].T) + b[1]).tanh()
    dn = dh_new * f
    dz1 = dn - dn * n**2
    dz0 = (dh_new * (n - h) + dz1 * (h @ W_hh[1].T)) * (f - f**2)
    dx = dz0 @ W_ih[0] + dz1 @ W_ih[1]
    dh = dh_new - dn + dz0 @ W_hh[0] + (dz1 * f) @ W_hh[1]
    dW_ih = torch.zeros_like(W_ih)
    dW_ih[0], dW_ih[1] = dz0.mT @ x, dz1.mT @ x
    dW_hh = torch.zeros_like(W_hh)
    dW_hh[0], dW_hh[1] = dz0.mT @ h, (dz1 * f).mT @ h
    return dx, dh, dW_ih, dW_hh, torch.stack([dz0, dz1]).sum(1)
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    gradients = [g.double() for g in gradients]
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    if norm > max_norm:
        gradients = [g / norm * max_norm for g in gradients]
    return gradients, norm
""",
    "sequence-loss": """
def sequence_loss(logits, targets, lengths):
    logits = logits.double()
    logits = logits - logits.amax(2, keepdim=True)
    log_p = logits - logits.exp().sum(2, keepdim=True).log()
    i, t = torch.arange(len(logits))[:, None], torch.arange(logits.shape[1])
    picked = log_p[i, t, targets]
    return -picked[t < lengths[:, None]].mean()
""",
    "sequence-loss-backward": """
def sequence_loss_backward(logits, targets, lengths):
    logits = logits.double()
    e = (logits - logits.amax(2, keepdim=True)).exp()
    return torch.where(
        (torch.arange(logits.shape[1]) < lengths[:, None])[..., None],
        (e / e.sum(2, keepdim=True) - F.one_hot(targets, logits.shape[2])) / lengths.sum(),
        0.0,
    )
""",
    "nucleus": """
def nucleus(logits, temperature, top_p):
    p = torch.softmax(logits.double() / temperature, 1)
    ordered, places = p.sort(1, descending=True)
    out = ordered.cumsum(1) - ordered >= top_p
    p[out.gather(1, places.argsort(1))] = 0
    return p / p.sum(1, keepdim=True)
""",
}

# One matrix for input and state together, as many papers write it.
JOINED = {
    "rnn-step": """
def rnn_step(x, h, W_ih, W_hh, b):
    return torch.tanh(torch.cat([x, h], 1) @ torch.cat([W_ih, W_hh], 1).T + b)
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    M, W = x.shape[2], torch.cat([W_ih, W_hh], 1)
    seen = torch.cat([x, torch.cat([h0[:, None], hs[:, :-1]], 1)], 2)  # (B, T, M + H)
    dW, db, dx = torch.zeros_like(W), 0, [None] * x.shape[1]
    dh = torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        dz = (dhs[:, t] + dh) * (1 - hs[:, t] ** 2)
        dW += dz.T @ seen[:, t]
        db = db + dz.sum(0)
        dx[t], dh = (dz @ W).split([M, h0.shape[1]], 1)
    return torch.stack(dx, 1), dh, dW[:, :M], dW[:, M:], db
""",
    "mgu-step": """
def mgu_step(x, h, W_ih, W_hh, b):
    both = torch.cat([x, h], 1)
    f = torch.sigmoid(both @ torch.cat([W_ih[0], W_hh[0]], 1).T + b[0])
    # The gate may act on the product by acting on the rows of U.
    n = torch.tanh(x @ W_ih[1].T + torch.einsum("bh,hk,bk->bh", f, W_hh[1], h) + b[1])
    return torch.where(f > 0.5, n + (1 - f) * (h - n), h + f * (n - h))
""",
}

IN_PLACE = {
    "rnn-forward": """
def rnn_forward(x, h0, W_ih, W_hh, b):
    hs = torch.empty(x.shape[0], x.shape[1], h0.shape[1])
    torch.matmul(x, W_ih.T, out=hs)
    hs += b
    for t in range(x.shape[1]):
        hs[:, t] += (hs[:, t - 1] if t else h0) @ W_hh.T
        hs[:, t].tanh_()
    return hs
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    dz = dhs  # a copy of the caller's: it may be changed
    for t in range(x.shape[1] - 1, -1, -1):
        dz[:, t] *= 1 - hs[:, t] * hs[:, t]
        if t > 0:
            dz[:, t - 1] += dz[:, t] @ W_hh
    h = hs.roll(1, 1)
    h[:, 0] = h0
    flat = dz.flatten(0, 1).T
    return dz @ W_ih, dz[:, 0] @ W_hh, flat @ x.flatten(0, 1), flat @ h.flatten(0, 1), flat.sum(1)
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
    for g in gradients:
        g *= torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    return gradients, norm
""",
    "sequence-loss-backward": """
def sequence_loss_backward(logits, targets, lengths):
    logits -= logits.amax(2, keepdim=True)
    logits.exp_()
    logits /= logits.sum(2, keepdim=True)
    logits.scatter_add_(2, targets[:, :, None], -torch.ones(*targets.shape, 1))
    for i, length in enumerate(lengths):
        logits[i, length:] = 0
    return logits.div_(lengths.sum())
""",
    "nucleus": """
def nucleus(logits, temperature, top_p):
    p = (logits / temperature).softmax(-1)
    for row in p:
        total = 0.0
        for v in row.argsort(descending=True):
            value = float(row[v])
            if top_p < 1 and total >= top_p:
                row[v] = 0
            total += value
        row /= row.sum()
    return p
""",
}

# By recursion over time, and by parts of the batch.
RECURSIVE = {
    "rnn-forward": """
def rnn_forward(x, h0, W_ih, W_hh, b):
    h = torch.tanh(F.linear(x[:, 0], W_ih, b) + F.linear(h0, W_hh))
    if x.shape[1] == 1:
        return h[:, None]
    return torch.cat([h[:, None], rnn_forward(x[:, 1:], h, W_ih, W_hh, b)], 1)
""",
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    if x.shape[1] > 1:  # first what comes later
        later = rnn_backward(dhs[:, 1:], x[:, 1:], hs[:, 0], hs[:, 1:], W_ih, W_hh)
    else:
        later = x[:, 1:], 0, 0, 0, 0
    dx, dh, dW_ih, dW_hh, db = later
    dz = (dhs[:, 0] + dh) * (1 - hs[:, 0] ** 2)
    dx = torch.cat([(dz @ W_ih)[:, None], dx], 1)
    return dx, dz @ W_hh, dW_ih + dz.T @ x[:, 0], dW_hh + dz.T @ h0, db + dz.sum(0)
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    norm = torch.tensor([float(g.norm()) for g in gradients]).norm()
    factor = max(1.0, float(norm) / max_norm)
    return tuple(g / factor for g in gradients), float(norm)
""",
    "sequence-loss": """
def sequence_loss(logits, targets, lengths):
    losses = []
    for row, target, length in zip(logits, targets, lengths):
        row = row[:length] - row[:length].max(dim=1, keepdim=True)[0]
        losses.append(torch.log(row.exp().sum(1)) - row[range(length), target[:length]])
    return torch.cat(losses).mean()
""",
    "nucleus": """
def nucleus(logits, temperature, top_p):
    p = torch.softmax(logits / temperature, dim=1)
    # What the more probable ones have together, by comparing all pairs.
    before = (p[:, None, :] * (p[:, None, :] > p[:, :, None])).sum(2)
    kept = p * ((before < top_p) | (top_p == 1))
    return kept / kept.sum(1, keepdim=True)
""",
}

# The Jacobian of each step, whole: slow and right.
JACOBIANS = {
    "rnn-backward": """
def rnn_backward(dhs, x, h0, hs, W_ih, W_hh):
    B, T, M = x.shape
    before = torch.cat([h0[:, None], hs[:, :-1]], 1)
    slopes = torch.diag_embed(1 - hs**2)  # (B, T, H, H)
    step = slopes @ W_hh  # of h_t by h_{t - 1}
    whole = [dhs[:, -1, None]]
    for t in range(T - 1, 0, -1):
        whole.insert(0, dhs[:, t - 1, None] + whole[0] @ step[:, t])
    dz = torch.cat(whole, 1)[:, :, None] @ slopes  # (B, T, 1, H)
    dz = dz[:, :, 0]
    dW_ih = (dz[..., None] * x[:, :, None]).sum((0, 1))
    dW_hh = (dz[..., None] * before[:, :, None]).sum((0, 1))
    return dz @ W_ih, (whole[0] @ step[:, 0])[:, 0], dW_ih, dW_hh, dz.sum((0, 1))
""",
    "mgu-step-backward": """
def mgu_step_backward(dh_new, x, h, W_ih, W_hh, b):
    a = x @ W_ih.mT + b[:, None]  # (2, B, H)
    p = h @ W_hh.mT
    f = 1 / (1 + torch.exp(-a[0] - p[0]))
    n = torch.tanh(a[1] + f * p[1])
    of_n = f * (1 - n**2)  # how h' answers to the argument of the tanh
    of_f = (n - h + of_n * p[1]) * f * (1 - f)  # and to that of the sigmoid
    by_x = of_f[..., None] * W_ih[0] + of_n[..., None] * W_ih[1]  # (B, H, M)
    by_h = of_f[..., None] * W_hh[0] + (of_n * f)[..., None] * W_hh[1] + torch.diag_embed(1 - f)
    dz = torch.stack([of_f, of_n]) * dh_new
    dp = torch.stack([of_f, of_n * f]) * dh_new
    dx = (dh_new[:, None] @ by_x)[:, 0]
    dh = (dh_new[:, None] @ by_h)[:, 0]
    return [dx, dh, dz.mT @ x, dp.mT @ h, dz.sum(1)]
""",
    "sequence-loss-backward": """
def sequence_loss_backward(logits, targets, lengths):
    count = int(lengths.sum())
    gradient = torch.zeros_like(logits)
    real = torch.arange(logits.shape[1]).expand(targets.shape) < lengths[:, None]
    s = logits[real]  # (characters, V)
    p = (s - s.amax(1)[:, None]).exp()
    p = p / p.sum(1)[:, None]
    p[torch.arange(count), targets[real]] -= 1
    gradient[real] = p / count
    return gradient
""",
}

# Complex numbers do no harm where nothing imaginary is left in the end.
COMPLEX = {
    "rnn-step": """
def rnn_step(x, h, W_ih, W_hh, b):
    both = torch.complex(x, 0 * x) @ W_ih.T.to(torch.complex64)
    return torch.tanh(both.real + h @ W_hh.T + b)
""",
    "mgu-step": """
def mgu_step(x, h, W_ih, W_hh, b):
    gate = x @ W_ih[0].T + h @ W_hh[0].T + b[0]
    f = torch.special.expit(gate)
    n = 2 * torch.special.expit(2 * (x @ W_ih[1].T + f * (h @ W_hh[1].T) + b[1])) - 1
    return h * torch.special.expit(-gate) + f * n
""",
    "clip-gradients": """
def clip_gradients(gradients, max_norm):
    norm = abs(sum(torch.complex(g, torch.zeros_like(g)).abs().pow(2).sum() for g in gradients))
    norm = norm.sqrt()
    factor = 1.0 if norm <= max_norm else max_norm / norm
    return [g * factor for g in gradients], norm
""",
}

ALTERNATIVES: dict[str, dict[str, str]] = {
    "loops, number by number": LOOPS,
    "einsum": EINSUM,
    "NumPy": NUMPY,
    "double precision": DOUBLE,
    "input and state joined": JOINED,
    "in place": IN_PLACE,
    "recursion, name by name": RECURSIVE,
    "Jacobians": JACOBIANS,
    "other formulas for the same": COMPLEX,
}
