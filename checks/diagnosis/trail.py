"""CloudTrail: which calls were denied and to whom, and who changed the environment in the console."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Severity, Verdict, worst
from fixtures.model.trail import EnvironmentIds, Trail, TrailEvent

# EC2 writes Client.UnauthorizedOperation, most others AccessDenied or AccessDeniedException.
_DENIED = re.compile(
    r"(?:^|\.)(?:AccessDenied\w*|\w*UnauthorizedOperation|UnauthorizedAccess|"
    r"AuthorizationError(?:Exception)?|NotAuthorized(?:Exception)?)$"
)
_TERRAFORM = re.compile(r"\b(?:Terraform|OpenTofu)/", re.IGNORECASE)
_SUITE = "runbook-checks"
_RESOURCE = re.compile(r"on resource: (\S+)")
# A listener rule's ARN begins with its listener's.
_PART_OF = re.compile(r"(.+:listener-rule/app/.+)/[0-9a-f]+$")
_MOST_LINES = 30


class Denial(Struct, frozen=True):
    """The same call, denied to the same principal, once or often."""

    event: TrailEvent
    count: int
    succeeded_later: bool

    @property
    def reason(self) -> str:
        """Which policy says no, as far as AWS tells."""
        message = self.event.message.lower()
        for words, reason in _REASONS:
            if words in message:
                return reason
        return "no policy of the role allows it"

    @property
    def line(self) -> str:
        """All of it in one line."""
        event = self.event
        resource = _RESOURCE.search(event.message)
        where = f" on {resource[1]}" if resource else ""
        later = ", later it succeeded" if self.succeeded_later else ""
        times = f" ×{self.count}" if self.count > 1 else ""
        return f"{event.at:%H:%M:%S} {event.who}: {event.action}{times} denied{where} ({self.reason}){later}"


_REASONS = (
    ("service control policy", "denied by an organisation policy (SCP)"),
    ("resource control policy", "denied by an organisation policy (RCP)"),
    ("permissions boundary", "denied by the role's permissions boundary"),
    ("session policy", "denied by the session's policy"),
    ("explicit deny in a resource-based policy", "denied by the resource's own policy"),
    ("explicit deny in an identity-based policy", "denied explicitly by the role's policy"),
    ("explicit deny in a vpc endpoint policy", "denied by the VPC endpoint's policy"),
)


def is_denied(event: TrailEvent) -> bool:
    """Whether a call was refused for lack of permission; dry runs, throttling and validation are something else."""
    return bool(_DENIED.search(event.error))


def is_terraform(event: TrailEvent, principal: str) -> bool:
    """Whether Terraform asked: as the configured role or user, else going by its user agent."""
    if not principal:
        return bool(_TERRAFORM.search(event.user_agent))
    return any(
        principal == arn or arn.endswith((f"/{principal}", f":{principal}")) for arn in (event.issuer, event.principal)
    )


def _counts(event: TrailEvent, trail: Trail) -> bool:
    """Left out: AWS services that probe by themselves, people in the console, and this suite."""
    if event.on_behalf_of or event.from_console or _SUITE in event.user_agent:
        return False
    return not (trail.suite and event.principal == trail.suite and not _TERRAFORM.search(event.user_agent))


def denials(trail: Trail, events: Iterable[TrailEvent]) -> tuple[Denial, ...]:
    """Denied calls by principal, action and reason, newest first."""
    denied = [e for e in events if is_denied(e) and _counts(e, trail)]
    succeeded = [e for e in trail.events if not e.error]
    counts = Counter(_same(e) for e in denied)
    newest = {_same(e): e for e in sorted(denied, key=lambda e: e.at)}
    found = (Denial(e, counts[k], any(_repeats(s, e) for s in succeeded)) for k, e in newest.items())
    return tuple(sorted(found, key=lambda d: d.event.at, reverse=True))


def _same(event: TrailEvent) -> tuple[str, ...]:
    resource = _RESOURCE.search(event.message)
    return (event.who, event.action, resource[1] if resource else "", str("control policy" in event.message.lower()))


def _repeats(success: TrailEvent, denied: TrailEvent) -> bool:
    same = success.action == denied.action and success.who == denied.who
    return success.at > denied.at and same and not _is_about_another(success, denied)


def _is_about_another(success: TrailEvent, denied: TrailEvent) -> bool:
    """Whether a call names other resources than the one that was denied: an apply calls the same action many times."""
    found = _RESOURCE.search(denied.message)
    named = re.split(r"[:/]", found[1])[-1] if found else "*"
    return bool(success.names) and "*" not in named and not any(named in name for name in success.names)


def writes_are_allowed(trail: Trail, principal: str, window_min: int) -> Verdict:
    """No change that Terraform wanted was denied in the window.

    Milder where the same call succeeded later, and where somebody else than Terraform was denied.
    """
    found = denials(trail, (e for e in trail.events if not e.read_only))
    verdicts = tuple(_verdict(group, severity, window_min) for severity, group in _graded(found, principal) if group)
    return worst(verdicts, _fine("writes", trail, window_min))


def _graded(found: Sequence[Denial], principal: str) -> Iterable[tuple[Severity | None, list[Denial]]]:
    terraform = [d for d in found if is_terraform(d.event, principal)]
    yield None, [d for d in terraform if not d.succeeded_later]
    yield "low", [d for d in terraform if d.succeeded_later]
    yield "low", [d for d in found if d not in terraform and not d.succeeded_later]


def reads_are_allowed(trail: Trail, principal: str, prefix: str, window_min: int) -> Verdict:
    """Nothing that Terraform, or a role of the environment, wanted to read was denied in the window.

    Other principals are left out: scanners are denied all day long.
    """
    found = denials(trail, (e for e in trail.events if e.read_only))
    own = [d for d in found if is_terraform(d.event, principal) or (prefix and prefix in d.event.who)]
    pending = [d for d in own if not d.succeeded_later]
    return _verdict(pending, None, window_min) if pending else _fine("reads", trail, window_min)


def _verdict(group: Sequence[Denial], severity: Severity | None, window_min: int) -> Verdict:
    first = group[0]
    who = list(dict.fromkeys(d.event.who for d in group))
    actions = list(dict.fromkeys(d.event.action for d in group))
    more = f" and {len(actions) - 3} more" if len(actions) > 3 else ""
    organisation = [d for d in group if "organisation" in d.reason]
    cause = organisation[0].reason if organisation else first.reason
    by_whom = ", which only the organisation's administrators can change" if organisation else ""
    return Verdict(
        ok=False,
        resource=first.event.issuer or first.event.principal,
        name=first.event.who,
        observed=f"{', '.join(actions[:3])}{more} denied to {', '.join(who[:2])} in the last {window_min} min",
        expected="no denied calls",
        evidence=tuple(d.line for d in group[:_MOST_LINES]) + ((first.event.message,) if first.event.message else ()),
        related=("terraform", *dict.fromkeys(d.event.issuer or d.event.principal for d in group)),
        severity=severity,
        signs=("permission",),
        names={"role": first.event.who.rsplit("/", 1)[-1]},
        commands=(_look_up(first.event),),
        likely_cause=f"{cause}{by_whom}" + (", and it was allowed since" if first.succeeded_later else ""),
    )


def shortened(trail: Trail, window_min: int) -> str:
    """Why a trail does not cover its window, and what to do about it."""
    return (
        f"{len(trail.events)} changes since {trail.since:%H:%M:%S} UTC already, too many to look further back "
        f"in the last {window_min} min: set a smaller window_min"
    )


def _look_up(event: TrailEvent) -> str:
    """The command that shows an event and others like it."""
    region = f" --region {event.region}" if event.region else ""
    return (
        f"aws cloudtrail lookup-events{region} --max-results 10 --lookup-attributes "
        f"AttributeKey=EventName,AttributeValue={shlex.quote(event.name)}"
    )


def _fine(what: str, trail: Trail, window_min: int) -> Verdict:
    since = f"in the last {window_min} min" if trail.complete else f"since {trail.since:%H:%M:%S} (the newest events)"
    return Verdict(
        ok=True,
        resource="cloudtrail",
        name="CloudTrail",
        observed=f"no denied {what} among {len(trail.events)} events {since}",
        expected="no denied calls",
        related=("terraform",),
    )


def console_changes(trail: Trail, environment: EnvironmentIds, window_min: int) -> Verdict:
    """Nobody changed the environment's resources in the AWS console."""
    seen = ((e, environment.find(e.names)) for e in trail.events)
    found = [(e, what) for e, what in seen if what and e.from_console and not e.read_only and not e.error]
    lines = [f"{e.at:%H:%M:%S} {e.who}: {e.action} on {what}" for e, what in found]
    if not found:
        return Verdict(
            ok=True,
            resource=environment.prefix,
            observed=f"no console changes among {len(trail.events)} events",
            expected="changes through Terraform only",
            related=("terraform",),
        )
    first, what = found[0]
    more = f" and {len(found) - 1} more changes" if len(found) > 1 else ""
    ids = [i for e, _ in found for n in e.names if environment.find((n,)) for i in (n, *_PART_OF.findall(n))]
    return Verdict(
        ok=False,
        resource=first.principal,
        name=first.who,
        observed=f"{first.action} on {what} in the console at {first.at:%H:%M} UTC{more}",
        expected="changes through Terraform only",
        evidence=tuple(lines[:_MOST_LINES]),
        related=("terraform", *dict.fromkeys(i.replace("listener-rule/", "listener/") for i in ids)),
        commands=(_look_up(first),),
        likely_cause="somebody repaired or tried something by hand; the next apply undoes it",
    )
