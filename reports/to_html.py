"""report.html: pytest-html's report, self-contained, with a card per failure."""

from __future__ import annotations

from pathlib import Path

import pytest


def configure(config: pytest.Config, out: Path) -> None:
    """Write report.html unless the person chose a place of their own."""
    if getattr(config.option, "htmlpath", None) is None:
        config.option.htmlpath = str(out / "report.html")
        config.option.self_contained_html = True
