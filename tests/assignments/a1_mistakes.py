"""Mistakes that students make in A1, and the tests that each must lose: those and no others."""

from __future__ import annotations

from variants import Mistake

FORWARD = {"test-linear-forward"}
BACKWARD = {"test-linear-dx", "test-linear-dw", "test-linear-db"}
LOSS = {"test-loss", "test-loss-stable"}
GRADIENT = {"test-loss-gradient", "test-loss-gradient-stable"}
RELU = {"test-relu-forward"}
RELU_BACK = {"test-relu-backward"}
NUMERICAL = {"test-numerical-gradient"}
AGREE = {"test-agree-right"}
NOTICE = {"test-agree-wrong"}
MAXOUT = {"test-maxout-forward"}
MAXOUT_BACK = {"test-maxout-dx", "test-maxout-dw", "test-maxout-db"}
SMOOTH = {"test-smooth-loss", "test-smooth-loss-stable"}
SMOOTH_GRADIENT = {"test-smooth-gradient"}
SINE = {"test-sine-forward"}
SINE_BACK = {"test-sine-dz", "test-sine-domega"}
STEP = {"test-sgd-momentum", "test-sgd-decay"}

LINEAR = "return x @ W.T + b"
ROW_MAX = "logits.max(1, keepdim=True).values"
LOG_P = "shifted - shifted.exp().sum(1, keepdim=True).log()"
PICK = "return -log_p[torch.arange(len(labels)), labels].mean()"
Z = 'z = torch.einsum("bm,pnm->bpn", x, W) + b'
VERDICT = "((gradient - numerical).abs() <= 1e-5 * scale).all()"
DOMEGA = "(dy * (z * cosine / omega - sine / omega**2)).sum(0)"
VELOCITY = "v = momentum * v + g + weight_decay * p"
UPDATE = "new_parameters.append(p - learning_rate * v)"
AUTOGRAD = "uses autograd, which does the work of this task"

MISTAKES: dict[str, Mistake] = {
    # task 1
    "no bias": Mistake("linear-forward", "+ b", "", FORWARD, "y of the example"),
    "bias subtracted": Mistake("linear-forward", "+ b", "- b", FORWARD, "y of the example"),
    "W not transposed": Mistake("linear-forward", "W.T", "W", FORWARD, "cannot be multiplied"),
    "output transposed": Mistake(
        "linear-forward", LINEAR, "return (x @ W.T + b).T", FORWARD, "did you transpose?"
    ),
    "no return": Mistake("linear-forward", "return ", "", FORWARD, "did you forget `return`?"),
    "right for the visible batches only": Mistake(
        "linear-forward", "+ b", "+ b * (len(x) in (1, 8))", FORWARD, "y, B = "
    ),
    "visible answer copied": Mistake(
        "linear-forward", LINEAR, "return torch.tensor([[1.0, 12.0, -1.0]])", FORWARD
    ),
    "F.linear": Mistake("linear-forward", LINEAR, "return F.linear(x, W, b)", FORWARD, "linear"),
    "the library's layer": Mistake(
        "linear-forward",
        LINEAR,
        "from course_utils.layers import Linear\n"
        "    layer = Linear(W.shape[1], W.shape[0])\n"
        "    layer.weight, layer.bias = W, b\n    return layer(x)",
        FORWARD,
        "uses course_utils.layers.linear",
    ),
    "dx by the wrong matrix": Mistake("linear-backward", "dy @ W", "x", {"test-linear-dx"}),
    "dW transposed": Mistake(
        "linear-backward", "dy.T @ x", "x.T @ dy", {"test-linear-dw"}, "did you transpose?"
    ),
    "dW averaged": Mistake(
        "linear-backward", "dy.T @ x", "dy.T @ x / len(x)", {"test-linear-dw"}, "Mean or sum?"
    ),
    "db not summed": Mistake(
        "linear-backward", "dy.sum(0)", "dy", {"test-linear-db"}, "did you forget to sum"
    ),
    "db averaged": Mistake("linear-backward", "dy.sum(0)", "dy.mean(0)", {"test-linear-db"}),
    "db summed over both": Mistake(
        "linear-backward", "dy.sum(0)", "dy.sum()", {"test-linear-db"}, "expected shape (10,)"
    ),
    "db summed over the wrong axis": Mistake(
        "linear-backward", "dy.sum(0)", "dy.sum(1)", {"test-linear-db"}
    ),
    "db not written yet": Mistake(
        "linear-backward", "dy.sum(0)", "None", {"test-linear-db"}, "None"
    ),
    "two of three returned": Mistake(
        "linear-backward", "return dx, dW, db", "return dx, dW", BACKWARD, "must return 3 values"
    ),
    "exception": Mistake(
        "linear-backward", "dx = dy @ W", "dx = dy @ W.T", BACKWARD, "raised RuntimeError"
    ),
    "sys.exit": Mistake(
        "linear-backward", "dx = dy @ W", "raise SystemExit", BACKWARD, "raised SystemExit"
    ),
    "gradients by autograd": Mistake(
        "linear-backward",
        "dx = dy @ W",
        "x.requires_grad_()\n    (x @ W.T).backward(dy)\n    dx = x.grad",
        BACKWARD,
        AUTOGRAD,
    ),
    # task 2
    "ReLU upside down": Mistake("relu", "clamp(min=0)", "clamp(max=0)", RELU),
    "absolute value": Mistake("relu", "z.clamp(min=0)", "z.abs()", RELU),
    "torch.relu": Mistake("relu", "z.clamp(min=0)", "torch.relu(z)", RELU, "uses relu"),
    "ReLU's slope without dy": Mistake("relu", "dy * (z > 0)", "(z > 0).float()", RELU_BACK),
    "slope 1 at 0": Mistake("relu", "z > 0", "z >= 0", RELU_BACK, "at 0 the slope is to be 0"),
    "slope by the sign of dy": Mistake("relu", "z > 0", "dy > 0", RELU_BACK),
    # task 3
    "loss summed": Mistake("cross-entropy", ".mean()", ".sum()", LOSS),
    "loss of every example": Mistake("cross-entropy", ".mean()", "", LOSS, "expected shape ()"),
    "loss with the wrong sign": Mistake("cross-entropy", "return -", "return ", LOSS, "wrong sign"),
    "overflow": Mistake(
        "cross-entropy", f"- {ROW_MAX}", "", {"test-loss-stable"}, "NaN or infinite"
    ),
    "one maximum for all rows": Mistake(
        "cross-entropy", ROW_MAX, "logits.max()", {"test-loss-stable"}, "NaN or infinite"
    ),
    "epsilon in the logarithm": Mistake(
        "cross-entropy",
        LOG_P,
        "(shifted.exp() / shifted.exp().sum(1, keepdim=True) + 1e-12).log()",
        {"test-loss-stable"},
    ),
    "softmax over the batch": Mistake(
        "cross-entropy", ".exp().sum(1, keepdim", ".exp().sum(0, keepdim", LOSS
    ),
    "mean over batch and classes": Mistake(
        "cross-entropy", PICK, f"{PICK} / logits.shape[1]", LOSS, "too small. Mean or sum?"
    ),
    "F.cross_entropy": Mistake(
        "cross-entropy", PICK, "return F.cross_entropy(logits, labels)", LOSS, "uses cross_entropy"
    ),
    "log_softmax": Mistake(
        "cross-entropy", LOG_P, "logits.log_softmax(1)", LOSS, "uses log_softmax"
    ),
    "gradient of the sum": Mistake(
        "cross-entropy-backward", " / len(labels)", "", GRADIENT, "Mean or sum?"
    ),
    "label forgotten": Mistake("cross-entropy-backward", "-= 1", "-= 0", GRADIENT),
    "gradient with the wrong sign": Mistake(
        "cross-entropy-backward", "return dl", "return -dl", GRADIENT, "wrong sign"
    ),
    "divided by the visible batch": Mistake(
        "cross-entropy-backward", "/ len(labels)", "/ 8", GRADIENT
    ),
    "gradient overflows": Mistake(
        "cross-entropy-backward", f"- {ROW_MAX}", "", {"test-loss-gradient-stable"}, "NaN"
    ),
    "one maximum for all rows of the gradient": Mistake(
        "cross-entropy-backward", ROW_MAX, "logits.max()", {"test-loss-gradient-stable"}, "NaN"
    ),
    # task 4
    "one-sided difference": Mistake(
        "numerical-gradient", "f(x - nudge)) / (2 * h)", "f(x)) / h", NUMERICAL, "one-sided"
    ),
    "divided by h": Mistake(
        "numerical-gradient", "(2 * h)", "h", NUMERICAL, "divide by 2h"
    ),
    "nudges add up": Mistake(
        "numerical-gradient",
        "nudge = torch.zeros(x.numel(), dtype=x.dtype)",
        "nudge = torch.zeros(x.numel(), dtype=x.dtype) if i == 0 else nudge.reshape(-1)",
        NUMERICAL,
    ),
    "all entries nudged at once": Mistake(
        "numerical-gradient", "nudge[i] = h", "nudge[:] = h", NUMERICAL
    ),
    "gradient not reshaped": Mistake(
        "numerical-gradient", "gradient.reshape(x.shape)", "gradient", NUMERICAL, "expected shape"
    ),
    "a step of its own": Mistake(
        "numerical-gradient", "gradient = torch", "h = 0.1\n    gradient = torch", NUMERICAL
    ),
    "single precision": Mistake(
        "numerical-gradient", "(f(x + nudge) -", "(f((x + nudge).float().double()) -", NUMERICAL
    ),
    "absolute tolerance": Mistake(
        "gradients-agree", "1e-5 * scale", "1e-5", AGREE | NOTICE, "verdict"
    ),
    "torch.allclose": Mistake(
        "gradients-agree", VERDICT, "torch.allclose(gradient, numerical, 1e-5)", NOTICE | AGREE
    ),
    "each entry by itself": Mistake(
        "gradients-agree", "* scale", "* gradient.abs()", AGREE, "(2, 0) and (2.0000001, 1e-8)"
    ),
    "any instead of all": Mistake("gradients-agree", ".all()", ".any()", NOTICE),
    "mean difference": Mistake(
        "gradients-agree", VERDICT, "(gradient - numerical).mean() <= 1e-5 * scale", NOTICE
    ),
    "too generous": Mistake("gradients-agree", "1e-5", "0.1", NOTICE),
    "too strict": Mistake("gradients-agree", "<= 1e-5 * scale", "== 0", AGREE),
    "without absolute values": Mistake("gradients-agree", ".abs() <= 1e", " <= 1e", NOTICE),
    "shapes not compared": Mistake(
        "gradients-agree", "gradient.shape != numerical.shape", "False", NOTICE
    ),
    "NaN agrees": Mistake(
        "gradients-agree", VERDICT, "not ((gradient - numerical).abs() > 1e-5 * scale).any()",
        NOTICE, "NaN",
    ),
    "zero does not agree with zero": Mistake("gradients-agree", "<= 1e", "< 1e", AGREE),
    # task 5
    "smallest piece": Mistake("maxout-forward", "amax", "amin", MAXOUT),
    "sum of pieces": Mistake("maxout-forward", "z.amax(1)", "z.sum(1)", MAXOUT),
    "maximum over the outputs": Mistake("maxout-forward", "amax(1)", "amax(2)", MAXOUT),
    "bias after the maximum": Mistake(
        "maxout-forward", f"{Z}\n    return z.amax(1)",
        'z = torch.einsum("bm,pnm->bpn", x, W)\n    return z.amax(1) + b.amax(0)', MAXOUT,
    ),
    "only two pieces": Mistake("maxout-forward", "z.amax(1)", "z[:, :2].amax(1)", MAXOUT),
    "gradient to every piece": Mistake(
        "maxout-backward", "won * dy[:, None]", "torch.ones_like(z) * dy[:, None]", MAXOUT_BACK
    ),
    "winner without the bias": Mistake(
        "maxout-backward", Z, Z.removesuffix(" + b"), MAXOUT_BACK
    ),
    "winner of the whole batch": Mistake(
        "maxout-backward", "z.amax(1, keepdim=True)", "z.amax((0, 1), keepdim=True)", MAXOUT_BACK
    ),
    "dx from the first piece": Mistake(
        "maxout-backward", 'torch.einsum("bpn,pnm->bm", dz, W)', "dz[:, 0] @ W[0]",
        {"test-maxout-dx"},
    ),
    "dx averaged over pieces": Mistake(
        "maxout-backward", "dz, W)", "dz, W) / len(W)", {"test-maxout-dx"}
    ),
    "maxout dW averaged": Mistake(
        "maxout-backward", "dz, x)", "dz, x) / len(x)", {"test-maxout-dw"}
    ),
    "maxout dW transposed": Mistake(
        "maxout-backward", "->pnm", "->pmn", {"test-maxout-dw"}
    ),
    "maxout db over the pieces": Mistake(
        "maxout-backward", "dz.sum(0)", "dz.sum(1)", {"test-maxout-db"}
    ),
    "maxout db not summed": Mistake("maxout-backward", "dz.sum(0)", "dz", {"test-maxout-db"}),
    "maxout by autograd": Mistake(
        "maxout-backward",
        "dz = won * dy[:, None]",
        "with torch.enable_grad():\n        x.requires_grad = True\n    dz = won * dy[:, None]",
        MAXOUT_BACK,
        AUTOGRAD,
    ),
    # task 6
    "not smoothed": Mistake(
        "smooth-cross-entropy", "shifted = logits", "q = (q > 0.5).float()\n    shifted = logits",
        {"test-smooth-loss", "test-smooth-loss-stable"},
    ),
    "ε/K forgotten at the label": Mistake(
        "smooth-cross-entropy", "labels] += 1", "labels] = 1", SMOOTH, None
    ),
    "ε over the other K − 1 classes": Mistake(
        "smooth-cross-entropy",
        "epsilon / logits.shape[1])\n    q[torch.arange(len(labels)), labels] += 1 - epsilon",
        "epsilon / (logits.shape[1] - 1))\n    q[torch.arange(len(labels)), labels] = 1 - epsilon",
        SMOOTH,
    ),
    "ε not divided by K": Mistake("smooth-cross-entropy", "epsilon / logits.shape[1]", "epsilon",
        SMOOTH),
    "smoothed loss summed": Mistake("smooth-cross-entropy", ".mean()", ".sum()", SMOOTH),
    "smoothed loss averaged over classes": Mistake(
        "smooth-cross-entropy", "(q * log_p).sum(1)", "(q * log_p).mean(1)", SMOOTH
    ),
    "smoothed loss overflows": Mistake(
        "smooth-cross-entropy", f"- {ROW_MAX}", "", {"test-smooth-loss-stable"}, "NaN or infinite"
    ),
    "logarithm of a rounded probability": Mistake(
        "smooth-cross-entropy", LOG_P, "(shifted.exp() / shifted.exp().sum(1, keepdim=True)).log()",
        {"test-smooth-loss-stable"}, "NaN or infinite",
    ),
    "torch's label_smoothing": Mistake(
        "smooth-cross-entropy", "return -(q * log_p).sum(1).mean()",
        "return F.cross_entropy(logits, labels, label_smoothing=epsilon)", SMOOTH,
        "uses cross_entropy",
    ),
    "gradient not smoothed": Mistake(
        "smooth-cross-entropy-backward", "- q)", "- (q > 0.5).float())", SMOOTH_GRADIENT
    ),
    "smoothed gradient of the sum": Mistake(
        "smooth-cross-entropy-backward", " / len(labels)", "", SMOOTH_GRADIENT
    ),
    "smoothed gradient overflows": Mistake(
        "smooth-cross-entropy-backward", f"- {ROW_MAX}", "", SMOOTH_GRADIENT, "NaN or infinite"
    ),
    "epsilon fixed at 0.2": Mistake(
        "smooth-cross-entropy-backward", "q = torch", "epsilon = 0.2\n    q = torch",
        SMOOTH_GRADIENT,
    ),
    # task 7
    "not divided by ω": Mistake("sine-forward", " / omega", "", SINE),
    "ω added": Mistake("sine-forward", "omega * z", "omega + z", SINE),
    "one ω for all units": Mistake("sine-forward", "(omega * z)", "(omega[0] * z)", SINE),
    "dz times ω": Mistake("sine-backward", "dy * cosine", "dy * omega * cosine", {"test-sine-dz"}),
    "dz with the sine": Mistake("sine-backward", "dy * cosine", "dy * sine", {"test-sine-dz"}),
    "quotient rule's second term forgotten": Mistake(
        "sine-backward", " - sine / omega**2", "", {"test-sine-domega"},
        "that of the division by ω is missing",
    ),
    "ω² forgotten": Mistake("sine-backward", "omega**2", "omega", {"test-sine-domega"}),
    "domega not summed": Mistake(
        "sine-backward", DOMEGA, DOMEGA.removesuffix(".sum(0)"), {"test-sine-domega"}
    ),
    "domega averaged": Mistake("sine-backward", ".sum(0)", ".mean(0)", {"test-sine-domega"}),
    "domega without dy": Mistake("sine-backward", "(dy * (z", "((z", {"test-sine-domega"}),
    "returned in the wrong order": Mistake(
        "sine-backward", "return dz, domega", "return domega, dz", SINE_BACK
    ),
    # task 8
    "velocity forgotten": Mistake("sgd-step", "momentum * v + g", "g", {"test-sgd-momentum"}),
    "velocity not returned": Mistake(
        "sgd-step", "new_velocities.append(v)", "new_velocities.append(g)", {"test-sgd-momentum"}
    ),
    "learning rate inside the velocity": Mistake(
        "sgd-step", f"{VELOCITY}\n        {UPDATE}",
        "v = momentum * v + learning_rate * (g + weight_decay * p)\n"
        "        new_parameters.append(p - v)",
        {"test-sgd-momentum"}, "velocities after step 1",
    ),
    "damped gradient": Mistake(
        "sgd-step", "+ g +", "+ (1 - momentum) * g +", {"test-sgd-momentum"}
    ),
    "parameter before velocity": Mistake(
        "sgd-step", f"{VELOCITY}\n        {UPDATE}", f"{UPDATE}\n        {VELOCITY}", STEP
    ),
    "step upward": Mistake("sgd-step", "p - learning_rate", "p + learning_rate", STEP),
    "weight decay forgotten": Mistake(
        "sgd-step", " + weight_decay * p", "", {"test-sgd-decay"}, "weight decay has no effect"
    ),
    "weight decay with the wrong sign": Mistake(
        "sgd-step", "+ weight_decay", "- weight_decay", {"test-sgd-decay"}, "wrong sign"
    ),
    "weight decay without the learning rate": Mistake(
        "sgd-step", UPDATE,
        "v = v - weight_decay * p\n"
        "        new_parameters.append((1 - weight_decay) * p - learning_rate * v)",
        {"test-sgd-decay"},
    ),
    "only the first parameter": Mistake(
        "sgd-step", "zip(parameters, gradients, velocities, strict=True)",
        "[*zip(parameters, gradients, velocities)][:1]", STEP, "must return 3 values",
    ),
    "torch.optim": Mistake(
        "sgd-step", UPDATE,
        "q = torch.nn.Parameter(p)\n        q.grad = v\n"
        "        torch.optim.SGD([q], learning_rate).step()\n        new_parameters.append(q.data)",
        STEP, "uses torch.optim",
    ),
}  # fmt: skip
