"""What costs without use: logs kept for ever, idle services, environments that run all night."""

from __future__ import annotations

import re
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.cost import Schedule, Usage
from fixtures.model.ecs import Service
from fixtures.model.registry import LogGroup

_GIB = 1024**3
# What PutRetentionPolicy takes (CloudWatch Logs API reference), and what is proposed where any will do.
_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288)
_PROPOSED_DAYS = 90
_SCALING = "application-autoscaling"
# The input of Scheduler's calls of RDS's API.
_IDENTIFIER = re.compile(r'"Db(?:Instance|Cluster)Identifier"\s*:\s*"([^"]*)"', re.IGNORECASE)


def retention(group: LogGroup, most_days: int) -> Verdict:
    """A log group forgets.

    Args:
        most_days: longest retention allowed; 0 allows any.
    """
    kept = group.retention_days
    too_long = kept is not None and 0 < most_days < kept
    size = f"{group.stored_bytes / _GIB:.1f} GiB" if group.stored_bytes >= _GIB else f"{group.stored_bytes} bytes"
    return Verdict(
        ok=kept is not None and not too_long,
        resource=group.arn or f"log-group/{group.name}",
        name=group.name,
        observed=f"kept for {kept} days" if kept is not None else f"never expires, {size} stored",
        expected=f"a retention of at most {most_days} days" if most_days else "a retention in days",
        names={
            "log_group": group.name,
            "retention_days": str(max(d for d in _RETENTION_DAYS if d <= (most_days or _PROPOSED_DAYS))),
            # It may be in another Region than its service.
            **({"region": group.region} if group.region else {}),
        },
    )


def is_used(service: Service, usage: Usage, idle_percent: float) -> Verdict:
    """A running service did something in the last days: it calculated, or it answered requests."""
    busiest_cpu_percent, requests = usage.busiest_cpu_percent, usage.requests
    idle = (busiest_cpu_percent is not None and busiest_cpu_percent < idle_percent) and not requests
    cpu = "unknown" if busiest_cpu_percent is None else f"{busiest_cpu_percent:.1f} %"
    asked = "no load balancer" if requests is None else f"{requests:.0f} requests"
    return Verdict(
        ok=not idle,
        resource=service.arn,
        name=service.service,
        observed=f"busiest CPU {cpu}, {asked} in the last days with {service.desired} tasks running",
        expected=f"CPU above {idle_percent:g} % or requests, or no tasks",
        related=service.related,
        names={"service": service.service},
    )


def concerns_database(schedule: Schedule, ours: str) -> bool:
    """Whether a schedule is about databases, and not about others than ours.

    Args:
        ours: the database's identifier, or what the names of the environment begin with.
    """
    said = f"{schedule.name} {schedule.target} {schedule.detail}".lower()
    named = _IDENTIFIER.findall(schedule.detail)
    about = any(word in said for word in ("rds", "dbinstance", "dbcluster", "database"))
    return about and (not named or any(ours in name for name in named))


def _stops(schedule: Schedule) -> bool:
    said = f"{schedule.name} {schedule.target} {schedule.detail}".lower()
    return "stop" in said or (schedule.source == _SCALING and schedule.detail.endswith("-0"))


def _starts(schedule: Schedule) -> bool:
    said = f"{schedule.name} {schedule.target} {schedule.detail}".lower()
    # A minimum of 0 only allows tasks; nothing starts them.
    least = schedule.detail.partition("-")[0]
    return "start" in said or (schedule.source == _SCALING and least not in ("", "0"))


def sleeps(what: str, resource: str, schedules: Sequence[Schedule]) -> Verdict:
    """Something that is stopped at night, and started again: both halves, both enabled.

    Args:
        schedules: those that could be about it.
    """
    on = [s for s in schedules if s.enabled]
    stops, starts = any(map(_stops, on)), any(map(_starts, on))
    missing = " and ".join(n for n, there in (("stop", stops), ("start", starts)) if not there)
    return Verdict(
        ok=stops and starts,
        resource=resource,
        name=what,
        observed="it runs day and night"
        if not stops and not starts
        else f"a schedule without {missing}"
        if missing
        else "it is stopped and started on a schedule",
        expected="schedules that stop and start it outside working hours",
        evidence=tuple(
            f"{s.source} {s.name} {s.expression} → {s.target}{'' if s.enabled else ' (disabled)'}" for s in schedules
        ),
    )
