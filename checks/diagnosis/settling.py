"""What a gate right after a deployment still waits for, and what waiting cannot heal."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from checks.diagnosis.service_state import deployed_at, is_settling
from checks.diagnosis.stopped_tasks import Stop, classify
from fixtures.model.alb import Target
from fixtures.model.ecs import Deployment, Service, Task

# A task that stopped for one of these stops again, however long one waits (but for a registry's rate limit).
_HOPELESS = ("image cannot be pulled", "secret cannot be resolved", "secret cannot be read", "cannot be executed")


class Settling(Struct, frozen=True):
    """Reasons to wait, and reasons not to."""

    waiting_for: tuple[str, ...]
    hopeless: tuple[str, ...]

    @property
    def worth_waiting(self) -> bool:
        """Whether something is under way that can still become good."""
        return bool(self.waiting_for) and not self.hopeless


def judge(
    services: Sequence[Service],
    stopped: Mapping[str, Sequence[Task]],
    targets: Mapping[str, Sequence[Target]],
    now: dt.datetime,
    settle_min: float,
) -> Settling:
    """Deployments in progress; tasks that are missing and targets not healthy yet, while a deployment is young.

    Args:
        stopped: recently stopped tasks by the service's short name.
        targets: registered targets by target group ARN.
    """
    waiting: list[str] = []
    hopeless: list[str] = []
    for service in services:
        waiting += _waiting(service, targets, now, settle_min)
        hopeless += _hopeless(service, stopped.get(service.name, ()))
    return Settling(tuple(waiting), tuple(hopeless))


def _waiting(
    service: Service, targets: Mapping[str, Sequence[Target]], now: dt.datetime, settle_min: float
) -> list[str]:
    young = now - deployed_at(service) < dt.timedelta(minutes=settle_min)
    found = []
    if is_settling(service, now, settle_min):
        found.append(f"{service.service}: its deployment is in progress")
    elif young and service.running < service.desired:
        found.append(f"{service.service}: {service.running} of {service.desired} tasks run")
    own = [t for group in service.every_target_group for t in targets.get(group, ()) if t.registered]
    starting = [t for t in own if t.state == "initial" or (young and t.state == "unhealthy")]
    return found + [f"{service.service}: target {t.address} is {t.state}" for t in starting]


def _hopeless(service: Service, stopped: Sequence[Task]) -> list[str]:
    primary = service.primary
    if primary is not None and primary.rollout_state == "FAILED":
        return [f"{service.service}: its deployment failed"]
    failed = [d for d in service.deployments if d.rollout_state == "FAILED"]
    if primary is not None and any(_returns_from(primary, d) for d in failed):
        return [f"{service.service}: its deployment failed and is being rolled back"]
    current = service.current_deployments
    own = [t for t in stopped if not current or t.started_by in current]
    causes = dict.fromkeys(f"{s.what}: {s.cause}" for s in map(classify, own) if _is_hopeless(s))
    return [f"{service.service}: {what}" for what in causes]


def _returns_from(primary: Deployment, failed: Deployment) -> bool:
    """Whether a deployment goes back to an earlier revision, rather than on to one that mends the failed one."""
    said = re.search(r"roll(?:ing|ed) back", primary.rollout_reason, re.IGNORECASE)
    return bool(said) or _revision(primary) < _revision(failed)


def _revision(deployment: Deployment) -> int:
    number = deployment.task_definition.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _is_hopeless(stop: Stop) -> bool:
    return stop.what in _HOPELESS and "rate limit" not in stop.cause
