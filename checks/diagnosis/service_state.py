"""Whether a service is there, runs what it should and has settled."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from checks.diagnosis.service_events import complaint
from checks.diagnosis.stopped_tasks import classify
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Deployment, MissingService, Service, Task, TaskDefinition

_SHOWN_EVENTS = 5
# A task that ends for want of a value does so sooner.
_SHOWN_AFTER = dt.timedelta(minutes=1)
# Task lifecycle states before RUNNING.
_STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
_STARTED = re.compile(r"has started \d+ tasks", re.IGNORECASE)


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
    """Whether a deployment is in progress and young enough that its counts mean nothing yet.

    A bake time, for which a finished deployment waits on purpose, is added to what it may take.
    """
    limit = now - dt.timedelta(minutes=settle_min + service.bake_min)
    several = len(service.deployments) > 1
    rolling = any(_is_rolling(d, several) and d.created_at > limit for d in service.deployments)
    green = any(s.stability == "STABILIZING" and (s.created_at or limit) > limit for s in service.task_sets)
    return rolling or green


def _is_rolling(deployment: Deployment, several: bool) -> bool:
    """Behind a Classic Load Balancer deployments have no state: then an old one beside the new one tells."""
    return deployment.rollout_state == "IN_PROGRESS" or (several and not deployment.rollout_state)


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


def is_stable(service: Service, now: dt.datetime, settle_min: float, tasks: Iterable[Task] = ()) -> Verdict:
    """Running equals desired and no deployment is overdue; a young rolling deployment is not a fault.

    Milder are more tasks than wanted (they are about to be stopped) and missing ones that only just began to start.

    Args:
        settle_min: minutes that a deployment may be in progress, and a task may take to start.
        tasks: its running and lately stopped ones, as far as they could be seen.
    """
    running, desired, state = _counts(service)
    young = is_settling(service, now, settle_min)
    overdue = not young and ("IN_PROGRESS" in state or "STABILIZING" in state)
    short = running < desired
    surplus = running > desired
    failed = "FAILED" in state
    since = now - dt.timedelta(minutes=settle_min)
    starting = short and _only_starting(service, desired - running, since, tuple(tasks))
    return Verdict(
        ok=young or not (short or surplus or overdue or failed),
        resource=service.arn,
        name=service.service,
        observed=f"{running} of {desired} tasks run, {service.pending} pending"
        + (f"; {state}" if state else "")
        + (", for longer than it may take" if overdue else ""),
        expected=f"{desired} running and a deployment settled within {settle_min + service.bake_min:g} min",
        evidence=recent_events(service),
        severity="medium" if not (overdue or failed) and (surplus or starting) else None,
        related=service.related,
        names={"service": service.service, "cluster": service.cluster},
    )


def serves(
    service: Service, definition: TaskDefinition, now: dt.datetime, settle_min: float, tasks: Sequence[Task]
) -> bool:
    """Whether a revision has shown that it works: it is deployed, and one of its tasks has been running for a while.

    One that is just being scaled, in either direction, works too.
    """
    if is_settling(service, now, settle_min):
        return False
    stable = is_stable(service, now, settle_min, tasks)
    started = (t.started_at for t in tasks if t.task_definition == definition.arn and t.stopped_at is None)
    return bool(stable or stable.severity) and any(at is not None and now - at >= _SHOWN_AFTER for at in started)


def _counts(service: Service) -> tuple[int, int, str]:
    """Running and desired tasks of what is meant to serve, and the state of what is being deployed."""
    primary_set = next((s for s in service.task_sets if s.status == "PRIMARY"), None)
    if primary_set is not None:
        # Beside it the set that it replaces may run on for hours, until CodeDeploy ends it.
        sets = ", ".join(f"task set {s.status} {s.stability} {s.running}/{s.desired}" for s in service.task_sets)
        return primary_set.running, primary_set.desired, sets
    primary = service.primary
    state = f"deployment {primary.rollout_state}" if primary and primary.rollout_state else ""
    return service.running, service.desired, state


def _only_starting(service: Service, missing: int, since: dt.datetime, tasks: Iterable[Task]) -> bool:
    """Whether the missing tasks were started lately, and nothing complains: the service was scaled out.

    Tasks that are started again and again because they fail would look the same, did they not leave stopped ones.
    """
    recent = [e for e in service.events if e.created_at >= since]
    if any(complaint(e.message) for e in recent):
        return False
    once = sum(bool(_STARTED.search(e.message)) for e in recent) == 1
    return (service.pending >= missing and once) or _are_new(service, missing, since, tasks)


def _are_new(service: Service, missing: int, since: dt.datetime, tasks: Iterable[Task]) -> bool:
    """Whether so many tasks of this deployment have been starting since an instant, and none stopped for a fault."""
    current = service.current_deployments
    own = [t for t in tasks if not current or t.started_by in current]
    starting = [t for t in own if t.status in _STARTING and t.created_at >= since]
    failed = (t for t in own if t.stopped_at and t.stopped_at >= since and not classify(t).benign)
    return len(starting) >= missing and not any(failed)


def recent_events(service: Service) -> tuple[str, ...]:
    """The newest events, as evidence."""
    return tuple(f"{e.created_at:%m-%d %H:%M:%S}Z {e.message}" for e in service.events[:_SHOWN_EVENTS])
