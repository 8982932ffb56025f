"""Sampling in the browser: its distributions, draws and words against torch."""

import math

import living
import pytest
import torch
import traitlets

from course_utils.models.sampling import draw
from course_utils.widgets import SamplingTemperature

ALT = "The next letter of a name"
VOCABULARY = [*".abcdefghijklm "]
CONTEXTS = [".mab", "", " "]


def drawn_logits() -> tuple[torch.Tensor, torch.Tensor]:
    """What a model might say, with characters that never come."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3, 15, generator=generator, dtype=torch.float64)
    table = 2 * torch.randn(15, 15, generator=generator, dtype=torch.float64)
    logits[0, 3] = logits[2, :7] = table[0, 0] = -math.inf
    return logits.round(decimals=2), table.round(decimals=2)


def figure(**settings) -> SamplingTemperature:
    logits, table = drawn_logits()
    return SamplingTemperature(logits, VOCABULARY, CONTEXTS, table=table, boundary=".", alt=ALT,
                               **settings)  # fmt: skip


@pytest.fixture(scope="module")
def opened(browser):
    """One page for all tests, each of which begins with the settings that it needs."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    living.start(page, figure())
    yield page
    page.close()
    assert errors == []


def show(page, **state):
    page.evaluate("state => Object.keys(state).forEach(n => model.set(n, state[n]))", state)


def status(page) -> str:
    return page.locator(".figure-status").inner_text().replace("\u00a0", " ")


@pytest.mark.parametrize("chosen", range(3))
@pytest.mark.parametrize("top_k", [0, 1, 4, 15])
def test_distributions_and_entropies_are_torchs(top_k, chosen, opened):
    z = drawn_logits()[0][chosen]
    kept = torch.full_like(z, -math.inf)
    likely = z.topk(top_k or 15)
    kept[likely.indices] = likely.values
    for temperature in (0.1, 0.75, 1.0, 3.0):
        expected = torch.softmax(kept / temperature, 0)
        got, bits = opened.evaluate(
            """([chosen, t, k]) => {
              const p = widget.distribution(model.get("logits")[chosen], t, k);
              return [p, widget.entropy(p)];
            }""",
            [chosen, temperature, top_k],
        )
        torch.testing.assert_close(torch.tensor(got, dtype=z.dtype), expected)
        entropy = torch.distributions.Categorical(expected).entropy().item() / math.log(2)
        assert bits == pytest.approx(entropy, abs=1e-9)
        own = figure(chosen=chosen).probabilities(temperature, top_k)
        torch.testing.assert_close(own, expected)


def test_many_draws_are_spread_like_the_librarys_and_a_lower_temperature_draws_likelier(opened):
    z, n = drawn_logits()[0][0], 20_000
    warm, cold = opened.evaluate(
        """n => [1.5, 0.5].map(t =>
          widget.draw(model.get("logits")[0], t, 0, widget.numbers(5, 0, n)))""",
        n,
    )
    counts = torch.tensor(warm).bincount(minlength=15)
    expected = n * torch.softmax(z / 1.5, 0)
    library = draw(z.expand(n, -1), 1.5, torch.Generator().manual_seed(0)).flatten()
    for found in (counts, library.bincount(minlength=15)):
        some = expected > 0
        assert found[~some].sum() == 0
        assert ((found - expected)[some] ** 2 / expected[some]).sum() < 40  # 13 degrees of freedom
    assert (z[cold] >= z[warm]).all()
    assert (z[cold] > z[warm]).any()


def test_words_begin_and_end_at_the_boundary_and_follow_the_table(opened):
    settings = {"temperature": 0.8, "top_k": 6, "seed": 3}
    found = opened.evaluate(
        """settings => widget.words({ ...settings, table: model.get("table"),
          vocabulary: model.get("vocabulary"), boundary: "." }, 20)""",
        settings,
    )
    table = drawn_logits()[1]
    random = opened.evaluate(
        "Array.from({ length: 20 }, (_, word) => widget.numbers(3, word + 1, 18))"
    )
    for word, numbers in zip(found, random, strict=True):
        made, previous = [], 0
        for u in numbers:
            top = table[previous].topk(6)
            upto = torch.softmax(top.values / 0.8, 0).cumsum(0)
            previous = top.indices[(upto <= u).sum().clamp_max(5)].item()
            if previous == 0:
                break
            made.append(previous)
        assert word == {"made": made, "whole": previous == 0}
    assert any(word["whole"] for word in found)


def test_the_keyboard_chooses_sharpens_cuts_and_draws_again(opened):
    show(opened, temperature=1.0, top_k=0, chosen=0, seed=0)
    rows = opened.locator(".characters")
    assert rows.nth(0).inner_text() == rows.nth(1).inner_text()
    assert opened.locator(".changed").count() == 0
    assert "This is the model's own distribution" in status(opened)
    before = opened.locator(".written").inner_text()
    heat = opened.get_by_role("slider", name="Temperature")
    heat.press("Home")
    assert opened.evaluate("saved.temperature") == 0.1
    heat.press("ArrowRight")
    assert opened.evaluate("saved.temperature") == 0.15
    assert opened.locator(".changed").count() > 5
    assert "below 1 makes it sharper" in status(opened)
    assert opened.locator(".written").inner_text() != before
    top = opened.get_by_role("slider", name="Top-k")
    assert top.get_attribute("aria-valuetext") == "all 15"
    top.press("Home")
    assert opened.evaluate("saved.top_k") == 1
    assert status(opened).startswith("Entropy 0.00 bits, perplexity 1.00")
    assert len({*rows.nth(1).inner_text().split()}) == 1
    top.press("End")
    assert opened.evaluate("saved.top_k") == 0
    opened.get_by_role("button", name="Model's own").press("Enter")
    assert opened.evaluate("saved.temperature") == 1
    first = rows.nth(0).inner_text()
    opened.get_by_role("button", name="Draw again").press("Enter")
    assert rows.nth(0).inner_text() != first
    opened.get_by_role("combobox", name="The model has read").select_option("nothing")
    assert opened.evaluate("saved.chosen") == 1
    bars = opened.locator(".now").evaluate_all("bars => bars.map(b => Number(b.dataset.value))")
    shown = torch.softmax(drawn_logits()[0][1], 0).sort(descending=True).values
    expected = torch.cat([shown[:12], shown[12:].sum(0, keepdim=True)])
    torch.testing.assert_close(torch.tensor(bars, dtype=shown.dtype), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"logits": torch.zeros(2, 15)}, {"logits": torch.full((3, 15), -math.inf)},
        {"table": torch.zeros(3, 15)}, {"table": torch.full((15, 15), math.nan)},
        {"boundary": "\n"}, {"chosen": 3}, {"top_k": 16}, {"temperature": 0.0},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(wrong):
    logits, table = drawn_logits()
    settings = {"logits": logits, "table": table, "boundary": "."} | wrong
    with pytest.raises(traitlets.TraitError):
        SamplingTemperature(vocabulary=VOCABULARY, contexts=CONTEXTS, alt=ALT, **settings)
