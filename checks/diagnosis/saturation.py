"""Whether tasks and database have room left, and whether anything would give them more."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.headroom import more_tasks
from checks.diagnosis.verdict import Verdict
from fixtures.model.database import Database
from fixtures.model.ecs import Service, TaskDefinition
from fixtures.model.latency import Load, Scaling

# Below this share of its credits a burstable instance is about to be throttled to its baseline.
_FEW_CREDITS = 10.0
_BUSY_CPU_PERCENT = 60.0
# RDS runs these classes in unlimited mode (RDS user guide, "DB instance class types").
_UNLIMITED = ("db.t3.", "db.t4g.")
_GIB = 1024**3
# Predefined metrics of target tracking that follow CPU or memory (Application Auto Scaling API reference).
_CPU_OR_MEMORY = ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization")


def judge_service(
    service: Service,
    definition: TaskDefinition,
    load: Load,
    scaling: Scaling | None,
    *,
    cpu_percent: float,
    memory_percent: float,
) -> Verdict:
    """Tasks use less than the limit of the CPU and memory that they reserve."""
    cpu, memory = _used(load, "CPUUtilization"), _used(load, "MemoryUtilization")
    hot = [
        f"{name} {value:.0f} %"
        for name, value, limit in (("CPU", cpu, cpu_percent), ("memory", memory, memory_percent))
        if value is not None and value > limit
    ]
    at_most = scaling is not None and service.desired >= scaling.maximum
    size = f"{definition.cpu_units} CPU units, {definition.memory_mib} MiB"
    return Verdict(
        ok=not hot,
        resource=service.arn,
        name=service.service,
        observed=f"{' and '.join(hot)} of {size}"
        + (f", already at its maximum of {service.desired} tasks" if at_most else "")
        if hot
        else f"CPU {cpu or 0:.0f} %, memory {memory or 0:.0f} %",
        expected=f"at most {cpu_percent:g} % CPU and {memory_percent:g} % memory",
        evidence=tuple(f"{m}: {', '.join(f'{v:.0f}' for v in vs[-12:])}" for m, vs in load.series.items() if vs),
        likely_cause=("the tasks are too small" + (", and it cannot scale out any more" if at_most else ""))
        if hot
        else "",
        related=service.related,
        signs=("capacity",),
        names={"service": service.service, "revision": definition.short, **more_tasks(service, scaling)},
    )


def _used(load: Load, metric: str) -> float | None:
    """Utilisation over the window; or of late, where it has risen: what lasts for three periods is no peak."""
    found = [v for v in (load.mean(metric), load.lately(metric)) if v is not None]
    return max(found, default=None)


def judge_database(load: Load, database: Database, *, cpu_percent: float, storage_percent: float) -> Verdict:
    """The database instance has CPU, burst credits and storage left."""
    cpu, credits = _used(load, "CPUUtilization"), load.last("CPUCreditBalance")
    free = load.last("FreeStorageSpace")
    found = []
    if cpu is not None and cpu > cpu_percent:
        found.append(f"CPU {cpu:.0f} %")
    spent = credits is not None and credits < _FEW_CREDITS and (cpu or 0) > _BUSY_CPU_PERCENT / 2
    # Of the T classes all but the oldest go on without credits, and are charged for it.
    charged = spent and database.instance_class.startswith(_UNLIMITED)
    if spent:
        found.append(f"{credits:.0f} CPU credits left" + (", so that more are charged for" if charged else ""))
    used = 100 * (1 - free / database.storage_bytes) if free is not None and database.storage_bytes else None
    full = used is not None and used > storage_percent
    if full:
        found.append(f"storage {used:.0f} % full")
    return Verdict(
        ok=not found,
        resource=database.arn,
        name=load.what,
        observed=", ".join(found) if found else "it has room left",
        expected=f"CPU below {cpu_percent:g} %, CPU credits, storage below {storage_percent:g} %",
        evidence=tuple(_told(name, values) for name, values in load.series.items() if values),
        related=database.related,
        # A full disk stops the database: that speaks in the words of what it then does.
        signs=("capacity", "storage") if full else ("capacity",),
        names={"database": database.main_instance},
        severity="medium" if charged and len(found) == 1 else None,
    )


def _told(name: str, values: Sequence[float]) -> str:
    if name.startswith(("Free", "Freeable")):
        return f"{name}: {values[-1] / _GIB:.2f} GiB"
    return f"{name}: mean {sum(values) / len(values):.4g}, last {values[-1]:.4g}"


def judge_scaling(service: Service, scaling: Scaling | None) -> Verdict:
    """The service scales on CPU or memory: registered, with room, not suspended, without failed attempts."""
    found = []
    if scaling is None:
        found.append("it is not registered with Application Auto Scaling")
    else:
        found += _scaling_problems(scaling)
    return Verdict(
        ok=not found,
        resource=service.arn,
        name=service.service,
        observed=found[0] if found else "it scales",
        expected="autoscaling on CPU or memory between a minimum and a larger maximum",
        evidence=(*found[1:], *_policies(scaling)),
        related=service.related,
        names={"service": service.service, "cluster": service.cluster},
    )


def _scaling_problems(scaling: Scaling) -> list[str]:
    found = []
    if scaling.suspended_out:
        found.append("scaling out is suspended")
    if scaling.suspended_in:
        found.append("scaling in is suspended")
    if scaling.minimum >= scaling.maximum:
        found.append(f"minimum and maximum are both {scaling.maximum} tasks")
    if not any(_follows_load(p.kind, p.metric) for p in scaling.policies):
        found.append("no policy follows CPU or memory")
    found += [f"{a.at:%m-%d %H:%M}Z {a.status}: {a.message or a.cause}" for a in scaling.failures[:3]]
    return found


def _follows_load(kind: str, metric: str) -> bool:
    # A step policy is driven by an alarm that the policy does not show: it gets the benefit of the doubt.
    return (
        kind != "TargetTrackingScaling"
        or metric.startswith(_CPU_OR_MEMORY)
        or metric in ("CPUUtilization", "MemoryUtilization")
    )


def _policies(scaling: Scaling | None) -> tuple[str, ...]:
    if scaling is None:
        return ()
    return tuple(f"{p.name}: {p.kind} on {p.metric} at {p.target_value}" for p in scaling.policies)
