"""report.html: pytest-html's report, self-contained, opened by the verdict, the causes and a card for each failure.

Everything is readable without JavaScript; with it there are filters and copy buttons. Text from AWS is escaped here,
since pytest-html does not escape what is added to it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest

from reports import conclusions, graph
from reports.finding import SCENARIOS, SEVERITIES, Finding, Results
from reports.text import bounded, inert

ASSETS = Path(__file__).with_name("assets")
_MOST_CARDS = 300


def configure(config: pytest.Config, out: Path) -> None:
    """Write report.html unless the person chose a place of their own."""
    if getattr(config.option, "htmlpath", None) is None:
        config.option.htmlpath = str(out / "report.html")
        config.option.self_contained_html = True
    if hasattr(config.option, "css"):
        config.option.css = [*config.option.css, str(ASSETS / "report.css")]


def opening(results: Results) -> str:
    """What stands before pytest-html's own table."""
    found = conclusions.roots(results)
    explained = [f for r in found for f in r.consequences]
    cards = [
        *(_card(r.first, "root cause", r) for r in found),
        *(_card(f, "consequence") for f in dict.fromkeys(explained)),
        *(_card(f, "failed") for f in conclusions.unexplained(results, found)),
        *(_card(f, "unverified") for f in results.of("unverified")),
        *(_card(f, "advisory") for f in results.of("advisory")),
    ]
    missing = len(cards) - _MOST_CARDS
    more = f"<p>… and {missing} more: see results.json.</p>" if missing > 0 else ""
    picture = graph.draw(found)
    causes = f'<h2 id="causes">Root causes</h2><div class="scroll">{picture}</div>' if picture else ""
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    return (
        f'<main class="runbook">{_verdict(results)}{causes}{_filters(results) if cards else ""}'
        f'<div id="cards">{"".join(cards[:_MOST_CARDS])}</div>{more}{_foot(results)}</main>'
        f"<script>{script}</script>"
    )


def _verdict(results: Results) -> str:
    kind = "bad" if results.of("failed") else "unsure" if results.of("unverified") else "good"
    changed = conclusions.changes(results)
    notes = "".join(f"<li>{_text(n)}</li>" for n in results.notes)
    return (
        f'<section class="verdict {kind} {escape(results.mode)}" aria-label="verdict">'
        f'<p class="mode">{_text(conclusions.mode(results))}</p>'
        f'<p class="said">{_text(conclusions.verdict(results))}</p>'
        + (f"<p>since the baseline: {_text(changed)}</p>" if changed else "")
        + (f"<ul>{notes}</ul>" if notes else "")
        + "</section>"
    )


def _filters(results: Results) -> str:
    shown = [f for f in results.findings if f.outcome not in ("passed", "not_applicable")]
    choices: dict[str, list[str]] = {
        "scenario": [s for s in SCENARIOS if any(f.scenario == s for f in shown)],
        "severity": [s for s in SEVERITIES if any(f.severity == s for f in shown)],
        "outcome": list(dict.fromkeys(f.outcome for f in shown)),
        "service": sorted({f.service for f in shown if f.service}),
    }
    selects = "".join(
        f'<label>{name} <select data-filter="{name}"><option value="">all</option>'
        + "".join(f'<option value="{escape(v, quote=True)}">{_text(v)}</option>' for v in values)
        + "</select></label>"
        for name, values in choices.items()
        if len(values) > 1
    )
    return f'<h2>Findings</h2><form class="filters" hidden aria-label="filters">{selects}<output></output></form>'


def _card(finding: Finding, kind: str, root: conclusions.Root | None = None) -> str:
    open_ = " open" if kind in ("root cause", "failed") else ""
    data = " ".join(
        f'data-{name}="{escape(value, quote=True)}"'
        for name, value in (
            ("scenario", finding.scenario),
            ("severity", finding.severity),
            ("outcome", finding.outcome),
            ("service", finding.service),
        )
    )
    return (
        f'<details class="card {kind.replace(" ", "-")}" {data}{open_}><summary><span class="kind">{kind}</span> '
        f'<span class="severity {finding.severity}">{finding.severity}</span> <strong>{_text(finding.title)}</strong> '
        f'<span class="where">{_text(finding.resource_name)}</span></summary>{_body(finding, root)}</details>'
    )


def _body(finding: Finding, root: conclusions.Root | None) -> str:
    rows = [
        ("resource", _resource(finding)),
        ("observed", _text(finding.observed or finding.summary)),
        ("expected", _text(finding.expected)),
        ("likely cause", _text(finding.likely_cause)),
        ("also on", _text(root.where) if root and len(root.findings) > 1 else ""),
        ("explains", ", ".join(_text(conclusions.label(f)) for f in root.consequences) if root else ""),
        ("caused by", ", ".join(_text(c.partition("::")[2] or c) for c in finding.caused_by) if not root else ""),
        ("exempt until", _text(f"{finding.exempt_until}: {finding.exempt_reason}") if finding.exempt_until else ""),
        ("change", _text(finding.change or "")),
    ]
    table = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    evidence = "\n".join(_text(line) for line in bounded(finding.evidence))
    return (
        f"<dl>{table}</dl>"
        + (f'<pre class="evidence" tabindex="0" aria-label="evidence">{evidence}</pre>' if evidence else "")
        + (f'<p class="fix"><b>Fix:</b> {_text(finding.resolution, 2000)}</p>' if finding.resolution else "")
        + "".join(_command(c) for c in finding.commands)
    )


def _resource(finding: Finding) -> str:
    if not finding.console_url:
        return _text(finding.resource)
    return f'<a href="{escape(finding.console_url, quote=True)}" rel="noreferrer">{_text(finding.resource)}</a>'


def _command(command: str) -> str:
    return f'<pre class="command" tabindex="0" aria-label="command"><code>{_text(command, 2000)}</code></pre>'


def _foot(results: Results) -> str:
    return (
        f'<p class="foot">{results.api["requests"]} API requests ({results.api["distinct"]} distinct), '
        f"{results.duration_s:.1f} s, started {_text(results.started)}. All checks, those that passed included:</p>"
    )


def _text(text: str, longest: int = 500) -> str:
    return escape(inert(text, longest))


def row_cell(finding: Finding) -> str:
    """What the table of all checks says of one, besides its name: escaped."""
    return f'<td class="col-summary">{_text(finding.summary)}</td>'


def row_detail(finding: Finding) -> str:
    """What unfolds below a row."""
    return f'<div class="runbook">{_body(finding, None)}</div>' if finding.summary else ""
