"""What became of deployments: failed, or rolled back so quietly that the service looks healthy."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import CodeDeployGroup, Service, ServiceDeployment, ServiceEvent

_ROLLED_BACK = ("ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_REQUESTED")
_UNDER_WAY = ("PENDING", "IN_PROGRESS")


def judge(service: Service, deployments: Sequence[ServiceDeployment], now: dt.datetime, window_min: float) -> Verdict:
    """The newest rollout neither failed nor was rolled back (deployments, events, ListServiceDeployments).

    A failure that a later rollout made good is over.
    """
    start = now - dt.timedelta(minutes=window_min)
    failed = [d for d in service.deployments if d.rollout_state == "FAILED"]
    newest = max(deployments, key=lambda d: d.created_at, default=None)
    rolled_back = newest is not None and newest.status in _ROLLED_BACK and (newest.finished_at or now) >= start
    events = _failure_events(service, start)
    lines = tuple(
        f"deployment {d.id} of {_short(d.task_definition)}: {d.rollout_reason}, {d.failed_tasks} failed tasks"
        for d in failed
    )
    # Another rollout is under way since: it may make good what the last one did not.
    retried = (
        newest is not None and newest.status in _UNDER_WAY and all(e.created_at < newest.created_at for e in events)
    )
    if failed:
        observed = f"the deployment of {_short(failed[0].task_definition)} failed"
    elif rolled_back or events:
        observed = f"a deployment was rolled back; {_short(service.task_definition)} runs, which is not the newest"
    else:
        observed = "its newest deployment did not fail"
    if newest is not None and rolled_back:
        lines += (f"{newest.status} at {newest.finished_at or newest.created_at:%m-%d %H:%M:%S}Z {newest.reason}",)
    return Verdict(
        ok=not (failed or rolled_back or events),
        resource=service.arn,
        name=service.service,
        observed=observed,
        expected="a newest deployment that completed",
        evidence=(*lines, *(f"{e.created_at:%m-%d %H:%M:%S}Z {e.message}" for e in events[:5])),
        severity="medium" if events and retried and not failed else None,
        related=service.related,
        signs=(),
        likely_cause="its tasks did not start or stay healthy; the stopped tasks say why" if failed or events else "",
        names={"service": service.service, "cluster": service.cluster},
    )


def _failure_events(service: Service, start: dt.datetime) -> tuple[ServiceEvent, ...]:
    """Failure and rollback events that no later completed deployment made good.

    The completion of the rollback itself names the old deployment, so it makes nothing good.
    """
    relevant = [e for e in service.events if e.created_at >= start]
    bad = [e for e in relevant if re.search(r"deployment failed|rolling back to deployment", e.message, re.IGNORECASE)]
    if not bad:
        return ()
    returned_to = {m[1] for e in bad if (m := re.search(r"rolling back to deployment (ecs-svc/\d+)", e.message))}
    newest = max(e.created_at for e in bad)
    completed = [
        m[1]
        for e in relevant
        if e.created_at > newest and (m := re.search(r"\(deployment (ecs-svc/\d+)\) deployment completed", e.message))
    ]
    if [c for c in completed if c not in returned_to]:
        return ()
    return tuple(bad)


def by_codedeploy(service: Service, group: CodeDeployGroup, now: dt.datetime, window_min: float) -> Verdict:
    """CodeDeploy's newest deployment of a service neither failed, nor was stopped, nor undoes another one.

    While nothing newer follows one that failed, the service runs what it was to replace: after the window that is
    milder, not over.
    """
    last = group.last
    at = last.finished_at or last.created_at
    lately = at >= now - dt.timedelta(minutes=window_min)
    failed = last.status in ("Failed", "Stopped")
    bad = failed or (lately and last.is_rollback)
    what = {"Failed": "failed", "Stopped": "was stopped"}.get(last.status, "undoes one that failed")
    show = f"aws deploy get-deployment{_region(service)} --deployment-id {shlex.quote(last.id)}"
    told = f"{last.id} of {group.application}/{group.name}: {last.status} at {at:%m-%d %H:%M:%S}Z {last.reason}"
    return Verdict(
        ok=not bad,
        resource=service.arn,
        name=service.service,
        observed=f"its newest deployment, {last.id} by CodeDeploy, {what}" if bad else "its newest one did not fail",
        expected="a newest deployment that completed",
        evidence=(told.rstrip(),) if bad else (),
        severity="medium" if bad and not lately else None,
        related=service.related,
        likely_cause="its tasks did not start or stay healthy, or an alarm or a person stopped it" if bad else "",
        names={"service": service.service, "cluster": service.cluster},
        commands=(show,) if bad else (),
    )


def rolls_back(service: Service, group: CodeDeployGroup) -> Verdict:
    """A deployment by CodeDeploy that fails is rolled back by itself."""
    on = group.rolls_back
    turn_on = (
        f"aws deploy update-deployment-group{_region(service)} --application-name {shlex.quote(group.application)} "
        f"--current-deployment-group-name {shlex.quote(group.name)} "
        "--auto-rollback-configuration enabled=true,events=DEPLOYMENT_FAILURE"
    )
    return Verdict(
        ok=on,
        resource=service.arn,
        name=service.service,
        observed=f"{group.application}/{group.name} of CodeDeploy {'undoes' if on else 'leaves'} what fails",
        expected="automatic rollback on DEPLOYMENT_FAILURE",
        related=service.related,
        names={"service": service.service, "cluster": service.cluster},
        commands=() if on else (turn_on,),
    )


def _region(service: Service) -> str:
    return f" --region {service.arn.split(':')[3]}"


def has_circuit_breaker(service: Service) -> Verdict:
    """A rolling deployment that fails is stopped, and rolled back, by itself."""
    on = service.circuit_breaker
    return Verdict(
        ok=on and service.circuit_breaker_rollback,
        resource=service.arn,
        name=service.service,
        observed="the circuit breaker is off"
        if not on
        else "the circuit breaker stops but does not roll back"
        if not service.circuit_breaker_rollback
        else "the circuit breaker rolls back",
        expected="a deployment circuit breaker with rollback",
        related=service.related,
        names={
            "service": service.service,
            "cluster": service.cluster,
            # The rest of it as it is, so that nothing falls back to a default.
            "deployment_configuration": "deploymentCircuitBreaker={enable=true,rollback=true},"
            f"maximumPercent={service.max_percent},minimumHealthyPercent={service.min_healthy_percent}",
        },
    )


def _short(task_definition: str) -> str:
    return task_definition.rsplit("/", 1)[-1]
