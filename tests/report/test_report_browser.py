"""The page in a real browser: it opens without an error, filters and search work, plots are drawn, markup stays text.

Debian's chromium through its own chromedriver; nothing is downloaded. Without them these tests are skipped. With
LMMS_CPLLM_SCREENSHOTS=folder the screenshots are kept.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from clips import write_clip
from fake_reports import EVIL_WORDS, built, three_models

from lmms_cpllm.report import page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
selenium = pytest.importorskip("selenium", reason="selenium is not installed (extra `test`)")

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no chromium and chromedriver here (apt-get install chromium chromium-driver)"
)
WAIT_S = 60
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1280,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(WAIT_S)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("page")
    results, videos = three_models(root / "results"), root / "videos"
    videos.mkdir()
    for place in range(60):
        clip = videos / f"clip{place:02d}.mp4"
        clip.hardlink_to(videos / "clip00.mp4") if place else write_clip(clip, frames=3)
    report = built(results, open_videos=True, folders=(videos,))
    path = root / "report.html"
    path.write_text(page.render(report, "Three models", datetime(2026, 1, 2, tzinfo=timezone.utc)), encoding="utf-8")
    return path


@pytest.fixture
def opened(driver, path):
    driver.get(path.as_uri())
    until(driver, "return document.documentElement.dataset.ready === '1'")
    yield driver
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert errors == []
    assert driver.execute_script("return window.evil") is None


def until(driver, script: str, *arguments) -> object:
    """What a script returns as soon as it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, WAIT_S, poll_frequency=0.1).until(
        lambda there: there.execute_script(script, *arguments)
    )


def scroll_to(driver, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).scrollIntoView({behavior: 'instant'})", selector)


def screenshot(driver, name: str) -> bytes:
    picture = driver.get_screenshot_as_png()
    folder = os.environ.get("LMMS_CPLLM_SCREENSHOTS")
    if folder:
        Path(folder, f"{name}.png").write_bytes(picture)
    return picture


def test_plots_are_drawn_when_they_come_into_view(opened):
    assert opened.title == "Three models"
    assert opened.execute_script("return typeof window.Plotly") == "undefined", "the library waits"
    scroll_to(opened, "#task-0 [data-plot=scatter]")
    until(opened, "return document.querySelectorAll('#task-0 .js-plotly-plot .point').length >= 120")
    label = opened.execute_script("return document.querySelector('[data-plot=scatter]').getAttribute('aria-label')")
    assert label.startswith("cpllm: predictions of 60 videos against MOS, fit: logistic.")
    until(opened, "return document.querySelectorAll('#task-0 .card img').length === 12")
    until(opened, "return [...document.querySelectorAll('.card img')].every(x => x.complete && x.naturalWidth > 0)")
    assert screenshot(opened, "scores").startswith(b"\x89PNG")


def test_ladders_mark_what_rises(opened):
    scroll_to(opened, "[data-ladders]")
    until(opened, "return document.querySelectorAll('[data-ladders] .js-plotly-plot').length === 2")
    choose(opened, "ladders-model-1", "vqa_scores niqe.csv")
    script = "return document.querySelector('[data-family=h264]').getAttribute('aria-label')"
    label = until(opened, f"{script.replace('return', 'const x =')}; return x.includes('niqe') && x")
    told = opened.execute_script("return JSON.parse(document.getElementById('data-ladders-1').textContent)")
    rises = sum(len(climb["rises"]) for climb in told["runs"][2]["families"]["h264"]["climbs"])
    assert rises > 0
    assert label.endswith(f"{rises} violations of monotonicity.")
    screenshot(opened, "ladders")


def choose(driver, select: str, text: str) -> None:
    driver.execute_script(
        "const s = document.getElementById(arguments[0]);"
        "s.value = [...s.options].find(o => o.textContent === arguments[1]).value;"
        "s.dispatchEvent(new Event('change'))",
        *(select, text),
    )


def test_filters(opened):
    opened.execute_script("document.querySelector('#filters details').open = true")
    boxes = opened.find_elements("css selector", "#filters input[name=model]")
    assert len(boxes) == 4
    boxes[0].click()
    status = opened.find_element("id", "filter-status").text
    assert status == "(3 of 4 models, 4 of 4 tasks shown)"
    rows = opened.find_elements("css selector", "#leaderboard table.board tbody tr")
    assert [row.is_displayed() for row in rows] == [False, True, True, True]
    options = opened.execute_script("return [...document.getElementById('scores-model-0').options].map(o => o.text)")
    assert options == ["cpllm ablate=pixel", "vqa_scores niqe.csv"]
    opened.find_elements("css selector", "#filters input[name=task]")[0].click()
    assert not opened.find_element("id", "task-0").is_displayed()
    assert opened.find_element("id", "task-1").is_displayed()
    assert not opened.find_element("css selector", "nav [data-task='0']").is_displayed()
    opened.find_element("css selector", "#filters button[data-all=model]:not([data-on])").click()
    assert opened.find_element("id", "filter-status").text == "(0 of 4 models, 3 of 4 tasks shown)"
    opened.find_element("css selector", "#filters button[data-all=model][data-on]").click()
    assert all(row.is_displayed() for row in rows)


def test_search_and_sorting_of_videos(opened):
    finder = "#task-0 [data-finder=videos]"
    scroll_to(opened, finder)
    until(opened, f"return document.querySelectorAll('{finder} tbody tr').length === 25")
    field = opened.find_element("css selector", f"{finder} input[type=search]")
    field.send_keys("script")
    status = opened.find_element("css selector", f"{finder} [role=status]")
    assert status.text == "1 to 1 of 1"
    assert opened.find_element("css selector", f"{finder} tbody th").text.startswith("</script><script>")
    field.clear()
    field.send_keys("nowhere")
    assert status.text == "nothing found"
    field.clear()
    field.send_keys("clip")
    assert status.text == "1 to 25 of 59"
    heads = opened.find_elements("css selector", f"{finder} thead button")
    heads[1].click()
    cells = opened.find_elements("css selector", f"{finder} tbody td:nth-child(2)")
    mos = [float(cell.text) for cell in cells]
    assert mos == sorted(mos, reverse=True)
    assert heads[1].find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    opened.find_elements("css selector", f"{finder} .controls button")[1].click()
    assert status.text == "26 to 50 of 59"


def test_search_of_descriptions(opened):
    finder = "[data-finder=words]"
    scroll_to(opened, finder)
    until(opened, f"return document.querySelectorAll('{finder} tbody tr').length === 25")
    assert EVIL_WORDS.split("\n")[0] in opened.find_element("css selector", f"{finder} tbody td:last-child").text
    assert opened.execute_script(f"return document.querySelectorAll('{finder} script, {finder} b').length") == 0
    opened.find_element("css selector", f"{finder} input").send_keys("scene1 ablate blurred")
    assert opened.find_element("css selector", f"{finder} [role=status]").text == "1 to 4 of 4"
    screenshot(opened, "descriptions")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_phones_and_dark_mode(opened, width, dark):
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    scheme = "dark" if dark else "light"
    opened.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        scroll_to(opened, "#leaderboard")
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width, (
            "only tables scroll sideways"
        )
        ground = opened.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (ground != "rgb(255, 255, 255)") == dark
        screenshot(opened, f"{scheme}-{width}")
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
