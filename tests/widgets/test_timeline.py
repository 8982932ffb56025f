"""The timeline: walked along with the mouse and with the keyboard."""

import base64
from itertools import pairwise

import living
import pytest
from axe_playwright_python.sync_playwright import Axe

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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_it_fits_is_big_enough_to_touch_and_accessible(theme, width, page):
    page.set_viewport_size({"width": width, "height": 800})
    start(page)
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in page.locator("button, input").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 24
    violations = Axe().run(page).response["violations"]
    assert [v["id"] for v in violations] == []


def test_the_static_picture_names_every_event_and_is_the_same_every_time(page):
    figure = Timeline(EVENTS, alt=ALT)
    data, _ = figure._repr_mimebundle_()
    page.set_content(data["text/html"])
    image = page.locator("img")
    image.evaluate("image => image.decode()")
    assert image.get_attribute("alt") == ALT
    svg = base64.b64decode(image.get_attribute("src").split(",")[1]).decode()
    assert all(title in svg for _, _, title, _ in EVENTS)  # matplotlib names the text it draws
    assert svg == Timeline(EVENTS, alt=ALT).picture()


@pytest.mark.parametrize("events", [[], EVENTS[::-1]])
def test_events_out_of_order_are_refused(events):
    with pytest.raises(ValueError, match="order of their years"):
        Timeline(events, alt=ALT)
