"""The parts of report.html that tell of one finding: a card, or what unfolds below a table row. All escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from reports import conclusions, graph
from reports.finding import Finding
from reports.text import LONGEST_COMMAND, LONGEST_PROSE, bounded, inert, minute, one_line, plural


def text(said: str, longest: int = 500) -> str:
    """Text from anywhere, as HTML."""
    return escape(inert(said, longest), quote=True)


class Budget:
    """How much evidence still fits, so that a report of hundreds of failures can be opened on a phone.

    Args:
        most: characters of HTML.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def evidence(self, lines: tuple[str, ...]) -> str:
        """Evidence as HTML: in full while there is room, then its first lines."""
        if not lines:
            return ""
        shown = "\n".join(text(line) for line in bounded(lines))
        if len(shown) > self._left:
            shown = "\n".join(text(line, 120) for line in bounded(lines, 3, " in results.json"))
        self._left -= len(shown)
        return f'<pre class="evidence" tabindex="0" role="group" aria-label="evidence">{shown}</pre>'


class Cards:
    """Makes cards that refer to each other.

    Args:
        links: ids of cards by finding id.
        several: whether several targets were judged, so that each card names its own.
    """

    def __init__(self, links: Mapping[str, str], budget: Budget, several: bool) -> None:
        self._links = links
        self._budget = budget
        self._several = several

    def card(self, finding: Finding, kind: str, root: conclusions.Root | None = None) -> str:
        """A finding that can be folded; roots and failures that nothing explains are open."""
        everyone = root.findings if root else (finding,)
        where = root.where if root and len(root.findings) > 1 else finding.resource_name
        flags = [finding.change or "", "comes and goes" if finding.flapping else ""]
        flags += ["exempt"] if finding.exempt_until else []
        flags += [finding.target] if self._several else []
        return (
            f'<details class="card {kind.replace(" ", "-")}" id="{self._links[finding.id]}" {_data(everyone)}'
            f"{' open' if kind in ('root cause', 'failed') else ''}>"
            f'<summary><span class="kind">{kind}</span> '
            f'<span class="badge {escape(finding.severity)}">{escape(finding.severity)}</span> '
            f"<strong>{text(_headline(finding, where), 300)}</strong>"
            f"{''.join(f' <span class=flag>{text(f)}</span>' for f in flags if f)}</summary>"
            f"{self.body(finding, root)}</details>"
        )

    def body(self, finding: Finding, root: conclusions.Root | None = None) -> str:
        """All that is known of a finding."""
        shown = [
            *self._said(finding, root),
            self._budget.evidence(finding.evidence),
            f'<p class="fix"><b>Resolution</b> {text(finding.resolution, LONGEST_PROSE)}</p>'
            if finding.resolution
            else "",
            *(command(c) for c in (root.commands if root else finding.commands)[:24]),
            self._explains(root) if root else "",
        ]
        return f'<div class="body">{"".join(shown)}</div>'

    def _said(self, finding: Finding, root: conclusions.Root | None) -> list[str]:
        rows = [
            ("Wanted", text(finding.title)),
            ("Observed", text(finding.observed or finding.summary, 2000)),
            ("Expected", text(finding.expected, 2000)),
            ("Likely cause", text(finding.likely_cause, 2000)),
            ("Resource", _resource(finding)),
            ("Also", "<br>".join(text(s, 2000) for s in root.summaries[1:]) if root else ""),
            ("Probably", "<br>".join(map(_unsure, conclusions.fold(root.unsure))) if root else ""),
            ("Possibly", "<br>".join(map(self._milder, root.milder)) if root else ""),
            ("Because of", ", ".join(map(self._link, _causes(root.findings if root else (finding,))))),
            ("Allow", f"<code>{text(finding.iam_action)}</code>" if finding.iam_action else ""),
            ("Files", "<br>".join(f"<code>{text(place)}</code>" for place in finding.locations[:10])),
            ("Since", text(minute(finding.since))),
            ("Exempt", text(f"until {finding.exempt_until}: {finding.exempt_reason}") if finding.exempt_until else ""),
            ("Check", f"<code>{text(finding.label)}</code> ({text(finding.scenario)})"),
        ]
        return ["<dl>", *(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows if value), "</dl>"]

    def _explains(self, root: conclusions.Root) -> str:
        if not root.consequences:
            return ""
        rows = "".join(
            f"<li>{self._link(f.findings[0].id, f.label)}: {text(f.summary, 1000)}</li>"
            for f in conclusions.fold(root.consequences)[:60]
        )
        return (
            f"<h3>Explains {plural(len(root.consequences), 'other failure')}</h3><p>{text(conclusions.told(root))}</p>"
            f"{graph.draw(root, self._links)}<ul>{rows}</ul>"
        )

    def _milder(self, finding: Finding) -> str:
        return f"{self._link(finding.id)} (advisory): {text(finding.summary, 1000)}"

    def _link(self, finding_id: str, label: str = "") -> str:
        said = text(label or finding_id.partition("::")[2] or finding_id)
        return f'<a href="#{self._links[finding_id]}">{said}</a>' if finding_id in self._links else said


def _causes(findings: Iterable[Finding]) -> Iterable[str]:
    return dict.fromkeys(c for f in findings for c in f.caused_by)


def _headline(finding: Finding, where: str) -> str:
    """What is wrong, rather than what should be."""
    return f"{where}: {finding.observed}" if finding.observed else finding.summary


def _data(findings: Iterable[Finding]) -> str:
    """What filters go by. A card about several services has all of them."""
    everyone = list(findings)
    values: dict[str, set[str]] = {
        "scenario": {f.scenario for f in everyone},
        "severity": {f.severity for f in everyone},
        "outcome": {f.outcome for f in everyone},
        "service": {f.service for f in everyone if f.service},
        "target": {f.target for f in everyone},
        "change": {f.change for f in everyone if f.change},
    }
    return " ".join(f'data-{name}="{text(" ".join(sorted(own)), 2000)}"' for name, own in values.items() if own)


def _unsure(finding: conclusions.Folded) -> str:
    return f"could not verify <code>{text(finding.label)}</code>: {text(finding.summary, 1000)}"


def _resource(finding: Finding) -> str:
    name = text(finding.resource, 1000)
    # Whatever a name contains, a link goes to the web or nowhere.
    if not finding.console_url.startswith("https://"):
        return f"<code>{name}</code>"
    link = escape(one_line(finding.console_url, 2000), quote=True)
    return f'<a href="{link}" rel="noreferrer noopener">{name}<span class="hint"> in the AWS console</span></a>'


def command(line: str) -> str:
    """A command to paste; the script adds a button."""
    shown = text(line, LONGEST_COMMAND)
    return f'<pre class="command"><code>{shown}</code></pre>'
