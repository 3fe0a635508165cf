"""What a run's findings add up to: the verdict, the roots with what they explain, what could not be seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports.finding import Finding, Results


@dataclass(frozen=True)
class Root:
    """A cause with the findings of the same check and cause, and everything that it explains.

    Args:
        findings: the root on each resource it was found on.
        consequences: failing findings that it explains, nearest first.
        unsure: unverified checks that might lie behind it.
    """

    findings: tuple[Finding, ...]
    consequences: tuple[Finding, ...]
    unsure: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The one to show."""
        return self.findings[0]

    @property
    def where(self) -> str:
        """``product and order``, where it was found on several."""
        names = list(dict.fromkeys(f.service or f.resource_name for f in self.findings))
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True)
class Blind:
    """Why some checks could not look, and which."""

    reason: str
    iam_action: str
    findings: tuple[Finding, ...]


def roots(results: Results) -> list[Root]:
    """Roots, gravest first; the same check on several resources is one root."""
    by_id = {f.id: f for f in results.findings}
    order = {f.id: n for n, f in enumerate(results.of("failed"))}
    found = sorted((by_id[r] for r in results.roots if r in by_id), key=lambda f: order.get(f.id, 0))
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for one in found:
        groups.setdefault((one.target, one.check, one.observed or one.summary), []).append(one)
    return [_root(tuple(group), results) for group in groups.values()]


def _root(group: tuple[Finding, ...], results: Results) -> Root:
    explained = _explained({f.id for f in group}, results)
    behind = {c for f in group for c in f.caused_by}
    unsure = tuple(f for f in results.findings if f.id in behind and f.outcome == "unverified")
    return Root(group, explained, unsure)


def _explained(start: set[str], results: Results) -> tuple[Finding, ...]:
    failed = [f for f in results.of("failed") if f.id not in start]
    reached: dict[str, Finding] = {}
    frontier = set(start)
    while frontier:
        near = {f.id: f for f in failed if f.id not in reached and frontier & set(f.caused_by)}
        reached |= near
        frontier = set(near)
    return tuple(reached.values())


def unexplained(results: Results, found: Iterable[Root]) -> list[Finding]:
    """Failing findings that are neither roots nor explained by one (there should be none)."""
    shown = {f.id for r in found for f in (*r.findings, *r.consequences)}
    return [f for f in results.of("failed") if f.id not in shown]


def blind_spots(results: Results) -> list[Blind]:
    """Unverified findings by reason, the reason that blinds most first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in results.of("unverified"):
        groups.setdefault((one.summary, one.iam_action), []).append(one)
    blind = [Blind(reason, action, tuple(found)) for (reason, action), found in groups.items()]
    return sorted(blind, key=lambda b: -len(b.findings))


def counts(results: Results) -> dict[str, int]:
    """How many findings have each outcome."""
    outcomes = ("passed", "failed", "advisory", "unverified", "not_applicable")
    return {o: sum(1 for f in results.findings if f.outcome == o) for o in outcomes}


def verdict(results: Results) -> str:
    """The run in one line, without its target."""
    n = counts(results)
    if n["failed"]:
        causes = len(roots(results))
        said = f"{n['failed']} checks failed, {causes} root cause{'' if causes == 1 else 's'}"
        return said + (f", {n['unverified']} could not look" if n["unverified"] else "")
    if n["unverified"]:
        return f"nothing failed, but {n['unverified']} checks could not look"
    advisory = f", {n['advisory']} advisory" if n["advisory"] else ""
    return f"{n['passed']} checks passed{advisory}, {n['not_applicable']} not applicable"


def changes(results: Results) -> str:
    """What is different from the baseline, "" without one."""
    if not any(f.change for f in results.findings):
        return ""
    n = {c: sum(1 for f in results.findings if f.change == c) for c in ("new", "fixed", "known")}
    return f"{n['new']} new, {n['fixed']} fixed, {n['known']} known"


def label(finding: Finding) -> str:
    """``check_x[product]``: a finding in few words."""
    _, bracket, parameters = finding.id.partition("[")
    return f"{finding.check}{bracket}{parameters}"


def mode(results: Results) -> str:
    """``SANDBOX`` or ``LIVE`` with target, account and Region."""
    what = ", ".join(results.targets)
    where = " ".join(p for p in (results.account, results.region) if p)
    if results.mode == "sandbox":
        return f"SANDBOX {what} (simulated AWS, nothing here is real)"
    return f"LIVE {what}" + (f" ({where})" if where else "")
