"""Scaling limits against load: being at the maximum is fine until busy, being busy is fine until the maximum."""

from __future__ import annotations

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service
from fixtures.model.latency import Load, Scaling

# What target tracking follows, as CloudWatch calls it.
_METRICS = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
    "CPUUtilization": "CPUUtilization",
    "MemoryUtilization": "MemoryUtilization",
}
_WORDS = {"CPUUtilization": "CPU", "MemoryUtilization": "memory"}
# Target tracking scales out after three minutes above its target; three periods of five are no passing peak.
_PERIODS = 3


def judge(service: Service, scaling: Scaling, load: Load, *, cpu_percent: float, memory_percent: float) -> Verdict:
    """A service whose load calls for more tasks may have more: it is below its maximum, and not suspended.

    Milder where the load is above what the policy wants, but below what makes requests wait.

    Args:
        cpu_percent, memory_percent: from when on tasks are saturated.
    """
    saturated = {"CPUUtilization": cpu_percent, "MemoryUtilization": memory_percent}
    targets = {m: min(limit, _target(scaling, m) or limit) for m, limit in saturated.items()}
    pressed = {
        m: recent for m, limit in targets.items() if (recent := load.lately(m, _PERIODS)) is not None and recent > limit
    }
    bound = _bound(service, scaling)
    stuck = bool(pressed) and bool(bound)
    grave = any(recent > saturated[m] for m, recent in pressed.items())
    told = " and ".join(f"{_WORDS[m]} above {targets[m]:g} %" for m in pressed)
    return Verdict(
        ok=not stuck,
        resource=service.arn,
        name=service.service,
        observed=f"{told} for {_PERIODS} periods, and it cannot scale out: {bound}"
        if stuck
        else f"{told or 'its load is within its targets'}, {bound or f'{service.desired} of {scaling.maximum} tasks'}",
        expected="room to scale out while the load calls for it",
        evidence=(
            *(f"{m}: {', '.join(f'{v:.0f}' for v in load.series[m][-12:])} %" for m in pressed),
            *(f"policy {p.name}: {p.metric} at {p.target_value:g} %" for p in scaling.policies if p.target_value),
        ),
        # The last is what Application Auto Scaling calls it.
        related=(*service.related, f"service/{service.cluster}/{service.service}"),
        signs=("capacity",),
        severity=None if grave or not stuck else "medium",
        names={"service": service.service, "cluster": service.cluster, **more_tasks(service, scaling)},
        likely_cause="autoscaling wants more tasks than its limits let it have" if stuck else "",
    )


def more_tasks(service: Service, scaling: Scaling | None) -> dict[str, str]:
    """Names for the command that lets more tasks of a service run: half as many again.

    What autoscaling manages it would set back at once, so there its limits are moved, or it is resumed.
    """
    if service.scheduling != "REPLICA":
        return {}
    wanted = service.desired + max(1, service.desired // 2)
    if scaling is None:
        return {"more_tasks": str(wanted)}
    if scaling.suspended_out:
        return {"suspended_service": service.service}
    if service.desired >= scaling.maximum:
        return {"minimum": str(scaling.minimum), "maximum": str(max(scaling.maximum + 1, 2 * scaling.maximum))}
    return {"minimum": str(max(scaling.minimum, min(wanted, scaling.maximum))), "maximum": str(scaling.maximum)}


def _target(scaling: Scaling, metric: str) -> float | None:
    wanted = [p.target_value for p in scaling.policies if _METRICS.get(p.metric) == metric and p.target_value]
    return min(wanted, default=None)


def _bound(service: Service, scaling: Scaling) -> str:
    if scaling.suspended_out:
        return "scaling out is suspended"
    if service.desired >= scaling.maximum:
        return f"it is at its maximum of {scaling.maximum} tasks"
    return ""
