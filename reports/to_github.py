"""GitHub Actions: a job summary in Markdown, annotations, and outputs for later steps."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from reports import conclusions
from reports.finding import Finding, Results
from reports.text import bounded, inert

# GitHub refuses a job summary over 1 MiB; some room is left for what other steps write.
_MOST_BYTES = 900_000
_MOST_ANNOTATIONS = 10  # of each level and step; GitHub drops the others
_SHOWN_EVIDENCE = 10


def write(results: Results, out: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Write summary.md, and where this is a GitHub job its summary, annotations and outputs."""
    text = markdown(results)
    (out / "summary.md").write_text(text, encoding="utf-8")
    if environment.get("GITHUB_STEP_SUMMARY"):
        _append(environment["GITHUB_STEP_SUMMARY"], text)
    if environment.get("GITHUB_OUTPUT"):
        _append(environment["GITHUB_OUTPUT"], outputs(results, out))


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)


def outputs(results: Results, out: Path) -> str:
    """``name=value`` lines; every value is one line of our own making."""
    n = conclusions.counts(results)
    values = {
        "verdict": "passed" if results.exit_code == 0 else "failed",
        "failed": str(n["failed"]),
        "unverified": str(n["unverified"]),
        "advisory": str(n["advisory"]),
        "root-causes": str(len(conclusions.roots(results))),
        "results": str(out / "results.json"),
        "report": str(out / "report.html"),
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def markdown(results: Results) -> str:
    """The summary, cut to what GitHub takes; says so where it is cut."""
    found = conclusions.roots(results)
    parts = [_head(results), *(_root(r) for r in found), *(_failed(f) for f in conclusions.unexplained(results, found))]
    parts += [_blind(results), _advisories(results), _foot(results)]
    text = ""
    for part in parts:
        if len((text + part).encode()) > _MOST_BYTES:
            return text + "\n*The rest does not fit into a GitHub summary: see report.html and results.json.*\n"
        text += part
    return text


def _head(results: Results) -> str:
    mark = "❌" if results.of("failed") else "⚠️" if results.of("unverified") else "✅"
    changed = conclusions.changes(results)
    lines = [
        f"## {mark} {escape(conclusions.mode(results))}",
        "",
        f"**{escape(conclusions.verdict(results))}**" + (f" ({changed})" if changed else ""),
        "",
        *(f"- note: {escape(n)}" for n in results.notes),
    ]
    return "\n".join(lines) + "\n"


def _root(root: conclusions.Root) -> str:
    where = f" on {escape(root.where)}" if len(root.findings) > 1 else ""
    text = _failed(root.first, f"Root cause{where}")
    for one in root.unsure:
        text += f"\nProbably; could not verify `{_code(conclusions.label(one))}`.\n"
    if root.consequences:
        explained = "\n".join(f"- `{_code(conclusions.label(f))}`: {escape(f.summary)}" for f in root.consequences)
        text += f"\n<details><summary>explains {len(root.consequences)} more</summary>\n\n{explained}\n\n</details>\n"
    return text


def _failed(finding: Finding, title: str = "Failed") -> str:
    lines = [
        "",
        f"### {title}: {escape(finding.title)}",
        "",
        f"`{finding.severity}` {escape(finding.summary)}",
        "",
    ]
    if finding.likely_cause:
        lines += [f"Likely cause: {escape(finding.likely_cause)}", ""]
    if finding.evidence:
        shown = "\n".join(inert(line) for line in bounded(finding.evidence, _SHOWN_EVIDENCE))
        lines += [_fenced(shown, "text"), ""]
    if finding.resolution:
        lines += [f"**Fix:** {escape(finding.resolution)}", ""]
    if finding.commands:
        lines += [_fenced("\n".join(inert(c, 2000) for c in finding.commands), "sh"), ""]
    return "\n".join(lines)


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text, so that nothing gets out of it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _blind(results: Results) -> str:
    spots = conclusions.blind_spots(results)
    if not spots:
        return ""
    lines = ["", "### Unverified: could not look", ""]
    lines += [f"- {escape(b.reason)} (blinds {len(b.findings)} checks)" for b in spots]
    return "\n".join(lines) + "\n"


def _advisories(results: Results) -> str:
    chosen = results.of("advisory")
    if not chosen:
        return ""
    rows = "\n".join(f"- `{_code(f.check)}` {escape(f.summary)}" for f in chosen)
    return f"\n<details><summary>{len(chosen)} advisory</summary>\n\n{rows}\n\n</details>\n"


def _foot(results: Results) -> str:
    return f"\n{results.api['requests']} API requests, {results.duration_s:.1f} s, started {results.started}\n"


def escape(text: str) -> str:
    """Text that Markdown, HTML and GitHub's mentions leave as it is."""
    text = inert(text, 1000).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", text)
    # A zero-width joiner keeps @team and #1 from becoming mentions and references.
    return re.sub(r"([@#])(?=\w)", "\\1\u2060", text)


def _code(text: str) -> str:
    return inert(text).replace("`", "'")


def workflow_commands(results: Results) -> list[str]:
    """Workflow commands, at the line of the file where there is one; the gravest first."""
    errors = [_annotation("error", f) for f in results.of("failed")]
    warnings = [_annotation("warning", f) for f in results.of("unverified", "advisory") if f.locations]
    return errors[:_MOST_ANNOTATIONS] + warnings[:_MOST_ANNOTATIONS]


def _annotation(level: str, finding: Finding) -> str:
    properties = {"title": finding.title}
    if finding.locations:
        path, _, line = finding.locations[0].rpartition(":")
        properties |= {"file": path, "line": line} if line.isdigit() else {"file": finding.locations[0]}
    told = ",".join(f"{k}={_property(v)}" for k, v in properties.items())
    return f"::{level} {told}::{_data(finding.summary)}"


def _data(text: str) -> str:
    """Escaped as the runner's toolkit does for a command's message."""
    return inert(text, 1000).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
