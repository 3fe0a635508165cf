"""summary.md: the run for a GitHub job summary or a chat; text from AWS stays text, and it fits."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports import conclusions
from reports.finding import Finding, Results
from reports.text import bounded, inert, listed, plural

# GitHub refuses a job summary over 1 MiB; some room is left for what the same step may add.
MOST_BYTES = 900_000
_MOST_ROWS = 200
_SHOWN_EVIDENCE = 10


def markdown(results: Results, most_bytes: int = MOST_BYTES) -> str:
    """The summary, cut to what GitHub takes; says what was left out."""
    found = conclusions.found_roots(results)
    failing = [*(_root(r) for r in found), *(_failed(f) for f in conclusions.unexplained(results, found))]
    head, foot = _head(results), _foot(results)
    rest = [_blind(results), _impossible(results), _advisories(results)]
    room = most_bytes - sum(len(p.encode()) for p in (head, foot)) - 500
    kept, left_out = _fitting([*failing, *rest], room)
    if left_out:
        kept.append(f"\n*{left_out} more sections do not fit into a summary: see report.html and results.json.*\n")
    return "".join((head, *kept, foot))


def _fitting(parts: Iterable[str], room: int) -> tuple[list[str], int]:
    kept: list[str] = []
    left_out = 0
    for part in parts:
        size = len(part.encode())
        if size > room:
            left_out += 1
            continue
        kept.append(part)
        room -= size
    return kept, left_out


def _head(results: Results) -> str:
    mark = "❌" if results.of("failed") else "⚠️" if conclusions.exit_code(results) else "✅"
    changed = conclusions.changes(results)
    lines = [f"## {mark} {escape(conclusions.mode(results))}", ""]
    if results.mode == "sandbox":
        lines += ["*Simulated AWS: nothing here is real.*", ""]
    lines += [f"**Since the baseline: {changed}.**", ""] if changed else []
    lines += [f"**{escape(conclusions.verdict(results))}**", "", *_targets(results)]
    lines += [f"- note: {escape(n)}" for n in results.notes[:20]]
    fixed = conclusions.fixed(results)
    lines += [f"- fixed: {listed((_code(f.label) for f in fixed), 20)}"] if fixed else []
    return "\n".join(lines) + "\n"


def _targets(results: Results) -> list[str]:
    if len(results.targets) < 2:
        return []
    rows = [f"| {escape(t)} | {escape(conclusions.verdict(results.about(t)))} |" for t in results.targets]
    return ["| target | verdict |", "|---|---|", *rows, ""]


def section(root: conclusions.Root) -> str:
    """One root cause with its evidence, resolution and consequences, from its heading on."""
    return _root(root)


def _root(root: conclusions.Root) -> str:
    first = root.first
    where = f" on {escape(root.where)}" if len(root.findings) > 1 else ""
    text = _failed(first, f"Root cause{where}", root)
    unsure, milder = conclusions.fold(root.unsure), conclusions.fold(root.milder)
    text += "".join(f"\nProbably; could not verify {_code(f.label)}: {escape(f.summary)}\n" for f in unsure)
    text += "".join(f"\nPossibly because of {_code(f.label)} (advisory): {escape(f.summary)}\n" for f in milder)
    if root.consequences:
        folded = conclusions.fold(root.consequences)
        rows = "\n".join(f"- {_code(f.label)}: {escape(f.summary)}" for f in folded[:_MOST_ROWS])
        title = f"explains {plural(len(root.consequences), 'other failure')}"
        text += f"\nIn short: {escape(conclusions.told(root))}\n"
        text += f"\n<details><summary>{title}</summary>\n\n{rows}\n{_more(folded)}\n</details>\n"
    return text


def _failed(finding: Finding, title: str = "Failed", root: conclusions.Root | None = None) -> str:
    about = " · ".join(p for p in (finding.severity, finding.scenario, finding.target, finding.change or "") if p)
    lines = ["", f"### {title}: {escape(finding.title)}", "", f"{_code(about)} {escape(finding.summary)}", ""]
    for also in root.summaries[1:] if root else ():
        lines += [f"Also: {escape(also)}", ""]
    if finding.since:
        lines += [f"Since {escape(finding.since)}{', comes and goes' if finding.flapping else ''}.", ""]
    if finding.likely_cause:
        lines += [f"**Likely cause:** {escape(finding.likely_cause)}", ""]
    if finding.evidence:
        shown = "\n".join(inert(line) for line in bounded(finding.evidence, _SHOWN_EVIDENCE))
        lines += [_fenced(shown, "text"), ""]
    if finding.resolution:
        lines += [f"**Resolution:** {escape(finding.resolution, 4000)}", ""]
    commands = root.commands if root else finding.commands
    if commands:
        lines += [_fenced("\n".join(inert(c, 4000) for c in commands[:20]), "sh"), ""]
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
    lines = ["", f"### Could not look: {plural(len(results.of('unverified')), 'check')}", ""]
    for blind in spots[:_MOST_ROWS]:
        blinded = listed((_code(f.label) for f in conclusions.fold(blind.findings)), 8)
        lines.append(f"- {escape(blind.reason)} — blinds {blinded}")
    return "\n".join(lines) + "\n" + _more(spots)


def _impossible(results: Results) -> str:
    steps = conclusions.impossible_steps(results)
    if not steps:
        return ""
    return "\n".join(
        ("", "### Steps of the guide that would fail when needed", "", *(f"- {escape(s)}" for s in steps), "")
    )


def _advisories(results: Results) -> str:
    excused = conclusions.not_looked_at(results)
    folded = conclusions.fold(results.of("advisory") + excused)
    if not folded:
        return ""
    rows = "\n".join(f"| {_code(f.label)} | {f.findings[0].severity} | {_advisory(f)} |" for f in folded[:_MOST_ROWS])
    advisories = len(results.of("advisory"))
    parts = [plural(advisories, "advisory", "advisories")] if advisories else []
    title = ", ".join([*parts, *([f"{len(excused)} exempt from being looked at"] if excused else [])])
    table = f"| check | severity | finding |\n|---|---|---|\n{rows}"
    return f"\n<details><summary>{title}</summary>\n\n{table}\n{_more(folded)}\n</details>\n"


def _advisory(folded: conclusions.Folded) -> str:
    first = folded.findings[0]
    until = f" (exempt until {first.exempt_until}: {first.exempt_reason})" if first.exempt_until else ""
    return escape(folded.summary + until)


def _more(rows: list[conclusions.Folded] | list[conclusions.Blind]) -> str:
    return f"\n… and {len(rows) - _MOST_ROWS} more in results.json\n" if len(rows) > _MOST_ROWS else ""


def _foot(results: Results) -> str:
    asked = conclusions.asked(results)
    return f"\n{asked}, {results.duration_s:.1f} s, started {escape(results.started)}\n"


def escape(text: str, longest: int = 1000) -> str:
    """Text that Markdown, HTML, tables and GitHub's mentions and references leave as it is."""
    text = inert(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", text)
    # An invisible character keeps @team, #1 and addresses from becoming mentions, references and links.
    return re.sub(r"(@|\\#|://|(?<=\bwww)\.|(?<=\bGH)-)", "\\1\u2060", text)


def _code(text: str) -> str:
    return f"`{inert(text).replace('`', chr(39)).replace('|', chr(0xA6))}`"
