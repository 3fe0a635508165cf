"""Whether a service is there, runs what it should and has settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import MissingService, Service, Task

_SHOWN_EVENTS = 5


def exists(service: Service | MissingService) -> Verdict:
    """The cluster has an ACTIVE service of that name (DescribeServices ``failures``, ``status``)."""
    names = {"service": service.service, "cluster": service.cluster}
    if isinstance(service, MissingService):
        return Verdict(
            ok=False,
            resource=f"{service.cluster}/{service.service}",
            name=service.service,
            observed=f"cluster {service.cluster} has no such service ({service.reason})",
            expected="an active ECS service",
            related=(f"service/{service.name}",),
            names=names,
        )
    return Verdict(
        ok=service.status == "ACTIVE",
        resource=service.arn,
        name=service.service,
        observed=f"its status is {service.status}",
        expected="an active ECS service",
        related=service.related,
        names=names,
    )


def is_settling(service: Service, now: dt.datetime, settle_min: float) -> bool:
    """Whether a deployment is in progress and young enough that its counts mean nothing yet."""
    limit = now - dt.timedelta(minutes=settle_min)
    rolling = any(d.rollout_state == "IN_PROGRESS" and d.created_at > limit for d in service.deployments)
    green = any(s.stability == "STABILIZING" and (s.created_at or limit) > limit for s in service.task_sets)
    return rolling or green


def deployed_at(service: Service) -> dt.datetime:
    """When what runs now was deployed: evidence from before says nothing about it."""
    if service.primary is not None:
        return service.primary.created_at
    primary = next((s.created_at for s in service.task_sets if s.status == "PRIMARY" and s.created_at), None)
    return primary or service.created_at


def superseded(service: Service, tasks: Iterable[Task]) -> frozenset[str]:
    """Ids of the tasks that earlier deployments of the service started.

    They go on writing logs for as long as they are being replaced, which says nothing about what replaces them.
    """
    current = service.current_deployments
    others = (t for t in tasks if t.started_by.startswith("ecs-svc/") and t.started_by not in current)
    return frozenset(t.id for t in others) if current else frozenset()


def is_stable(service: Service, now: dt.datetime, settle_min: float) -> Verdict:
    """Running equals desired and no deployment is overdue; a young rolling deployment is not a fault.

    Args:
        settle_min: minutes that a deployment may be in progress.
    """
    running, state = _counts(service)
    young = is_settling(service, now, settle_min)
    overdue = not young and ("IN_PROGRESS" in state or "STABILIZING" in state)
    # Daemons have no desired count of their own; ECS reports what it placed.
    short = running < service.desired
    surplus = running > service.desired and not young
    failed = "FAILED" in state
    ok = young or not (short or surplus or overdue or failed)
    return Verdict(
        ok=ok,
        resource=service.arn,
        name=service.service,
        observed=f"{running} of {service.desired} tasks run, {service.pending} pending"
        + (f"; {state}" if state else "")
        + (", for longer than it may take" if overdue else ""),
        expected=f"{service.desired} running and a deployment settled within {settle_min:g} min",
        evidence=recent_events(service),
        related=service.related,
        names={"service": service.service, "cluster": service.cluster},
    )


def _counts(service: Service) -> tuple[int, str]:
    """Running tasks, and the state of what is being deployed."""
    if service.controller != "ECS":
        sets = ", ".join(f"task set {s.status} {s.stability} {s.running}/{s.desired}" for s in service.task_sets)
        return service.running, sets
    primary = service.primary
    return service.running, f"deployment {primary.rollout_state}" if primary and primary.rollout_state else ""


def recent_events(service: Service) -> tuple[str, ...]:
    """The newest events, as evidence."""
    return tuple(f"{e.created_at:%m-%d %H:%M:%S}Z {e.message}" for e in service.events[:_SHOWN_EVENTS])
