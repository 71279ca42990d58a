"""The site of a study in a browser: what a reader can do with it, by mouse, keyboard and phone."""

from __future__ import annotations

import functools
import http.server
import threading

import numpy as np
import pandas as pd
import pytest

import test_report_browser
from heschl.linking import link
from heschl.report.site import addresses, write_site
from heschl.results import Results, score_table
from test_report import HOSTILE, NASTY, contrast
from test_report_browser import numbers, to_hex, wait_until
from test_site import COMMANDS, MODELS, made_up_rows, shared_site, traits

# The browser is spoken to over pipes and opens files; asyncio itself needs a socket pair.
pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

browser = test_report_browser.browser

PAGES = {
    "index": "index.html",
    "analysis": "analysis.html",
    "method": "method.html",
    "model": addresses.model_page("encodecmae-base"),
    "control": addresses.model_page("encodecmae-base@random:0"),
    "failed": addresses.model_page("cochresnet50-word"),
    "dataset": addresses.dataset_page("voxels4"),
    "task": addresses.task_page("esc50"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return shared_site(tmp_path_factory)


@pytest.fixture
def visit(browser, site):
    """Open a page; at the end, nothing may have failed or asked for the network."""
    contexts, troubles = [], []

    def open_page(name, *, width=1280, root=None, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        base = site.as_uri() if root is None else root
        allowed = (f"{base}/", "data:")
        page.on("request", lambda r: r.url.startswith(allowed) or troubles.append(r.url))
        # a download is a request that its page gives up
        page.on("requestfailed", lambda r: "/downloads/" in r.url or troubles.append(r.url))
        page.goto(f"{base}/{PAGES.get(name, name)}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def column(page, heading, table="board"):
    """Texts of a column in their present order, without what is small; hidden rows left out."""
    return page.evaluate(
        """([table, heading]) => {
          const own = (cell) => cell.firstElementChild?.tagName === "BUTTON"
            ? (cell.querySelector("span") ?? cell).textContent
            : (cell.querySelector("a") ?? cell.firstChild).textContent;
          const rows = Array.from(document.getElementById(table).rows).filter((r) => !r.hidden);
          const place = Array.from(rows[0].cells).findIndex((c) => own(c) === heading);
          return rows.slice(1).map((row) => own(row.cells[place]));
        }""",
        [table, heading],
    )


def heading(page, label, table="board"):
    return page.locator(f"#{table} thead th").filter(
        has=page.locator(f'button span:text-is("{label}")')
    )


# --- every page -----------------------------------------------------------------------------


#: Every page on a phone and on a desk, one of them dark; the busiest ones both ways.
SCREENS = [(name, *screen) for name in PAGES for screen in ((390, "dark"), (1280, "light"))]
SCREENS += [
    (name, *screen) for name in ("index", "model") for screen in ((390, "light"), (1280, "dark"))
]


@pytest.mark.parametrize(("name", "width", "scheme"), SCREENS)
def test_every_page_opens_and_is_no_wider_than_the_screen(visit, name, width, scheme):
    page = visit(name, width=width, color_scheme=scheme)
    assert page.locator("h1").count() == 1
    for summary in page.locator("main summary").all():
        if summary.is_visible():
            summary.click()
    widths = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
    assert max(widths) <= width
    for svg in page.locator("main svg:visible").all():
        box = svg.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    hidden = "narrow" if width == 1280 else "wide"
    assert page.locator(f".drawing.{hidden}:visible").count() == 0
    check_contrast(page, scheme)


#: Colours of every visible text and of what is behind it: 0 to 255, each pair once.
COLORS = """() => {
  // what color-mix makes comes as "color(srgb 0.1 0.2 0.3)", the rest as "rgb(1, 2, 3)"
  const parts = (color) => {
    const found = color.match(/[\\d.]+/g).map(Number);
    const whole = color.startsWith("color") ? found.map((v, i) => (i < 3 ? 255 * v : v)) : found;
    return whole.length === 3 ? [...whole, 1] : whole;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Map();
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !e.checkVisibility()) continue;
    if (e.closest(".hidden, .skip, .skip-figure, script, noscript, math")) continue;
    let under = e;
    const back = () => parts(getComputedStyle(under).backgroundColor);
    while (back()[3] < 1) under = under.parentElement;
    const style = getComputedStyle(e);
    const ink = parts(e.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const pair = [ink, back()].map((c) => c.slice(0, 3).map(Math.round));
    found.set(JSON.stringify(pair), [pair, node.textContent.trim().slice(0, 40)]);
  }
  return Array.from(found.values());
}"""


def check_contrast(page, scheme):
    """No text is faint on what is behind it."""
    ground = to_hex(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert int(ground[1:3], 16) > 200 if scheme == "light" else int(ground[1:3], 16) < 60
    found = page.evaluate(COLORS)
    assert len(found) >= 3
    for pair, text in found:
        ink, behind = ("#" + "".join(f"{channel:02x}" for channel in color) for color in pair)
        assert contrast(ink, behind) >= 4.5, (text, ink, behind)


PAINT = "performance.getEntriesByName('first-contentful-paint')"


@pytest.mark.parametrize("name", ["index", "model", "analysis"])
def test_first_paint_is_quick(visit, name):
    for _ in range(3):  # other tests may keep the machine busy: the quickest counts
        page = visit(name)
        wait_until(page, f"{PAINT}.length")
        quick = page.evaluate(f"{PAINT}[0].startTime") < 1000
        if quick:
            break
    assert quick


def test_it_works_from_a_web_server(visit, site):
    handler = functools.partial(QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_address[1]}"
        page = visit("index", root=root)
        assert page.locator(".point").count() == 11
        page.get_by_role("link", name="Analysis", exact=True).click()
        assert page.url == f"{root}/analysis.html"
        page = visit("model", root=root)
        page.locator(".play").first.click()
        wait_until(page, "document.querySelector('audio')?.currentTime > 0.05")
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *arguments):
        pass


def test_the_whole_site_can_be_walked_by_keyboard(visit):
    page = visit("index")
    reached = []
    for _ in range(70):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const e = document.activeElement;
                  const shown = getComputedStyle(e).outlineStyle !== "none"
                    || (e.matches(".point") && getComputedStyle(e.firstChild).stroke !== "none");
                  if (!shown) throw new Error(`no focus to be seen: ${e.outerHTML}`);
                  return e.textContent.trim().split("\\n")[0] || e.getAttribute("aria-label");
                }"""
            )
        )
    assert reached[0] == "Skip to the content"
    assert reached[1] == "Eleven models, heard and compared"
    assert reached[2:8] == ["Overview", "Models", "Data", "Analysis", "Method", "Downloads"]
    assert "Skip the points of the figure" in reached
    assert sum(str(one).startswith("encodecmae-") for one in reached) >= 3
    assert any(str(one).startswith("overall task score") for one in reached)


# --- the plane ------------------------------------------------------------------------------


def point(page, model):
    return page.locator(f'.point[aria-label^="{model}:"]')


def test_a_point_says_who_it_is(visit, site):
    page = visit("index")
    tip = page.locator(".tip")
    assert not tip.is_visible()
    values = pd.read_csv(site / "downloads/values.csv").set_index(["model", "measure"])
    x = values.loc[("ast", "overall"), "value"]
    point(page, "ast").hover()
    assert tip.locator(".tip-name").text_content() == "ast"
    assert f"overall task score (mean z): {x:.2f}".replace("-", "−") in tip.text_content()
    assert "AST, supervised" in tip.text_content()
    page.mouse.move(5, 5)
    assert not tip.is_visible()
    point(page, "vggish").focus()
    assert tip.locator(".tip-name").text_content() == "vggish"
    assert "to" in tip.text_content()
    page.keyboard.press("Tab")
    assert tip.locator(".tip-name").text_content() != "vggish"
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_the_family_of_a_model_stays_bright(visit):
    page = visit("index")
    point(page, "encodecmae-base").hover()
    kin = page.locator(".point.kin").evaluate_all(
        "points => points.map((p) => p.getAttribute('aria-label').split(':')[0])"
    )
    assert sorted(kin) == ["encodecmae-base", "encodecmae-large"]


def test_a_point_leads_to_its_model(visit):
    page = visit("index")
    point(page, "spectrotemporal").click()
    assert page.url.endswith(addresses.model_page("spectrotemporal"))
    assert page.locator("h1").text_content() == "spectrotemporal"
    page.go_back()
    point(page, "ast").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{addresses.model_page('ast')}")


def test_a_finger_names_a_point_first(visit):
    page = visit("index", width=390, has_touch=True)
    point(page, "spectrotemporal").tap()
    assert page.locator(".tip-name").text_content() == "spectrotemporal"
    assert page.url.endswith("index.html")
    point(page, "spectrotemporal").tap()
    page.wait_for_url(f"**/{addresses.model_page('spectrotemporal')}")


def test_other_measures_can_be_chosen(visit, site):
    page = visit("index")
    before = page.locator("#plane-words").text_content()
    page.locator("#plane-brain").select_option(label="natsound165 pitch (r²)")
    words = page.locator("#plane-words").text_content()
    assert words != before
    correlations = pd.read_csv(site / "downloads/correlations.csv")
    chosen = (correlations["task"] == "overall") & (correlations["kind"] == "pearson")
    chosen &= correlations["brain"].str.contains("/pitch/")
    row = correlations[chosen & (correlations["subset"] == "all models")].iloc[0]
    assert f"r = {row['value']:.2f}".replace("-", "−") in words
    assert page.locator(".canvas .title").nth(1).text_content() == "natsound165 pitch (r²)"
    page.get_by_text("The numbers of the figure").click()
    values = pd.read_csv(site / "downloads/values.csv")
    pitch = values[values["measure"].str.contains("/pitch/")].set_index("model")["value"]
    names = column(page, "Model", "plane-table")
    shown = [
        float(text) for text in column(page, "natsound165 pitch (r²)", "plane-table") if text != "–"
    ]
    np.testing.assert_allclose(
        shown, [pitch[name] for name in names if name in pitch.index], atol=0.00051
    )
    address = page.locator("#plane-files a", has_text="SVG").get_attribute("href")
    assert ">natsound165 pitch (r²)</text>" in (site / address).read_text()
    page.locator("#plane-task").select_option(label="gtzan (accuracy)")
    assert not page.locator("#plane-files").is_visible()
    assert page.locator(".canvas .title").first.text_content() == "gtzan (accuracy)"


@pytest.mark.parametrize("width", [390, 1280])
def test_what_is_drawn_stands_where_it_belongs(visit, site, width):
    page = visit("index", width=width)
    found = page.locator(".point").evaluate_all(
        """points => points.map((p) => [p.getAttribute("aria-label").split(":")[0],
          ...p.getAttribute("transform").match(/[\\d.]+/g).map(Number)])"""
    )
    values = pd.read_csv(site / "downloads/values.csv").set_index(["measure", "model"])["value"]
    names = [name for name, _, _ in found]
    x, y = np.array([place for _, *place in found], float).T
    up = page.locator("#plane-brain").evaluate("e => e.selectedOptions[0].textContent")
    measures = pd.read_csv(site / "downloads/measures.csv").set_index("label")["measure"]
    for pixels, name in ((x, "overall"), (-y, measures[up])):
        expected = values[name][names].to_numpy()
        scale = np.polyfit(expected, pixels, 1)
        assert scale[0] > 0
        np.testing.assert_allclose(np.polyval(scale, expected), pixels, atol=0.02)
    labels = page.locator(".canvas .name").evaluate_all(
        """texts => texts.map((text) => {
          const { x, y, width, height } = text.getBBox();
          return [x, y, x + width, y + height];
        })"""
    )
    assert len(labels) >= 5
    for i, a in enumerate(labels):
        for b in labels[:i]:
            assert a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 5 or b[3] <= a[1] + 5


def test_the_figure_is_drawn_again_when_the_page_gets_narrow(visit):
    page = visit("index")
    wide = page.locator(".canvas svg").bounding_box()["width"]
    page.set_viewport_size({"width": 500, "height": 900})
    wait_until(page, f"document.querySelector('.canvas svg').clientWidth < {wide / 2}")


# --- the leaderboard ------------------------------------------------------------------------


def test_sorting_is_by_numbers_and_missing_ones_come_last(visit):
    page = visit("index")
    for label in ("esc50 (accuracy)", "overall task score (mean z)"):
        head = heading(page, label)
        for _ in range(2):
            head.get_by_role("button").click()
            direction = head.get_attribute("aria-sort")
            texts = column(page, label)
            values = numbers([text for text in texts if text not in ("–", "failed")])
            assert values == sorted(values, reverse=direction == "descending")
            assert len(values) == 11
            assert texts[-1] in ("–", "failed")
    assert page.locator("#board thead th[aria-sort]").count() == 1
    heading(page, "Model").get_by_role("button").click()
    names = column(page, "Model")
    assert names == sorted(names)
    assert names[0] == "ast"


def test_sorting_by_keyboard(visit):
    page = visit("index")
    heading(page, "gtzan (accuracy)").get_by_role("button").focus()
    page.keyboard.press("Enter")
    values = numbers([t for t in column(page, "gtzan (accuracy)") if t != "failed"])
    assert values == sorted(values, reverse=True)


def test_filters_work_together(visit):
    page = visit("index")
    tools = page.locator(".board-tools")
    count = tools.locator(".count")
    assert count.text_content() == "12 models"
    tools.get_by_label("Family").select_option(label="encodecmae")
    assert sorted(column(page, "Model")) == ["encodecmae-base", "encodecmae-large"]
    assert count.text_content() == "2 of 12 models"
    tools.get_by_label("Show 2 controls").check()
    assert len(column(page, "Model")) == 3
    assert "encodecmae-base@random:0" in column(page, "Model")
    tools.get_by_label("Filter models").fill("large")
    assert column(page, "Model") == ["encodecmae-large"]
    tools.get_by_label("Filter models").fill("")
    tools.get_by_label("Family").select_option(label="all")
    tools.get_by_label("Training").select_option(label="hand-built")
    assert sorted(column(page, "Model")) == ["melspectrogram", "spectrotemporal"]
    tools.get_by_label("Training").select_option(label="all")
    assert len(column(page, "Model")) == 14
    tools.get_by_label("Show 2 controls").uncheck()
    assert len(column(page, "Model")) == 12


def test_columns_can_be_chosen(visit):
    page = visit("index")
    head = heading(page, "natsound165 music (r²)")
    assert not head.is_visible()
    page.get_by_text("Choose columns (14)").click()
    page.get_by_role("checkbox", name="natsound165 music (r²)").check()
    assert head.is_visible()
    assert len(numbers(column(page, "natsound165 music (r²)"))) == 11
    page.get_by_role("checkbox", name="fsd50k (mAP)").uncheck()
    assert not heading(page, "fsd50k (mAP)").is_visible()


def test_a_model_leads_to_its_page_and_back(visit):
    page = visit("index")
    page.locator("#board").get_by_role("link", name="beats-iter3-ft").click()
    assert page.locator("h1").text_content() == "beats-iter3-ft"
    page.locator("#scores").get_by_role("link", name="esc50 (accuracy)").click()
    assert page.locator("h1").text_content() == "esc50"
    page.locator("#board").get_by_role("link", name="ast").click()
    assert page.locator("h1").text_content() == "ast"
    page.get_by_role("link", name="Overview").click()
    assert page.url.endswith("index.html")


def test_what_failed_is_told(visit):
    page = visit("index")
    row = page.locator("#board tr", has_text="cochresnet50-word")
    assert row.locator("td.failed:visible").count() >= 1
    assert page.locator("#failures").get_by_text("FetchError: no <weights>").is_visible()
    page.locator("#failures").get_by_role("link", name="cochresnet50-word").click()
    assert "FetchError: no <weights>" in page.locator("#failures").text_content()


def test_files_hold_what_the_page_shows(visit):
    page = visit("index")
    with page.expect_download() as download:
        page.locator("#downloads").get_by_role("link", name="values.csv").click()
    assert download.value.suggested_filename == "values.csv"
    table = pd.read_csv(download.value.path()).set_index(["measure", "model"])["value"]
    shown = dict(
        zip(column(page, "Model"), column(page, "overall task score (mean z)"), strict=True)
    )
    known = {name: float(text.replace("−", "-")) for name, text in shown.items() if text != "–"}
    assert len(known) == 11
    for name, value in known.items():
        assert value == pytest.approx(table["overall", name], abs=0.00051)


# --- the page of a model --------------------------------------------------------------------


def test_a_sound_is_heard(visit):
    page = visit("model")
    button = page.locator(".play").first
    name = button.get_attribute("aria-label").removeprefix("Play ")
    button.click()
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.1")
    audio = page.locator("audio")
    assert audio.evaluate("a => [a.paused, a.error, a.readyState]") == [False, None, 4]
    assert page.locator("#now").text_content() == f"Playing {name}"
    assert button.get_attribute("aria-pressed") == "true"
    page.locator(".play").nth(1).click()
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.05")
    assert audio.count() == 1
    assert button.get_attribute("aria-pressed") == "false"
    wait_until(page, "!document.querySelector('audio')")  # it ends by itself


def test_a_point_of_predictions_is_a_sound(visit):
    page = visit("model")
    dot = page.locator('figure[data-sounds] .wide use[data-s="7"]').first
    dot.dispatch_event("pointerover")
    assert dot.locator("title").text_content() == "stim007"
    dot.dispatch_event("click")
    wait_until(page, "document.querySelector('audio')?.currentTime > 0.05")
    assert page.locator("#now").text_content() == "Playing stim007"
    assert page.locator(".wide use.playing").count() == 6


def test_the_command_can_be_copied(visit):
    page = visit("model", permissions=["clipboard-read", "clipboard-write"])
    command = "\n".join(COMMANDS["encodecmae-base"])
    assert page.locator("#command").text_content() == command
    page.locator("#copy").click()
    wait_until(page, "document.getElementById('copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_tables_of_a_model_sort_and_filter(visit):
    page = visit("model")
    head = page.locator("#scores th:nth-child(2)")
    head.get_by_role("button").click()
    values = page.locator("#scores tbody td:nth-child(2)").all_text_contents()
    assert numbers(values) == sorted(numbers(values), reverse=True)
    page.get_by_label("Filter All measures").fill("pitch")
    assert page.locator("#scores tbody tr:visible").count() == 1


# --- names that want more than to be shown, and pages without a script ------------------------


def test_hostile_names_do_nothing(visit, tmp_path):
    models = [(name, *MODELS[i][1:]) for i, name in enumerate((HOSTILE, NASTY, "x", "y"))]
    rows = made_up_rows(models, tasks={HOSTILE: "accuracy"}, brains=("rsa",))
    for row in rows:
        row["dataset"] = NASTY if row["metric"] == "rsa" else row["dataset"]
    results = Results(score_table(rows), {})
    linked = link(results, traits(models), n_bootstrap=0)
    write_site(results, linked, tmp_path / "site", title=NASTY)
    root = (tmp_path / "site").as_uri()
    page = visit("index.html", root=root)
    point(page, "x").hover()
    assert page.locator(".canvas .title").first.text_content().startswith("overall")
    page.locator("#board").get_by_role("link", name=HOSTILE).click()
    assert page.locator("h1").text_content() == HOSTILE
    assert page.locator("main img").count() == 0


def test_without_a_script_all_numbers_are_there(visit, site):
    page = visit("index", java_script_enabled=False)
    assert page.locator("noscript p").is_visible()
    assert page.locator("#board tbody tr:visible").count() == 12
    page.get_by_text("The numbers of the figure").click()
    assert page.locator("#plane-table tbody tr:visible").count() == 12
