"""GitHub Actions: a job summary, annotations at files and lines, and outputs for later steps."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from reports import conclusions, to_sarif
from reports.finding import Finding, Results
from reports.locations import place
from reports.text import inert
from reports.to_json import write_whole
from reports.to_markdown import MOST_BYTES, markdown

_MOST_OF_A_STEP = 1024 * 1024 - 4096
_MOST_ANNOTATIONS = 10  # of each level and step; GitHub drops the others


def write(results: Results, out: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Write summary.md, and where this is a GitHub job its summary and outputs."""
    write_whole(out / "summary.md", markdown(results))
    if environment.get("GITHUB_STEP_SUMMARY"):
        path = environment["GITHUB_STEP_SUMMARY"]
        _append(path, markdown(results, min(MOST_BYTES, _MOST_OF_A_STEP - _size(path))), results)
    if environment.get("GITHUB_OUTPUT"):
        _append(environment["GITHUB_OUTPUT"], outputs(results, out), results)


def _size(path: str) -> int:
    """What other commands of the same step have written already; beyond the limit GitHub would drop all of it."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _append(path: str, text: str, results: Results) -> None:
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        results.notes.append(f"cannot write {path} for GitHub: {e.strerror}")


def outputs(results: Results, out: Path) -> str:
    """``name=value`` lines; every value is a single line."""
    n = conclusions.counts(results)
    values = {
        "verdict": "passed" if results.exit_code == 0 else "failed",
        "said": conclusions.verdict(results),
        **{outcome.replace("_", "-"): str(number) for outcome, number in n.items()},
        "root-causes": str(len(conclusions.found_roots(results))),
        "results": str(out / "results.json"),
        "report": str(out / "report.html"),
        "sarif": str(out / to_sarif.NAME) if to_sarif.says_all(results) else "",
    }
    # A path must stay the path that it is, so it is not shortened.
    return "".join(f"{name}={inert(value, 4096)}\n" for name, value in values.items())


def stop_commands(write_line: Callable[[str], object]) -> str:
    """From here on the runner takes no line for a workflow command, so that nothing which AWS says can be one.

    Returns:
        what ends that, when written as a line; nobody else can know it.
    """
    token = secrets.token_hex(16)
    write_line(f"::stop-commands::{token}")
    return f"::{token}::"


def workflow_commands(results: Results, environment: Mapping[str, str]) -> list[str]:
    """Annotations, at the line of the file where there is one; roots first."""
    roots = set(results.roots)
    failed = sorted(results.of("failed"), key=lambda f: f.id not in roots)
    errors = [_annotation("error", f, environment) for f in failed]
    warnings = [_annotation("warning", f, environment) for f in results.of("advisory") if f.locations]
    blind = [_blind(b) for b in conclusions.blind_spots(results)]
    return errors[:_MOST_ANNOTATIONS] + (blind + warnings)[:_MOST_ANNOTATIONS]


def _annotation(level: str, finding: Finding, environment: Mapping[str, str]) -> str:
    properties = {"title": finding.title}
    if finding.locations:
        where = place(finding.locations[0], environment)
        properties |= {"file": where.path, "line": str(where.line)}
    told = ",".join(f"{k}={_property(v)}" for k, v in properties.items())
    return f"::{level} {told}::{_data(finding.summary)}"


def _blind(blind: conclusions.Blind) -> str:
    names = ", ".join(f.label for f in blind.findings)
    return f"::warning title={_property('could not look')}::{_data(f'{blind.reason} (blinds {names})')}"


def _data(text: str) -> str:
    """Escaped as the runner's toolkit does for a command's message."""
    return inert(text, 1000).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
