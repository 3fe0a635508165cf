"""junit.xml: pytest's own, with properties and names that stay the same from run to run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from reports.finding import Finding


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
        "resolution": finding.resolution,
        "iam_action": finding.iam_action,
        "exempt_until": finding.exempt_until or "",
    }
    return [(name, value) for name, value in values.items() if value]


def told(finding: Finding) -> str:
    """A failure in plain text: summary, cause, evidence, resolution, commands."""
    cause = (f"likely cause: {finding.likely_cause}",) if finding.likely_cause else ()
    fix = (f"resolution: {finding.resolution}",) if finding.resolution else ()
    evidence = (f"  {line}" for line in finding.evidence)
    return "\n".join((finding.summary, *cause, *evidence, *fix, *(f"  $ {c}" for c in finding.commands)))


class Told:
    """A failure as pytest's reports carry it: one line for JUnit's message, all of it for the body."""

    def __init__(self, finding: Finding) -> None:
        self.reprcrash = SimpleNamespace(message=finding.summary, path="", lineno=0)
        self._text = told(finding)

    def __str__(self) -> str:
        return self._text
