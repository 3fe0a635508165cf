"""What a service's events complain of since it last reached a steady state."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.ecs import Service, ServiceEvent


class Complaint(Struct, frozen=True):
    """A kind of event that reports trouble.

    Args:
        pattern: matched without regard to case; AWS's documents and answers differ in parentheses and spelling.
        severity: None for the check's own.
    """

    name: str
    pattern: str
    cause: str
    sign: str = ""
    severity: Severity | None = None


# Message shapes of the "Service event messages" page of the ECS developer guide and of real clusters.
_COMPLAINTS = (
    Complaint("deployment failed", r"deployment failed", "its tasks did not start or stay up", "crash"),
    Complaint("rolled back", r"rolling back to deployment", "the new revision failed; the old one runs again", "crash"),
    Complaint(
        "container health checks failed",
        r"failed container health checks",
        "the container's own health check fails",
        "health_check",
    ),
    Complaint(
        "unhealthy in target group",
        r"is unhealthy in \(?target-group",
        "the load balancer's health check fails",
        "health_check",
    ),
    Complaint("replaced unhealthy tasks", r"due to an unhealthy status", "its health checks fail", "health_check"),
    Complaint("image cannot be pulled", r"CannotPullContainer", "the image or the way to it is missing", "image"),
    Complaint(
        "resources cannot be initialised",
        r"ResourceInitializationError",
        "a secret, a log group or the network",
        "secret",
    ),
    Complaint("no capacity", r"Capacity is unavailable", "Fargate has no capacity there now", "capacity"),
    Complaint("limit reached", r"reached the limit on the number of|above your limit", "an account limit", "capacity"),
    Complaint(
        "no place for a task", r"unable to place a task", "no capacity, or a task that cannot be started", "capacity"
    ),
    Complaint("tasks do not stay up", r"unable to consistently start tasks", "its tasks keep stopping", "crash"),
    Complaint(
        "deployment configuration forbids progress",
        r"because of the service deployment configuration",
        "minimumHealthyPercent and maximumPercent leave no room",
        "configuration",
    ),
    Complaint("steady state not reached", r"unable to reach steady state", "no instances in the provider", "capacity"),
    Complaint(
        "tasks cannot be launched",
        r"failed to launch a task|unable to assume (?:the|a|this) (?:service.linked )?role",
        "a role, the network configuration or an account limit",
        "permission",
    ),
    Complaint(
        "targets cannot be registered", r"failed to register targets", "the target group or its network", "network"
    ),
    Complaint("throttled", r"operations are being throttled", "ECS throttles the account", "capacity", "medium"),
    Complaint(
        "protected tasks", r"unable to scale in.*protected", "protected tasks keep it from scaling in", "", "low"
    ),
)
_GOOD = re.compile(r"has reached a steady state|deployment completed", re.IGNORECASE)


def complaint(message: str) -> Complaint | None:
    """What a message complains of, None for a neutral or good one."""
    return next((c for c in _COMPLAINTS if re.search(c.pattern, message, re.IGNORECASE)), None)


def since_steady(events: Sequence[ServiceEvent], start: dt.datetime) -> list[ServiceEvent]:
    """Events after the newest good one, and not before ``start``; newest first."""
    recent: list[ServiceEvent] = []
    for event in sorted(events, key=lambda e: e.created_at, reverse=True):
        if event.created_at < start or _GOOD.search(event.message):
            break
        recent.append(event)
    return recent


def judge(service: Service, now: dt.datetime, window_min: float, *, settling: bool) -> Verdict:
    """No complaint since the last steady state within the window.

    Args:
        settling: a young deployment is in progress: one complaint of each kind may heal by itself.

    A want of capacity that has passed, since all tasks run, is a milder finding too.
    """
    start = now - dt.timedelta(minutes=window_min)
    found = [(e, c) for e in since_steady(service.events, start) if (c := complaint(e.message)) is not None]
    kinds = list(dict.fromkeys(c for _, c in found))
    gravest = next((c for c in kinds if c.severity is None), kinds[0] if kinds else None)
    counts = ", ".join(f"{c.name} ({sum(1 for _, d in found if d is c)}×)" for c in kinds)
    severity = gravest.severity if gravest else None
    passed = all(c.sign == "capacity" for c in kinds) and service.running >= service.desired
    if (settling and len(found) == len(kinds)) or passed:
        severity = severity or "medium"
    return Verdict(
        ok=not found,
        resource=service.arn,
        name=service.service,
        observed=f"since its last steady state: {counts}" if found else "no complaint since its last steady state",
        expected=f"no failure events in the last {window_min:g} min",
        evidence=tuple(f"{e.created_at:%m-%d %H:%M:%S}Z {e.message}" for e, _ in found[:8]),
        likely_cause=gravest.cause if gravest else "",
        severity=severity,
        related=service.related,
        signs=tuple(dict.fromkeys(c.sign for c in kinds if c.sign)),
        names={"service": service.service, "cluster": service.cluster},
    )
