"""What a gate right after a deployment still waits for, and what waiting cannot heal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks.diagnosis.service_state import deployed_at, is_settling
from checks.diagnosis.stopped_tasks import classify
from fixtures.model.alb import Target
from fixtures.model.ecs import Service, Task

# A task that stopped for one of these stops again, however long one waits.
_HOPELESS = ("image cannot be pulled", "secret cannot be resolved", "secret cannot be read", "cannot be executed")


@dataclass(frozen=True)
class Settling:
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
    own = [t for group in service.target_groups for t in targets.get(group, ()) if t.registered]
    starting = [t for t in own if t.state == "initial" or (young and t.state == "unhealthy")]
    return found + [f"{service.service}: target {t.address} is {t.state}" for t in starting]


def _hopeless(service: Service, stopped: Sequence[Task]) -> list[str]:
    primary = service.primary
    if primary is not None and primary.rollout_state == "FAILED":
        return [f"{service.service}: its deployment failed"]
    own = [t for t in stopped if primary is None or t.started_by == primary.id]
    causes = dict.fromkeys(s.what for s in map(classify, own) if s.what in _HOPELESS)
    return [f"{service.service}: {what}" for what in causes]
