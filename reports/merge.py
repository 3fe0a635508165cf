"""Joins the results of several runs, e.g. of a matrix of environments, into one report that hides none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace

from reports import conclusions, ending, series, timelines, to_html, to_json
from reports.finding import OUTCOMES, Finding, Results

_UNREADABLE = 1


class MergeError(Exception):
    """What cannot be joined, in one line that says what to change."""


def read(paths: Sequence[Path]) -> tuple[list[Results], list[str]]:
    """All results that can be read, and a line about each file that cannot.

    Raises:
        MergeError: none can be read, or sandbox and live results are given together.
    """
    found: list[Results] = []
    problems: list[str] = []
    for path in paths:
        try:
            found.append(to_json.read(path / "results.json" if path.is_dir() else path))
        except to_json.NotResults as e:
            problems.append(f"{e}: what it should tell of is unknown")
    if not found:
        raise MergeError(problems[0] if problems else "name at least one results.json")
    modes = {r.mode for r in found}
    if len(modes) > 1:
        raise MergeError("results of the sandbox and of live AWS are not joined: name either")
    return found, problems


def merge(runs: Sequence[Results], problems: Iterable[str] = ()) -> Results:
    """One run out of several. Of a check that several judged, the gravest outcome counts."""
    several = len({t for r in runs for t in r.targets}) > 1
    merged = Results(mode=runs[0].mode)
    merged.targets = tuple(dict.fromkeys(t for r in runs for t in r.targets))
    kept: dict[str, Finding] = {}
    for run in runs:
        kept |= {f.id: f for f in _named(run, several) if f.id not in kept or _graver(f, kept[f.id])}
        merged.accounts |= run.accounts
        merged.regions |= run.regions
        merged.notes += [n for n in run.notes if n not in merged.notes]
        merged.not_judged += run.not_judged
        ending.add(merged.api, run.api)
    # Parts of one target draw some of the same.
    merged.series = series.joined(s for r in runs for s in r.series)
    merged.timelines = timelines.joined(t for r in runs for t in r.timelines)
    problems = list(problems)
    merged.findings = list(kept.values())
    merged.notes[:0] = problems
    # Of parts that belong together the number is last.
    selections = {r.selection.partition("--shard ")[0].strip() for r in runs}
    merged.selection = selections.pop() if len(selections) == 1 else ""
    merged.started = min(r.started for r in runs)
    merged.duration_s = max(r.duration_s for r in runs)
    conclusions.conclude(merged)
    codes = [conclusions.exit_code(merged), *(r.exit_code for r in runs)]
    merged.exit_code = _UNREADABLE if problems or any(codes) else 0
    return merged


def _named(run: Results, several: bool) -> list[Finding]:
    """Findings with the ids that they would have, had one run judged all targets."""
    if not several or len(run.targets) > 1:
        return run.findings
    return [replace(f, id=_id(f)) for f in run.findings]


def _id(finding: Finding) -> str:
    name, bracket, rest = finding.id.partition("[")
    return f"{name}[{finding.target}-{rest}" if bracket else f"{name}[{finding.target}]"


def _graver(one: Finding, other: Finding) -> bool:
    return OUTCOMES.index(one.outcome) < OUTCOMES.index(other.outcome)


def write(results: Results, out: Path) -> None:
    """Every report that a run writes."""
    out.mkdir(parents=True, exist_ok=True)
    ending.write_all_but_page(results, out)
    to_json.write_whole(out / "report.html", page(results))


def page(results: Results) -> str:
    """The opening of report.html as a page of its own; there is no pytest run whose table could follow."""
    css = (to_html.ASSETS / "report.css").read_text(encoding="utf-8")
    opening = re.sub(r'<h2 id="all">.*?</h2>', "", to_html.opening(results))
    title = f'<title id="head-title">{to_html.TITLE}</title>'
    head = f'<html>\n  <head>\n    <meta charset="utf-8"/>{title}<style>{css}</style></head>'
    page = f'<!DOCTYPE html>\n{head}<body><h1 id="title">{to_html.TITLE}</h1>{opening}</body></html>\n'
    page = page.replace("<noscript>", "<section>").replace("</noscript>", "</section>")
    return b"".join(to_html.completed(page.encode(), results)).decode()
