"""junit.xml: pytest's own, with stable names."""

from __future__ import annotations

from pathlib import Path

import pytest


def configure(config: pytest.Config, out: Path) -> None:
    """Write junit.xml unless the person chose a place of their own."""
    if config.option.xmlpath is None:
        config.option.xmlpath = str(out / "junit.xml")
