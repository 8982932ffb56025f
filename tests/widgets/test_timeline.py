"""The timeline: walked along with the mouse and with the keyboard."""

from itertools import pairwise

import living
import pytest

from course_utils.widgets import Timeline

ALT = "Three events on a line"
EVENTS = [
    (1943, "ideas", "A neuron", "It adds and compares."),
    (1958, "machines", "A machine", "It learns."),
    (1959, "ideas", "Another idea", "One year later."),
    (1969, "ideas", "A book", "It proves."),
]


def start(page) -> Timeline:
    figure = Timeline(EVENTS, alt=ALT)
    living.start(page, figure)
    return figure


def test_the_buttons_walk_and_stop_at_both_ends(page):
    start(page)
    status = page.locator(".figure-status")
    assert "1943: A neuron" in status.inner_text()
    assert page.get_by_role("button", name="Earlier").is_disabled()
    for _ in EVENTS[1:]:
        page.get_by_role("button", name="Later").click()
    assert "1969: A book" in status.inner_text()
    assert "ideas, 4 of 4" in status.inner_text()
    assert page.get_by_role("button", name="Later").is_disabled()


def test_a_mark_is_chosen_by_a_click(page):
    start(page)
    page.locator(".mark").nth(1).click()
    assert "It learns." in page.locator(".figure-status").inner_text()
    assert page.locator(".mark.chosen").count() == 1


def test_the_slider_answers_the_keyboard_and_tells_its_event(page):
    start(page)
    page.evaluate("document.addEventListener('keydown', () => { window.heard = true; })")
    slider = page.get_by_role("slider", name="Event")
    slider.focus()
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "1969: A book"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("saved.chosen") == 2
    assert page.evaluate("window.heard") is None  # the arrows also turn the book's pages


def test_marks_of_one_lane_stay_apart_and_inside(page):
    start(page)
    for years in ([2000, 2000, 2000, 2001], [2010, 2010, 2010, 2010], [2000, 2005, 2010]):
        places = page.evaluate("years => widget.places(years, 2000, 2010, 100, 12)", years)
        gaps = [b - a for a, b in pairwise(places)]
        assert min(gaps) >= 12 - 1e-9
        assert places[0] >= 0
        assert places[-1] <= 100


def test_the_static_picture_names_every_event():
    svg = Timeline(EVENTS, alt=ALT).picture()
    assert all(title in svg for _, _, title, _ in EVENTS)  # matplotlib names the text it draws


@pytest.mark.parametrize("events", [[], EVENTS[::-1]])
def test_events_out_of_order_are_refused(events):
    with pytest.raises(ValueError, match="order of their years"):
        Timeline(events, alt=ALT)
