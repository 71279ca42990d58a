"""The page of a training in a browser: the stepped view by keyboard, and the page on a phone."""

from __future__ import annotations

import numpy as np
import pytest

import test_report_browser
from heschl.report.dynamics import write_dynamics_report
from heschl.report.dynamics.depth_colors import depth_colors
from made_up_training import STEPS, similarity, training, write
from test_report_browser import to_hex, wait_until

# The browser is spoken to over pipes and opens files; asyncio itself needs a socket pair.
pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

browser = test_report_browser.browser
visit = test_report_browser.visit


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The report that ``visit`` opens."""
    folder = tmp_path_factory.mktemp("training")
    return {"training": write_dynamics_report(write(training(), folder))}


def shown_values(page):
    """Values of the dots, and those that their heights say by the rules of the axis."""
    return page.evaluate(
        """() => {
          const root = document.querySelector("#profile-canvas svg");
          const every = (selector) => Array.from(root.querySelectorAll(selector));
          const rules = every("line").map((line) => Number(line.getAttribute("y1")));
          const told = every("text").slice(0, rules.length).map((text) => Number(text.textContent));
          const slope = (told.at(-1) - told[0]) / (rules.at(-1) - rules[0]);
          const value = (y) => told[0] + slope * (y - rules[0]);
          const dots = every("circle");
          return {
            values: dots.map((dot) => Number(dot.dataset.v)),
            heights: dots.map((dot) => value(Number(dot.getAttribute("cy")))),
            titles: dots.map((dot) => dot.textContent),
          };
        }"""
    )


def test_the_slider_shows_the_layers_at_each_step_on_a_phone(visit):
    page = visit("training")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.locator("#profile-still").is_visible()
    slider = page.get_by_label("Step", exact=True)
    slider.focus()
    assert slider.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
    for key, place in (("End", 4), ("ArrowLeft", 3), ("Home", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        expected = [similarity(STEPS[place], i) for i in range(3)]
        shown = shown_values(page)
        np.testing.assert_allclose(shown["values"], expected, rtol=1e-5)
        np.testing.assert_allclose(shown["heights"], expected, atol=2e-3)
        assert shown["titles"] == [f"{x}: {v:.3f}" for x, v in zip("abc", expected, strict=True)]
        words = f"Step {STEPS[place]}: largest in layer {'abc'[int(np.argmax(expected))]}, "
        assert page.locator("#profile-now").text_content() == words + f"{max(expected):.3f}"
        assert slider.get_attribute("aria-valuetext") == words + f"{max(expected):.3f}"
    page.locator("#profile-choice").select_option(label="natsound165, similarity (RSA): Primary")
    expected = [similarity(STEPS[-1], i, "Primary") for i in range(3)]
    np.testing.assert_allclose(shown_values(page)["values"], expected, rtol=1e-5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dots_have_the_colours_of_their_layers(visit, scheme):
    page = visit("training", color_scheme=scheme)
    expected = depth_colors(3, dark=scheme == "dark")
    style = "(all, name) => all.map((e) => getComputedStyle(e)[name])"
    fills = page.locator("#profile-canvas circle").evaluate_all(style, "fill")
    assert [to_hex(fill) for fill in fills] == expected
    strokes = page.locator("#steps-section .wide path").evaluate_all(style, "stroke")
    drawn = {to_hex(stroke) for stroke in strokes if stroke.startswith("rgb(")}
    assert set(expected) <= drawn


def test_play_goes_from_the_first_to_the_last_step(visit):
    page = visit("training")
    play = page.get_by_role("button", name="Play")
    play.focus()
    page.keyboard.press("Enter")
    assert page.locator("#profile-play").text_content() == "Pause"
    wait_until(page, "document.getElementById('profile-step').value === '2'")
    page.locator("#profile-play").press("Enter")
    stopped = page.locator("#profile-step").input_value()
    assert page.locator("#profile-play").text_content() == "Play"
    page.wait_for_timeout(700)
    assert page.locator("#profile-step").input_value() == stopped
    play.click()
    wait_until(page, "document.getElementById('profile-play').textContent === 'Play'")
    assert page.locator("#profile-step").input_value() == "4"


def test_nothing_moves_for_those_who_asked_for_that(visit):
    page = visit("training", reduced_motion="reduce")
    assert not page.locator("#profile-play").is_visible()
    assert page.get_by_label("Step", exact=True).is_visible()


def test_without_a_script_the_last_step_is_shown(visit):
    page = visit("training", java_script_enabled=False)
    assert page.locator("#profile-still .wide svg").is_visible()
    assert not page.locator("#profile-tools").is_visible()


def test_all_values_can_be_downloaded(visit, reports):
    page = visit("training")
    with page.expect_download() as download:
        page.locator("#csv").click()
    assert download.value.suggested_filename == "trajectory.csv"
    text = download.value.path().read_text(encoding="utf-8")
    assert text == reports["training"].with_name("trajectory.csv").read_text(encoding="utf-8")
