"""Right solutions of A2 in other styles. Every test must accept all of them.

A style gives the cells that it writes differently; the others are the solution's own.
"""

from __future__ import annotations

LOOPS = {
    "conv-output-size": """
def conv_output_size(size, kernel_size, stride, padding, dilation):
    count, start = 0, -padding
    while start + dilation * (kernel_size - 1) < size + padding:
        count += 1
        start += stride
    return count
""",
    "conv-parameters": """
def conv_parameters(in_channels, out_channels, kernel_size, groups, bias):
    total = 0
    for o in range(out_channels):
        total += in_channels // groups * kernel_size * kernel_size
        if bias:
            total += 1
    return total
""",
    "receptive-field": """
def receptive_field(layers):
    field = 1
    for kernel_size, stride, dilation in reversed(layers):
        field = (field - 1) * stride + dilation * (kernel_size - 1) + 1
    return field
""",
    "conv2d-forward": """
def conv2d_forward(x, weight, bias, stride, padding):
    B, C, H, W = x.shape
    N, _, kh, kw = weight.shape
    U, V = (H + 2 * padding - kh) // stride + 1, (W + 2 * padding - kw) // stride + 1
    pixels, w = x.tolist(), weight.tolist()
    y = torch.empty(B, N, U, V)
    for b in range(B):
        for o in range(N):
            for u in range(U):
                for v in range(V):
                    total = float(bias[o])
                    for c in range(C):
                        for i in range(kh):
                            for j in range(kw):
                                p, q = stride * u + i - padding, stride * v + j - padding
                                if 0 <= p < H and 0 <= q < W:
                                    total += w[o][c][i][j] * pixels[b][c][p][q]
                    y[b, o, u, v] = total
    return y
""",
    "conv2d-backward": """
def conv2d_backward(dy, x, weight, stride, padding):
    B, C, H, W = x.shape
    N, _, kh, kw = weight.shape
    padded = torch.zeros(B, C, H + 2 * padding, W + 2 * padding)
    padded[:, :, padding : padding + H, padding : padding + W] = x
    dpadded, dweight, dbias = torch.zeros_like(padded), torch.zeros_like(weight), torch.zeros(N)
    for b in range(B):
        for o in range(N):
            for u in range(dy.shape[2]):
                for v in range(dy.shape[3]):
                    window = (b, slice(None), slice(stride * u, stride * u + kh),
                              slice(stride * v, stride * v + kw))
                    dpadded[window] += dy[b, o, u, v] * weight[o]
                    dweight[o] += dy[b, o, u, v] * padded[window]
                    dbias[o] += dy[b, o, u, v]
    return dpadded[:, :, padding : padding + H, padding : padding + W], dweight, dbias
""",
    "depthwise-forward": """
def depthwise_forward(x, weight, dilation):
    B, C, H, W = x.shape
    h = len(weight[0]) // 2
    pixels, w = x.tolist(), weight.tolist()
    y = torch.zeros(B, C, H, W)
    for b in range(B):
        for c in range(C):
            for u in range(H):
                for v in range(W):
                    total = 0.0
                    for i in range(2 * h + 1):
                        for j in range(2 * h + 1):
                            p, q = u + dilation[c] * (i - h), v + dilation[c] * (j - h)
                            if 0 <= p < H and 0 <= q < W:
                                total += w[c][i][j] * pixels[b][c][p][q]
                    y[b, c, u, v] = total
    return y
""",
    "depthwise-backward": """
def depthwise_backward(dy, x, weight, dilation):
    B, C, H, W = x.shape
    h = len(weight[0]) // 2
    pixels, w, g = x.tolist(), weight.tolist(), dy.tolist()
    dx = [[[[0.0] * W for _ in range(H)] for _ in range(C)] for _ in range(B)]
    dw = [[[0.0] * (2 * h + 1) for _ in range(2 * h + 1)] for _ in range(C)]
    for b in range(B):
        for c in range(C):
            for u in range(H):
                for v in range(W):
                    for i in range(2 * h + 1):
                        for j in range(2 * h + 1):
                            p, q = u + dilation[c] * (i - h), v + dilation[c] * (j - h)
                            if 0 <= p < H and 0 <= q < W:
                                dx[b][c][p][q] += g[b][c][u][v] * w[c][i][j]
                                dw[c][i][j] += g[b][c][u][v] * pixels[b][c][p][q]
    return torch.tensor(dx), torch.tensor(dw)
""",
    "max-pool-forward": """
def max_pool_forward(x, kernel_size, stride):
    B, C, H, W = x.shape
    U, V = (H - kernel_size) // stride + 1, (W - kernel_size) // stride + 1
    y = torch.empty(B, C, U, V)
    for u in range(U):
        for v in range(V):
            window = x[:, :, stride * u : stride * u + kernel_size]
            y[:, :, u, v] = window[..., stride * v : stride * v + kernel_size].amax((2, 3))
    return y
""",
    "max-pool-backward": """
def max_pool_backward(dy, x, kernel_size, stride):
    dx = torch.zeros_like(x)
    pixels = x.tolist()
    for b in range(dy.shape[0]):
        for c in range(dy.shape[1]):
            for u in range(dy.shape[2]):
                for v in range(dy.shape[3]):
                    p, q = max(
                        ((stride * u + i, stride * v + j)
                         for i in range(kernel_size) for j in range(kernel_size)),
                        key=lambda place: pixels[b][c][place[0]][place[1]],
                    )
                    dx[b, c, p, q] += dy[b, c, u, v]
    return dx
""",
    "batch-norm": """
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    y, new_mean, new_var = torch.empty_like(x), running_mean.clone(), running_var.clone()
    for c in range(x.shape[1]):
        values = x[:, c]
        m = values.numel()
        if training:
            mean = values.sum() / m
            var = ((values - mean) ** 2).sum() / m
            new_mean[c] += momentum * (mean - running_mean[c])
            new_var[c] += momentum * (((values - mean) ** 2).sum() / (m - 1) - running_var[c])
        else:
            mean, var = running_mean[c], running_var[c]
        y[:, c] = gamma[c] * (values - mean) / torch.sqrt(var + eps) + beta[c]
    return y, new_mean, new_var
""",
    "batch-norm-backward": """
def batch_norm_backward(dy, x, gamma, eps):
    dx, dgamma, dbeta = torch.empty_like(x), torch.empty_like(gamma), torch.empty_like(gamma)
    for c in range(x.shape[1]):
        centered = x[:, c] - x[:, c].mean()
        m, root = centered.numel(), torch.sqrt((centered**2).mean() + eps)
        dgamma[c], dbeta[c] = (dy[:, c] * centered / root).sum(), dy[:, c].sum()
        dx_hat = gamma[c] * dy[:, c]
        dvar = (dx_hat * centered).sum() * -0.5 / root**3
        dmean = -dx_hat.sum() / root - 2 * dvar * centered.mean()
        dx[:, c] = dx_hat / root + 2 * dvar * centered / m + dmean / m
    return dx, dgamma, dbeta
""",
}

# Columns of windows and one product of matrices.
UNFOLD = {
    "conv2d-forward": """
def conv2d_forward(x, weight, bias, stride, padding):
    B, _, H, W = x.shape
    N, C, kh, kw = weight.shape
    columns = F.unfold(x, (kh, kw), stride=stride, padding=padding)
    y = weight.reshape(N, -1) @ columns + bias[:, None]
    return y.reshape(B, N, (H + 2 * padding - kh) // stride + 1, -1)
""",
    "conv2d-backward": """
def conv2d_backward(dy, x, weight, stride, padding):
    N, C, kh, kw = weight.shape
    columns = F.unfold(x, (kh, kw), stride=stride, padding=padding)
    flat = dy.reshape(len(dy), N, -1)
    dweight = (flat @ columns.mT).sum(0).reshape(weight.shape)
    dcolumns = weight.reshape(N, -1).T @ flat
    dx = F.fold(dcolumns, x.shape[2:], (kh, kw), stride=stride, padding=padding)
    return dx, dweight, flat.sum((0, 2))
""",
    "depthwise-forward": """
def depthwise_forward(x, weight, dilation):
    K = weight.shape[1]
    channels = []
    for c in range(len(dilation)):
        columns = F.unfold(x[:, c : c + 1], K, dilation[c], padding=dilation[c] * (K // 2))
        channels.append((weight[c].reshape(-1) @ columns).reshape(x[:, c].shape))
    return torch.stack(channels, dim=1)
""",
    "depthwise-backward": """
def depthwise_backward(dy, x, weight, dilation):
    K, size = weight.shape[1], x.shape[2:]
    dx, dweight = [], []
    for c in range(len(dilation)):
        options = {"dilation": dilation[c], "padding": dilation[c] * (K // 2)}
        columns = F.unfold(x[:, [c]], K, **options)
        flat = dy[:, [c]].flatten(2)
        dweight.append((flat @ columns.mT).sum((0, 1)).view(K, K))
        dx.append(F.fold(weight[c].view(-1, 1) * flat, size, K, **options))
    return torch.cat(dx, 1), torch.stack(dweight)
""",
    "max-pool-forward": """
def max_pool_forward(x, kernel_size, stride):
    return x.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride).flatten(-2).max(-1)[0]
""",
    "max-pool-backward": """
def max_pool_backward(dy, x, kernel_size, stride):
    B, C, H, W = x.shape
    flat = x.reshape(B * C, 1, H, W)
    columns = F.unfold(flat, kernel_size, stride=stride)
    winner = columns.argmax(1, keepdim=True)
    dcolumns = torch.zeros_like(columns).scatter(1, winner, dy.reshape(B * C, 1, -1))
    return F.fold(dcolumns, (H, W), kernel_size, stride=stride).reshape(x.shape)
""",
}

NUMPY = {
    "conv-output-size": """
import numpy as np


def conv_output_size(size, kernel_size, stride, padding, dilation):
    return len(range(0, size + 2 * padding - dilation * (kernel_size - 1), stride))
""",
    "conv2d-forward": """
def conv2d_forward(x, weight, bias, stride, padding):
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    y = np.einsum("bcuvij,ocij->bouv", windows, weight.numpy())
    return torch.from_numpy(y) + bias.reshape(1, -1, 1, 1)
""",
    "conv2d-backward": """
def conv2d_backward(dy, x, weight, stride, padding):
    dy, x, weight = (t.detach().numpy() for t in (dy, x, weight))
    p = padding
    padded = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    dpadded, dweight = np.zeros_like(padded), np.zeros_like(weight)
    for u, v in np.ndindex(*dy.shape[2:]):
        window = np.s_[:, :, stride * u : stride * u + weight.shape[2],
                       stride * v : stride * v + weight.shape[3]]
        dpadded[window] += np.tensordot(dy[:, :, u, v], weight, 1)
        dweight += np.tensordot(dy[:, :, u, v], padded[window], (0, 0))
    dx = dpadded[:, :, p : dpadded.shape[2] - p, p : dpadded.shape[3] - p]
    return tuple(torch.from_numpy(a.copy()) for a in (dx, dweight, dy.sum((0, 2, 3))))
""",
    "max-pool-forward": """
def max_pool_forward(x, kernel_size, stride):
    k = (kernel_size, kernel_size)
    windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), k, (2, 3))
    return torch.tensor(windows[:, :, ::stride, ::stride].max((4, 5)))
""",
    "max-pool-backward": """
def max_pool_backward(dy, x, kernel_size, stride):
    dy, x = dy.numpy(), x.detach().numpy()
    dx = np.zeros_like(x)
    for b, c, u, v in np.ndindex(*dy.shape):
        window = np.s_[b, c, stride * u : stride * u + kernel_size,
                       stride * v : stride * v + kernel_size]
        at = np.unravel_index(x[window].argmax(), (kernel_size, kernel_size))
        dx[window][at] += dy[b, c, u, v]
    return torch.from_numpy(dx)
""",
    "batch-norm": """
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    x, gamma, beta, mean, var = (
        t.double().numpy() for t in (x, gamma, beta, running_mean, running_var)
    )
    new_mean, new_var = mean, var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
        unbiased = x.var((0, 2, 3), ddof=1)
        new_mean = new_mean + momentum * (mean - new_mean)
        new_var = new_var + momentum * (unbiased - new_var)
    scale = gamma / np.sqrt(var + eps)
    y = x * scale.reshape(1, -1, 1, 1) + (beta - mean * scale).reshape(1, -1, 1, 1)
    return torch.tensor(y), torch.tensor(new_mean), torch.tensor(new_var)
""",
}

DOUBLE = {
    "conv2d-forward": """
def conv2d_forward(x, weight, bias, stride, padding):
    x, weight, bias = x.double(), weight.double(), bias.double()
    padded = F.pad(x, (padding, padding, padding, padding))
    kh, kw = weight.shape[2:]
    windows = padded.unfold(2, kh, stride).unfold(3, kw, stride)
    return torch.einsum("bcuvij,ocij->bouv", windows, weight) + bias.view(1, -1, 1, 1)
""",
    "conv2d-backward": """
def conv2d_backward(dy, x, weight, stride, padding):
    dy, x, weight = dy.double(), x.double(), weight.double()
    kh, kw = weight.shape[2:]
    padded = F.pad(x, (padding,) * 4)
    windows = padded.unfold(2, kh, stride).unfold(3, kw, stride)
    dweight = torch.einsum("bouv,bcuvij->ocij", dy, windows)
    # As many zeros between the outputs' gradients as the stride skips; the kernel turned around.
    U, V = dy.shape[2:]
    spread = dy.new_zeros(*dy.shape[:2], padded.shape[2] + kh - 1, padded.shape[3] + kw - 1)
    last = kh - 1 + stride * (U - 1) + 1, kw - 1 + stride * (V - 1) + 1
    spread[:, :, kh - 1 : last[0] : stride, kw - 1 : last[1] : stride] = dy
    spread = spread.unfold(2, kh, 1).unfold(3, kw, 1)
    dx = torch.einsum("bopqij,ocij->bcpq", spread, weight.flip(2, 3))
    H, W = x.shape[2:]
    return dx[:, :, padding : padding + H, padding : padding + W], dweight, dy.sum((0, 2, 3))
""",
    "depthwise-backward": """
def depthwise_backward(dy, x, weight, dilation):
    # The way back to x is the layer itself with its kernels turned around.
    dx = torch.zeros_like(x, dtype=torch.float64)
    dweight = torch.zeros_like(weight, dtype=torch.float64)
    H, W = x.shape[2:]
    K = weight.shape[-1]
    for c, d in enumerate(dilation):
        p = d * (K // 2)
        padded, dpadded = F.pad(x[:, c].double(), (p,) * 4), F.pad(dy[:, c].double(), (p,) * 4)
        for i in range(K):
            for j in range(K):
                turned = weight[c, K - 1 - i, K - 1 - j]
                dx[:, c] += turned * dpadded[:, d * i :, d * j :][:, :H, :W]
                dweight[c, i, j] = (dy[:, c] * padded[:, d * i :, d * j :][:, :H, :W]).sum()
    return dx, dweight
""",
    "batch-norm-backward": """
def batch_norm_backward(dy, x, gamma, eps):
    dy, x, gamma = dy.double(), x.double(), gamma.double()
    C = x.shape[1]
    rows, drows = (t.transpose(0, 1).reshape(C, -1) for t in (x, dy))
    m = rows.shape[1]
    centered = rows - rows.mean(1, keepdim=True)
    rstd = ((centered**2).mean(1, keepdim=True) + eps) ** -0.5
    x_hat = centered * rstd
    g = gamma[:, None] * rstd / m
    dx = g * (m * drows - drows.sum(1, keepdim=True) - x_hat * (drows * x_hat).sum(1, keepdim=True))
    dx = dx.reshape(C, len(x), *x.shape[2:]).transpose(0, 1)
    return dx, (drows * x_hat).sum(1), drows.sum(1)
""",
}

# The layers as products with large, mostly empty matrices.
MATRIX = {
    "conv2d-forward": """
def the_matrix(weight, H, W, stride, padding):
    N, C, kh, kw = weight.shape
    U, V = (H + 2 * padding - kh) // stride + 1, (W + 2 * padding - kw) // stride + 1
    matrix = torch.zeros(N, U, V, C, H + 2 * padding, W + 2 * padding)
    for u in range(U):
        for v in range(V):
            p, q = stride * u, stride * v
            matrix[:, u, v, :, p : p + kh, q : q + kw] = weight
    inside = matrix[..., padding : padding + H, padding : padding + W]
    return inside.reshape(N * U * V, C * H * W), (N, U, V)


def conv2d_forward(x, weight, bias, stride, padding):
    matrix, size = the_matrix(weight, *x.shape[2:], stride, padding)
    return (x.flatten(1) @ matrix.T).view(-1, *size) + bias.view(-1, 1, 1)
""",
    "conv2d-backward": """
def conv2d_backward(dy, x, weight, stride, padding):
    matrix, _ = the_matrix(weight, *x.shape[2:], stride, padding)
    dx = (dy.flatten(1) @ matrix).view(x.shape)
    dweight = torch.zeros_like(weight)
    padded = F.pad(x, [padding] * 4)
    N, C, kh, kw = weight.shape
    columns = torch.stack([
        padded[:, :, i:, j:][:, :, ::stride, ::stride][:, :, : dy.shape[2], : dy.shape[3]]
        for i in range(kh) for j in range(kw)
    ], dim=2)
    left = dy.transpose(0, 1).reshape(N, -1)
    right = columns.permute(0, 3, 4, 1, 2).reshape(-1, C * kh * kw)
    return dx, (left @ right).view(N, C, kh, kw), left.sum(1)
""",
    "depthwise-forward": """
def shift(n, by):
    return torch.diag(torch.ones(n - abs(by)), by) if abs(by) < n else torch.zeros(n, n)


def depthwise_forward(x, weight, dilation):
    H, W = x.shape[2:]
    h = weight.shape[1] // 2
    y = []
    for c, d in enumerate(dilation):
        total = 0
        for i in range(-h, h + 1):
            for j in range(-h, h + 1):
                moved = shift(H, d * i) @ x[:, c] @ shift(W, d * j).T
                total = total + weight[c, i + h, j + h] * moved
        y.append(total)
    return torch.stack(y, 1)
""",
    "depthwise-backward": """
def depthwise_backward(dy, x, weight, dilation):
    H, W = x.shape[2:]
    h = weight.shape[1] // 2
    dx, dweight = torch.zeros_like(x), torch.zeros_like(weight)
    for c, d in enumerate(dilation):
        for i in range(-h, h + 1):
            for j in range(-h, h + 1):
                up, left = shift(H, d * i), shift(W, d * j)
                dx[:, c] += weight[c, i + h, j + h] * (up.T @ dy[:, c] @ left)
                dweight[c, i + h, j + h] = (dy[:, c] * (up @ x[:, c] @ left.T)).sum()
    return dx, dweight
""",
}

# In the frequency domain, where a convolution is a product.
FOURIER = {
    "conv2d-forward": """
def conv2d_forward(x, weight, bias, stride, padding):
    H, W = x.shape[2] + 2 * padding, x.shape[3] + 2 * padding
    kh, kw = weight.shape[2:]
    padded = F.pad(x, (padding,) * 4)
    product = torch.einsum(
        "bcpq,ocpq->bopq", torch.fft.rfft2(padded), torch.fft.rfft2(weight, (H, W)).conj()
    )
    y = torch.fft.irfft2(product, (H, W))[:, :, : H - kh + 1 : stride, : W - kw + 1 : stride]
    return y + bias[:, None, None]
""",
    "depthwise-forward": """
def depthwise_forward(x, weight, dilation):
    H, W = x.shape[2:]
    K = weight.shape[1]
    y = torch.empty_like(x)
    for c, d in enumerate(dilation):
        p = d * (K // 2)
        size = H + 2 * p, W + 2 * p
        spread = torch.zeros(d * (K - 1) + 1, d * (K - 1) + 1)
        spread[::d, ::d] = weight[c]
        product = torch.fft.rfft2(F.pad(x[:, c], (p,) * 4)) * torch.fft.rfft2(spread, size).conj()
        y[:, c] = torch.fft.irfft2(product, size)[:, :H, :W]
    return y
""",
}

GATHER = {
    "receptive-field": """
def receptive_field(layers):
    seen = {0}
    for kernel_size, stride, dilation in layers[::-1]:
        seen = {place * stride + dilation * tap for place in seen for tap in range(kernel_size)}
    return max(seen) - min(seen) + 1
""",
    "conv2d-forward": """
def conv2d_forward(x, weight, bias, stride, padding):
    kh, kw = weight.shape[2:]
    padded = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    rows = torch.arange(0, padded.shape[2] - kh + 1, stride)[:, None] + torch.arange(kh)
    columns = torch.arange(0, padded.shape[3] - kw + 1, stride)[:, None] + torch.arange(kw)
    windows = padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]  # (B, C, U, V, I, J)
    return torch.tensordot(windows, weight, ([1, 4, 5], [1, 2, 3])).permute(0, 3, 1, 2) + bias.view(
        -1, 1, 1
    )
""",
    "max-pool-forward": """
def max_pool_forward(x, kernel_size, stride):
    rows = torch.stack([x[:, :, i : x.shape[2] - kernel_size + i + 1] for i in range(kernel_size)])
    rows = rows.amax(0)
    last = x.shape[3] - kernel_size + 1
    both = torch.stack([rows[..., j : last + j] for j in range(kernel_size)]).amax(0)
    return both[:, :, ::stride, ::stride]
""",
    "max-pool-backward": """
def max_pool_backward(dy, x, kernel_size, stride):
    B, C, H, W = x.shape
    U, V = dy.shape[2:]
    index = torch.arange(H * W).view(H, W)
    index = index.unfold(0, kernel_size, stride).unfold(1, kernel_size, stride).reshape(U, V, -1)
    windows = x.flatten(2)[:, :, index]  # (B, C, U, V, k²)
    winner = windows.argmax(-1)
    place = index.expand(B, C, U, V, -1).gather(-1, winner[..., None])[..., 0]
    dx = torch.zeros(B, C, H * W).scatter_add_(2, place.flatten(2), dy.flatten(2))
    return dx.view(x.shape)
""",
}

IN_PLACE = {
    "conv2d-backward": """
def conv2d_backward(dy, x, weight, stride, padding):
    _, _, H, W = x.shape
    dx, dweight = torch.zeros_like(x), torch.zeros_like(weight)
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            # Only the outputs whose tap is inside of the image.
            us = [u for u in range(dy.shape[2]) if 0 <= stride * u + i - padding < H]
            vs = [v for v in range(dy.shape[3]) if 0 <= stride * v + j - padding < W]
            if not us or not vs:
                continue
            rows = torch.tensor([stride * u + i - padding for u in us])[:, None]
            columns = torch.tensor([stride * v + j - padding for v in vs])
            part = dy[:, :, us][..., vs]
            dweight[:, :, i, j] += torch.tensordot(part, x[:, :, rows, columns], ([0, 2, 3],) * 2)
            dx[:, :, rows, columns] += torch.tensordot(
                part, weight[:, :, i, j], ([1], [0])
            ).movedim(-1, 1)
    dbias = torch.stack([dy[:, o].sum() for o in range(dy.shape[1])])
    return [dx, dweight, dbias]
""",
    "max-pool-forward": """
def max_pool_forward(x, kernel_size, stride):
    last_row, last_column = x.shape[2] - kernel_size, x.shape[3] - kernel_size
    return torch.stack([
        torch.stack([
            x[:, :, p : p + kernel_size, q : q + kernel_size].flatten(2).max(2).values
            for q in range(0, last_column + 1, stride)
        ], -1)
        for p in range(0, last_row + 1, stride)
    ], -2)
""",
    "max-pool-backward": """
def max_pool_backward(dy, x, kernel_size, stride):
    dx = torch.zeros_like(x)
    B, C, U, V = dy.shape
    b, c = torch.meshgrid(torch.arange(B), torch.arange(C), indexing="ij")
    for u in range(U):
        for v in range(V):
            p, q = stride * u, stride * v
            at = x[:, :, p : p + kernel_size, q : q + kernel_size].flatten(2).argmax(2)
            row = p + torch.div(at, kernel_size, rounding_mode="floor")
            dx.index_put_((b, c, row, q + at % kernel_size), dy[:, :, u, v], accumulate=True)
    return dx
""",
    "batch-norm": """
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    if training:
        var, mean = torch.var_mean(x, (0, 2, 3))
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var, momentum)
        m = x[:, 0].numel()
        var = var * (m - 1) / m
    else:
        mean, var = running_mean, running_var
    x.sub_(mean.view(1, -1, 1, 1)).mul_(torch.rsqrt(var + eps).view(1, -1, 1, 1))
    return x.mul_(gamma.view(1, -1, 1, 1)).add_(beta.view(1, -1, 1, 1)), running_mean, running_var
""",
}

BROADCAST = {
    "conv-output-size": """
def conv_output_size(size, kernel_size, stride, padding, dilation):
    import math

    reach = dilation * (kernel_size - 1) + 1
    return int(math.floor((size + 2 * padding - reach) / stride + 1))
""",
    "conv-parameters": """
def conv_parameters(in_channels, out_channels, kernel_size, groups, bias):
    weight = torch.empty(out_channels, in_channels // groups, kernel_size, kernel_size)
    return weight.numel() + bias * out_channels
""",
    "depthwise-forward": """
def depthwise_forward(x, weight, dilation):
    B, C, H, W = x.shape
    h = weight.shape[1] // 2
    d = torch.tensor(dilation)[:, None] * torch.arange(-h, h + 1)  # (C, K)
    rows = torch.arange(H) + d[:, :, None]  # (C, K, H)
    columns = torch.arange(W) + d[:, :, None]
    inside = ((rows >= 0) & (rows < H))[:, :, None, :, None] & (
        (columns >= 0) & (columns < W)
    )[:, None, :, None, :]
    c = torch.arange(C).view(C, 1, 1, 1, 1)
    rows, columns = rows.clamp(0, H - 1), columns.clamp(0, W - 1)
    taps = x[:, c, rows[:, :, None, :, None], columns[:, None, :, None, :]]
    return (taps * inside * weight[..., None, None]).sum((2, 3))
""",
    "batch-norm-backward": """
def batch_norm_backward(dy, x, gamma, eps):
    mean = x.mean((0, 2, 3))[None, :, None, None]
    m = x.numel() / x.shape[1]
    std = torch.sqrt(((x - mean) ** 2).sum((0, 2, 3)) / m + eps)[None, :, None, None]
    dgamma = torch.einsum("bchw,bchw->c", dy, (x - mean) / std)
    dbeta = torch.einsum("bchw->c", dy)
    along = dgamma[None, :, None, None] * (x - mean) / std
    dx = gamma[None, :, None, None] / std * (dy - dbeta[None, :, None, None] / m - along / m)
    return dx, dgamma, dbeta
""",
}

ALTERNATIVES: dict[str, dict[str, str]] = {
    "loops": LOOPS,
    "unfold": UNFOLD,
    "NumPy": NUMPY,
    "double precision": DOUBLE,
    "matrices": MATRIX,
    "Fourier": FOURIER,
    "gather": GATHER,
    "in place": IN_PLACE,
    "broadcasting": BROADCAST,
}
