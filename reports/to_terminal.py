"""The terminal: quiet and short when green, root causes first when red."""

from __future__ import annotations

from typing import Any

import pytest

from reports import conclusions
from reports.finding import Finding, Results
from reports.text import bounded, inert

_STATUS: dict[str, tuple[str, str, Any]] = {
    "passed": ("passed", ".", ("PASSED", {"green": True})),
    "failed": ("failed", "F", ("FAILED", {"red": True})),
    "advisory": ("advisory", "a", ("ADVISORY", {"yellow": True})),
    "unverified": ("error", "U", ("UNVERIFIED", {"red": True})),
    "not_applicable": ("not applicable", "-", ("NOT APPLICABLE", {"cyan": True})),
}
_SHOWN_EVIDENCE = 8
_SHOWN_BLIND = 12


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
    """The section after the dots: as much as the verbosity asks for."""
    verbosity = config.option.verbose
    red = bool(results.of("failed", "unverified"))
    colour = {"red": True} if red else {"green": True}
    reporter.write_sep("=", conclusions.mode(results), yellow=results.mode == "sandbox", bold=True)
    reporter.write_line(conclusions.verdict(results), bold=True, **colour)
    changed = conclusions.changes(results)
    if changed:
        reporter.write_line(f"since the baseline: {changed}")
    for note in results.notes:
        reporter.write_line(f"note: {inert(note)}", yellow=True)
    found = conclusions.roots(results)
    if verbosity < 0:
        _briefly(reporter, found, results)
        return
    for number, root in enumerate(found, 1):
        _root(reporter, root, f"root cause {number} of {len(found)}" if len(found) > 1 else "root cause", verbosity)
    for one in conclusions.unexplained(results, found):
        _finding(reporter, one, "failed", verbosity)
    _blind(reporter, results, verbosity)
    _advisories(reporter, results, verbosity)
    reporter.write_line(f"reports: {config.option.out}/report.html, results.json, junit.xml, summary.md", light=True)


def _briefly(reporter: Any, found: list[conclusions.Root], results: Results) -> None:
    for root in found:
        reporter.write_line(f"[{root.first.severity}] {inert(root.first.summary)}")
    for blind in conclusions.blind_spots(results):
        reporter.write_line(f"[unverified {len(blind.findings)}] {inert(blind.reason)}")


def _root(reporter: Any, root: conclusions.Root, title: str, verbosity: int) -> None:
    _finding(reporter, root.first, title, verbosity, where=root.where if len(root.findings) > 1 else "")
    for other in root.findings[1:]:
        reporter.write_line(f"  also: {inert(other.summary)}")
    for one in root.unsure:
        reporter.write_line(f"  probably; could not verify {conclusions.label(one)}: {inert(one.summary)}", yellow=True)
    if root.consequences:
        reporter.write_line(f"  explains {len(root.consequences)} more:", bold=True)
    for one in root.consequences:
        reporter.write_line(f"    {conclusions.label(one)} ← {', '.join(_causes(one))}")
        if verbosity > 0:
            reporter.write_line(f"      {inert(one.summary)}")


def _causes(finding: Finding) -> list[str]:
    return [c.partition("::")[2] or c for c in finding.caused_by[:2]]


def _finding(reporter: Any, finding: Finding, title: str, verbosity: int, where: str = "") -> None:
    on = f" on {where}" if where else ""
    changed = f", {finding.change}" if finding.change else ""
    reporter.write_sep("-", f"{title}: {finding.scenario}, {finding.severity}{changed}{on}", red=True)
    reporter.write_line(finding.title, bold=True)
    reporter.write_line(f"  {inert(finding.summary)}", red=True)
    if finding.likely_cause:
        reporter.write_line(f"  likely cause: {inert(finding.likely_cause)}")
    shown = finding.evidence if verbosity > 0 else bounded(finding.evidence, _SHOWN_EVIDENCE)
    for line in shown:
        reporter.write_line(f"    | {inert(line)}")
    if finding.resolution:
        reporter.write_line(f"  fix: {inert(finding.resolution, 1000)}", green=True)
    for command in finding.commands:
        reporter.write_line(f"    $ {inert(command, 1000)}")
    if finding.console_url:
        reporter.write_line(f"    {finding.console_url}", light=True)


def _blind(reporter: Any, results: Results, verbosity: int) -> None:
    spots = conclusions.blind_spots(results)
    if spots:
        reporter.write_sep("-", "unverified: could not look", yellow=True)
    for blind in spots if verbosity > 0 else spots[:_SHOWN_BLIND]:
        reporter.write_line(inert(blind.reason, 600), yellow=True)
        names = ", ".join(conclusions.label(f) for f in blind.findings)
        reporter.write_line(f"    blinds {inert(names, 600)}")
    if len(spots) > _SHOWN_BLIND and verbosity <= 0:
        reporter.write_line(f"… and {len(spots) - _SHOWN_BLIND} more reasons (-v shows them)")


def _advisories(reporter: Any, results: Results, verbosity: int) -> None:
    chosen = results.of("advisory")
    if not chosen:
        return
    if verbosity <= 0 and not any(f.exempt_until for f in chosen):
        reporter.write_line(f"{len(chosen)} advisory findings (-v shows them)", light=True)
        return
    reporter.write_sep("-", "advisory", yellow=True)
    for one in chosen if verbosity > 0 else [f for f in chosen if f.exempt_until]:
        until = f" [exempt until {one.exempt_until}: {one.exempt_reason}]" if one.exempt_until else ""
        reporter.write_line(f"{one.check} ({one.severity}): {inert(one.summary)}{inert(until)}")
