"""Mistakes that students make in A2, and the tests that each must lose: those and no others."""

from __future__ import annotations

from variants import Mistake

SIZE = {"test-output-size"}
PARAMETERS = {"test-parameters"}
FIELD = {"test-receptive-field"}
PLAIN, STRIDE, PADDING = "test-conv-plain", "test-conv-stride", "test-conv-padding"
FORWARD = {PLAIN, STRIDE, PADDING}
DX, DWEIGHT, DBIAS = {"test-conv-dx"}, {"test-conv-dweight"}, {"test-conv-dbias"}
BACKWARD = DX | DWEIGHT | DBIAS
DEPTHWISE = {"test-depthwise-forward"}
DEPTHWISE_DX, DEPTHWISE_DWEIGHT = {"test-depthwise-dx"}, {"test-depthwise-dweight"}
POOL = {"test-max-pool-forward"}
POOL_BACK, OVERLAP = {"test-max-pool-backward"}, {"test-max-pool-overlap"}
TRAINING, RUNNING = {"test-batch-norm-training"}, {"test-batch-norm-running"}
EVAL = {"test-batch-norm-eval"}
BONUS = {"test-batch-norm-bonus"}

COUNT = "(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1"
PADDED = "padded[:, :, padding : padding + H, padding : padding + W] = x"
TAP = 'y += torch.einsum("oc,bcuv->bouv", weight[:, :, i, j], under)'
Y = "return y + bias[:, None, None]"
SHARE = "dpadded[:, :, rows, columns] += share"
DWEIGHT_TAP = 'dweight[:, :, i, j] = torch.einsum("bouv,bcuv->oc", dy, under)'
CUT = "dx = dpadded[:, :, padding : padding + H, padding : padding + W]"
DEPTHWISE_TAP = "y[:, c] += weight[c, i, j] * padded[:, rows, columns]"
DEPTHWISE_SHARE = "dpadded[:, rows, columns] += weight[c, i, j] * dy[:, c]"
WINNERS = "dx[under] += dy * (x[under] == y)"
NEW_MEAN = "(1 - momentum) * running_mean + momentum * mean"
NEW_VAR = "(1 - momentum) * running_var + momentum * var * m / (m - 1)"
BONUS_DX = "(dx_hat - dx_hat.mean(axes, keepdim=True) - x_hat * along) / std"
AUTOGRAD = "uses autograd, which does the work of this task"

MISTAKES: dict[str, Mistake] = {
    # task 1
    "plus one forgotten": Mistake("conv-output-size", " + 1", "", SIZE, "expected 4, got 3"),
    "padding on one side": Mistake("conv-output-size", "2 * padding", "padding", SIZE),
    "dilation times kernel size": Mistake(
        "conv-output-size", "dilation * (kernel_size - 1) - 1", "dilation * kernel_size", SIZE
    ),
    "dilation forgotten": Mistake("conv-output-size", "dilation * (k", "1 * (k", SIZE),
    "rounded up": Mistake("conv-output-size", COUNT, f"-(-({COUNT[:-14].strip()}) // stride) + 1",
        SIZE),
    "a size with a decimal point": Mistake(
        "conv-output-size", "// stride", "/ stride", SIZE, "expected 4, got 4.0"
    ),
    "parameters: no bias": Mistake("conv-parameters", " + (out_channels if bias else 0)", "",
        PARAMETERS, "expected 4640, got 4608"),
    "parameters: always a bias": Mistake("conv-parameters", "if bias else 0", "", PARAMETERS),
    "parameters: groups forgotten": Mistake(
        "conv-parameters", "(in_channels // groups)", "in_channels", PARAMETERS
    ),
    "parameters: groups on both sides": Mistake(
        "conv-parameters", "= out_channels * (", "= (out_channels // groups) * (", PARAMETERS
    ),
    "parameters: kernel not squared": Mistake("conv-parameters", "kernel_size**2", "kernel_size",
        PARAMETERS),
    "field: stride before its own layer": Mistake(
        "receptive-field",
        "field += dilation * (kernel_size - 1) * step\n        step *= stride",
        "step *= stride\n        field += dilation * (kernel_size - 1) * step",
        FIELD,
    ),
    "field: strides forgotten": Mistake("receptive-field", "step *= stride", "pass", FIELD,
        "expected 8, got 6"),
    "field: kernels multiplied": Mistake(
        "receptive-field", "field += dilation * (kernel_size - 1) * step",
        "field *= dilation * kernel_size", FIELD,
    ),
    "field: dilation forgotten": Mistake("receptive-field", "dilation * (k", "(k", FIELD),
    # task 2
    "no bias": Mistake("conv2d-forward", Y, "return y", FORWARD, "the bias is missing"),
    "bias on the wrong axis": Mistake("conv2d-forward", "bias[:, None, None]", "bias", FORWARD),
    "kernel turned around": Mistake(
        "conv2d-forward", "weight[:, :, i, j]", "weight[:, :, -1 - i, -1 - j]", FORWARD,
        "the kernel is turned around",
    ),
    "kernel transposed": Mistake(
        "conv2d-forward", "weight[:, :, i, j]", "weight[:, :, j, i]", FORWARD,
    ),
    "first channel only": Mistake(
        "conv2d-forward", TAP,
        'y += torch.einsum("o,buv->bouv", weight[:, 0, i, j], under[:, 0])', FORWARD,
    ),
    "only the last tap": Mistake("conv2d-forward", "y += torch", "y = torch", FORWARD),
    "right for the visible images only": Mistake(
        "conv2d-forward", Y, f"y *= float(B in (1, 3))\n    {Y}", FORWARD, "x of shape"
    ),
    "visible answer copied": Mistake(
        "conv2d-forward", Y, "return torch.full((1, 1, 2, 2), 6.0)", FORWARD
    ),
    "stride off by one": Mistake(
        "conv2d-forward", "slice(i, i + stride * (U - 1) + 1, stride)",
        "slice(i, i + U, 1) if stride == 1 else slice(0, stride * (U - 1) + 1, stride)",
        {STRIDE},
    ),
    "stride forgotten": Mistake(
        "conv2d-forward", "B, C, H, W = x.shape", "B, C, H, W = x.shape\n    stride = 1", {STRIDE},
        "expected shape",
    ),
    "padding forgotten": Mistake(
        "conv2d-forward", "B, C, H, W = x.shape", "B, C, H, W = x.shape\n    padding = 0",
        {PADDING}, "expected shape",
    ),
    "padding on one side only": Mistake(
        "conv2d-forward", PADDED, "padded[:, :, :H, :W] = x", {PADDING}
    ),
    "padding with the edge's pixels": Mistake(
        "conv2d-forward", PADDED,
        'padded[:] = F.pad(x, [padding] * 4, mode="replicate")', {PADDING},
    ),
    "F.conv2d": Mistake(
        "conv2d-forward", Y, "return F.conv2d(x, weight, bias, stride, padding)", FORWARD,
        "uses conv2d",
    ),
    "the library's layer": Mistake(
        "conv2d-forward", Y,
        "from course_utils.layers import Conv2d\n"
        "    layer = Conv2d(C, out, (kh, kw), stride, padding)\n"
        "    layer.weight, layer.bias = weight, bias\n    return layer(x)",
        FORWARD, "uses course_utils.layers.convolution",
    ),
    # task 3
    "dx not accumulated": Mistake(
        "conv2d-backward", SHARE, SHARE.replace("+=", "="), DX, "must be added"
    ),
    "dx by the turned kernel": Mistake(
        "conv2d-backward", "weight[:, :, i, j], dy", "weight[:, :, -1 - i, -1 - j], dy", DX,
        "the kernel is turned around",
    ),
    "dx with its padding": Mistake("conv2d-backward", CUT, "dx = dpadded", DX, "expected shape"),
    "dx cut off at the wrong place": Mistake(
        "conv2d-backward", CUT, "dx = dpadded[:, :, :H, :W]", DX
    ),
    "dx without the stride": Mistake(
        "conv2d-backward", SHARE, "dpadded[:, :, i : i + U, j : j + V] += share", DX
    ),
    "dweight averaged over the batch": Mistake(
        "conv2d-backward", DWEIGHT_TAP, DWEIGHT_TAP + " / B", DWEIGHT, "Mean or sum?"
    ),
    "dweight without the padding": Mistake(
        "conv2d-backward", PADDED, "padded[:, :, :H, :W] = x", DWEIGHT
    ),
    "dweight without the stride": Mistake(
        "conv2d-backward", "under = padded[:, :, rows, columns]",
        "under = padded[:, :, i : i + U, j : j + V]", DWEIGHT,
    ),
    "dbias averaged": Mistake("conv2d-backward", "dy.sum((0", "dy.mean((0", DBIAS, "expected 7"),
    "dbias for each image": Mistake("conv2d-backward", "dy.sum((0, 2, 3))", "dy.sum((2, 3))", DBIAS,
        "did you forget to sum"),
    "dbias over the channels too": Mistake(
        "conv2d-backward", "dy.sum((0, 2, 3))", "dy.sum()", DBIAS, "expected shape"
    ),
    "dbias not written yet": Mistake("conv2d-backward", "dy.sum((0, 2, 3))", "None", DBIAS, "None"),
    "convolution back by autograd": Mistake(
        "conv2d-backward", "dx = dp",
        "x.requires_grad_()\n    (x * x).sum().backward()\n    dx = dp", BACKWARD, AUTOGRAD,
    ),
    "transposed convolution": Mistake(
        "conv2d-backward", CUT,
        "dx = F.conv_transpose2d(dy, weight, None, stride, padding)", BACKWARD,
        "uses conv_transpose2d",
    ),
    # task 4
    "one dilation for all": Mistake(
        "depthwise-forward", "for c, d in enumerate(dilation):",
        "for c in range(len(dilation)):\n        d = dilation[0]", DEPTHWISE,
        "both channels have the first one's dilation",
    ),
    "dilation ignored": Mistake(
        "depthwise-forward", "for c, d in enumerate(dilation):",
        "for c in range(len(dilation)):\n        d = 1", DEPTHWISE,
    ),
    "padding of dilation 1": Mistake(
        "depthwise-forward", "p = d * (K // 2)", "p = K // 2", DEPTHWISE, "raised RuntimeError"
    ),
    "depthwise kernel turned around": Mistake(
        "depthwise-forward", "weight[c, i, j]", "weight[c, -1 - i, -1 - j]", DEPTHWISE,
        "the kernel is turned around",
    ),
    "kernel of the first channel": Mistake(
        "depthwise-forward", "weight[c, i, j]", "weight[0, i, j]", DEPTHWISE
    ),
    "channels mixed": Mistake(
        "depthwise-forward", "= x[:, c]", "= x.sum(1)", DEPTHWISE
    ),
    "torch's depthwise convolution": Mistake(
        "depthwise-forward", "return y",
        "return torch.cat([F.conv2d(x[:, [c]], weight[c][None, None], None, 1, d * (K // 2), d)\n"
        "        for c, d in enumerate(dilation)], 1)",
        DEPTHWISE, "uses conv2d",
    ),
    "depthwise dx overwritten": Mistake(
        "depthwise-backward", DEPTHWISE_SHARE, DEPTHWISE_SHARE.replace("+=", "="), DEPTHWISE_DX
    ),
    "depthwise dx by the turned kernel": Mistake(
        "depthwise-backward", "weight[c, i, j] * dy", "weight[c, -1 - i, -1 - j] * dy", DEPTHWISE_DX
    ),
    "depthwise dx cut off at the wrong place": Mistake(
        "depthwise-backward", "dpadded[:, p : p + H, p : p + W]", "dpadded[:, :H, :W]", DEPTHWISE_DX
    ),
    "one dilation on the way back": Mistake(
        "depthwise-backward", "for c, d in enumerate(dilation):",
        "for c in range(len(dilation)):\n        d = dilation[0]", DEPTHWISE_DX | DEPTHWISE_DWEIGHT,
        "both channels have the first one's dilation",
    ),
    "depthwise dweight of one image": Mistake(
        "depthwise-backward", "(dy[:, c] * padded[:, rows, columns]).sum()",
        "(dy[0, c] * padded[0, rows, columns]).sum()", DEPTHWISE_DWEIGHT,
    ),
    "depthwise dweight averaged": Mistake(
        "depthwise-backward", ".sum()", ".mean()", DEPTHWISE_DWEIGHT
    ),
    # task 5
    "window begins at 0": Mistake("max-pool-forward", "-torch.inf", "0.0", POOL, "negative"),
    "windows never overlap": Mistake(
        "max-pool-forward", "U = (x", "stride = kernel_size\n    U = (x", POOL
    ),
    "mean pooling": Mistake(
        "max-pool-forward", "return y",
        "return x.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride).mean((4, 5))", POOL,
    ),
    "F.max_pool2d": Mistake(
        "max-pool-forward", "return y", "return F.max_pool2d(x, kernel_size, stride)", POOL,
        "uses max_pool2d",
    ),
    "pool gradient overwritten": Mistake(
        "max-pool-backward", WINNERS, "dx[under] = torch.where(x[under] == y, dy, dx[under])",
        OVERLAP, "kept only",
    ),
    "pool gradient to all of the window": Mistake(
        "max-pool-backward", "(x[under] == y)", "(x[under] <= y)", POOL_BACK | OVERLAP
    ),
    "pool gradient shared by the window": Mistake(
        "max-pool-backward", WINNERS, "dx[under] += dy / kernel_size**2", POOL_BACK | OVERLAP
    ),
    "max-unpooling": Mistake(
        "max-pool-backward", "return dx",
        "_, index = F.max_pool2d(x, kernel_size, stride, return_indices=True)\n    return dx",
        POOL_BACK | OVERLAP, "uses max_pool2d_with_indices",
    ),
    # task 6
    "unbiased variance in the normalization": Mistake(
        "batch-norm", "(var + eps)", "(var * (m / (m - 1) if training else 1) + eps)", TRAINING,
        "the normalization takes m",
    ),
    "statistics of each image": Mistake(
        "batch-norm", "x_hat = ",
        "if training:\n        mean = x.mean((0, 1, 2, 3)).expand_as(mean)\n    x_hat = ", TRAINING,
    ),
    "epsilon outside of the root": Mistake(
        "batch-norm", "(var + eps).sqrt()[:, None, None]", "(var.sqrt() + eps)[:, None, None]",
        TRAINING | EVAL,
    ),
    "gamma and beta exchanged": Mistake(
        "batch-norm", "y = gamma[:, None, None] * x_hat + beta",
        "y = beta[:, None, None] * x_hat + gamma", TRAINING | EVAL,
    ),
    "biased running variance": Mistake(
        "batch-norm", " * m / (m - 1)", "", RUNNING, "takes the unbiased variance"
    ),
    "momentum of the old": Mistake(
        "batch-norm", NEW_MEAN, "momentum * running_mean + (1 - momentum) * mean", RUNNING,
        "share of the new batch",
    ),
    "running standard deviation": Mistake(
        "batch-norm", NEW_VAR, NEW_VAR.replace("var * m / (m - 1)", "(var * m / (m - 1)).sqrt()"),
        RUNNING,
    ),
    "running values not returned": Mistake(
        "batch-norm", "running_mean = (1", "ignored = (1", RUNNING, "it does not change"
    ),
    "batch statistics in use": Mistake(
        "batch-norm", "mean, var = running_mean, running_var",
        "mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)", EVAL,
        "the running ones stand in",
    ),
    "running values change in use": Mistake(
        "batch-norm", "return y,",
        "if not training:\n        running_mean = 0.9 * running_mean + 0.1 * x.mean((0, 2, 3))\n"
        "    return y,",
        EVAL, "running_mean, which stays as it is",
    ),
    "F.batch_norm": Mistake(
        "batch-norm", "return y,",
        "y = F.batch_norm(x, mean, var, gamma, beta, eps=eps)\n    return y,",
        TRAINING | RUNNING | EVAL, "uses batch_norm",
    ),
    "bonus: mean and variance as constants": Mistake(
        "batch-norm-backward", BONUS_DX, "dx_hat / std", BONUS, "the mean and the variance as const"
    ),
    "bonus: variance as a constant": Mistake(
        "batch-norm-backward", " - x_hat * along", "", BONUS, "the variance as a constant"
    ),
    "bonus: unbiased variance": Mistake(
        "batch-norm-backward", "correction=0", "correction=1", BONUS
    ),
    "bonus: dgamma with gamma": Mistake(
        "batch-norm-backward", "(dy * x_hat).sum(axes)", "(dx_hat * x_hat).sum(axes)", BONUS
    ),
}  # fmt: skip
