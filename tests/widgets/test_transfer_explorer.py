"""The transfer figure: its JavaScript's numbers against the recorded runs themselves."""

import json
import statistics
from pathlib import Path

import living
import pytest
import traitlets

from course_utils.widgets import TransferExplorer
from course_utils.widgets.transfer_explorer import WAYS

ALT = "Accuracy of seven ways of training"
ROOT = Path(__file__).resolve().parents[2]
RECORDED = json.loads((ROOT / "chapters" / "results" / "finetuning.json").read_text("utf-8"))
TARGET = RECORDED["targets"]["hymenoptera"]


def recorded(way: str, size: int) -> list[dict]:
    steps = TARGET["steps"]
    return [
        run for run in RECORDED["runs"]
        if (run["arm"], run["size"], run["steps"]) == (way, size, steps)
    ]  # fmt: skip


def test_every_number_of_the_table_is_that_of_the_recorded_runs(page):
    living.start(page, TransferExplorer(RECORDED, alt=ALT))
    for size in TARGET["sizes"]:
        page.get_by_role("combobox", name="Labeled photographs").select_option(str(size))
        rows = page.locator("tbody tr").all()
        assert len(rows) == len(WAYS)
        for (way, (name, _)), row in zip(WAYS.items(), rows, strict=True):
            runs = recorded(way, size)
            values = [run["accuracy"] for run in runs]
            assert row.locator("th").inner_text() == name
            accuracy, count, seconds = row.locator("td").all_inner_texts()
            mean, spread = statistics.mean(values), statistics.stdev(values)
            assert accuracy == f"{mean:.3f} ± {spread:.3f}"
            assert count == f"{TARGET['parameters'][way]:,}"
            assert float(seconds) == pytest.approx(
                statistics.mean(run["seconds"] for run in runs), abs=0.051
            )
            assert page.locator(f"[data-way={way}] circle").count() == len(values)


def test_a_lead_counts_only_where_it_exceeds_the_spread_of_the_draws(page):
    living.start(page, TransferExplorer(RECORDED, alt=ALT))
    row = "{{ name: '{}', mean: {}, deviation: {} }}"
    near = ", ".join([row.format("a", 0.9, 0.03), row.format("b", 0.88, 0.01)])
    far = ", ".join([row.format("a", 0.9, 0.03), row.format("b", 0.7, 0.01)])
    assert "no winner" in page.evaluate(f"widget.explain([{near}])")
    assert "20.0 points before b. That is more" in page.evaluate(f"widget.explain([{far}])")


def test_ways_are_ticked_with_the_keyboard_and_come_in_one_order(page):
    living.start(page, TransferExplorer(RECORDED, size=40, shown=["all"], alt=ALT))
    assert "Tick two ways" in page.locator(".figure-status").inner_text()
    box = page.get_by_role("checkbox", name="last layer", exact=True)
    box.focus()
    page.keyboard.press("Space")
    assert page.evaluate("saved.shown") == ["last", "all"]
    assert page.locator(".way").count() == 2


@pytest.mark.parametrize("wrong", [{"size": 41}, {"shown": ["first"]}])
def test_a_size_or_a_way_that_is_not_there_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        TransferExplorer(RECORDED, alt=ALT, **wrong)
