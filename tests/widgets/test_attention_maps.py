"""Attention maps: what the browser decodes and counts against NumPy and the weights themselves."""

import base64

import living
import numpy as np
import pytest
import traitlets

from course_utils.widgets import AttentionMaps

ALT = "Attention of a model on a line of text"
TOKENS = [*"to be or\nnot to be"]
T = len(TOKENS)


def heads(causal: bool, layers: int = 2, tokens: list[str] = TOKENS) -> np.ndarray:
    """Random maps (layers, 3, T, T); the first head looks before itself, the last one repeats."""
    t = len(tokens)
    scores = np.random.default_rng(0).normal(0, 2, (layers, 3, t, t))
    scores[0, 0] += 9 * np.eye(t, k=-1)
    if causal:
        scores[..., *np.triu_indices(t, 1)] = -np.inf
    powers = np.exp(scores)
    weights = powers / powers.sum(-1, keepdims=True)
    for i, token in enumerate(tokens):
        after = [j for j in range(1, i + 1) if tokens[j - 1] == token]
        if after:
            weights[-1, -1, i] = np.eye(t)[after].mean(0)
    return weights


@pytest.fixture(scope="module")
def shown(browser):
    """One page for all tests of this file."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    living.start(page, AttentionMaps(TOKENS, heads(causal=True), query=12, alt=ALT))
    yield page
    page.close()
    assert errors == []


@pytest.mark.parametrize("causal", [True, False])
def test_the_browser_counts_what_numpy_counts(causal, shown):
    weights = heads(causal)
    figure = AttentionMaps(TOKENS, weights, alt=ALT)
    got = shown.evaluate(
        """([maps, tokens]) => {
          const { weights } = widget.decode(maps, tokens.length);
          return [weights, weights.map(l => l.map(m => widget.statistics(m, tokens))),
            weights.map(l => l.map(m => m.map(widget.entropy))), widget.alike(tokens, maps.causal)];
        }""",
        [figure.maps, TOKENS],
    )
    np.testing.assert_allclose(got[0], figure.weights, atol=1e-12)
    np.testing.assert_allclose(figure.weights, weights, atol=8e-3)  # what a byte keeps
    entropy = -(weights * np.log(np.where(weights > 0, weights, 1))).sum(-1)
    np.testing.assert_allclose(got[2], entropy, atol=2e-2)
    by_hand = {
        "previous": np.diagonal(weights, -1, 2, 3).mean(-1),
        "itself": np.diagonal(weights, 0, 2, 3)[..., 1:].mean(-1),
        "first": weights[..., 1:, 0].mean(-1),
        "entropy": entropy[..., 1:].mean(-1),
    }
    for name, values in figure.statistics().items():
        np.testing.assert_allclose(
            [[h[name] for h in layer] for layer in got[1]], values, atol=1e-9
        )
        if name in by_hand:
            np.testing.assert_allclose(values, by_hand[name], atol=1e-2)
    assert got[1][-1][-1]["repeat"] == pytest.approx(1)
    alike = np.mean([1 / (i + 1) if causal else 1 / T for i in range(1, T)])
    assert got[3]["previous"] == pytest.approx(alike)


def test_click_and_keys_choose_a_head_and_a_query(shown):
    page = shown
    status, text = page.locator(".figure-status"), page.locator(".tokens")
    grid = page.locator(".heads")
    assert "looks most at “t” 9" in status.inner_text()  # the token before
    assert grid.get_attribute("aria-label").startswith(
        "Layer 1, head 1: share on the token before 8"
    )
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        grid.press(key)
    assert page.evaluate("[saved.layer, saved.head]") == [1, 2]
    text.press("End")
    text.press("ArrowLeft")  # “b” of the last “be”: an “e” followed the first one
    assert page.evaluate("saved.query") == T - 2
    assert text.locator("small").all_inner_texts()[4] == "100"
    assert "looks most at “e” 100 % (12 before)" in status.inner_text()
    assert "100 % on what followed the same token" in status.inner_text()
    page.locator(".map").click(position={"x": 100, "y": 2})
    assert page.evaluate("saved.query") == 0
    page.locator(".token").nth(5).click()
    assert page.evaluate("saved.query") == 5
    page.get_by_role("combobox", name="Below").select_option("entropy")
    page.get_by_role("combobox", name="Head").select_option("0")
    entropy = AttentionMaps(TOKENS, heads(causal=True), alt=ALT).statistics()["entropy"][1, 0]
    assert page.locator(".head.chosen span").inner_text() == f"{entropy:.2f}"


def test_36_causal_heads_on_64_tokens_take_half_of_what_a_page_may_carry():
    tokens = [*"ab"] * 32
    weights = np.tile(heads(True, 1, tokens), (6, 2, 1, 1))
    figure = AttentionMaps(tokens, weights, alt=ALT)
    assert len(base64.b64decode(figure.maps["bytes"])) == 36 * 64 * 65 // 2
    with pytest.raises(traitlets.TraitError, match="too many for a page"):
        AttentionMaps(tokens, np.full((6, 8, 64, 64), 1 / 64), alt=ALT)


@pytest.mark.parametrize(
    ("weights", "wrong"),
    [(heads(True)[:, 0], {}), (heads(True)[..., :-1], {}), (2 * heads(True), {}),
     (heads(True), {"head": 3}), (heads(True), {"query": T}), (heads(True), {"statistic": "mean"})],
)  # fmt: skip
def test_what_is_no_such_figure_is_refused(weights, wrong):
    with pytest.raises(traitlets.TraitError):
        AttentionMaps(TOKENS, weights, alt=ALT, **wrong)
