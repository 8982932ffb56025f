"""The explorer of clusters: its numbers against scikit-learn's, its pictures pixel by pixel."""

import base64
import io

import living
import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from course_utils.widgets import ClusterExplorer
from course_utils.widgets.cluster_explorer import agreement, contingency

ALT = "Clusters of pictures and their true classes"
# Thirteen gray pictures in three classes; two assignments to four clusters, the first a collapse.
LABELS = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 0, 1]
CLUSTERS = [[1] * 13, [2, 0, 3, 2, 0, 3, 2, 0, 3, 2, 2, 1, 1]]
GRAYS = torch.arange(13.0)[:, None, None].expand(13, 4, 6) / 15


def small(**settings) -> ClusterExplorer:
    return ClusterExplorer(GRAYS, CLUSTERS, LABELS, alt=ALT, **settings)


def shown(page) -> list[int]:
    return [int(i) for i in page.locator(".tile").evaluate_all("a => a.map(t => t.dataset.image)")]


def test_nmi_and_purity_are_scikit_learns(page):
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    living.start(page, small())
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 300)
    kinds = {
        "unrelated": rng.integers(0, 20, 300),
        "related": np.where(rng.random(300) < 0.6, labels, rng.integers(0, 12, 300)),
        "the same": labels * 7 % 10,
        "one cluster": np.zeros(300, dtype=int),
        "one each": np.arange(300) % 30,
    }
    for clusters in kinds.values():
        table = contingency_matrix(labels, clusters).T
        nmi = normalized_mutual_info_score(labels, clusters)
        shape = (int(clusters.max()) + 1, 10)
        assert (contingency(clusters, labels, shape) == table).all()
        assert agreement(table) == pytest.approx((nmi, table.max(1).sum() / 300), abs=1e-12)
        got = page.evaluate(
            """([clusters, labels, shape]) => {
              const table = widget.contingency(clusters, labels, shape);
              return [table, widget.agreement(table)];
            }""",
            [clusters.tolist(), labels.tolist(), shape],
        )
        assert got[0] == table.tolist()
        assert (got[1]["nmi"], got[1]["purity"]) == pytest.approx(agreement(table), abs=1e-12)
    # What chance gives: the mean over shuffled labels.
    clusters = kinds["unrelated"]
    tables = (contingency(clusters, rng.permutation(labels), (20, 10)) for _ in range(50))
    nmi, purity = np.mean([agreement(table) for table in tables], axis=0)
    luck = page.evaluate(
        "([c, l]) => widget.shuffled(c, l, [20, 10])", [clusters.tolist(), labels.tolist()]
    )
    assert luck["nmi"] == pytest.approx(nmi, abs=0.02)
    assert luck["purity"] == pytest.approx(purity, abs=0.02)


def test_every_tile_shows_its_own_picture(page):
    figure = small(epoch=0, cluster=1)
    sheet = Image.open(io.BytesIO(base64.b64decode(figure.sprite["png"])))
    assert (sheet.size, figure.sprite["columns"]) == ((24, 16), 4)
    living.start(page, figure)
    assert shown(page) == [0, 3, 6, 9, 10, 11, 1, 4, 7, 12, 2, 5, 8]  # the largest class first
    assert page.locator(".tile.strange").count() == 7
    mosaic = page.locator(".mosaic")
    picture = np.asarray(Image.open(io.BytesIO(mosaic.screenshot())).convert("L"))
    corner = mosaic.bounding_box()
    for tile in page.locator(".tile").all():
        box = tile.bounding_box()
        row, column = (
            int(box[axis] - corner[axis] + box[size] / 2)
            for axis, size in (("y", "height"), ("x", "width"))
        )
        inner = picture[row - 8 : row + 9, column - 8 : column + 9]
        assert (inner == 17 * int(tile.get_attribute("data-image"))).all()


def test_a_cluster_or_a_class_in_it_is_chosen_by_clicks_and_by_keys(page):
    figure = small()
    living.start(page, figure)
    assert figure.order() == [2, 1, 0, 3]
    assert page.locator(".whole").all_text_contents() == ["2", "1", "0", "3"]
    assert shown(page) == [1, 4, 7]
    page.locator("[data-cluster='1'][data-label='1']").click()
    assert page.evaluate("[saved.cluster, saved.label]") == [1, 1]
    assert shown(page) == [12]
    page.locator(".whole[data-cluster='1']").click()
    assert shown(page) == [11, 12]
    assert "Cluster 1: 2 pictures, purity 0.50" in page.locator(".words").inner_text()
    table = page.get_by_role("application")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        table.press(key)
    assert page.evaluate("[saved.cluster, saved.label]") == [3, 2]
    assert table.get_attribute("aria-label") == "Cluster 3, class 2: 3 pictures."
    table.press("ArrowUp")
    assert page.evaluate("[saved.cluster, saved.label]") == [0, 2]
    assert "No picture of class 2." in page.locator(".which").inner_text()
    page.get_by_role("combobox", name="Cluster").select_option("2")
    assert page.evaluate("[saved.cluster, saved.label]") == [2, -1]
    assert shown(page) == [0, 3, 6, 9, 10]


def test_the_slider_goes_through_the_assignments(page):
    figure = ClusterExplorer(
        GRAYS, CLUSTERS, LABELS, names=["a", "b", "a long name"], epochs=[0, 2.5], alt=ALT
    )
    living.start(page, figure)
    table = figure.table()
    nmi, purity = agreement(table)
    said = page.locator(".figure-status").inner_text()
    assert f"NMI {nmi:.2f}, purity {purity:.2f}" in said
    assert "4 of 4 clusters hold pictures." in said
    slider = page.get_by_role("slider", name="Epoch")
    assert slider.get_attribute("aria-valuetext") == "2.5"
    slider.press("ArrowLeft")
    assert page.evaluate("saved.epoch") == 0
    said = page.locator(".figure-status").inner_text()
    assert "NMI 0.00, purity 0.46" in said
    assert "1 of 4 clusters holds pictures." in said
    assert shown(page) == []  # cluster 0 is empty at first
    bars = page.get_by_role("img", name="Pictures by true class")
    assert bars.get_attribute("aria-label") == "Pictures by true class: none."
    slider.press("ArrowRight")
    assert bars.get_attribute("aria-label") == "Pictures by true class: b 3."


def test_a_crowd_is_thinned_evenly(page):
    labels = [0] * 300 + [1] * 100
    living.start(page, ClusterExplorer(torch.zeros(400, 2, 2), [0] * 400, labels, alt=ALT))
    assert "60 of the 400 pictures, evenly chosen" in page.locator(".which").inner_text()
    assert sum(i < 300 for i in shown(page)) == 45
    assert page.get_by_role("slider").count() == 0


@pytest.mark.parametrize(
    "wrong",
    [{"images": torch.zeros(13, 24)}, {"clusters": [0] * 12}, {"labels": [0] * 14},
     {"clusters": [40] * 13}, {"clusters": [-1] * 13}, {"names": ["a", "b"]}, {"epochs": [1, 1]},
     {"epochs": [0]}, {"cluster": 4}, {"label": 3}, {"epoch": 2}],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(wrong):
    given = {"images": GRAYS, "clusters": CLUSTERS, "labels": LABELS, "alt": ALT} | wrong
    with pytest.raises(traitlets.TraitError, match=r"ClusterExplorer|greater"):
        ClusterExplorer(**given)
