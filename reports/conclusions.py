"""What a run's findings add up to: the verdict, the roots with what they explain, what could not be seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from checks.diagnosis.causes import Effect, explain, roots
from reports.finding import OUTCOMES, WRONG, Finding, Results
from reports.text import listed, one_line, plural

# Where the first clause of what was observed ends; colons within names and addresses do not.
_CLAUSE = re.compile(r"[;,] |: | \(")
_FEW = 110
_ID = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f][0-9a-f-]{6,}\b|\d+")


class Root(Struct, frozen=True):
    """A cause with the findings of the same check and cause, and everything that it explains.

    Args:
        findings: the root on each resource it was found on.
        consequences: failing findings that it explains, nearest first.
        unsure: unverified checks that might lie behind it.
        milder: advisory findings that might lie behind it.
        chain: from the farthest consequence back to the root, ids.
    """

    findings: tuple[Finding, ...]
    consequences: tuple[Finding, ...]
    unsure: tuple[Finding, ...]
    milder: tuple[Finding, ...]
    chain: tuple[str, ...]

    @property
    def first(self) -> Finding:
        """The one to show."""
        return self.findings[0]

    @property
    def where(self) -> str:
        """``product and order``, where it was found on several."""
        return listed(f.service or f.resource_name for f in self.findings)

    @property
    def summaries(self) -> tuple[str, ...]:
        """What was found, on each resource, without repetition."""
        return tuple(dict.fromkeys(f.summary for f in self.findings))

    @property
    def commands(self) -> tuple[str, ...]:
        """Commands for the first resource, then those that others need besides."""
        return tuple(dict.fromkeys(c for f in self.findings for c in f.commands))


class Folded(Struct, frozen=True):
    """Findings of one check with the same thing to say, e.g. on several services."""

    findings: tuple[Finding, ...]

    @property
    def label(self) -> str:
        """``check_x[product, order]``."""
        parts = [f.label.partition("[")[2].removesuffix("]") for f in self.findings]
        inside = ", ".join(p for p in parts if p)
        return f"{self.findings[0].check}[{inside}]" if inside else self.findings[0].check

    @property
    def summary(self) -> str:
        """What the first of them says."""
        return self.findings[0].summary


class Blind(Struct, frozen=True):
    """Why some checks could not look, and which."""

    reason: str
    iam_action: str
    findings: tuple[Finding, ...]


# -- causes -----------------------------------------------------------------------------------------------------


def conclude(results: Results) -> None:
    """Work out what explains what, and the roots; replaces findings by ones that know their causes."""
    causes = explain(_effect(f, f.broken) for f in results.findings if f.outcome in WRONG)
    results.findings = [_because(f, causes.get(f.id, ())) for f in results.findings]
    # What is merely advisory may lie behind a failure, but is itself no cause that anybody is woken for.
    results.roots = roots([_effect(f, f.outcome == "failed") for f in results.of(*WRONG)])


def _because(finding: Finding, causes: tuple[str, ...]) -> Finding:
    # Nearly all of a large environment's findings have none.
    return finding if finding.caused_by == causes else replace(finding, caused_by=causes)


def _effect(finding: Finding, broken: bool) -> Effect:
    return Effect(
        id=finding.id,
        check=finding.check,
        broken=broken,
        declared=finding.declared_causes,
        target=finding.target,
        service=finding.service,
        related=finding.related,
        signs=finding.signs,
    )


def found_roots(results: Results) -> list[Root]:
    """Roots, gravest first; the same check with the same cause on several resources is one root."""
    ids = set(results.roots)
    groups = _groups([f for f in results.of("failed") if f.id in ids])
    return [_root(group, results) for group in groups]


def _groups(findings: Iterable[Finding]) -> list[tuple[Finding, ...]]:
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        groups.setdefault(_cause(one), []).append(one)
    return [tuple(group) for group in groups.values()]


def _cause(finding: Finding) -> tuple[str, ...]:
    """The same for findings that differ only in whom they are about: service, ids, numbers."""
    said = [finding.observed or finding.summary, finding.likely_cause]
    own = sorted({finding.service, finding.resource_name} - {""}, key=len, reverse=True)
    for name in own:
        said = [s.replace(name, "·") for s in said]
    return (finding.target, finding.check, finding.severity, *(_ID.sub("#", s) for s in said))


def _root(group: tuple[Finding, ...], results: Results) -> Root:
    start = {f.id for f in group}
    explained, nearest = _explained(start, results)
    by_id = {f.id: f for f in results.findings}
    # In their own order: what the evidence speaks for comes first.
    behind = dict.fromkeys(c for f in group for c in f.caused_by)
    others = [by_id[i] for i in behind if i in by_id and i not in start]
    return Root(
        findings=group,
        consequences=explained,
        unsure=tuple(f for f in others if f.outcome == "unverified"),
        milder=tuple(f for f in others if f.outcome == "advisory"),
        chain=_chain(explained, nearest),
    )


def _explained(start: set[str], results: Results) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """Failing findings that lead back to the start, nearest first, and by id the cause through which they do."""
    failed = [f for f in results.of("failed") if f.id not in start]
    reached: dict[str, Finding] = {}
    nearest: dict[str, str] = {}
    frontier = set(start)
    while frontier:
        near = {f.id: f for f in failed if f.id not in reached and frontier & set(f.caused_by)}
        nearest |= {i: next(c for c in f.caused_by if c in frontier) for i, f in near.items()}
        reached |= near
        frontier = set(near)
    return tuple(reached.values()), nearest


def _chain(explained: Sequence[Finding], nearest: dict[str, str]) -> tuple[str, ...]:
    if not explained:
        return ()
    chain = [explained[-1].id]
    while chain[-1] in nearest:
        chain.append(nearest[chain[-1]])
    return tuple(chain)


def told(root: Root) -> str:
    """The chain from the farthest consequence back to the root, in words: ``order: 4 tasks stopped ← …``."""
    by_id = {f.id: f for f in (*root.findings, *root.consequences)}
    chain = [by_id[i] for i in root.chain if i in by_id]
    services = {f.service for f in chain}
    one = next(iter(services)) if len(services) == 1 and len(root.findings) == 1 else ""
    words = " ← ".join(_few_words(f, named=not one and len(root.findings) == 1) for f in chain)
    return f"{one}: {words}" if one and words else words


def _few_words(finding: Finding, named: bool) -> str:
    said = finding.brief or one_line(_CLAUSE.split(finding.observed or finding.summary, maxsplit=1)[0], _FEW)
    # What services share stands for itself.
    who = (finding.service if named else "") or ("" if finding.service or finding.brief else finding.resource_name)
    return f"{who}: {said}" if who and not said.startswith(who) else said


def fold(findings: Iterable[Finding]) -> list[Folded]:
    """Findings with the same thing to say of several services, together."""
    return [Folded(group) for group in _groups(findings)]


def folded_root(folded: Folded) -> Root:
    """What is folded, in the shape in which reports show several findings as one."""
    return Root(folded.findings, consequences=(), unsure=(), milder=(), chain=())


def unexplained(results: Results, found: Iterable[Root]) -> list[Finding]:
    """Failing findings that are neither roots nor explained by one (there should be none)."""
    shown = {f.id for r in found for f in (*r.findings, *r.consequences)}
    return [f for f in results.of("failed") if f.id not in shown]


def blind_spots(results: Results) -> list[Blind]:
    """Unverified findings by what stood in the way, the one that blinds most first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for one in results.of("unverified"):
        groups.setdefault((one.target, one.summary, one.iam_action), []).append(one)
    blind = [Blind(reason, action, tuple(found)) for (_, reason, action), found in groups.items()]
    return sorted(blind, key=lambda b: -len(b.findings))


# -- the guide itself ---------------------------------------------------------------------------------------------


def impossible_steps(results: Results) -> list[str]:
    """Steps of the guide that would fail when they are needed, each with where: ``ECS Exec into a task (order)``."""
    steps: dict[tuple[str, str], list[str]] = {}
    for one in results.findings:
        if one.step and one.broken:
            steps.setdefault((one.target, one.step), []).append(one.service)
    several = len(results.targets) > 1
    return [_step(step, (target if several else "", *services)) for (target, step), services in steps.items()]


def _step(step: str, where: Iterable[str]) -> str:
    named = [w for w in where if w]
    return f"{step} ({', '.join(named)})" if named else step


# -- what it cost -------------------------------------------------------------------------------------------------

# Every request to Cost Explorer, pages included (AWS Cost Management pricing); the other APIs that are asked are free.
_USD_PER_REQUEST = {"ce": 0.01}
_TOLD_WAIT_S = 1.0


def billed_usd(results: Results) -> float:
    """What AWS bills for this run's own requests, retries included; nothing in the sandbox."""
    if results.mode != "live":
        return 0.0
    asked: Iterable[tuple[str, int]] = results.api["by_operation"].items()
    return round(sum((n * _USD_PER_REQUEST.get(o.partition(":")[0], 0.0) for o, n in asked), 0.0), 2)


def asked(results: Results) -> str:
    """``118 API requests, billed $0.04``, and how long they waited, all together, where AWS is asked too often."""
    parts = [plural(results.api["requests"], "API request")]
    usd = billed_usd(results)
    parts += [f"billed ${usd:.2f}"] if usd else []
    waited_s = results.api["waited_s"]
    parts += [f"waiting {waited_s:.0f} s in all for AWS's limits and retries"] if waited_s >= _TOLD_WAIT_S else []
    return ", ".join(parts)


# -- in words ---------------------------------------------------------------------------------------------------


def counts(results: Results) -> dict[str, int]:
    """How many findings have each outcome."""
    return {o: sum(1 for f in results.findings if f.outcome == o) for o in OUTCOMES}


def verdict(results: Results) -> str:
    """The run in one clause, without its target."""
    return ", ".join(verdict_parts(results))


def verdict_parts(results: Results) -> tuple[str, ...]:
    """The run's verdict: what matters first, then what is worth knowing besides."""
    n = counts(results)
    judged = len(results.findings) - n["not_applicable"]
    blind = f"{plural(n['unverified'], 'check')} could not look"
    if n["failed"]:
        said = f"{n['failed']} of {plural(judged, 'check')} failed, {plural(len(found_roots(results)), 'root cause')}"
        parts = [said, blind if n["unverified"] else ""]
    elif n["unverified"]:
        parts = [f"nothing failed, but {n['unverified']} of {plural(judged, 'check')} could not look"]
    elif not judged:
        parts = ["nothing to judge"]
    elif results.not_judged:
        parts = [f"nothing failed so far: {plural(n['passed'], 'check')} passed"]
    elif n["advisory"]:
        parts = [f"nothing failed: {plural(n['passed'], 'check')} passed"]
    else:
        parts = [f"all {plural(n['passed'], 'check')} passed"]
    parts += [
        plural(n["advisory"], "advisory", "advisories") if n["advisory"] else "",
        f"{n['not_applicable']} not applicable" if n["not_applicable"] else "",
        f"STOPPED EARLY with {results.not_judged} not judged" if results.not_judged else "",
        plural(len(results.other_errors), "other error") if results.other_errors else "",
    ]
    return tuple(p for p in parts if p)


def changes(results: Results) -> str:
    """What is different from the baseline, "" without one."""
    if not any(f.change for f in results.findings):
        return ""
    n = {c: sum(1 for f in results.findings if f.change == c) for c in ("new", "fixed", "known")}
    return f"{n['new']} new, {n['fixed']} fixed, {n['known']} known"


def fixed(results: Results) -> list[Finding]:
    """What was wrong in the baseline and is no more."""
    return [f for f in results.findings if f.change == "fixed"]


def loud_mode(results: Results) -> str:
    """``SANDBOX`` or ``LIVE``."""
    return "SANDBOX" if results.mode == "sandbox" else "LIVE"


def mode(results: Results) -> str:
    """``SANDBOX ecommerce-dev`` or ``LIVE ecommerce-dev (123456789012 us-east-1)``."""
    where = " ".join(p for p in (results.account, results.region) if p)
    said = f"{loud_mode(results)} {listed(results.targets)}"
    return f"{said} ({where})" if where and results.mode != "sandbox" else said


def not_looked_at(results: Results) -> list[Finding]:
    """What could not be looked at, and for now need not be: the target says so."""
    return [f for f in results.of("not_applicable") if f.excused]


def exit_code(results: Results) -> int:
    """0 when nothing failed, everything was seen, and nothing went wrong besides."""
    incomplete = results.not_judged or results.other_errors
    return 1 if incomplete or any(f.outcome in ("failed", "unverified") for f in results.findings) else 0
