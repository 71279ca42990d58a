"""The report page in a browser: what a reader can do with it, by mouse, keyboard and phone."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from heschl.report import write_report
from heschl.results import merge
from test_report import (
    CATEGORIES,
    COMPONENTS,
    HOSTILE,
    NASTY,
    component_results,
    contrast,
    hostile_results,
    make_sounds,
    voxel_results,
)

# The browser is spoken to over pipes and opens files; asyncio itself needs a socket pair.
pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

CHROMIUM = shutil.which("chromium")
COMMAND = "heschl score spectrotemporal natsound165 --out 'my run'"


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports as files: components with sounds, voxels, two models, hostile names."""
    folder = tmp_path_factory.mktemp("reports")
    r2 = (0.1, np.nan, 0.3, 0.05, 0.15, 0.12)
    two = merge([component_results(), component_results(model="random", r2=r2)])
    sounds = {"natsound165": make_sounds()}
    return {
        "components": write_report(
            component_results(), folder / "components.html", sounds=sounds, command=COMMAND
        ),
        "voxels": write_report(voxel_results(), folder / "voxels.html"),
        "two": write_report(two, folder / "two.html"),
        "hostile": write_report(hostile_results(), folder / "hostile.html", command=HOSTILE),
    }


@pytest.fixture
def visit(browser, reports):
    """Open a report; at the end, nothing may have failed or asked for the network."""
    contexts, troubles = [], []

    def open_report(name, **options):
        context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        allowed = ("file:", "data:", "blob:")
        page.on("request", lambda r: r.url.startswith(allowed) or troubles.append(r.url))
        page.goto(reports[name].as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert troubles == []


def column(page, table, heading):
    """Texts of a column in their present order, hidden rows left out."""
    headings = [text.strip() for text in page.locator(f"#{table} th").all_text_contents()]
    cells = page.locator(
        f"#{table} tbody tr:not([hidden]) td:nth-child({headings.index(heading) + 1})"
    )
    return cells.all_text_contents()


def numbers(texts):
    return [float(text.replace("−", "-")) for text in texts if text != "–"]


@pytest.mark.parametrize("name", ["components", "voxels", "two", "hostile"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_report_opens_without_a_word(visit, name, scheme):
    page = visit(name, color_scheme=scheme)
    assert page.locator("h1").count() == 1
    assert page.locator("h2").count() == (6 if name == "voxels" else 5)
    assert page.locator("figure svg:visible").count() >= 1
    for svg in page.locator("figure svg:visible").all():
        box = svg.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 100


def test_hostile_names_are_only_shown(visit):
    page = visit("hostile")
    assert page.locator("h1").text_content() == f"How brain-like is {HOSTILE}?"
    assert column(page, "scores", "Target")[0] == HOSTILE
    assert page.locator("#command").text_content() == HOSTILE
    point = page.locator('figure[data-sounds] .wide use[data-s="1"]').first
    point.dispatch_event("pointerover")
    assert point.locator("title").text_content() == NASTY


def test_sorting_by_click(visit):
    page = visit("components")
    heading = page.locator("#scores th", has_text="r²")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    values = numbers(column(page, "scores", "r²"))
    assert values == sorted(values, reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert numbers(column(page, "scores", "r²")) == sorted(values)
    page.locator("#scores th", has_text="Target").get_by_role("button").click()
    assert column(page, "scores", "Target") == sorted(COMPONENTS)
    assert page.locator("#scores th[aria-sort]").count() == 1


def test_sorting_by_keyboard(visit):
    page = visit("components")
    page.locator("#scores th button", has_text="Target").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    values = numbers(column(page, "scores", "r²"))
    assert values == sorted(values, reverse=True)
    page.keyboard.press("Space")
    assert numbers(column(page, "scores", "r²")) == sorted(values)


def test_every_control_can_be_reached_by_keyboard_and_shows_it(visit):
    page = visit("components")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const e = document.activeElement;"
                "const style = getComputedStyle(e);"
                "if (style.outlineStyle === 'none') throw new Error('no outline: ' + e.outerHTML);"
                "return e.id || e.dataset.filter || e.dataset.target || e.className })()"
            )
        )
    assert {"skip", "csv", "scores", "sounds-0", "scroll", "play"} <= reached


def test_missing_values_come_last_both_ways(visit):
    page = visit("two")
    button = page.locator("#scores th", has_text="r²").get_by_role("button")
    for _ in range(2):
        button.click()
        assert column(page, "scores", "r²")[-1] == "–"
        assert len(numbers(column(page, "scores", "r²"))) == 11


def test_numbers_in_names_sort_as_numbers(visit):
    page = visit("voxels")
    page.locator("summary", has_text="Every target").click()
    page.locator("#targets th", has_text="Target").get_by_role("button").click()
    assert column(page, "targets", "Target") == [f"voxel{i}" for i in range(120)]


def test_filter(visit):
    page = visit("voxels")
    assert not page.locator("#targets").is_visible()
    page.locator("summary", has_text="Every target").click()
    assert page.locator("#targets").is_visible()
    box = page.get_by_label("Filter Every target")
    box.fill("s2 anterior")
    assert set(column(page, "targets", "Listener")) == {"s2"}
    assert set(column(page, "targets", "Region")) == {"Anterior"}
    shown = len(column(page, "targets", "Target"))
    assert 0 < shown < 30
    assert page.locator('[data-count="targets"]').text_content() == f"{shown} of 120 rows"
    box.fill("")
    assert len(column(page, "targets", "Target")) == 120
    box.fill("nothing like it")
    assert column(page, "targets", "Target") == []


def test_all_scores_can_be_downloaded(visit):
    page = visit("voxels")
    with page.expect_download() as download:
        page.locator("#csv").click()
    assert download.value.suggested_filename == "scores.csv"
    text = download.value.path().read_text(encoding="utf-8")
    assert text == voxel_results().scores.to_csv(index=False)


def test_another_target_shows_other_numbers(visit):
    page = visit("components")
    detail = component_results().details[0]
    before = column(page, "sounds-0", "Measured")
    page.get_by_label("Target").select_option(label="speech (r² 0.72)")
    after = column(page, "sounds-0", "Measured")
    assert after != before
    np.testing.assert_allclose(numbers(after), detail.measured[:, 4], atol=0.0051)
    np.testing.assert_allclose(
        numbers(column(page, "sounds-0", "Predicted")), detail.predicted[:, 4], atol=0.0051
    )
    error = np.abs(detail.predicted[:, 4] - detail.measured[:, 4])
    np.testing.assert_allclose(numbers(column(page, "sounds-0", "Error")), error, atol=0.0052)


def test_worst_and_best_predicted_sounds_come_first_and_stay_so(visit):
    page = visit("components")
    detail = component_results().details[0]
    error = np.abs(detail.predicted - detail.measured)
    page.get_by_role("button", name="Worst predicted first").click()
    expected = [f"stim{i:03d}" for i in np.argsort(-error[:, 0])]
    assert column(page, "sounds-0", "Sound")[:5] == expected[:5]
    page.get_by_label("Target").select_option(label="music (r² 0.33)")
    expected = [f"stim{i:03d}" for i in np.argsort(-error[:, 5])]
    assert column(page, "sounds-0", "Sound")[:5] == expected[:5]
    page.get_by_role("button", name="Best predicted first").click()
    assert column(page, "sounds-0", "Sound")[-5:] == expected[:5][::-1]
    pressed = page.get_by_role("button", name="Best predicted first").get_attribute("aria-pressed")
    assert pressed == "true"


def test_targets_of_two_models_are_grouped(visit):
    page = visit("two")
    groups = page.locator("select optgroup")
    assert [g.get_attribute("label") for g in groups.all()] == ["spectrotemporal", "random"]
    page.get_by_label("Target").select_option(label="envsounds (r² 0.30)")
    r2 = (0.1, np.nan, 0.3, 0.05, 0.15, 0.12)
    detail = component_results(model="random", r2=r2).details[0]
    shown = numbers(column(page, "sounds-0", "Predicted"))
    np.testing.assert_allclose(shown, detail.predicted[:, 2], atol=0.0051)


def wait_until(page, condition):
    """Wait for a condition (``page.wait_for_function`` needs eval, which the page forbids)."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


def playing(page):
    return page.locator("audio").count()


def test_sounds_play_one_at_a_time(visit):
    page = visit("components")
    assert playing(page) == 0
    page.get_by_role("button", name="Play stim002").click()
    audio = page.locator("audio")
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.2")
    state = audio.evaluate("a => [a.duration, a.readyState, a.paused, a.error]")
    assert state[0] == pytest.approx(2.0, abs=0.1)
    assert state[1:] == [4, False, None]
    assert page.locator("#now").text_content() == "Playing stim002"
    row = page.locator("#sounds-0 tr", has_text="stim002")
    assert row.locator(".play").get_attribute("aria-pressed") == "true"

    page.get_by_role("button", name="Play stim003").click()
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.1")
    assert playing(page) == 1
    assert row.locator(".play").get_attribute("aria-pressed") == "false"
    assert page.locator("#now").text_content() == "Playing stim003"

    page.get_by_role("button", name="Play stim003").click()
    assert playing(page) == 0


def test_a_sound_ends_by_itself(visit):
    page = visit("components")
    button = page.get_by_role("button", name="Play stim000")
    button.focus()
    page.keyboard.press("Enter")
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.1")
    wait_until(page, "!document.querySelector('audio')")
    assert button.get_attribute("aria-pressed") == "false"


def test_a_point_names_its_sound_and_plays_it(visit):
    page = visit("components")
    point = page.locator('figure[data-sounds] .wide use[data-s="7"]').first
    point.dispatch_event("pointerover")
    assert point.locator("title").text_content() == "stim007"
    point.dispatch_event("click")
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.1")
    assert page.locator("#now").text_content() == "Playing stim007"
    assert page.locator(".wide use.playing").count() == 6


def test_without_sounds_points_are_named_but_nothing_plays(visit):
    page = visit("two")
    assert page.locator(".play").count() == 0
    assert not page.locator(".hint").first.is_visible()
    figure = page.locator("figure[data-sounds]").nth(1)
    point = figure.locator('.wide use[data-s="3"]').first
    point.dispatch_event("pointerover")
    assert point.locator("title").text_content() == "stim003"
    point.dispatch_event("click")
    assert playing(page) == 0


def test_the_command_is_copied(visit):
    page = visit("components", permissions=["clipboard-read", "clipboard-write"])
    page.locator("#copy").click()
    wait_until(page, "document.getElementById('copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == COMMAND


def test_the_command_is_selected_where_it_cannot_be_copied(visit):
    page = visit("components")
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', "
        "{ value: { writeText: () => Promise.reject(new Error('no')) } })"
    )
    page.locator("#copy").click()
    wait_until(page, "document.getElementById('copy').textContent.startsWith('Selected')")
    assert page.evaluate("getSelection().toString()") == COMMAND


@pytest.mark.parametrize("name", ["components", "voxels", "two", "hostile"])
def test_nothing_is_wider_than_a_phone(visit, name):
    page = visit(name)
    page.set_viewport_size({"width": 390, "height": 844})
    widths = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
    assert max(widths) <= 390
    assert page.locator(".drawing.wide:visible").count() == 0
    for svg in page.locator(".drawing.narrow svg").all():
        box = svg.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    sizes = page.locator(".drawing.narrow svg text").evaluate_all(
        "texts => texts.map(t => t.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 9  # of letters with their line, in pixels


def test_a_wide_page_shows_the_wide_figures(visit):
    page = visit("components")
    assert page.locator(".drawing.wide:visible").count() == 2
    assert page.locator(".drawing.narrow:visible").count() == 0


def to_hex(color):
    """Turn ``rgb(1, 2, 3)`` into ``#010203``."""
    channels = [int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_what_is_drawn(visit, scheme):
    page = visit("components", color_scheme=scheme)
    style = "(e, name) => getComputedStyle(e)[name]"
    card = to_hex(page.locator(".card").first.evaluate(style, "backgroundColor"))
    ground = to_hex(page.locator("body").evaluate(style, "backgroundColor"))
    lightness = int(card[1:3], 16)
    assert lightness > 200 if scheme == "light" else lightness < 60
    assert contrast(to_hex(page.locator("h1").evaluate(style, "color")), ground) >= 7
    for selector in (".sentence", ".aside", "td", "th", "figcaption", ".record dt", "dd"):
        ink = to_hex(
            page.locator(f".card {selector}, .card{selector}").first.evaluate(style, "color")
        )
        assert contrast(ink, card) >= 4.5, selector
    for text in page.locator(".drawing.wide svg text").all():
        assert contrast(to_hex(text.evaluate(style, "fill")), card) >= 4.5
    points = page.locator(".points use")
    colors = {to_hex(c) for c in points.evaluate_all("us => us.map(u => getComputedStyle(u).fill)")}
    assert len(colors) == len(CATEGORIES)
    assert all(contrast(color, card) >= 3 for color in colors)


#: Names that want more than to be shown, and how they might try.
TEN_NAMES = (
    "<script>document.title='evil'</script>",
    '"><img src=x onerror="document.title=\'evil\'">',
    "</title><svg onload=document.title='evil'>",
    "</script><script>document.title='evil'</script>",
    "javascript:document.title='evil'",
    "{{ 7*7 }}{% raw %}${7*7}#{7*7}",
    "../../../etc/passwd\x00.wav",
    "\u202egnp.exe\u2028\x1b[2J\r\nSet-Cookie: evil",
    "=cmd|' /C calc'!A0",
    "<!--<style>*{display:none}</style><base href=//example.org><meta http-equiv=refresh>",
)


def test_ten_names_are_only_shown(visit, reports, tmp_path):
    """As model, dataset, targets, sounds, classes and layers; the console stays empty."""
    results = component_results(names=TEN_NAMES[:6], model=TEN_NAMES[6], dataset=TEN_NAMES[7])
    detail = results.details[0]
    sounds = detail.sounds.copy()
    sounds.loc[: len(TEN_NAMES) - 1, "sound"] = TEN_NAMES
    sounds["category"] = [TEN_NAMES[i % 10] for i in range(len(sounds))]
    scores = results.scores.assign(layer=TEN_NAMES[8], region=TEN_NAMES[9])
    results = replace(results, scores=scores, details=(replace(detail, sounds=sounds),))
    reports["ten"] = write_report(results, tmp_path / "ten.html", command=TEN_NAMES[3])
    page = visit("ten")
    assert "evil" not in page.title()
    assert set(column(page, "scores", "Target")) >= set(TEN_NAMES[:6])
    shown = page.locator("main").text_content()
    for name in (*TEN_NAMES[:6], TEN_NAMES[8], TEN_NAMES[9]):
        assert name in shown
    assert page.locator("main img, base, main svg script, main iframe").count() == 0


def test_a_script_that_got_into_a_page_would_not_run(browser, reports, tmp_path):
    """The policy names the page's own script and style sheet, and nothing else."""
    text = reports["components"].read_text(encoding="utf-8")
    inside = "<script>document.title = 'evil'</script><style>h1 { display: none }</style>"
    path = tmp_path / "altered.html"
    path.write_text(text.replace("<main>", f"<main>{inside}<p onclick='1' id=p></p>"))
    page = browser.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    assert "evil" not in page.title()
    assert page.locator("h1").is_visible()
    assert sum("Content Security Policy" in one for one in refused) == 3, refused
    page.close()
