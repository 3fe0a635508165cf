"""junit.xml: pytest's own, with properties and names that stay the same from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.finding import Finding
from reports.text import inert


def configure(config: pytest.Config, out: Path) -> None:
    """Write junit.xml unless the person chose a place of their own."""
    if config.option.xmlpath is None:
        config.option.xmlpath = str(out / "junit.xml")


def properties(finding: Finding) -> list[tuple[str, str]]:
    """What a JUnit reader may want besides the outcome: a failure is <failure>, could-not-look <error>."""
    values = {
        "outcome": finding.outcome,
        "severity": finding.severity,
        "scenario": finding.scenario,
        "stage": finding.stage,
        "target": finding.target,
        "resource": finding.resource,
        "caused_by": " ".join(finding.caused_by),
        "resolution": finding.resolution if finding.broken else "",
    }
    return [(name, inert(value, 1000)) for name, value in values.items() if value]
