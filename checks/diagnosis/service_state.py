"""Whether a service is there, runs what it should and has settled."""

from __future__ import annotations

import datetime as dt

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import MissingService, Service


def exists(service: Service | MissingService) -> Verdict:
    """The cluster has an ACTIVE service of that name (DescribeServices ``failures``, ``status``)."""
    found = isinstance(service, Service)
    return Verdict(
        ok=found,
        resource=service.arn if isinstance(service, Service) else f"{service.cluster}/{service.service}",
        name=service.service,
        observed="it is there" if found else f"cluster {service.cluster} has no active service of that name",
        expected="an active ECS service",
        related=(f"service/{service.name}",),
        names={"service": service.service, "cluster": service.cluster},
    )


def is_stable(service: Service, now: dt.datetime, settle_min: int) -> Verdict:
    """Running equals desired and no deployment is overdue; a young rolling deployment is not a fault.

    Args:
        settle_min: minutes that a deployment may be in progress.
    """
    deployment = service.primary
    in_progress = deployment is not None and deployment.rollout_state == "IN_PROGRESS"
    age = now - deployment.created_at if deployment else dt.timedelta.max
    young = in_progress and age < dt.timedelta(minutes=settle_min)
    counts_fit = service.running == service.desired and service.pending == 0
    ok = young or (counts_fit and not in_progress)
    state = f", deployment {deployment.rollout_state or 'without state'}" if deployment else ""
    return Verdict(
        ok=ok,
        resource=service.arn,
        name=service.service,
        observed=f"{service.running} of {service.desired} tasks run, {service.pending} pending{state}",
        expected=f"{service.desired} running and a settled deployment",
        evidence=tuple(f"{e.created_at:%H:%M:%S} {e.message}" for e in service.events[:5]),
        related=service.related,
        names={"service": service.service, "cluster": service.cluster},
    )
