"""report.html in a browser: clicks, keys, dark, paper, without scripts, for those who do not see it; and with text
that would like to be more than text.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from fixtures.sandbox.server import Host
from reports import merge
from tests.harness import run_checks
from tests.reports.build import HOSTILE, finding, results
from tests.reports.pages import made_up

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    service = shutil.which("chromedriver")
    if not browser or not service:
        missing = "a headless Chromium and chromedriver are needed: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1280,1000",
        "--disable-gpu",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    started.set_script_timeout(60)
    yield started
    started.quit()


@pytest.fixture(scope="module")
def red(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with two things broken."""
    out = tmp_path_factory.mktemp("red")
    with host.fork(["database-rule-removed"]) as world:
        run_checks(world, "-m", "ecs or database or latency", "--out", str(out))
    return out / "report.html"


@pytest.fixture(scope="module")
def hostile(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 500 checks about names that would like to be more than names."""
    directory = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patched, host.fork() as world:
        patched.setenv("GITHUB_HEAD_REF", HOSTILE[0])
        patched.setenv("CI", "true")
        made_up(world, directory, [t[:20_000] for t in HOSTILE], 500, 12)
    return directory / "out" / "report.html"


def _open(driver: webdriver.Chrome, page: Path) -> None:
    driver.get("about:blank")
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    driver.get(page.as_uri())
    WebDriverWait(driver, 30).until(lambda d: d.execute_script("return document.readyState") == "complete")


def _emulate(driver: webdriver.Chrome, **media: Any) -> None:
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def _cards(driver: webdriver.Chrome) -> list[WebElement]:
    return driver.find_elements(By.CSS_SELECTOR, "details.card")


def _shown(driver: webdriver.Chrome) -> list[WebElement]:
    return [c for c in _cards(driver) if c.is_displayed()]


def _untroubled(driver: webdriver.Chrome) -> None:
    """No error on the console, nothing asked of the network, no dialog."""
    wrong = [e["message"] for e in driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
    assert wrong == []
    told = "".join(e["message"] for e in driver.get_log("performance"))
    assert '"url":"http' not in told
    assert "Page.javascriptDialogOpening" not in told


def _violations(driver: webdriver.Chrome) -> list[str]:
    found = Axe().run(driver, options={"resultTypes": ["violations"]})
    return [f"{v['id']} ({v['impact']}): {n['html'][:160]}" for v in found["violations"] for n in v["nodes"][:3]]


# -- a red run --------------------------------------------------------------------------------------------------


def test_the_verdict_is_seen_first_without_scrolling(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    said = driver.find_element(By.CSS_SELECTOR, ".verdict .said")
    assert "failed" in said.text
    assert said.location["y"] < 200
    first = _cards(driver)[0]
    assert "root-cause" in first.get_attribute("class").split()
    assert first.location["y"] < 600
    # The cause stands open, its resolution can be read at once.
    assert first.get_attribute("open") is not None
    assert first.find_element(By.CSS_SELECTOR, ".fix").is_displayed()
    assert driver.title.startswith("SANDBOX ecommerce-dev: ")
    _untroubled(driver)


def test_nothing_is_wider_than_the_window(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    for width in (1280, 390):
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_filters_show_what_they_say(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    every = len(_shown(driver))
    scenario = Select(driver.find_element(By.CSS_SELECTOR, "select[data-filter=scenario]"))
    scenario.select_by_value("database")
    shown = _shown(driver)
    assert 0 < len(shown) < every
    assert {c.get_attribute("data-scenario") for c in shown} == {"database"}
    groups = [g for g in driver.find_elements(By.CSS_SELECTOR, "section.group") if g.is_displayed()]
    assert all(any(c.is_displayed() for c in g.find_elements(By.CSS_SELECTOR, "details.card")) for g in groups)
    assert driver.find_element(By.CSS_SELECTOR, ".choose output").text == f"{len(shown)} of {every} shown"
    Select(driver.find_element(By.CSS_SELECTOR, "select[data-filter=outcome]")).select_by_value("failed")
    assert all(c.get_attribute("data-outcome") == "failed" for c in _shown(driver))
    scenario.select_by_value("")
    Select(driver.find_element(By.CSS_SELECTOR, "select[data-filter=outcome]")).select_by_value("")
    box = driver.find_element(By.CSS_SELECTOR, "[data-find]")
    box.send_keys("SECURITY group 5432")
    found = _shown(driver)
    assert 0 < len(found) < every
    box.clear()
    box.send_keys("no such words anywhere")
    assert _shown(driver) == []
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.DELETE)
    assert len(_shown(driver)) == every
    _untroubled(driver)


def test_everything_unfolds_and_folds(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    button = driver.find_element(By.CSS_SELECTOR, "[data-unfold]")
    button.click()
    assert all(c.get_attribute("open") is not None for c in _cards(driver))
    assert button.text == "Close all"
    button.click()
    assert not any(c.get_attribute("open") is not None for c in _cards(driver))


def test_a_command_is_copied_as_it_stands(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    granted = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", granted)
    block = _cards(driver)[0].find_element(By.CSS_SELECTOR, "pre.command")
    command = block.find_element(By.TAG_NAME, "code").text
    button = block.find_element(By.TAG_NAME, "button")
    button.click()
    WebDriverWait(driver, 5).until(lambda _: button.text in ("Copied", "Selected"))
    assert button.text == "Copied"
    pasted = driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))"
    )
    assert pasted == command
    assert not pasted.startswith("$")
    WebDriverWait(driver, 5).until(lambda _: button.text == "Copy")


def test_without_leave_to_copy_the_command_is_selected(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    driver.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    block = _cards(driver)[0].find_element(By.CSS_SELECTOR, "pre.command")
    button = block.find_element(By.TAG_NAME, "button")
    button.click()
    WebDriverWait(driver, 5).until(lambda _: button.text == "Selected")
    assert driver.execute_script("return getSelection().toString()") == block.find_element(By.TAG_NAME, "code").text


def test_a_consequence_leads_to_its_cause_also_when_filtered_away(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    link = _cards(driver)[0].find_element(By.CSS_SELECTOR, "ul a")
    name = link.get_attribute("href").rpartition("#")[2]
    link.click()
    card = driver.find_element(By.ID, name)
    WebDriverWait(driver, 5).until(lambda _: card.get_attribute("open") is not None)
    assert driver.switch_to.active_element == card.find_element(By.TAG_NAME, "summary")
    assert driver.find_elements(By.CSS_SELECTOR, "svg.causes g.root")
    _untroubled(driver)


def test_all_can_be_done_with_the_keyboard(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    reached: list[str] = []
    for _ in range(14):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        now = driver.switch_to.active_element
        reached.append(now.tag_name)
        outline = now.value_of_css_property("outline-style")
        assert outline != "none", now.get_attribute("outerHTML")[:200]
    assert {"select", "input", "button", "summary"} <= set(reached)
    summary = _cards(driver)[0].find_element(By.TAG_NAME, "summary")
    driver.execute_script("arguments[0].focus()", summary)
    summary.send_keys(Keys.ENTER)
    assert _cards(driver)[0].get_attribute("open") is None
    summary.send_keys(Keys.SPACE)
    assert _cards(driver)[0].get_attribute("open") is not None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_linter_finds_nothing(scheme: str, driver: webdriver.Chrome, red: Path) -> None:
    _emulate(driver, features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        _open(driver, red)
        driver.find_element(By.CSS_SELECTOR, "[data-unfold]").click()
        assert _violations(driver) == []
        paper = driver.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
        assert (paper == "rgba(255, 255, 255, 1)") is (scheme == "light")
    finally:
        _emulate(driver, features=[])


def test_on_paper_everything_is_unfolded_and_no_button_shows(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    _emulate(driver, media="print")
    try:
        assert not driver.find_element(By.CSS_SELECTOR, ".choose").is_displayed()
        assert not [b for b in driver.find_elements(By.CSS_SELECTOR, ".runbook button") if b.is_displayed()]
        bodies = driver.execute_script(
            "return [...document.querySelectorAll('details.card .body')].map(b => b.getBoundingClientRect().height)"
        )
        assert len(bodies) > 3
        assert min(bodies) > 20
    finally:
        _emulate(driver, media="")
    assert len(base64.b64decode(driver.print_page())) > 20_000


def test_without_scripts_everything_can_be_read(driver: webdriver.Chrome, red: Path) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(red.as_uri())
        assert "failed" in driver.find_element(By.CSS_SELECTOR, ".verdict .said").text
        assert driver.find_element(By.CSS_SELECTOR, "details.card .fix").is_displayed()
        assert not driver.find_element(By.CSS_SELECTOR, ".choose").is_displayed()
        assert "passed" in driver.find_element(By.CSS_SELECTOR, "noscript table").text
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_table_is_folded_and_speaks_of_outcomes_as_the_cards_do(driver: webdriver.Chrome, red: Path) -> None:
    _open(driver, red)
    labels = [e.text for e in driver.find_elements(By.CSS_SELECTOR, ".filters span") if e.is_displayed()]
    assert [label.partition(" ")[2] for label in labels] == [
        "failed", "passed", "not applicable", "advisory", "could not look",
    ]  # fmt: skip
    cells = {e.text for e in driver.find_elements(By.CSS_SELECTOR, "#results-table td.col-result")}
    assert cells == {"failed", "passed", "not applicable", "advisory"}
    driver.find_element(By.CSS_SELECTOR, "input.filter[data-test-result=passed]").click()
    kept = {e.text for e in driver.find_elements(By.CSS_SELECTOR, "#results-table td.col-result")}
    assert kept == cells - {"passed"}
    first = driver.find_element(By.CSS_SELECTOR, "#results-table tbody")
    assert not first.find_element(By.CSS_SELECTOR, ".extras-row").is_displayed()
    first.find_element(By.CSS_SELECTOR, "td.col-result").click()
    opened = driver.find_element(By.CSS_SELECTOR, "#results-table tbody")
    WebDriverWait(driver, 5).until(lambda _: opened.find_element(By.CSS_SELECTOR, ".fix").is_displayed())


# -- hostile text, and much of it ---------------------------------------------------------------------------------


def test_five_hundred_checks_stay_below_two_megabytes(hostile: Path) -> None:
    assert hostile.stat().st_size < 2_000_000


def test_hostile_text_does_nothing(driver: webdriver.Chrome, hostile: Path) -> None:
    _open(driver, hostile)
    # pytest-html's own table is made by its script: unfold what it holds, too.
    driver.find_element(By.CSS_SELECTOR, "[data-unfold]").click()
    driver.execute_script("document.getElementById('show_all_details')?.click()")
    _untroubled(driver)
    count = "return document.querySelectorAll(arguments[0]).length"
    for selector in (
        "#cards script, table script, main img[src=x]",
        "[onerror], [onload], [onmouseover]",
        "a[href^='javascript']",
    ):
        assert driver.execute_script(count, selector) == 0, selector
    assert len(driver.find_elements(By.CSS_SELECTOR, "#results-table tbody")) >= 500
    assert "<script>alert(1)</script>" in driver.find_element(By.ID, "cards").text


def test_its_filters_are_quick_enough(driver: webdriver.Chrome, hostile: Path) -> None:
    _open(driver, hostile)
    driver.find_element(By.CSS_SELECTOR, "[data-find]").send_keys("evil")
    took_ms = driver.execute_script(
        "const t = performance.now(); document.querySelector('form.choose').dispatchEvent(new Event('input')); return performance.now() - t"
    )
    assert took_ms < 1000


def test_a_merged_report_is_as_good(driver: webdriver.Chrome, tmp_path: Path) -> None:
    found = [
        finding(f"check_{t}_{n}", f"s{n}", "failed" if n else "unverified", target=t)
        for t in ("dev", "prod")
        for n in range(3)
    ]
    page = tmp_path / "report.html"
    page.write_text(merge.page(results(*found, finding("check_green", outcome="passed"))))
    _open(driver, page)
    assert _violations(driver) == []
    Select(driver.find_element(By.CSS_SELECTOR, "select[data-filter=target]")).select_by_value("prod")
    assert {c.get_attribute("data-target") for c in _shown(driver)} == {"prod"}
    # There is no table that a script could make, so the plain one is always there.
    assert "check_green" in driver.find_element(By.TAG_NAME, "main").text
    _untroubled(driver)
