"""The race: its surfaces against autograd, its rules against the library, and the reader's part."""

import living
import numpy as np
import pytest
import torch
import traitlets

from course_utils.widgets import OptimizerRace
from course_utils.widgets.descent import descend
from course_utils.widgets.landscapes import LANDSCAPES, OPTIMIZERS
from course_utils.widgets.optimizer_race import optimizer

ALT = "Optimizers race"
EXTENT = (-1.0, 2.0, 0.0, 1.5)


def hills() -> torch.Tensor:
    """Losses on a grid of 13 rows and 21 columns that no formula of the figure has."""
    x, y = torch.linspace(-1, 2, 21), torch.linspace(0, 1.5, 13)[:, None]
    return 0.5 + (x - 0.4) ** 2 + (y - 0.8) ** 2 + 0.1 * torch.sin(5 * x * y)


def start(page, *args, **settings) -> OptimizerRace:
    figure = OptimizerRace(*args, alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


# A landscape by its name, in the browser: a figure with a given surface holds all of them.
GROUND = """key => key === "given" ?
  widget.grid(model.get("surface"), model.get("landscapes")[0].view) : widget.LANDSCAPES[key]"""


def descend_in(page, figure: OptimizerRace, key: str, jolts: list | None = None) -> np.ndarray:
    """Fifty steps of an optimizer, in the browser."""
    way = page.evaluate(
        f"""([landscape, start, key, rate, jolts]) => widget.descend(
          ({GROUND})(landscape), start, key, rate, 50, jolts, () => true)""",
        [figure.landscape, figure.start, key, figure.rates[key], jolts],
    )
    return np.array(way["path"])


def test_heights_and_slopes_are_those_of_autograd(page):
    given = start(page, surface=hills(), extent=EXTENT)
    for landscape, ground in {"given": given.ground, **LANDSCAPES}.items():
        x0, x1, y0, y1 = ground.view
        draws = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        places = draws * torch.tensor([x1 - x0, y1 - y0]) + torch.tensor([x0, y0])
        values, gradients = page.evaluate(
            f"""([key, places]) => {{
              const {{ value, gradient }} = ({GROUND})(key);
              return [places.map(w => value(...w)), places.map(w => gradient(...w))];
            }}""",
            [landscape, places.tolist()],
        )
        assert values == pytest.approx(ground.value(places).tolist(), rel=1e-9, abs=1e-9)
        expected = ground.gradient(places)
        assert np.abs(np.array(gradients) - expected.numpy()).max() < 1e-9 * expected.abs().max()


def test_fifty_steps_of_every_optimizer_are_the_librarys(page):
    given = start(page, surface=hills(), extent=EXTENT)
    for figure in (given, *map(OptimizerRace, ("turned", "rosenbrock", "valleys"))):
        for key in OPTIMIZERS:
            path = figure.path(key, 50).numpy()
            assert np.abs(path[-1] - path[0]).max() > 1e-3
            assert np.abs(descend_in(page, figure, key) - path).max() < 1e-9, key


def test_noise_is_normal_and_seeded_and_reaches_the_librarys_rule_alike(page):
    figure = start(page)
    jolts = page.evaluate("widget.noise(7, 2000)")
    assert jolts == page.evaluate("widget.noise(7, 2000)")
    assert jolts != page.evaluate("widget.noise(8, 2000)")
    assert abs(np.mean(jolts)) < 0.05
    assert np.std(jolts) == pytest.approx(1, abs=0.05)
    assert abs(np.corrcoef(np.array(jolts).T)[0, 1]) < 0.07
    for key in ("sgd", "adam"):
        left = iter(torch.tensor(jolts, dtype=torch.float64))
        expected = descend(
            lambda w, left=left: figure.ground.gradient(w) + next(left),
            figure.start,
            lambda point, key=key: optimizer(key, point, figure.rates[key]),
            50,
        )
        assert np.abs(descend_in(page, figure, key, jolts) - expected.numpy()).max() < 1e-9


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_with_the_proposed_rates_nobody_gets_lost_and_all_get_lower(landscape):
    figure = OptimizerRace(landscape, alt=ALT)
    for key in OPTIMIZERS:
        losses = figure.ground.value(figure.path(key, 300))
        assert losses[-1] < 0.7 * losses[0], key
        assert losses.max() < 5 * losses[0], key


def test_a_turned_ravine_is_the_same_for_those_who_know_no_axes():
    def losses(key):
        figures = [OptimizerRace(name, alt=ALT) for name in ("ravine", "turned")]
        return [figure.ground.value(figure.path(key, 100))[-1].item() for figure in figures]

    for key in ("gd", "momentum", "nesterov"):
        along, across = losses(key)
        assert across == pytest.approx(along, rel=1e-9)
    for key in ("adagrad", "rmsprop", "adam"):
        along, across = losses(key)
        assert across > 100 * along


def test_a_given_surface_is_met_at_every_value_and_is_smooth_between(page):
    figure = start(page, surface=hills(), extent=EXTENT)
    xs, ys = torch.linspace(-1, 2, 21).double(), torch.linspace(0, 1.5, 13).double()
    nodes = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
    assert torch.allclose(figure.ground.value(nodes), hills().double(), atol=1e-6)
    # The slopes on both sides of a grid line are the same.
    beside = torch.tensor([[0.35 - 1e-9, 0.8], [0.35 + 1e-9, 0.8]], dtype=torch.float64)
    left, right = figure.ground.gradient(beside)
    assert torch.allclose(left, right, atol=1e-6)


def test_lists_arrays_and_tensors_are_the_same_surface():
    makes = [lambda t: t, lambda t: t.numpy(), lambda t: t.tolist()]
    first, *others = (OptimizerRace(surface=f(hills()), extent=EXTENT) for f in makes)
    assert [o.surface for o in others] == [first.surface] * 2
    assert "given surface" in first.picture()  # a comment in the SVG for each text


def test_the_given_surface_has_its_name_and_an_edge(page):
    # A slope without an end: downhill is to the left, over the edge.
    start(page, surface=[[0, 1, 2], [0, 1, 2]], extent=(0, 1, 0, 1), label="a slide", steps=300)
    choice = page.get_by_role("combobox", name="Landscape")
    assert choice.locator("option:checked").inner_text() == "a slide"
    assert "Lost from the map: GD at step" in status(page)
    choice.select_option("saddle")
    assert "Lost" not in status(page)


def test_another_landscape_brings_its_own_start_and_rates(page):
    start(page, rates={"gd": 0.001}, start=(1, 1))
    assert page.get_by_label("Learning rate of GD").input_value() == "0.001"
    page.get_by_role("combobox", name="Landscape").select_option("Rosenbrock's banana")
    assert page.evaluate("saved.start") == list(LANDSCAPES["rosenbrock"].start)
    assert page.get_by_label("Learning rate of GD").input_value() == "0.002"
    assert page.evaluate("saved.steps") == 0


def test_a_start_at_the_minimum_has_nowhere_to_go(page):
    start(page, "rosenbrock", start=(1, 1), optimizers=["gd", "adam"])
    assert "Lowest: GD 0, Adam 0" in status(page)


def test_it_runs_stops_steps_and_begins_again(page):
    start(page, steps=0)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("model.get('steps') > 3")
    page.get_by_role("button", name="Pause").click()
    steps = page.evaluate("saved.steps")
    assert f"After {steps} steps" in status(page)
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate("saved.steps") == steps + 1
    page.get_by_role("button", name="Reset").click()
    assert page.evaluate("saved.steps") == 0
    assert page.get_by_role("button", name="Reset").is_disabled()
    page.get_by_role("slider", name="Steps").press("End")
    assert page.evaluate("saved.steps") == 300
    assert page.get_by_role("button", name="Step", exact=True).is_disabled()


def test_a_run_ends_with_the_figure(page):
    start(page, steps=0)
    page.get_by_role("button", name="Play").click()
    page.evaluate("stop()")
    page.wait_for_timeout(80)
    steps = page.evaluate("model.get('steps')")
    page.wait_for_timeout(150)
    assert page.evaluate("model.get('steps')") == steps


def test_whoever_wants_no_motion_sees_the_end_at_once(page):
    page.emulate_media(reduced_motion="reduce")
    start(page, steps=0)
    page.get_by_role("button", name="Play").click()
    assert page.evaluate("saved.steps") == 300


def test_a_ticked_optimizer_runs_and_says_its_loss(page):
    figure = start(page, optimizers=["gd"], steps=5)
    page.get_by_role("checkbox", name="Nesterov").check()
    assert page.evaluate("saved.optimizers") == ["gd", "nesterov"]
    loss = figure.ground.value(figure.path("nesterov", 5))[-1].item()
    shown = page.get_by_role("row", name="Nesterov").locator("td").last.inner_text()
    assert float(shown) == pytest.approx(loss, rel=0.005)
    page.get_by_role("checkbox", name="GD", exact=True).uncheck()
    page.get_by_role("checkbox", name="Nesterov").uncheck()
    assert "tick an optimizer" in status(page)


def test_rates_are_changed_one_by_one_and_all_at_once(page):
    start(page, optimizers=["gd"], steps=300)
    rate = page.get_by_label("Learning rate of GD")
    rate.fill("0.06")  # beyond 2 / 40
    rate.press("Enter")
    assert "Lost from the map: GD at step" in status(page)
    rate.fill("-1")
    rate.press("Enter")
    assert rate.input_value() == "0.02"
    assert "Lost" not in status(page)
    page.get_by_role("slider", name="All rates times").press("End")
    assert rate.input_value() == "0.2"
    assert "Lost" in status(page)


def test_noise_shakes_sgd_or_all_but_gradient_descent(page):
    def ways():
        return {
            key: page.locator(f".field .lane.by-{key} .way").get_attribute("d")
            for key in ("gd", "sgd", "adam")
        }

    start(page, optimizers=["gd", "sgd", "adam"], noise=0.0)
    calm = ways()
    assert calm["gd"] == calm["sgd"]
    page.get_by_role("slider", name="Noise in the gradient").press("ArrowRight")
    some = ways()
    assert (some["gd"], some["adam"]) == (calm["gd"], calm["adam"])
    assert some["sgd"] != calm["sgd"]
    page.get_by_role("combobox", name="Noise for").select_option("all but GD")
    everyone = ways()
    assert (everyone["gd"], everyone["sgd"]) == (some["gd"], some["sgd"])
    assert everyone["adam"] != some["adam"]


def test_the_start_moves_by_keys_by_a_tap_and_by_dragging(page):
    start(page, start=(0, 0))
    field = page.get_by_role("application")
    field.press("ArrowLeft")
    field.press("ArrowDown")
    assert page.evaluate("saved.start") == [-0.112, -0.08]
    assert "from (−0.112, −0.08)" in field.get_attribute("aria-label")
    box = page.locator(".field .edge").bounding_box()

    def place(x, y):
        return box["x"] + box["width"] * (x + 2.8) / 5.6, box["y"] + box["height"] * (2 - y) / 4

    page.mouse.click(*place(1.4, 1))
    assert page.evaluate("saved.start") == pytest.approx([1.4, 1], abs=0.03)
    page.mouse.move(*place(1.4, 1))
    page.mouse.down()
    page.mouse.move(*place(-1.4, -1))
    assert page.evaluate("saved.start") == pytest.approx([-1.4, -1], abs=0.03)
    page.mouse.move(*place(-9, -1))  # far outside: it stays at the edge
    page.mouse.up()
    assert page.evaluate("saved.start[0]") == -2.8


def test_every_optimizer_differs_from_every_other_in_mark_and_in_dashes(page):
    start(page)
    samples = page.locator(".sample")
    for part, attribute in ((".marks", "d"), (".way", "stroke-dasharray")):
        looks = {sample.locator(part).get_attribute(attribute) for sample in samples.all()}
        assert len(looks) == len(OPTIMIZERS)


def test_the_map_is_shaded_and_lies_in_its_frame(page):
    start(page, "cliffs")
    canvas, edge = (page.locator(f".field {what}").bounding_box() for what in ("canvas", ".edge"))
    for side in ("x", "y", "width", "height"):
        assert canvas[side] == pytest.approx(edge[side], abs=2.5)
    plateau, valley = page.evaluate("""() => {
      const canvas = document.querySelector("canvas");
      const { width, height } = canvas;
      const shades = canvas.getContext("2d").getImageData(0, height / 2, width, 1).data;
      return [0.9, 0.4].map(x => shades[4 * Math.round(x * width) + 3]);
    }""")
    assert plateau > valley


def test_ticks_are_round_and_inside(page):
    start(page)
    assert page.evaluate("widget.ticks(-2.8, 2.8)") == [-2, -1, 0, 1, 2]
    assert page.evaluate("widget.ticks(0, 0.003)") == [
        0,
        0.0005,
        0.001,
        0.0015,
        0.002,
        0.0025,
        0.003,
    ]
    assert page.evaluate("widget.ticks(95.5, 103)") == [96, 98, 100, 102]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"surface": [1, 2, 3], "extent": EXTENT}, "at least 2 x 2"),
        ({"surface": [[1.0, float("nan")], [1, 2]], "extent": EXTENT}, "1 not finite"),
        ({"surface": hills()}, "extent must be"),
        ({"surface": hills(), "extent": (1, 0, 0, 1)}, "x0 < x1"),
    ],
)
def test_a_surface_that_is_none_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        OptimizerRace(alt=ALT, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"landscape": "moon"}, {"optimizers": ["lbfgs"]}, {"rates": {"lbfgs": 1.0}},
        {"start": (9, 9)}, {"noise": 2.0}, {"steps": 301},
    ],
)  # fmt: skip
def test_a_choice_that_is_not_there_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        OptimizerRace(alt=ALT, **wrong)
