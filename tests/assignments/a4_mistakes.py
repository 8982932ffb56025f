"""Mistakes that students make in A4, and the tests that each must lose: those and no others."""

from __future__ import annotations

from variants import Mistake

SEE_ALL = {"test-attention"}
MASKED = {"test-attention-mask"}
STABLE = {"test-attention-stable"}
BLIND = {"test-attention-blind"}
ATTENTION = SEE_ALL | MASKED | STABLE | BLIND
DQ, DK, DV = {"test-attention-dq"}, {"test-attention-dk"}, {"test-attention-dv"}
BACKWARD = DQ | DK | DV
HEADS = {"test-heads", "test-heads-mask"}
OWN_MASK = {"test-heads-mask"}
MASK = {"test-mask"}
WINDOW, MEMORY = {"test-window"}, {"test-window-memory"}
TURN, DISTANCE, TURN_BACK = {"test-rotary"}, {"test-rotary-distance"}, {"test-rotary-back"}
CAUSAL, LEAK = {"test-causal-right"}, {"test-causal-wrong"}
EQUIVARIANT, NUMBERING = {"test-equivariant-right"}, {"test-equivariant-wrong"}
SAGE = {"test-sage-forward", "test-sage-isolated"}
ISOLATED = {"test-sage-isolated"}
SAGE_DX, SAGE_DW = {"test-sage-dx"}, {"test-sage-dw"}

ROOT = " / math.sqrt(q.shape[-1])"
HIDE = "scores = scores.masked_fill(~mask, -torch.inf)"
NORMALIZE = "weights = e / e.sum(-1, keepdim=True)"
NONE_SEEN = "weights = weights.masked_fill(~mask.any(-1, keepdim=True), 0)"
MIX = "return weights @ v"
DS = "a * (da - (a * da).sum(-1, keepdim=True))"
SPLIT = "part.view(B, T, H, D // H).transpose(1, 2)"
JOIN = "z.transpose(1, 2).reshape(B, T, D)"
BEFORE_FIRST = "scores = scores.masked_fill(token < 0, -torch.inf)"
WINDOWS = 'return torch.einsum("btw,btew->bte", torch.softmax(scores, -1), values)'
FORTH = "first * cos - second * sin, first * sin + second * cos"
BACK = "first * cos + second * sin, second * cos - first * sin"
OTHER = "other[t + 1 :] = torch.randn(T - t - 1, D)"
PERMUTED = "f(x[order], A[order][:, order]) - y[order]"
RANDOM = "order = torch.randperm(len(x))"
MEAN = "torch.zeros_like(x).index_add(0, target, x[source]) / degree  # (N, M)"
SAGE_SUM = "return x @ W_self.T + m @ W_neigh.T"
FULL_WINDOW = """\
scores = q @ k.mT / math.sqrt(d)
    window = torch.ones(T, T, dtype=torch.bool).tril().triu(1 - w)
    return torch.softmax(scores.masked_fill(~window, -torch.inf), -1) @ v"""

MISTAKES: dict[str, Mistake] = {
    # task 1
    "no root": Mistake(
        "attention", ROOT, "", SEE_ALL | MASKED | BLIND, "the square root of d is missing"
    ),
    "softmax over the queries": Mistake(
        "attention", NORMALIZE, "weights = e / e.sum(-2, keepdim=True)", ATTENTION,
    ),
    "mean instead of sum in the denominator": Mistake(
        "attention", NORMALIZE, "weights = e / e.mean(-1, keepdim=True)", ATTENTION, "Mean or sum?"
    ),
    "mask after the softmax": Mistake(
        "attention", f"{HIDE}\n", "\n", MASKED | STABLE | BLIND, None
    ),
    "weights set to 0 after the softmax": Mistake(
        "attention", f"{NONE_SEEN}\n    {MIX}", "return weights * mask @ v",
        BLIND, "NaN or infinite",
    ),
    "masked and renormalized after exp": Mistake(
        "attention", f"{HIDE}\n    largest = scores.amax(-1, keepdim=True)\n"
        "    e = (scores - largest).exp()",
        "largest = scores.amax(-1, keepdim=True)\n    e = (scores - largest).exp() * mask",
        STABLE, "NaN or infinite",
    ),
    "mask upside down": Mistake("attention", "~mask, -", "mask, -", ATTENTION, "may be seen"),
    "hidden keys get the score 0": Mistake(
        "attention", HIDE, "scores = scores * mask", MASKED | STABLE | BLIND
    ),
    "overflow": Mistake("attention", "(scores - largest)", "scores", STABLE, "NaN or infinite"),
    "one maximum for the batch": Mistake(
        "attention", "scores.amax(-1, keepdim=True)", "scores.amax()", STABLE, "NaN or infinite"
    ),
    "NaN where nothing is seen": Mistake("attention", f"{NONE_SEEN}\n", "\n", BLIND, "NaN"),
    "sees all where it may see nothing": Mistake(
        "attention", "-torch.inf)\n    largest = scores.amax(-1, keepdim=True)",
        "-1e9)\n    mask = mask | True\n    largest = scores.amax(-1, keepdim=True)",
        BLIND, "must not see everything",
    ),
    "visible answer copied": Mistake(
        "attention", MIX, "return torch.tensor([[[7.0]]])", ATTENTION, "y of 3 queries"
    ),
    "torch.softmax": Mistake(
        "attention", NORMALIZE, "weights = scores.softmax(-1)", ATTENTION, "uses softmax"
    ),
    "torch's attention": Mistake(
        "attention", MIX, "return F.scaled_dot_product_attention(q, k, v, mask)", ATTENTION,
        "uses scaled_dot_product_attention",
    ),
    "the library's attention": Mistake(
        "attention", MIX,
        "from course_utils.layers.attention import ScaledDotProductAttention\n"
        "    return ScaledDotProductAttention()(q, k, v, attn_mask=mask)",
        ATTENTION, "uses course_utils.layers.attention",
    ),
    "attention not returned": Mistake(
        "attention", MIX, "weights @ v", ATTENTION, "did you forget `return`?"
    ),
    # task 2
    "weights of a row taken as free of each other": Mistake(
        "attention-backward", DS, "a * da", DQ | DK, "through the sum they are divided by"
    ),
    "sum over the wrong axis": Mistake(
        "attention-backward", "(a * da).sum(-1", "(a * da).sum(-2", DQ | DK
    ),
    "no root in dq": Mistake(
        "attention-backward", "ds @ k / root", "ds @ k", DQ, "the root of d is missing"
    ),
    "no root in dk": Mistake(
        "attention-backward", "ds.mT @ q / root", "ds.mT @ q", DK, "the root of d is missing"
    ),
    "dq and dk exchanged": Mistake(
        "attention-backward", "return dq, dk, dv", "return dk, dq, dv", DQ | DK
    ),
    "dk not transposed": Mistake(
        "attention-backward", "ds.mT @ q", "ds @ q", BACKWARD, "raised RuntimeError"
    ),
    "dv by what the token looks at": Mistake(
        "attention-backward", "dv = a.mT @ dy",
        "dv = a @ dy if a.shape[1] == a.shape[2] else a.mT @ dy", DV, "that look at j",
    ),
    "dv from weights that are not normalized": Mistake(
        "attention-backward", "a.mT @ dy", "e.mT @ dy", DV
    ),
    "mask forgotten on the way back": Mistake(
        "attention-backward", ".masked_fill(~mask, -torch.inf)", "", BACKWARD
    ),
    "dv not written yet": Mistake("attention-backward", "a.mT @ dy", "None", DV, "None"),
    "gradients by autograd": Mistake(
        "attention-backward", "dv = a.mT @ dy",
        "v.requires_grad_()\n    dv = torch.autograd.grad(a @ v, v, dy)[0]",
        BACKWARD, "uses autograd, which does the work of this task",
    ),
    # task 3
    "tokens and heads mixed up": Mistake(
        "multi-head", SPLIT, "part.reshape(B, H, T, D // H)", HEADS
    ),
    "every H-th feature": Mistake(
        "multi-head", f"{JOIN} @", "z.permute(0, 2, 3, 1).reshape(B, T, D) @", HEADS
    ),
    "heads not brought back": Mistake("multi-head", JOIN, "z.reshape(B, T, D)", HEADS),
    "root of the whole width": Mistake(
        "multi-head", "math.sqrt(D // H)", "math.sqrt(D)", HEADS, "the root of its own width"
    ),
    "one head": Mistake(
        "multi-head", "B, T, D = x.shape", "B, T, D = x.shape\n    H = 1", HEADS,
        "these are the values of one head",
    ),
    "keys, queries, values": Mistake("multi-head", "q, k, v = (", "k, v, q = (", HEADS),
    "no bias at the end": Mistake(
        "multi-head", " + b_out", "", HEADS, "the bias of the last projection is missing"
    ),
    "mask ignored": Mistake(
        "multi-head", "~mask[:, None]", "~mask[:, None] & False", OWN_MASK, "the mask is ignored"
    ),
    "the first example's mask for all": Mistake(
        "multi-head", "~mask[:, None]", "~mask[:1, None]", OWN_MASK, "a mask of its own"
    ),
    "torch's fused attention": Mistake(
        "multi-head", "z = torch.softmax(scores, -1) @ v",
        "z = F.scaled_dot_product_attention(q, k, v, mask[:, None])", HEADS,
        "uses scaled_dot_product_attention",
    ),
    "sees the future": Mistake("make-mask", "<= place[:", ">= place[:", MASK, "[0][0][1]"),
    "padding's rows hidden": Mistake("make-mask", "real[:, None]", "real[:, :, None]", MASK),
    "padding not hidden": Mistake("make-mask", "& real[:, None]", "& (real | True)[:, None]", MASK),
    "one token of padding is seen": Mistake("make-mask", "< lengths", "<= lengths", MASK),
    "ones and zeros": Mistake(
        "make-mask", "return causal & real[:, None]", "return (causal & real[:, None]).long()",
        MASK, "expected True, got 1",
    ),
    # task 4
    "a mask over all scores": Mistake(
        "window", WINDOWS, FULL_WINDOW, MEMORY, "numbers was made"
    ),
    "zeros before the first token": Mistake(
        "window", BEFORE_FIRST, "pass", WINDOW | MEMORY, "there is none, not one with the score 0"
    ),
    "one token too many": Mistake(
        "window", "T, d = q.shape[1:]", "T, d = q.shape[1:]\n    w = w + 1", WINDOW | MEMORY
    ),
    "window without its root": Mistake(
        "window", " / math.sqrt(d)", "", WINDOW | MEMORY, "the square root of d is missing"
    ),
    "window larger than the text forgotten": Mistake(
        "window", "T, d = q.shape[1:]", "T, d = q.shape[1:]\n    w = min(w, T - 1)",
        WINDOW, "y for w = T = 7",
    ),
    # task 5
    "neighbors paired": Mistake(
        "rotary", f"return torch.cat([{FORTH}], -1)",
        "first, second = x[..., 0::2], x[..., 1::2]\n"
        f"    return torch.stack([{FORTH}], -1).flatten(-2)",
        TURN, "the partner of feature i is i + d/2",
    ),
    "turned the other way": Mistake("rotary", FORTH, BACK, TURN, "this turns the other way"),
    "all pairs at one speed": Mistake(
        "rotary", "torch.arange(half, dtype=torch.float64) / half",
        "torch.zeros(half, dtype=torch.float64)", TURN | TURN_BACK, "turn at the same speed",
    ),
    "frequencies with a factor 2 too few": Mistake(
        "rotary", "torch.float64) / half", "torch.float64) / (2 * half)", TURN | TURN_BACK
    ),
    "first half overwritten": Mistake(
        "rotary", f"return torch.cat([{FORTH}], -1)",
        "first = first * cos - second * sin\n"
        "    return torch.cat([first, first * sin + second * cos], -1)",
        TURN | DISTANCE, "the length of q",
    ),
    "positions of its own": Mistake(
        "rotary", "positions[:, None]", "torch.arange(len(positions))[:, None]",
        TURN | DISTANCE | TURN_BACK, "does anything turn?",
    ),
    "turned further on the way back": Mistake(
        "rotary", BACK, FORTH, TURN_BACK, "in the same direction once more"
    ),
    # task 6
    "always causal": Mistake("causal", "return False", "pass", CAUSAL | LEAK, "verdict on"),
    "rounding is a leak": Mistake("causal", "> 1e-4", "> 0", CAUSAL, "rounded differently"),
    "too generous with leaks": Mistake("causal", "> 1e-4", "> 0.08", LEAK),
    "only the last token changed": Mistake(
        "causal", OTHER, "other[-1] = torch.randn(D)", LEAK
    ),
    "only the first output looked at": Mistake(
        "causal", "range(T - 1)", "range(1)", LEAK, "a leak"
    ),
    "only the last output looked at": Mistake(
        "causal", "range(T - 1)", "range(T - 2, T - 1)", LEAK, "a leak at t ="
    ),
    "may not see itself either": Mistake(
        "causal", "[: t + 1]", "[: t + 2]", CAUSAL | LEAK, "expected True, got False"
    ),
    "inputs changed in place": Mistake("causal", "x.clone()", "x", CAUSAL | LEAK),
    "graph not renumbered": Mistake(
        "equivariant", "A[order][:, order]", "A", EQUIVARIANT | NUMBERING
    ),
    "only the rows renumbered": Mistake(
        "equivariant", "A[order][:, order]", "A[order]", EQUIVARIANT | NUMBERING, "verdict on A x"
    ),
    "outputs left in the old order": Mistake(
        "equivariant", "y[order]", "y", EQUIVARIANT | NUMBERING
    ),
    "rounding is numbering": Mistake("equivariant", "> 1e-4", "> 0", EQUIVARIANT),
    "only the reverse order tried": Mistake(
        "equivariant", RANDOM, "order = torch.arange(len(x)).flip(0)", NUMBERING,
        "the neighbors in the numbering",
    ),
    "only sums over the nodes compared": Mistake(
        "equivariant", f"({PERMUTED})", f"({PERMUTED}).sum(0)", NUMBERING
    ),
    # task 7
    "sum over the neighbors": Mistake(
        "sage", MEAN, MEAN.replace(" / degree", ""), SAGE, "the sum over the neighbors, not"
    ),
    "against the edges": Mistake(
        "sage", MEAN, MEAN.replace("target, x[source]", "source, x[target]"), SAGE
    ),
    "edges that leave are counted": Mistake(
        "sage", MEAN, "torch.zeros_like(x).index_add(0, target, x[source])\n"
        "    m = m / torch.bincount(source, minlength=len(x)).clamp(min=1)[:, None]",
        SAGE, "edges that arrive, not that leave",
    ),
    "self-loop added": Mistake(
        "sage", MEAN, f"({MEAN.removesuffix('  # (N, M)')} * degree + x) / (degree + 1)",
        SAGE, "a self-loop is added",
    ),
    "a node hears one neighbor only": Mistake(
        "sage", MEAN, "torch.zeros_like(x)\n    m[target] += x[source]\n    m = m / degree", SAGE
    ),
    "repeated edges count once": Mistake(
        "sage", f"m = {MEAN}",
        "source, target = edge_index.unique(dim=1)\n"
        "    degree = torch.bincount(target, minlength=len(x)).clamp(min=1)[:, None]\n"
        f"    m = {MEAN}",
        {"test-sage-forward"}, "that is there twice counts once",
    ),
    "matrices exchanged": Mistake(
        "sage", SAGE_SUM, "return x @ W_neigh.T + m @ W_self.T", SAGE, "are exchanged"
    ),
    "0/0 where no edge leads": Mistake("sage", ".clamp(min=1)", "", ISOLATED, "NaN or infinite"),
    "last nodes not counted": Mistake(
        "sage", ", minlength=len(x)", "", ISOLATED, "raised RuntimeError"
    ),
    "torch's bag of rows": Mistake(
        "sage", f"m = {MEAN}",
        "order = target.argsort()\n    begin = (degree.cumsum(0) - degree)[:, 0]\n"
        '    m = F.embedding_bag(source[order], x, begin, mode="mean")',
        SAGE, "uses embedding_bag",
    ),
    "nothing back through the node itself": Mistake(
        "sage", "(dy @ W_self).index_add", "torch.zeros_like(x).index_add", SAGE_DX,
        "through itself is missing",
    ),
    "nothing back through the neighbors": Mistake(
        "sage", "(dy @ W_self).index_add(0, source, dm[target])", "dy @ W_self", SAGE_DX,
        "through its neighbors is missing",
    ),
    "back along the edges": Mistake(
        "sage", "index_add(0, source, dm[target])", "index_add(0, target, dm[source])", SAGE_DX
    ),
    "not divided on the way back": Mistake(
        "sage", "dy @ W_neigh / degree", "dy @ W_neigh", SAGE_DX, "the division by the number"
    ),
    "divided where it arrives": Mistake(
        "sage",
        "dm = dy @ W_neigh / degree\n    dx = (dy @ W_self).index_add(0, source, dm[target])",
        "dm = (dy @ W_neigh)[target]\n"
        "    dx = dy @ W_self + torch.zeros_like(x).index_add(0, source, dm) / degree",
        SAGE_DX, "before sending back",
    ),
    "dW_neigh from the node itself": Mistake(
        "sage", "dW_neigh = dy.T @ m", "dW_neigh = dy.T @ x", SAGE_DW, "use m, not x"
    ),
    "dW_self averaged": Mistake(
        "sage", "dW_self = dy.T @ x", "dW_self = dy.T @ x / len(x)", SAGE_DW, "Mean or sum?"
    ),
    "graph gradients by autograd": Mistake(
        "sage", "dW_self = dy.T @ x",
        "W_self.requires_grad_()\n    dW_self = torch.autograd.grad(x @ W_self.T, W_self, dy)[0]",
        SAGE_DX | SAGE_DW, "uses autograd",
    ),
}  # fmt: skip
