"""Whether ECS waits long enough before it acts on a new task's failing health checks.

``healthCheckGracePeriodSeconds`` counts from when a task has started; 0 is the default. Within it the scheduler ignores
ELB, Lattice and container health checks (ECS developer guide, "Service definition parameters").
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.alb import Attachment, Target
from fixtures.model.ecs import Service, Task

_KILLED = "failed elb health checks"
# Deregistering and stopping take their time after ECS has decided.
_STOPPING_S = 90


class Startup(Struct, frozen=True):
    """What can be seen of how long tasks take until they are healthy, in seconds.

    Args:
        killed: tasks that failed load balancer checks as soon as those counted, with how long they ran.
        waiting: tasks that run and are not healthy yet, with how long they have run.
        pulled_s: from being created to being started, longest of the running tasks.
    """

    killed: tuple[tuple[Task, float], ...]
    waiting: tuple[tuple[Task, float], ...]
    pulled_s: float

    @property
    def at_least_s(self) -> float:
        """So long, at least, some task took or would have taken."""
        return max((s for _, s in (*self.killed, *self.waiting)), default=0.0)


def measure(
    service: Service,
    attachment: Attachment,
    targets: Sequence[Target],
    running: Sequence[Task],
    stopped: Sequence[Task],
    now: dt.datetime,
) -> Startup:
    """Start-up times, as far as tasks and target health show them."""
    not_yet = {t.id for t in targets if t.state in ("initial", "unhealthy")}
    young = attachment.group.health_check.fails_after_s if attachment.group is not None else 0
    early_s = (service.grace_period_s or 0) + young + _STOPPING_S
    killed = [(t, _ran_s(t)) for t in stopped if _KILLED in t.stopped_reason.lower()]
    waiting = [(t, (now - t.started_at).total_seconds()) for t in running if t.private_ip in not_yet and t.started_at]
    pulled = [(t.started_at - t.created_at).total_seconds() for t in running if t.started_at]
    return Startup(
        tuple((t, s) for t, s in killed if 0 < s <= early_s),
        tuple((t, s) for t, s in waiting if s <= early_s),
        max(pulled, default=0.0),
    )


def _ran_s(task: Task) -> float:
    if task.started_at is None or task.stopped_at is None:
        return 0.0
    return (task.stopped_at - task.started_at).total_seconds()


def is_enough(service: Service, attachment: Attachment, startup: Startup, healthy: bool, least_s: int) -> Verdict:
    """The grace period is as long as is asked for, and as tasks need.

    Args:
        healthy: a target is healthy now: then tasks that were killed early were merely slow, not broken.
        least_s: the shortest that is acceptable.
    """
    grace_s = service.grace_period_s or 0
    # A task that answers at once is called healthy only after its first checks.
    first_checks_s = attachment.group.health_check.passes_within_s if attachment.group is not None else 0
    short = grace_s < least_s
    slow = (bool(startup.killed) and healthy) or any(s > grace_s + first_checks_s for _, s in startup.waiting)
    # A long grace period and tasks that never get healthy: that is not the grace period's fault.
    judged_slow = slow and (short or healthy)
    given = f"the grace period is {grace_s} s" if service.grace_period_s is not None else "there is no grace period"
    measured = f", and tasks needed more than {startup.at_least_s:.0f} s" if judged_slow else ""
    wanted_s = max(least_s, int(startup.at_least_s * 1.5)) if startup.at_least_s else least_s
    severity: Severity = "high" if short and startup.killed else "medium"
    return Verdict(
        ok=not short and not judged_slow,
        resource=service.arn,
        name=service.service,
        observed=f"{given}{measured}",
        expected=f"at least {wanted_s} s, longer than a task takes to become healthy",
        evidence=(
            *(
                f"task {t.id} was stopped after {s:.0f} s: {t.stopped_reason}"
                for t, s in sorted(startup.killed, key=lambda pair: pair[1])
            ),
            *(f"task {t.id} has run for {s:.0f} s and is not healthy yet" for t, s in startup.waiting),
            f"running tasks took up to {startup.pulled_s:.0f} s to be placed and started, before the period begins",
        ),
        related=(*service.related, attachment.group_arn),
        signs=("configuration", "health_check"),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "target_group": attachment.name,
            "target_group_arn": attachment.group_arn,
            "grace_period_s": str(wanted_s),
        },
        severity=severity,
    )
