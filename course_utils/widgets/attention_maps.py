"""The attention of a trained model, head by head: who looks at whom, drawn over the text."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cached_property

import matplotlib as mpl
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.widgets.base import InteractiveFigure, source

MOST_TOKENS = 64
MOST_BYTES = 150_000  # 200 kB of the page, in base64
STATISTICS = {
    "previous": "the token before",
    "itself": "itself",
    "first": "the first token",
    "repeat": "what followed the same token",
    "entropy": "entropy in nats",
}


class AttentionMaps(InteractiveFigure):
    r"""All heads of a model as small maps, one of them large, and one of its rows over the text.

    A map's row i shows what token i (the query) takes from each token j (the key); it sums to 1.
    A byte carries :math:`255\sqrt w` of a weight, so that small weights keep two digits too, and
    rows are scaled to sum to 1 again. Of causal maps only the lower triangle is carried.

    Numbers below the maps are means over all queries but the first: the share on the token before,
    on itself, on the first token; the share on tokens that followed an earlier occurrence of the
    query's own token, over queries that have any (what an induction head looks at); the entropy
    :math:`-\sum_j w_{ij} \ln w_{ij}`.

    Args:
        tokens: what each of the T tokens is, 2 … 64; a space and a line's end get a sign.
        weights: (layers, heads, T, T), rows are queries.
        layer: index of the layer that is shown large.
        head: index of its head.
        query: index of the token whose weights stand over the text, by default the last.
        statistic: what stands below the maps: "previous", "itself", "first", "repeat", "entropy".
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: shapes do not fit, rows do not sum to 1, there is no such layer, head
            or token, or the maps are too large for a page.

    Example:
        >>> weights = torch.stack([maps[0] for maps in gpt.attention_maps(tokens)])
        >>> AttentionMaps([*text], weights, statistic="previous", alt="Six heads on a sentence")
    """

    _esm = source("figure.js", "attention_maps.js")
    _css = source("figure.css", "attention_maps.css")

    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    maps = traitlets.Dict().tag(sync=True)
    layer = traitlets.Int(0, min=0).tag(sync=True)
    head = traitlets.Int(0, min=0).tag(sync=True)
    query = traitlets.Int(0, min=0).tag(sync=True)
    statistic = traitlets.Enum([*STATISTICS], "previous").tag(sync=True)
    statistics_names = traitlets.List([*map(list, STATISTICS.items())]).tag(sync=True)

    def __init__(
        self, tokens: Sequence[str], weights: Tensor | np.ndarray, **settings: object
    ) -> None:
        names = [*tokens]
        w = weights.detach().cpu().double() if isinstance(weights, Tensor) else weights
        w = np.asarray(w, float)
        t = len(names)
        if w.ndim != 4 or w.shape[2:] != (t, t) or not 2 <= t <= MOST_TOKENS:
            raise traitlets.TraitError(
                f"AttentionMaps: weights must be (layers, heads, T, T) for T = 2 to {MOST_TOKENS} "
                f"tokens, got {w.shape} for {t} tokens"
            )
        off = np.abs(w.sum(-1) - 1).max()
        if not off <= 1e-2 or w.min() < 0:
            raise traitlets.TraitError(
                "AttentionMaps: every row of weights sums to 1 and none is negative; the worst sum "
                f"is off by {off:.2g}, the least weight is {w.min():.2g}"
            )
        causal = not np.triu(w, 1).any()
        levels = np.rint(255 * np.sqrt(w.clip(0, 1))).astype(np.uint8)
        carried = levels[..., *np.tril_indices(t)] if causal else levels
        if carried.size > MOST_BYTES:
            raise traitlets.TraitError(
                f"AttentionMaps: {carried.size} weights are too many for a page, at most "
                f"{MOST_BYTES}; show fewer layers or tokens"
            )
        maps = {
            "layers": w.shape[0],
            "heads": w.shape[1],
            "causal": bool(causal),
            "bytes": base64.b64encode(carried.tobytes()).decode(),
        }
        super().__init__(tokens=names, maps=maps, **{"query": t - 1} | settings)

    @traitlets.validate("layer", "head", "query")
    def _it_is_there(self, proposal: traitlets.Bunch) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        there = len(self.tokens) if name == "query" else self.maps[f"{name}s"]
        if value >= there:
            raise traitlets.TraitError(f"AttentionMaps: no {name} {value} of {there}")
        return value

    def __repr__(self) -> str:
        return f"AttentionMaps: {self.alt}"

    @cached_property
    def weights(self) -> np.ndarray:
        """The weights (layers, heads, T, T) as the figure carries them."""
        t, shape = len(self.tokens), (self.maps["layers"], self.maps["heads"])
        found = np.frombuffer(base64.b64decode(self.maps["bytes"]), np.uint8)
        levels = np.zeros((*shape, t, t))
        if self.maps["causal"]:
            levels[..., *np.tril_indices(t)] = found.reshape(*shape, -1)
        else:
            levels = found.reshape(levels.shape).astype(float)
        return levels**2 / (levels**2).sum(-1, keepdims=True)

    def statistics(self) -> dict[str, np.ndarray]:
        """The numbers below the maps, each (layers, heads); NaN where no query has any."""
        w, t = self.weights, len(self.tokens)
        seen = np.arange(1, t)
        logs = np.log(w, where=w > 0, out=np.zeros_like(w))
        where = self._after_the_same()
        some = where.any(1)
        repeat = (w * where).sum(-1)[..., some]
        return {
            "previous": w[..., seen, seen - 1].mean(-1),
            "itself": w[..., seen, seen].mean(-1),
            "first": w[..., 1:, 0].mean(-1),
            "repeat": repeat.mean(-1) if some.any() else np.full(w.shape[:2], np.nan),
            "entropy": -(w * logs).sum(-1)[..., 1:].mean(-1),
        }

    def _after_the_same(self) -> np.ndarray:
        """(T, T): whether token j ≤ i follows an earlier token that is the same as token i."""
        names = np.array(self.tokens)
        found = np.zeros((len(names), len(names)), dtype=bool)
        found[:, 1:] = names[:, None] == names[None, :-1]
        return np.tril(found)

    def picture(self) -> str:
        """All maps with their numbers, and the chosen one with its query framed."""
        t, (layers, heads) = len(self.tokens), self.weights.shape[:2]
        numbers = self.statistics()[self.statistic]
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 9}):
            size = (0.7 * heads + 4.6, max(4.4, 0.8 * layers + 0.7))
            figure = Figure(figsize=size, layout="constrained", facecolor="white")
            small, ax = figure.subplots(1, 2, width_ratios=[0.7 * heads, 4.2])
            # All small maps in one image, with a quarter of a map's height for the number below.
            gap, high = max(2, t // 8), t + max(2, t // 4)
            mosaic = np.full((layers, high, heads, t + gap), np.nan)
            mosaic[:, :t, :, :t] = self.weights.transpose(0, 2, 1, 3)
            _draw(small, mosaic.reshape(layers * high, -1))
            for layer in range(layers):
                for head in range(heads):
                    corner = (head * (t + gap) - 0.5, layer * high - 0.5)
                    chosen = (layer, head) == (self.layer, self.head)
                    edge = {"ec": "#B84D00", "lw": 1.5} if chosen else {"ec": "0.6", "lw": 0.6}
                    small.add_patch(Rectangle(corner, t, t, fill=False, **edge))
                    small.text(
                        corner[0] + t / 2, corner[1] + t, f"{numbers[layer, head]:.2f}",
                        ha="center", va="top", fontsize=8,
                    )  # fmt: skip
            small.set_xticks(
                [(t - 1) / 2 + h * (t + gap) for h in range(heads)], range(1, heads + 1)
            )
            small.set_yticks([(t - 1) / 2 + n * high for n in range(layers)], range(1, layers + 1))
            small.tick_params(length=0)
            small.spines[:].set_visible(False)
            what = STATISTICS[self.statistic]
            small.set(xlabel="head", ylabel="layer")
            small.set_title(what if self.statistic == "entropy" else f"share on {what}", fontsize=9)
            _draw(ax, self.weights[self.layer, self.head])
            ax.add_patch(
                Rectangle((-0.5, self.query - 0.5), t, 1, fill=False, ec="#B84D00", lw=1.5)
            )
            shown = [*map(sign, self.tokens)]
            ax.set_xticks(range(t), shown, parse_math=False, fontsize=min(9, 240 / t))
            ax.set_yticks(range(t), shown, parse_math=False, fontsize=min(9, 240 / t))
            ax.tick_params(length=0)
            if max(map(len, shown)) > 2:
                ax.tick_params("x", rotation=90)
            ax.set(xlabel="key", ylabel="query")
            ax.set_title(f"layer {self.layer + 1}, head {self.head + 1}")
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def sign(token: str) -> str:
    """A token as it can be seen: a space and a line's end have a sign."""
    return token.replace(" ", "␣").replace("\n", "↵") or "∅"


def _draw(ax: Axes, weights: np.ndarray) -> None:
    """The square roots of weights as shades: small ones can be seen, too."""
    ax.imshow(np.sqrt(weights), "Blues", vmin=0, vmax=1, interpolation="nearest")
