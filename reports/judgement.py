"""From pytest's report of a check to a Finding: outcome, resolution with the target's names, exemption, gate."""

from __future__ import annotations

import datetime as dt
import traceback
from typing import Any

import pytest
from msgspec.structs import replace

from checks.diagnosis.verdict import Verdict
from checks.guide import Bullet
from fixtures.errors import Unavailable
from fixtures.model.ecs import Service
from fixtures.secret import REDACTOR
from fixtures.selection import RUN
from fixtures.target import Exemption, Target
from reports import console, metadata
from reports.finding import SEVERITIES, Finding, Outcome, is_milder, outcome_of
from reports.text import LONGEST_COMMAND, LONGEST_PROSE, bounded, harmless_lines, inert, one_line

# Ours, from code and the target file: nothing to mask, and an outcome or a name must stay what it is.
_OWN = ("id", "check", "title", "scenario", "severity", "stage", "step", "outcome", "target", "service", "exempt_until")
_PROSE = ("resolution", "summary", "observed", "expected", "likely_cause")
# Enough of a text to hold everything that will be shown, so that cleaning megabytes is not paid for.
_LOOKED_AT = 100_000
_MOST_EVIDENCE = 500
_MOST_COMMANDS = 30
_FRAMES = 6


def finding_of(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Finding:
    """What a report says of a check, harmless and bounded, with secrets masked."""
    error = call.excinfo.value if call.excinfo else None
    target = metadata.target_of(item)
    service = metadata.service_of(item)
    declared = metadata.declared(item)
    finding = Finding(
        id=item.nodeid,
        check=getattr(item, "originalname", item.name),
        title=declared.title,
        scenario=declared.scenario,
        severity=declared.severity,
        # What the guide lists under what to do, a check finds the need of.
        stage="diagnosis" if declared.bullet.stage == "resolution" else declared.bullet.stage,
        step=declared.step,
        outcome=outcome_of(str(report.when), report.passed, report.skipped, isinstance(error, AssertionError)),
        target=target.name,
        service=service,
        resource_name=service or target.name,
        resource=f"service/{service}" if service else target.name,
        related=(f"service/{service}",) if service else (),
        declared_causes=declared.causes,
        signs=declared.signs,
        duration_s=round(call.duration, 4),
    )
    if finding.outcome == "not_applicable":
        finding = replace(finding, summary=_skip_reason(report))
    elif finding.outcome == "unverified":
        finding = excused(_unverified(finding, error), target, _today(item))
    elif finding.outcome == "failed":
        finding = _failed(item, finding, error, declared.bullet, target)
    # One that passed says nothing but names, and those are ours.
    return finding if finding.outcome == "passed" else harmless(finding)


def _skip_reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def _unverified(finding: Finding, error: BaseException | None) -> Finding:
    if isinstance(error, Unavailable):
        return replace(finding, summary=str(error), unavailable_cause=error.cause, iam_action=error.iam_action or "")
    said = f"{type(error).__name__}: {error}" if error is not None else "no reason given"
    summary = f"could not judge: the check itself went wrong, please report it: {said.splitlines()[0]}"
    return replace(finding, summary=summary, evidence=_frames(error), unavailable_cause="defect")


def _frames(error: BaseException | None) -> tuple[str, ...]:
    """Where in this suite it went wrong, innermost first."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    own = [f for f in frames if "site-packages" not in f.filename]
    return tuple(f"{f.filename}:{f.lineno} in {f.name}: {f.line}" for f in reversed(own[-_FRAMES:]))


def _failed(
    item: pytest.Item, finding: Finding, error: BaseException | None, bullet: Bullet, target: Target
) -> Finding:
    said = error.args[0] if error is not None and error.args else None
    # What speaks of the service as it was judged knows it better than the target's own names for it.
    region, seen = item.config.stash[RUN].environments[target.name].region, getattr(item, "funcargs", {}).get("service")
    names = _names(target, finding.service, region) | (_seen_names(seen) if isinstance(seen, Service) else {})
    commands: tuple[str, ...] = ()
    if isinstance(said, Verdict):
        finding, names, commands = _from_verdict(finding, said, region), {**names, **said.names}, said.commands
    else:
        first, *rest = str(error).splitlines() or ["the assertion has no message"]
        finding = replace(finding, summary=first, evidence=tuple(rest))
    finding = replace(
        finding,
        resolution=bullet.resolved(names),
        commands=tuple(dict.fromkeys((*commands, *bullet.commands_for(names)))),
    )
    return gated(finding, target, _today(item), item.config.option.fail_on)


def _today(item: pytest.Item) -> dt.date:
    return item.config.stash[RUN].now.date()


def _from_verdict(finding: Finding, verdict: Verdict, region: str) -> Finding:
    return replace(
        finding,
        resource=verdict.resource,
        resource_name=verdict.name or finding.resource_name,
        severity=verdict.severity or finding.severity,
        summary=verdict.summary,
        observed=verdict.observed,
        expected=verdict.expected,
        likely_cause=verdict.likely_cause,
        brief=verdict.brief,
        evidence=tuple(verdict.evidence),
        related=tuple(dict.fromkeys((*finding.related, verdict.resource, *verdict.related))),
        signs=tuple(verdict.signs),
        locations=tuple(verdict.locations),
        console_url=console.url(verdict.resource, region),
    )


def _names(target: Target, service: str, region: str) -> dict[str, str]:
    """Values for the guide's placeholders that the target alone knows."""
    settings = target.settings_of(service) if service else None
    names = {
        "target": target.name,
        "project": target.project,
        "environment": target.environment,
        "region": region,
        "cluster": target.cluster,
        "database": target.database.identifier,
        "terraform_directory": target.terraform.directory,
    }
    if settings is not None:
        names |= {"service": settings.service, "container": settings.container}
    return {k: v for k, v in names.items() if v}


def _seen_names(service: Service) -> dict[str, str]:
    """The same that a service of the cluster tells. Its revision need be neither of its own name nor the newest one."""
    revision = service.running_revision.rpartition("/")[2]
    names = {
        "service": service.service,
        "cluster": service.cluster,
        "revision": revision,
        "family": revision.rpartition(":")[0],
    }
    return {k: v for k, v in names.items() if v}


_NEVER_EXCUSED = ("defect", "configuration", "deadline", "throttled")


def gated(finding: Finding, target: Target, today: dt.date, fail_on: str) -> Finding:
    """A failure as exemptions and ``--fail-on`` would have it. One whose exemption has expired always fails."""
    last = _exemption(finding, target, could_not_look=False)
    if last is None:
        return replace(finding, outcome="advisory") if is_milder(finding.severity, fail_on) else finding
    if last.expires >= today:
        return _exempted(finding, last, "advisory")
    gravest = min((finding.severity, "high", fail_on), key=SEVERITIES.index)
    return replace(_expired(finding, last), severity=gravest)


def excused(finding: Finding, target: Target, today: dt.date) -> Finding:
    """What could not be looked at, as exemptions that speak of just that would have it.

    This suite's mistakes stay, and so does what was wrong with this run only.
    """
    last = _exemption(finding, target, could_not_look=True)
    if last is None or finding.unavailable_cause in _NEVER_EXCUSED:
        return finding
    if last.expires < today:
        return _expired(finding, last)
    return _exempted(finding, last, "not_applicable")


def _exemption(finding: Finding, target: Target, *, could_not_look: bool) -> Exemption | None:
    """Of those that cover a finding, the one that lasts longest."""
    own = [e for e in target.exemptions if e.could_not_look is could_not_look]
    covering = [e for e in own if e.covers(finding.check, *finding.names)]
    return max(covering, key=lambda e: e.expires, default=None)


def _exempted(finding: Finding, exemption: Exemption, outcome: Outcome) -> Finding:
    until = exemption.expires.isoformat()
    return replace(finding, outcome=outcome, exempt_until=until, exempt_reason=exemption.reason)


def _expired(finding: Finding, exemption: Exemption) -> Finding:
    said = f"{finding.summary} (its exemption expired on {exemption.expires}: fix it or renew it)"
    return replace(finding, summary=said, exempt_reason=exemption.reason)


def harmless(finding: Finding) -> Finding:
    """The finding with secrets masked, everything that a terminal would obey taken out, and all of it bounded."""
    texts: dict[str, Any] = {
        name: _clean(value, LONGEST_PROSE if name in _PROSE else 1000)
        for name in finding.__struct_fields__
        if name not in _OWN and isinstance(value := getattr(finding, name), str) and value
    }
    lines = (REDACTOR.clean(line[:_LOOKED_AT]) for line in bounded(finding.evidence, _MOST_EVIDENCE))
    commands = [REDACTOR.clean(c) for c in finding.commands if len(c) <= LONGEST_COMMAND]
    return replace(
        finding,
        **texts,
        evidence=harmless_lines(lines),
        commands=tuple(inert(c, LONGEST_COMMAND) for c in commands[:_MOST_COMMANDS]),
        locations=tuple(inert(place) for place in finding.locations[:100]),
        related=tuple(inert(r, 1000) for r in finding.related[:200]),
        signs=tuple(inert(s, 100) for s in finding.signs[:20]),
    )


def _clean(text: str, longest: int) -> str:
    # Masked before it is cut: half a secret would not be known as one.
    return one_line(REDACTOR.clean(text[:_LOOKED_AT]), longest)
