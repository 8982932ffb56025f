"""Chapter 06 in a reader's hands: what it holds answers the mouse and the keyboard."""

from __future__ import annotations

from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import Page, expect

OPERATION = "chapters/06-convolution.html"
LAYERS = "chapters/06b-convolutional-layers.html"
IMAGES = "chapters/06c-why-images.html"


def the_way_leads_on(page: Page, way: str) -> None:
    page.locator(f"article a[href$='{way.removeprefix('chapters/')}']").last.click()
    assert way in page.url


def test_the_operation_has_kernels_to_choose_and_a_matrix_whose_rows_answer(visit):
    page = visit(OPERATION).page
    explorer = page.locator(".convolution")
    explorer.get_by_role("combobox", name="Kernel").select_option("mixed derivative")
    expect(explorer.get_by_role("spinbutton").first).to_have_value("1")
    matrix = page.locator(".matrix-view")
    expect(matrix.locator(".figure-status")).to_contain_text("49 shared by 9 weights")
    matrix.locator(".grids [data-choose='4']").click()
    page.keyboard.press("ArrowRight")
    expect(matrix.get_by_role("application")).to_have_attribute(
        "aria-label", "Output 5 is chosen: y₅ = a x₁ + b x₂ + d x₄ + e x₅ + g x₇ + h x₈"
    )
    assert OPERATION in page.url  # the arrows also turn the book's pages, but not from here
    quiz_answers(page, "Fewer multiplications in the forward", "Local connections save those")
    solutions_unfold(page, 4)
    the_way_leads_on(page, LAYERS)


def test_the_layers_have_sizes_and_fields_that_follow_the_reader_s_numbers(visit):
    page = visit(LAYERS).page
    arithmetic = page.locator(".arithmetic")
    expect(arithmetic.locator(".words")).to_contain_text("7 × 7 → 3 × 3")
    arithmetic.get_by_role("slider", name="Input n").press("ArrowRight")
    expect(arithmetic.locator(".words")).to_contain_text("8 × 8 → 3 × 3")
    fields = page.locator(".receptive")
    last = fields.locator("tbody tr").last
    expect(last).to_contain_text("195")
    fields.get_by_role("button", name="conv1").click()
    for _ in range(2):
        fields.get_by_role("slider", name="Stride").press("ArrowLeft")
    expect(last).to_contain_text("103")  # 11 + (195 − 11) / 2
    quiz_answers(page, "and set the corners to 0", "0 wins the maximum")
    solutions_unfold(page, 3)
    the_way_leads_on(page, IMAGES)


def test_the_reasons_have_questions_solutions_and_a_way_back(visit):
    page = visit(IMAGES).page
    quiz_answers(page, "Both: information has been destroyed", "a permutation can be undone")
    solutions_unfold(page, 3)
    the_way_leads_on(page, LAYERS)
