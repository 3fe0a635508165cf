"""The terminal: quiet when green, root causes first when red."""

from __future__ import annotations

from typing import Any

import pytest

from reports.finding import Finding, Results

_STATUS: dict[str, tuple[str, str, Any]] = {
    "passed": ("passed", ".", ("PASSED", {"green": True})),
    "failed": ("failed", "F", ("FAILED", {"red": True})),
    "advisory": ("advisory", "a", ("ADVISORY", {"yellow": True})),
    "unverified": ("error", "U", ("UNVERIFIED", {"red": True})),
    "not_applicable": ("not applicable", "-", ("NOT APPLICABLE", {"cyan": True})),
}


def configure(config: pytest.Config) -> None:
    """Our section takes the place of tracebacks, unless the person asks for these."""
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"
    if config.option.reportchars == "fE":
        config.option.reportchars = ""


def status(outcome: str) -> tuple[str, str, Any]:
    """pytest's category, letter and word for an outcome."""
    return _STATUS[outcome]


def summary(reporter: Any, results: Results, config: pytest.Config) -> None:
    """The section after the dots."""
    if results.mode == "sandbox":
        reporter.section("SANDBOX: simulated AWS, nothing here is real", yellow=True)
    failed = results.of("failed")
    roots = [f for f in failed if f.id in results.roots]
    rest = [f for f in failed if f.id not in results.roots]
    if roots:
        reporter.section("root causes", red=True, bold=True)
        for finding in roots:
            _full(reporter, finding)
    if rest:
        reporter.section("consequences", red=True)
        for finding in rest:
            _full(reporter, finding)
    for title, outcome in (("unverified: could not look", "unverified"), ("advisory", "advisory")):
        chosen = results.of(outcome)
        if chosen:
            reporter.section(title, yellow=True)
        for finding in chosen:
            reporter.write_line(f"{finding.check}: {finding.summary}")


def _full(reporter: Any, finding: Finding) -> None:
    reporter.write_line(f"[{finding.severity}] {finding.title}", red=True, bold=True)
    reporter.write_line(f"  {finding.summary}")
    for line in finding.evidence:
        reporter.write_line(f"    {line}")
    if finding.resolution:
        reporter.write_line(f"  fix: {finding.resolution}")
    for command in finding.commands:
        reporter.write_line(f"    $ {command}")
