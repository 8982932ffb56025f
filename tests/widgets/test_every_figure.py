"""What every interactive figure promises, whatever it shows. A new figure adds one entry."""

from __future__ import annotations

import base64
import json

import living
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from test_feature_explorer import explorer

from course_utils import widgets
from course_utils.widgets import (
    ActivationExplorer,
    AlexNetBuilder,
    AttentionByHand,
    AttentionMaps,
    ClusterExplorer,
    ComputationGraph,
    ConvolutionArithmetic,
    ConvolutionExplorer,
    FeatureExplorer,
    LSTMCell,
    MatrixView,
    MessagePassing,
    Momentum,
    NormalizationAxes,
    OptimizerRace,
    PerceptronTrainer,
    Playground,
    ReceptiveFieldExplorer,
    SamplingTemperature,
    SinkhornBalancing,
    StepSize,
    Timeline,
    TrainingCost,
    TransferExplorer,
)
from course_utils.widgets.landscapes import OPTIMIZERS
from course_utils.widgets.perceptron import EXAMPLES
from course_utils.widgets.transfer_explorer import WAYS

ALT = 'What "the figure" shows, where a < b'

# For each figure: how to make one, and the buttons to press before it is looked at.
FIGURES = {
    ActivationExplorer: (lambda: ActivationExplorer(kind="elu", alt=ALT), []),
    ClusterExplorer: (
        lambda: ClusterExplorer(
            torch.eye(6).reshape(6, 2, 3).repeat(20, 1, 1),
            [[i * e % 12 for i in range(120)] for e in (0, 1)],
            [i % 10 for i in range(120)],
            alt=ALT,
        ),
        [],
    ),
    AlexNetBuilder: (lambda: AlexNetBuilder(without=[3, 4], size=224, alt=ALT), []),
    AttentionByHand: (lambda: AttentionByHand(step=4, mask=True, alt=ALT), ["Next"]),
    AttentionMaps: (
        lambda: AttentionMaps(["the "] * 12, torch.full((2, 8, 12, 12), 1 / 12), alt=ALT),
        [],
    ),
    ComputationGraph: (
        lambda: ComputationGraph(
            {"w": 2.0, "x": 3.0, "b": -1.0, "y": 3.0},
            [
                ("u", "mul", "w", "x"),
                ("z", "add", "u", "b"),
                ("h", "relu", "z"),
                ("e", "sub", "h", "y"),
                ("q", "square", "e"),
                ("L", "scale", "q", 0.5),
            ],
            alt=ALT,
        ),
        ["End", "Back"],
    ),
    ConvolutionArithmetic: (
        lambda: ConvolutionArithmetic(size=8, stride=3, padding=1, dilation=2, alt=ALT),
        ["Step"],
    ),
    ConvolutionExplorer: (lambda: ConvolutionExplorer.preset("emboss", place=[0, 9], alt=ALT), []),
    FeatureExplorer: (lambda: explorer(layer=2, unit=5, alt=ALT), []),
    LSTMCell: (lambda: LSTMCell.preset("remember", step=1, alt=ALT), ["To the end"]),
    MatrixView: (lambda: MatrixView(padding=1, chosen=5, weight=4, alt=ALT), []),
    MessagePassing: (
        lambda: MessagePassing(
            [[0, 1], [1, 2]], [[0, 0], [1, 0], [2, 1]], [0, 1, 1], [0, 2], view="rest", alt=ALT
        ),
        ["Propagate"],
    ),
    Momentum: (lambda: Momentum(alt=ALT), ["Best momentum"]),
    NormalizationAxes: (lambda: NormalizationAxes(alt=ALT), []),
    OptimizerRace: (lambda: OptimizerRace("ravine", optimizers=[*OPTIMIZERS], alt=ALT), ["Step"]),
    PerceptronTrainer: (lambda: PerceptronTrainer(points=EXAMPLES["XOR"], steps=7, alt=ALT), []),
    Playground: (lambda: Playground(hidden=[8, 8, 8, 8], alt=ALT), ["Step"]),
    ReceptiveFieldExplorer: (
        lambda: ReceptiveFieldExplorer.preset("dilated 1-2-4-8", place=[0.2, 0.5], alt=ALT),
        ["Add below"],
    ),
    SamplingTemperature: (
        lambda: SamplingTemperature(
            torch.linspace(0, 4, 40).reshape(2, 20),
            [*"abcdefghijklmnopqr ."],
            ["a", "b "],
            table=torch.eye(20),
            boundary=".",
            temperature=0.5,
            alt=ALT,
        ),
        ["Draw again"],
    ),
    SinkhornBalancing: (lambda: SinkhornBalancing(steps=1, alt=ALT), ["Until balanced"]),
    StepSize: (lambda: StepSize(alt=ALT, exponent=-5.0), []),
    Timeline: (
        lambda: Timeline([(1943, "ideas", "A neuron", "…"), (1969, "books", "A", "…")], alt=ALT),
        [],
    ),
    TrainingCost: (lambda: TrainingCost.preset("PaLM, 2022", alt=ALT), []),
    TransferExplorer: (
        lambda: TransferExplorer(
            {
                "targets": {
                    "t": {"sizes": [10], "steps": 9, "parameters": dict.fromkeys(WAYS, 3_373_570)}
                },
                "runs": [
                    {"arm": w, "size": 10, "seed": s, "steps": 9, "accuracy": a, "seconds": 5.0}
                    for w in WAYS
                    for s, a in enumerate((0.8, 0.9))
                ],
            },
            alt=ALT,
        ),
        [],
    ),
}
every_figure = pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.__name__)


def test_no_figure_is_missing_here():
    assert {c.__name__ for c in FIGURES} == {*widgets.__all__} - {"InteractiveFigure"}


@every_figure
@pytest.mark.parametrize("width", [360, 1000])
def test_it_fits_is_big_enough_to_touch_and_accessible(width, kind, page):
    make, presses = FIGURES[kind]
    page.set_viewport_size({"width": width, "height": 900})
    living.start(page, make())
    for name in presses:
        page.get_by_role("button", name=name, exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("group", name=ALT).count() == 1
    for control in page.locator("button, input, select").filter(visible=True).all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 24, control.evaluate("c => c.outerHTML")
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        violations = Axe().run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == []


@every_figure
def test_arrows_pressed_in_the_figure_do_not_turn_the_books_page(kind, page):
    living.start(page, FIGURES[kind][0]())
    page.evaluate("document.addEventListener('keydown', () => { window.heard = true; })")
    # The book leaves keys alone that are typed into a field. A key may take other controls away.
    keys = "button, input:not([type='number']), select, [tabindex='0']"
    for control in page.query_selector_all(keys):
        if control.is_visible() and control.is_enabled():
            control.press("ArrowLeft")
    assert page.evaluate("window.heard") is None


@every_figure
def test_nothing_listens_to_a_figure_that_was_taken_away(kind, page):
    figure = FIGURES[kind][0]()
    living.start(page, figure)
    assert page.evaluate("listening()") > 0
    page.evaluate("stop()")
    assert page.evaluate("listening()") == 0


@every_figure
def test_the_static_picture_is_an_image_with_alt_text_and_the_same_every_time(kind, page):
    make, _ = FIGURES[kind]
    data, _ = make()._repr_mimebundle_()
    page.set_content(data["text/html"])
    image = page.locator("img")
    image.evaluate("image => image.decode()")
    assert image.get_attribute("alt") == ALT
    svg = base64.b64decode(image.get_attribute("src").split(",")[1]).decode()
    assert svg == make().picture()
    assert data["text/plain"] == f"{kind.__name__}: {ALT}" == repr(make())
    assert "application/vnd.jupyter.widget-view+json" in data
    json.dumps(data)
