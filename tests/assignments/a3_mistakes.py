"""Mistakes that students make in A3, and the tests that each must lose: those and no others."""

from __future__ import annotations

from variants import Mistake

STEP = {"test-rnn-step"}
SEQUENCE = {"test-rnn-forward"}
DX, DH0 = {"test-bptt-dx"}, {"test-bptt-dh0"}
DW_IH, DW_HH, DB = {"test-bptt-dw-ih"}, {"test-bptt-dw-hh"}, {"test-bptt-db"}
THROUGH_TIME = DX | DH0 | DW_IH | DW_HH | DB
MGU = {"test-mgu-step"}
MGU_DX, MGU_DH, MGU_DB = {"test-mgu-dx"}, {"test-mgu-dh"}, {"test-mgu-db"}
MGU_DW_IH, MGU_DW_HH = {"test-mgu-dw-ih"}, {"test-mgu-dw-hh"}
MGU_BACK = MGU_DX | MGU_DH | MGU_DB | MGU_DW_IH | MGU_DW_HH
CLIP, SHORT = {"test-clip-long"}, {"test-clip-short"}
LOSS, STABLE = {"test-sequence-loss"}, {"test-sequence-loss-stable"}
GRADIENT, PADDING = {"test-sequence-gradient"}, {"test-sequence-padding"}
HEAT, NUCLEUS, BOTH = {"test-nucleus-temperature"}, {"test-nucleus"}, {"test-nucleus-both"}

RECURRENCE = "torch.tanh(x[:, t] @ W_ih.T + h @ W_hh.T + b)"
SLOPE = "dz = dh * (1 - hs[:, t] ** 2)"
BACKWARD_LOOP = "    for t in reversed(range(x.shape[1])):"
CANDIDATE = "n = torch.tanh(x @ W_n.T + f * (h @ U_n.T) + b_n)"
NORM = "norm = sum((g**2).sum() for g in gradients) ** 0.5"
MEAN = "return -(picked * mask).sum() / mask.sum()"
LOG_P = "shifted - shifted.exp().sum(2, keepdim=True).log()"
ROW_MAX = " - logits.amax(2, keepdim=True)"
AUTOGRAD = "uses autograd, which does the work of this task"

MISTAKES: dict[str, Mistake] = {
    # task 1
    "W_hh not transposed": Mistake(
        "rnn-step", "h @ W_hh.T", "h @ W_hh", STEP, "transposed once too often or not at all"
    ),
    "step without the tanh": Mistake("rnn-step", "torch.tanh", "", STEP, "this is before the tanh"),
    "step not returned": Mistake("rnn-step", "return ", "", STEP, "did you forget `return`?"),
    "visible answer copied": Mistake(
        "rnn-step", "return torch", "return torch.tensor([[0.6, 0.8]])\n    return torch", STEP
    ),
    "torch.rnn_tanh_cell": Mistake(
        "rnn-step", "torch.tanh(x @ W_ih.T + h @ W_hh.T + b)",
        "torch.rnn_tanh_cell(x, h, W_ih, W_hh, b, 0 * b)", STEP, "uses rnn_tanh_cell",
    ),
    "starts from zero": Mistake(
        "rnn-forward", "h, hs = h0, []", "h, hs = 0 * h0, []", SEQUENCE,
        "it starts from 0 instead of h0",
    ),
    "only the last state": Mistake(
        "rnn-forward", "torch.stack(hs, 1)", "h", SEQUENCE, "the last state alone"
    ),
    "time before batch": Mistake(
        "rnn-forward", "torch.stack(hs, 1)", "torch.stack(hs)", SEQUENCE, "time comes first here"
    ),
    "states overwritten in place": Mistake(
        "rnn-forward", f"h = {RECURRENCE}", f"h.copy_({RECURRENCE})", SEQUENCE
    ),
    "the library's layer": Mistake(
        "rnn-forward", "h, hs = h0, []",
        "from course_utils.layers import RNN\n"
        "    layer = RNN(W_ih.shape[1], W_ih.shape[0], batch_first=True)\n"
        "    layer(x)\n    h, hs = h0, []",
        SEQUENCE, "uses course_utils.layers",
    ),
    # task 2
    "gradient detached from step to step": Mistake(
        "rnn-backward", "dh = dhs[:, t] + arrives", "dh = dhs[:, t]", THROUGH_TIME,
        "what arrives from the later steps is missing",
    ),
    "only the last output is asked": Mistake(
        "rnn-backward", "dh = dhs[:, t] + arrives",
        "dh = dhs[:, t] if t == x.shape[1] - 1 else arrives", THROUGH_TIME,
        "of the earlier state itself is missing",
    ),
    "slope at the state before": Mistake(
        "rnn-backward", "hs[:, t] ** 2", "before**2", THROUGH_TIME
    ),
    "carried through the transpose": Mistake(
        "rnn-backward", "arrives = dz @ W_hh", "arrives = dz @ W_hh.T", THROUGH_TIME
    ),
    "dh0 is the first state's": Mistake(
        "rnn-backward", "return dx, arrives", "return dx, dh", DH0, "h0 is one step before it"
    ),
    "weights of the first step only": Mistake(
        "rnn-backward", "dW_ih += dz.T", "dW_ih = dz.T", DW_IH, "the steps add up"
    ),
    "dW_hh with the state after": Mistake(
        "rnn-backward", "dW_hh += dz.T @ before", "dW_hh += dz.T @ hs[:, t]", DW_HH,
        "W_hh met the state before the step",
    ),
    "h0 forgotten in dW_hh": Mistake(
        "rnn-backward", "dW_hh += dz.T @ before", "dW_hh += (dz.T @ before) * (t > 0)", DW_HH,
        "the first step met h0",
    ),
    "state before the first step by a negative index": Mistake(
        "rnn-backward", "hs[:, t - 1] if t > 0 else h0", "hs[:, t - 1]", DW_HH
    ),
    "dW_hh transposed": Mistake(
        "rnn-backward", "dW_hh += dz.T @ before", "dW_hh += before.T @ dz", DW_HH,
        "right but transposed",
    ),
    "db averaged over the batch": Mistake("rnn-backward", "dz.sum(0)", "dz.mean(0)", DB),
    "db not summed over the batch": Mistake(
        "rnn-backward", "db += dz.sum(0)", "db = db + dz", DB, "did you forget to sum"
    ),
    "through time by autograd": Mistake(
        "rnn-backward", "    dx = torch.zeros_like(x)",
        "    x = x.requires_grad_()\n    dx = torch.zeros_like(x)", THROUGH_TIME, AUTOGRAD,
    ),
    # task 3
    "gate and its complement exchanged": Mistake(
        "mgu-step", "(1 - f) * h + f * n", "f * h + (1 - f) * n", MGU
    ),
    "candidate sees the whole past": Mistake(
        "mgu-step", CANDIDATE, CANDIDATE.replace("f * ", ""), MGU, "not f times it"
    ),
    "candidate does not see the past": Mistake(
        "mgu-step", CANDIDATE, CANDIDATE.replace("+ f * (h @ U_n.T) ", ""), MGU,
        "does not see the past",
    ),
    "gate before the product": Mistake("mgu-step", "f * (h @ U_n.T)", "(f * h) @ U_n.T", MGU),
    "candidate's weights first": Mistake(
        "mgu-step", "(W_f, W_n), (U_f, U_n), (b_f, b_n)", "(W_n, W_f), (U_n, U_f), (b_n, b_f)", MGU
    ),
    "torch.gru_cell": Mistake(
        "mgu-step", "return (1 - f) * h + f * n",
        "tied = [torch.cat([w[0], -w[0], w[1]]) for w in (W_ih, W_hh, b)]\n"
        "    return torch.gru_cell(x, h, *tied, torch.zeros_like(tied[-1]))", MGU, "uses gru_cell",
    ),
    "candidate without the tanh's slope": Mistake(
        "mgu-step-backward", "dh_new * f * (1 - n**2)", "dh_new * f", MGU_BACK,
        "the tanh's slope is missing",
    ),
    "candidate's share without f": Mistake(
        "mgu-step-backward", "dh_new * f * (1 - n**2)", "dh_new * (1 - n**2)", MGU_BACK,
        "f times the gradient",
    ),
    "sigmoid's slope forgotten": Mistake(
        "mgu-step-backward", "df * f * (1 - f)", "df", MGU_BACK, "the sigmoid's slope is missing",
    ),
    "gate asked by the mixture only": Mistake(
        "mgu-step-backward", "dh_new * (n - h) + dz_n * m", "dh_new * (n - h)", MGU_BACK,
        "f acts inside the candidate, too",
    ),
    "dx without the gate's way": Mistake(
        "mgu-step-backward", "dz_f @ W_f + dz_n @ W_n", "dz_n @ W_n", MGU_DX
    ),
    "dh without the direct way": Mistake(
        "mgu-step-backward", "dh_new * (1 - f) + ", "", MGU_DH, "what h gets directly"
    ),
    "dh past the gate": Mistake(
        "mgu-step-backward", "dm @ U_n", "dz_n @ U_n", MGU_DH, "there is a factor f"
    ),
    "dW_hh past the gate": Mistake(
        "mgu-step-backward", "dm.T @ h", "dz_n.T @ h", MGU_DW_HH, "there is a factor f"
    ),
    "dW_ih in the wrong order": Mistake(
        "mgu-step-backward", "[dz_f.T @ x, dz_n.T @ x]", "[dz_n.T @ x, dz_f.T @ x]", MGU_DW_IH,
        "the two lie in the wrong order",
    ),
    "db joined instead of stacked": Mistake(
        "mgu-step-backward", "db = torch.stack", "db = torch.cat", MGU_DB, "expected shape (2, 1)"
    ),
    "gated unit by autograd": Mistake(
        "mgu-step-backward", "    m = h @ U_n.T",
        "    with torch.enable_grad():\n        h.requires_grad = True\n    m = h @ U_n.T",
        MGU_BACK, AUTOGRAD,
    ),
    # task 4
    "each tensor by itself": Mistake(
        "clip-gradients", "[factor * g for g in gradients]",
        "[min(1.0, max_norm / (g.norm() + 1e-6)) * g for g in gradients]", CLIP,
        "each tensor is clipped by itself",
    ),
    "norms added": Mistake(
        "clip-gradients", NORM, "norm = sum(g.norm() for g in gradients)", CLIP, "norms do not add"
    ),
    "root forgotten": Mistake(
        "clip-gradients", " ** 0.5", "", CLIP | SHORT, "this is the square of the norm"
    ),
    "always to the threshold": Mistake(
        "clip-gradients", "min(1.0, max_norm / (norm + 1e-6))", "max_norm / (norm + 1e-6)", SHORT,
        "clipping only shortens",
    ),
    "norm after clipping": Mistake(
        "clip-gradients", "in gradients], norm", "in gradients], norm * factor", CLIP,
        "the norm after clipping",
    ),
    "zero divided by zero": Mistake(
        "clip-gradients", "factor * g for", "g / norm * min(norm, max_norm) for", SHORT, "NaN"
    ),
    "torch.nn.utils": Mistake(
        "clip-gradients", "    norm = sum",
        "    parameters = [torch.zeros_like(g) for g in gradients]\n"
        "    for p, g in zip(parameters, gradients):\n        p.grad = g\n"
        "    torch.nn.utils.clip_grad_norm_(parameters, max_norm)\n    norm = sum",
        CLIP | SHORT, "uses _foreach_norm",
    ),
    # task 5
    "padding counts": Mistake(
        "sequence-loss", MEAN, "return -picked.mean()", LOSS, "the padding counts"
    ),
    "divided by B · T": Mistake(
        "sequence-loss", "/ mask.sum()", "/ mask.numel()", LOSS, "not by B · T"
    ),
    "mean of the names' means": Mistake(
        "sequence-loss", MEAN, "return -((picked * mask).sum(1) / lengths).mean()", LOSS,
        "all characters count alike",
    ),
    "loss summed": Mistake(
        "sequence-loss", " / mask.sum()", "", LOSS | STABLE, "the loss is the mean"
    ),
    "mask of one too many": Mistake("sequence-loss", "< lengths", "<= lengths", LOSS),
    "padding told by its target": Mistake(
        "sequence-loss", "mask = torch.arange(logits.shape[1]) < lengths[:, None]",
        "mask = targets > 0", LOSS | STABLE,
    ),
    "overflow": Mistake("sequence-loss", ROW_MAX, "", STABLE, "NaN or infinite"),
    "epsilon in the logarithm": Mistake(
        "sequence-loss", LOG_P,
        "(shifted.exp() / shifted.exp().sum(2, keepdim=True) + 1e-9).log()", STABLE,
    ),
    "F.cross_entropy": Mistake(
        "sequence-loss", MEAN, "return F.cross_entropy(logits.mT, targets)", LOSS | STABLE,
        "uses cross_entropy",
    ),
    "gradient of the sum": Mistake(
        "sequence-loss-backward", " / mask.sum()", "", GRADIENT, "the loss is the mean"
    ),
    "padding gets a gradient": Mistake(
        "sequence-loss-backward", " * mask[:, :, None]", "", PADDING, "exactly 0 at padding"
    ),
    "gradient overflows": Mistake("sequence-loss-backward", ROW_MAX, "", GRADIENT, "NaN"),
    # task 6
    "temperature ignored": Mistake(
        "nucleus", "logits / temperature", "logits", HEAT | BOTH, "the temperature has no effect"
    ),
    "temperature after the nucleus": Mistake(
        "nucleus", "return p / p.sum(1, keepdim=True)",
        "p = p ** (1 / temperature)\n    return p / p.sum(1, keepdim=True)", HEAT | BOTH,
    ),
    "cut at temperature 1": Mistake(
        "nucleus", "before = ordered.cumsum(1) - ordered",
        "cold = torch.softmax(logits, 1).sort(1, descending=True).values\n"
        "    before = cold.cumsum(1) - cold", BOTH, "the temperature comes first",
    ),
    "one too few": Mistake(
        "nucleus", "before = ordered.cumsum(1) - ordered",
        "before = ordered.cumsum(1) * (top_p < 1)", NUCLEUS | BOTH, "one too few are kept",
    ),
    "one too many": Mistake(
        "nucleus", "before = ordered.cumsum(1) - ordered",
        "before = (ordered.cumsum(1) - ordered).roll(1, 1)\n    before[:, 0] = 0", NUCLEUS | BOTH,
        "one too many are kept",
    ),
    "the least probable": Mistake(
        "nucleus", "descending=True", "descending=False", NUCLEUS | BOTH, "least probable"
    ),
    "left in sorted order": Mistake(
        "nucleus", "torch.zeros_like(p).scatter(1, places, kept)", "kept", HEAT | NUCLEUS | BOTH,
        "each must be in its place",
    ),
    "does not sum to 1": Mistake(
        "nucleus", "return p / p.sum(1, keepdim=True)", "return p", NUCLEUS | BOTH,
        "must sum to 1 again",
    ),
    "one cut for the whole batch": Mistake(
        "nucleus", "torch.where(before < top_p,",
        "torch.where(((before < top_p) | (top_p == 1))[:1],", NUCLEUS,
    ),
}  # fmt: skip
