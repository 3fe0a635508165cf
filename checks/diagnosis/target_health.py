"""Whether a service's tasks are registered with the load balancer, and pass its health checks.

Meanings of states and reasons: ELB user guide, "Health checks for Application Load Balancer target groups".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from checks.diagnosis.service_state import deployed_at, recent_events
from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.alb import Attachment, HealthCheck, Target
from fixtures.model.ecs import Service, Task

# ECS registers a task some seconds after it runs.
_REGISTERS_WITHIN = dt.timedelta(minutes=3)
_FAILS_OPEN = (
    "with no healthy target the load balancer fails open: it sends requests to all of them, so clients see 502, 504 or "
    "the application's own answer rather than 503"
)
# Codes that a health check was answered with: redirects, and 4xx but for "too slow" and "too many".
_REFUSES = re.compile(r"\[(?:(?:3\d\d|4(?!08|29)\d\d)(?:, ?)?)+\]")
# What may be behind a target that does not answer at all, be it itself or what it waits for.
_SILENT = (
    "network", "refused", "dns", "tls", "authentication", "connections", "capacity", "storage", "memory", "crash",
    "configuration", "health_check", "image", "secret", "permission",
)  # fmt: skip
_MEANINGS = {
    "Target.ResponseCodeMismatch": "it answers, but not with a code that the health check accepts",
    "Target.Timeout": "it does not answer in time: a security group or network ACL drops the packets, or it hangs",
    "Target.FailedHealthChecks": "the connection fails: nothing listens on that port, or not in that protocol",
    "Elb.InternalError": "the load balancer itself has a problem",
    "Target.NotInUse": "its Availability Zone is not enabled for the load balancer",
    "Target.InvalidState": "its instance is stopped or terminated",
    "Target.IpUnusable": "its address is reserved by AWS and cannot be a target",
    "Elb.RegistrationInProgress": "it is being registered",
    "Elb.InitialHealthChecking": "its first health checks are under way",
    "Target.HealthCheckDisabled": "health checks are disabled for the group",
}


def serving(attachments: Sequence[Attachment], health: Mapping[str, Sequence[Target]]) -> tuple[Attachment, ...]:
    """Those that requests are sent to, or may be where the rules could not be read; idle halves of a pair left out."""
    candidates = [a for a in attachments if a.reached or a.unknown is not None or a.group is None]
    kept: list[Attachment] = []
    for one in candidates:
        twins = [a for a in candidates if a is not one and (a.container, a.port) == (one.container, one.port)]
        busy = any(_in_use(health.get(t.group_arn, ())) for t in twins if t.alternate != one.alternate)
        if _in_use(health.get(one.group_arn, ())) or not busy:
            kept.append(one)
    return tuple(kept)


def _in_use(targets: Iterable[Target]) -> bool:
    return any(t.registered and t.state != "unused" for t in targets)


def _common(service: Service, attachment: Attachment) -> tuple[tuple[str, ...], dict[str, str]]:
    balancers = attachment.group.load_balancers if attachment.group is not None else ()
    related = (*service.related, attachment.group_arn, *balancers)
    return related, {
        "service": service.service,
        "cluster": service.cluster,
        "target_group": attachment.name,
        "target_group_arn": attachment.group_arn,
    }


def has_targets(service: Service, attachment: Attachment, targets: Sequence[Target], settling: bool = False) -> Verdict:
    """The group exists and has targets besides those that are leaving.

    Args:
        settling: a young deployment is in progress, so that tasks may still be on their way.
    """
    related, names = _common(service, attachment)
    staying = [t for t in targets if t.registered]
    observed = f"{len(staying)} targets are registered in {attachment.name}"
    cause = ""
    if attachment.group is None:
        observed, cause = f"its target group {attachment.name} does not exist", "the target group was deleted"
    elif not staying:
        leaving = f", {len(targets)} are leaving" if targets else ""
        observed = f"no target is registered in {attachment.name}{leaving}: every request gets a 503"
        cause = "no task of the service runs" if service.running == 0 else "tasks run, but are not registered"
    starting = settling and not staying and attachment.group is not None and service.running < service.desired
    return Verdict(
        ok=bool(staying),
        resource=attachment.group_arn,
        name=service.service,
        observed=observed,
        expected=f"its {service.desired} tasks registered",
        evidence=(*(words(t) for t in targets), *recent_events(service)),
        related=related,
        signs=_signs_of_absence(service, attachment),
        names=names,
        likely_cause=cause,
        severity="medium" if starting else None,
    )


def _signs_of_absence(service: Service, attachment: Attachment) -> tuple[str, ...]:
    """Why there may be none: tasks that run have their image and secrets, and nothing registers without a group."""
    if attachment.group is None:
        return ("configuration",)
    if service.running and service.running >= service.desired:
        return ("configuration", "crash", "health_check", "memory", "refused", "network")
    return ()


class Registration(Struct, frozen=True):
    """What ECS runs, as against what the load balancer knows.

    Args:
        own: running tasks of the service.
        others: addresses of all running tasks, other services' included: groups can be shared.
        elsewhere: addresses registered in the service's other groups.
    """

    own: Sequence[Task]
    others: frozenset[str]
    elsewhere: frozenset[str]


def are_running_tasks(
    service: Service, attachment: Attachment, targets: Sequence[Target], tasks: Registration, now: dt.datetime
) -> Verdict:
    """Registered addresses are those of running tasks, and running tasks are registered."""
    related, names = _common(service, attachment)
    registered = {t.id for t in targets}
    stale = [t for t in targets if t.registered and t.id not in tasks.others]
    missing = [
        t for t in tasks.own if _should_be_registered(t, now) and t.private_ip not in registered | tasks.elsewhere
    ]
    if service.controller != "ECS":
        # Whoever deploys decides which task set is registered where.
        missing = []
    found = [
        f"{len(stale)} registered addresses are no running task's" if stale else "",
        f"{len(missing)} of {len(tasks.own)} running tasks are not registered" if missing else "",
    ]
    severity: Severity = "high" if missing and len(missing) == len(tasks.own) else "medium"
    return Verdict(
        ok=not stale and not missing,
        resource=attachment.group_arn,
        name=service.service,
        observed=" and ".join(f for f in found if f) or "its targets are its running tasks",
        expected=f"exactly the running tasks registered in {attachment.name}",
        evidence=(
            *(f"{t.address} is {t.state}, but no running task has that address" for t in stale),
            *(
                f"task {t.id} ({t.private_ip}), running since {t.started_at:%m-%d %H:%M}Z, is not registered"
                for t in missing
            ),
        ),
        related=related,
        names=names,
        severity=severity,
        likely_cause="somebody registered or deregistered targets by hand" if stale or missing else "",
    )


def _should_be_registered(task: Task, now: dt.datetime) -> bool:
    running = task.status == "RUNNING" and task.started_at is not None and bool(task.private_ip)
    return running and task.started_at is not None and now - task.started_at > _REGISTERS_WITHIN


def words(target: Target) -> str:
    """A target in one line: address, state, reason, what that means and what AWS says."""
    meaning = _MEANINGS.get(target.reason, "")
    said = target.description if target.description and target.description != meaning else ""
    zone = f" in {target.zone}" if target.zone else ""
    parts = (f"{target.address}{zone} is {target.state}", target.reason, meaning, said)
    return ": ".join(p for p in parts if p)


class _Fault(Struct, frozen=True):
    target: Target
    severity: Severity | None


def are_healthy(
    service: Service, attachment: Attachment, targets: Sequence[Target], tasks: Sequence[Task], now: dt.datetime
) -> Verdict:
    """Every target that stays passes its health checks, or is too young to.

    Critical where no target is healthy; high where others still serve; medium where a target is merely slow to start or
    the load balancer itself has a problem with it.
    """
    assert attachment.group is not None
    staying = [t for t in targets if t.registered]
    healthy = [t for t in staying if t.state == "healthy" or t.reason == "Target.HealthCheckDisabled"]
    ages = {t.private_ip: now - (t.started_at or now) for t in tasks}
    unknown_age = now - deployed_at(service)
    judged = [_fault(t, ages.get(t.id, unknown_age), service, attachment.group.health_check) for t in staying]
    faults = [f for f in judged if f is not None]
    related, names = _common(service, attachment)
    reasons = tuple(dict.fromkeys(f.target.reason for f in faults if f.target.reason))
    check = attachment.group.health_check
    asked = f"the health check asks {check.protocol} {check.path or 'a connection'} on {_port(check)}"
    accepted = f", accepts {check.matcher}" if check.matcher else ""
    return Verdict(
        ok=not faults,
        resource=attachment.group_arn,
        name=service.service,
        observed=_observed(staying, healthy, faults),
        expected=f"all targets of {attachment.name} healthy",
        evidence=(
            *(words(t) for t in staying),
            f"{asked}{accepted}, every {check.interval_s} s within {check.timeout_s} s",
            *((_FAILS_OPEN,) if faults and not healthy else ()),
        ),
        related=related,
        signs=_signs([f.target for f in faults]),
        names=names,
        likely_cause=_MEANINGS.get(reasons[0], "") if reasons else "",
        severity=_severity(faults, healthy),
    )


def _port(check: HealthCheck) -> str:
    return "the target's port" if check.port == "traffic-port" else f"port {check.port}"


def _observed(staying: Sequence[Target], healthy: Sequence[Target], faults: Sequence[_Fault]) -> str:
    if not faults:
        starting = len(staying) - len(healthy)
        return f"{len(healthy)} of {len(staying)} targets are healthy" + (
            f", {starting} are starting" if starting else ""
        )
    listed = ", ".join(dict.fromkeys(f"{f.target.state} ({f.target.reason})" for f in faults))
    return f"{len(healthy)} of {len(staying)} targets are healthy, the others are {listed}"


def _fault(target: Target, age: dt.timedelta, service: Service, check: HealthCheck) -> _Fault | None:
    grace_s = service.grace_period_s or 0
    if target.state == "healthy" or target.reason == "Target.HealthCheckDisabled":
        return None
    if target.state == "initial":
        due = age > dt.timedelta(seconds=grace_s + check.passes_within_s)
        return _Fault(target, "medium") if due else None
    if target.reason == "Elb.InternalError":
        return _Fault(target, "medium")
    if target.state == "unhealthy" and age < dt.timedelta(seconds=grace_s):
        # ECS does not act on it yet, and many applications answer 503 until they are warm.
        return _Fault(target, "medium")
    return _Fault(target, None)


def _severity(faults: Sequence[_Fault], healthy: Sequence[Target]) -> Severity | None:
    if not faults:
        return None
    if all(f.severity == "medium" for f in faults):
        return "medium" if healthy or all(f.target.state != "initial" for f in faults) else "high"
    return "high" if healthy else None


def _signs(faults: Sequence[Target]) -> tuple[str, ...]:
    """What an answer, or a refused connection, rules out: a packet that is dropped would have timed out instead.

    A time-out rules out single requests that failed: those were answered.
    """
    reasons = {t.reason for t in faults}
    if reasons == {"Target.Timeout"}:
        return _SILENT
    if reasons == {"Target.FailedHealthChecks"}:
        return ("refused", "crash", "configuration", "health_check", "image", "secret", "memory")
    if reasons == {"Target.ResponseCodeMismatch"} and all(_REFUSES.search(t.description) for t in faults):
        # It runs, and knows no such path, or wants no such visitor: nothing behind it is to blame.
        return ("configuration", "health_check")
    if reasons and reasons <= {"Target.NotInUse", "Target.IpUnusable"}:
        return ("configuration",)
    return ()
