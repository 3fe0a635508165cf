"""Pictures of report.html for README.md: ``python docs/make_pictures.py`` (needs chromium and chromedriver)."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from selenium import webdriver

ROOT = Path(__file__).resolve().parent.parent
_WIDTH = 1120
# Name, colour scheme, what is judged, and the elements from whose upper to whose lower edge the picture reaches.
_EXAMPLE = ("-m", "database", "--fault", "database-rule-removed")
_BUSY = ("-m", "ecs or alb or cost", "--fault", "crash-loop", "--fault", "spike-of-503", "--fault", "nat-data-spike")
_PICTURES = (
    ("report.webp", "light", _EXAMPLE, "body", "#cards"),
    ("report-dark.webp", "dark", _EXAMPLE, "body", "#cards"),
    ("curves.webp", "light", _BUSY, ".curves", ".curves"),
)


def main() -> None:
    """Judge broken sandboxes and photograph their reports."""
    with tempfile.TemporaryDirectory() as directory, _browser() as browser:
        pages = {a: _judged(a, Path(directory, str(n))) for n, a in enumerate((_EXAMPLE, _BUSY))}
        for name, scheme, arguments, first, last in _PICTURES:
            (ROOT / "docs" / name).write_bytes(_picture(browser, pages[arguments], scheme, first, last))


def _judged(arguments: tuple[str, ...], out: Path) -> Path:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--sandbox", f"--out={out}", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603
    if done.returncode != 1:
        sys.exit(f"the broken sandbox should fail, but pytest ended with {done.returncode}")
    return out / "report.html"


def _browser() -> webdriver.Chrome:
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(paths):
        sys.exit("chromium and chromedriver are needed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(paths[0])
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(paths[1]))


def _picture(browser: webdriver.Chrome, page: Path, scheme: str, first: str, last: str) -> bytes:
    size = {"width": _WIDTH, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(page.as_uri())
    edge = "return document.querySelector(arguments[0]).getBoundingClientRect()[arguments[1]]"
    top, bottom = browser.execute_script(edge, first, "top"), browser.execute_script(edge, last, "bottom")
    clip = {"x": 0, "y": top, "width": _WIDTH, "height": bottom - top + 8, "scale": 1}
    wanted = {"format": "webp", "quality": 70, "captureBeyondViewport": True, "clip": clip}
    return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", wanted)["data"])


if __name__ == "__main__":
    main()
