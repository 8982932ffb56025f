"""An explorer of discovered clusters: their pictures, and what they have to do with classes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from course_utils.widgets.base import InteractiveFigure, source

MOST_IMAGES = 1000
MOST_CLUSTERS = 40


def sprite(images: np.ndarray) -> dict[str, object]:
    """All images (N, H, W) of levels 0 … 1 in one PNG of 16 gray levels, row by row."""
    n, height, width = images.shape
    columns = int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, height, width))
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, height, width).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width)
    picture = Image.fromarray((15 * sheet.clip(0, 1)).round().astype(np.uint8), mode="P")
    picture.putpalette([17 * level for level in range(16) for _ in "RGB"])
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True, bits=4)
    return {"png": base64.b64encode(file.getvalue()).decode(), "columns": columns, "rows": rows}


def contingency(
    clusters: Sequence[int], labels: Sequence[int], shape: tuple[int, int]
) -> np.ndarray:
    """How many pictures are in each cluster and class, an array (clusters, classes)."""
    table = np.zeros(shape, dtype=int)
    np.add.at(table, (clusters, labels), 1)
    return table


def agreement(table: np.ndarray) -> tuple[float, float]:
    r"""Normalized mutual information and purity of a table of counts (clusters, classes).

    .. math:: \mathrm{NMI} = \frac{2\, I(c, y)}{H(c) + H(y)}, \qquad
              \mathrm{purity} = \frac1N \sum_c \max_y n_{cy}

    NMI is 1 where clusters and classes are the same up to names, and 0 where one tells nothing
    about the other, as a single cluster for all does. Purity asks less: a cluster of its own for
    each picture has 1.
    """
    p = table / table.sum()
    rows, columns = p.sum(1), p.sum(0)
    outer = np.outer(rows, columns)
    information = (p[p > 0] * np.log(p[p > 0] / outer[p > 0])).sum()
    entropy = sum(-(q[q > 0] * np.log(q[q > 0])).sum() for q in (rows, columns))
    return (2 * information / entropy if entropy else 1.0), table.max(1).sum() / table.sum()


class ClusterExplorer(InteractiveFigure):
    """Which pictures a cluster holds, of which true classes, and how that came about.

    The reader chooses a cluster, or one class within it, in the table of clusters against
    classes. With several assignments, a slider goes through them.

    Args:
        images: (N, H, W) or (N, 1, H, W), levels 0 … 1, at most 1,000. 400 digits of 28 × 28
            pixels make about 50 kB of the page.
        clusters: the cluster of each image, (N,), or (E, N) for E moments of training.
        labels: the true class of each image, (N,).
        names: what the classes are called; otherwise their numbers.
        epochs: when the assignments were made, E rising numbers; otherwise 0, 1, ….
        epoch: index of the assignment that is shown, at first the last one.
        cluster: the cluster that is chosen.
        label: the class within it whose pictures are shown, −1 for all.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: shapes do not fit together, there is no such cluster, class or
            assignment, or there are too many images or clusters.

    Example:
        >>> ClusterExplorer(x[:400].reshape(-1, 28, 28), torch.stack(history)[:, :400], y[:400],
        ...                 epochs=[0, 1, 2, 5, 10], alt="Clusters of digits as they form")
    """

    _esm = source("figure.js", "random.js", "descent.js", "cluster_explorer.js")
    _css = source("figure.css", "descent.css", "cluster_explorer.css")

    sprite = traitlets.Dict().tag(sync=True)
    clusters = traitlets.List(traitlets.List(traitlets.Int(min=0))).tag(sync=True)
    labels = traitlets.List(traitlets.Int(min=0)).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    epochs = traitlets.List(traitlets.Float()).tag(sync=True)
    epoch = traitlets.Int().tag(sync=True)
    cluster = traitlets.Int(0).tag(sync=True)
    label = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self,
        images: Tensor | np.ndarray,
        clusters: Tensor | np.ndarray | Sequence,
        labels: Tensor | np.ndarray | Sequence,
        *,
        names: Sequence[str] | None = None,
        epochs: Sequence[float] | None = None,
        **settings: object,
    ):
        levels, assigned, classes = (np.asarray(_local(x)) for x in (images, clusters, labels))
        if levels.ndim == 4 and levels.shape[1] == 1:
            levels = levels[:, 0]
        assigned = assigned[None] if assigned.ndim == 1 else assigned
        n = len(levels)
        fits = levels.ndim == 3 and classes.shape == (n,)
        if not fits or assigned.ndim != 2 or assigned.shape[1] != n or not assigned.size:
            raise traitlets.TraitError(
                "ClusterExplorer: images must be (N, H, W) or (N, 1, H, W), clusters (N,) or "
                f"(E, N), labels (N,), got {np.shape(images)}, {np.shape(clusters)} and "
                f"{np.shape(labels)}"
            )
        if n > MOST_IMAGES or assigned.max() >= MOST_CLUSTERS:
            raise traitlets.TraitError(
                f"ClusterExplorer: at most {MOST_IMAGES} images and {MOST_CLUSTERS} clusters fit "
                f"on a page, got {n} and {assigned.max() + 1}"
            )
        names = [str(i) for i in range(classes.max() + 1)] if names is None else [*names]
        epochs = [*range(len(assigned))] if epochs is None else [*epochs]
        if classes.max() >= len(names) or len(epochs) != len(assigned):
            raise traitlets.TraitError(
                f"ClusterExplorer: {classes.max() + 1} classes have {len(names)} names, "
                f"{len(assigned)} assignments {len(epochs)} epochs"
            )
        if any(later <= earlier for earlier, later in pairwise(epochs)):
            raise traitlets.TraitError(f"ClusterExplorer: epochs must rise, got {epochs}")
        self.images = levels
        super().__init__(
            sprite=sprite(levels), clusters=assigned.tolist(), labels=classes.tolist(),
            names=names, epochs=epochs, **{"epoch": len(assigned) - 1} | settings,
        )  # fmt: skip

    @traitlets.validate("epoch", "cluster", "label")
    def _choice_is_there(self, proposal: traitlets.Bunch) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        count = {"epoch": len(self.clusters), "cluster": self.shape[0], "label": len(self.names)}
        if not (-1 if name == "label" else 0) <= value < count[name]:
            raise traitlets.TraitError(
                f"ClusterExplorer: there are {count[name]} to choose from, got {name} {value}"
            )
        return value

    def __repr__(self) -> str:
        return f"ClusterExplorer: {self.alt}"

    @property
    def shape(self) -> tuple[int, int]:
        """Number of clusters, in any assignment, and of classes."""
        return 1 + max(map(max, self.clusters)), len(self.names)

    def table(self, epoch: int | None = None) -> np.ndarray:
        """Counts (clusters, classes) of an assignment, by default of the one that is shown."""
        chosen = self.clusters[self.epoch if epoch is None else epoch]
        return contingency(chosen, self.labels, self.shape)

    def order(self) -> list[int]:
        """Clusters as the table's rows: by their most frequent class in the last assignment."""
        table = self.table(-1)
        most = [int(row.argmax()) if row.any() else len(self.names) for row in table]
        return sorted(range(len(table)), key=lambda c: (most[c], -table[c].max(), c))

    def picture(self) -> str:
        """The table of clusters against classes, and some pictures of the chosen cluster."""
        table, order = self.table(), self.order()
        nmi, purity = agreement(table)
        k, m = table.shape
        assigned, labels = np.array(self.clusters[self.epoch]), np.array(self.labels)
        chosen = (assigned == self.cluster) & ((labels == self.label) | (self.label < 0))
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            size = (0.36 * m + 4, max(3.4, 0.24 * k + 1))
            figure = Figure(figsize=size, layout="constrained", facecolor="white")
            counts, mosaic = figure.subplots(1, 2, width_ratios=[0.36 * m + 1, 3])
            share = table[order] / table[order].sum(1, keepdims=True).clip(1)
            counts.imshow(share, cmap="Blues", vmax=1.8, aspect="auto")
            for r, c in zip(*np.nonzero(table[order]), strict=True):
                counts.text(c, r, table[order[r], c], ha="center", va="center", fontsize=9)
            place = order.index(self.cluster)
            left, width = (-0.5, m) if self.label < 0 else (self.label - 0.5, 1)
            counts.add_patch(Rectangle((left, place - 0.5), width, 1, fill=False, lw=2))
            counts.set_xticks(range(m), self.names, rotation=0 if m <= 10 else 90)
            counts.set_yticks(range(k), order, fontsize=9)
            counts.set(xlabel="true class", ylabel="cluster")
            counts.set_title(f"NMI {nmi:.2f}, purity {purity:.2f}", fontsize=11)
            shown = self.images[chosen][:30]
            height, width = self.images.shape[1:]
            rows = max(1, -(-len(shown) // 5))
            sheet = np.ones((5 * rows, height, width))
            sheet[: len(shown)] = shown
            sheet = sheet.reshape(rows, 5, height, width).swapaxes(1, 2)
            sheet = sheet.reshape(rows * height, -1)
            mosaic.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            mosaic.axis("off")
            mosaic.set_title(f"cluster {self.cluster}: {chosen.sum()} pictures", fontsize=11)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _local(values: object) -> object:
    """A tensor of any device as what NumPy reads."""
    return values.detach().cpu() if isinstance(values, Tensor) else values
