"""Which alarm would have told of which scenario, and which would not although it looks so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks.diagnosis.money import Listeners, alarm_tells
from checks.diagnosis.verdict import Verdict
from fixtures.model.alarms import Alarm, AlarmMetric

# Metrics (namespace, names) that rise, or stop, when a scenario happens.
_COVERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "ecs": (
        ("AWS/ECS", ("RunningTaskCount",)),
        ("ECS/ContainerInsights", ("RunningTaskCount", "PendingTaskCount", "RestartCount", "TaskCount")),
        ("AWS/ApplicationELB", ("HealthyHostCount", "UnHealthyHostCount")),
    ),
    "database": (
        ("AWS/RDS", ("DatabaseConnections", "FreeStorageSpace", "CPUUtilization")),
        ("AWS/ApplicationELB", ("HTTPCode_Target_5XX_Count",)),
    ),
    "alb": (
        (
            "AWS/ApplicationELB",
            ("HTTPCode_ELB_503_Count", "HTTPCode_ELB_5XX_Count", "HealthyHostCount", "UnHealthyHostCount"),
        ),
    ),
    "latency": (("AWS/ApplicationELB", ("TargetResponseTime",)),),
    "cost": (("AWS/Billing", ("EstimatedCharges",)),),
}
# Alarms that people take for the scenario's, and why they are not.
_LOOKALIKES: dict[str, tuple[tuple[str, str], ...]] = {
    "alb": (
        ("HTTPCode_Target_5XX_Count", "counts what targets answer; a 503 that the load balancer makes is not in it"),
    ),
    "latency": (("CPUUtilization", "is about load, not about how long clients wait"),),
    "cost": (
        ("EstimatedCharges", "is the month to date: it tells that a limit is passed, not that a day was expensive"),
    ),
    "ecs": (("CPUUtilization", "falls when tasks die"),),
    "database": (("CPUUtilization", "does not rise when nobody can connect"),),
}


@dataclass(frozen=True)
class Coverage:
    """The alarms that would have told of a scenario, and those that would not."""

    scenario: str
    telling: tuple[str, ...]
    mute: tuple[str, ...]
    lookalikes: tuple[str, ...]


def coverage(scenario: str, alarms: Sequence[Alarm], listeners: Listeners) -> Coverage:
    """Sort alarms by what they would have done; target tracking's own alarms tell nobody and are left out."""
    people = [a for a in alarms if not a.name.startswith("TargetTracking-")]
    fitting = [a for a in people if any(a.watches(ns, *names) for ns, names in _COVERS[scenario])]
    telling = [a.name for a in fitting if alarm_tells(a, listeners)[0]]
    mute = [f"{a.name}: {alarm_tells(a, listeners)[1]}" for a in fitting if not alarm_tells(a, listeners)[0]]
    others = [
        f"{a.name} on {metric} {why}"
        for metric, why in _LOOKALIKES.get(scenario, ())
        for a in people
        if any(m.name == metric for m in a.metrics) and (a not in fitting or scenario in ("cost", "database"))
    ]
    return Coverage(scenario, tuple(telling), tuple(mute), tuple(others))


def judge(scenario: str, alarms: Sequence[Alarm], listeners: Listeners, target: str) -> Verdict:
    """Some alarm would have told somebody of the scenario."""
    found = coverage(scenario, alarms, listeners)
    return Verdict(
        ok=bool(found.telling),
        resource=f"alarms/{target}/{scenario}",
        name=f"{target}: {scenario}",
        observed=f"{', '.join(found.telling)} would have told" if found.telling else "no alarm would have told anybody",
        expected=f"an alarm on {_wanted(scenario)} that somebody hears",
        evidence=(*(f"mute: {m}" for m in found.mute), *(f"not it: {m}" for m in found.lookalikes)),
        names={"target": target},
    )


def _wanted(scenario: str) -> str:
    return " or ".join(dict.fromkeys(name for _, names in _COVERS[scenario] for name in names[:2]))


def latency_alarm(
    alarms: Sequence[Alarm], wanted: Mapping[str, str], listeners: Listeners, name: str, arn: str
) -> Verdict:
    """An alarm watches TargetResponseTime of this load balancer (or its target groups), sensibly, and tells somebody.

    Args:
        wanted: acceptable values of the LoadBalancer dimension, with what they are.
    """
    on_metric = [a for a in alarms if a.watches("AWS/ApplicationELB", "TargetResponseTime")]
    own = [a for a in on_metric if any(_is_ours(m, wanted) for m in a.metrics)]
    problems = [(a, p) for a in own for p in _alarm_problems(a, listeners)]
    good = [a for a in own if a.name not in {b.name for b, _ in problems}]
    if good:
        observed = f"alarm {good[0].name} watches it"
    elif own:
        observed = f"alarm {own[0].name} cannot warn: {problems[0][1]}"
    elif on_metric:
        observed = f"alarm {on_metric[0].name} watches another load balancer's TargetResponseTime"
    else:
        observed = "no alarm on TargetResponseTime"
    return Verdict(
        ok=bool(good),
        resource=own[0].arn if own else arn,
        name=own[0].name if own else name,
        observed=observed,
        expected="an alarm on TargetResponseTime with a percentile or average, telling somebody",
        evidence=tuple(f"{a.name}: {p}" for a, p in problems),
        names={"load_balancer": name},
    )


def _is_ours(metric: AlarmMetric, wanted: Mapping[str, str]) -> bool:
    return metric.name == "TargetResponseTime" and metric.dimensions.get("LoadBalancer") in wanted


def _alarm_problems(alarm: Alarm, listeners: Listeners) -> list[str]:
    tells, why = alarm_tells(alarm, listeners)
    found = [] if tells else [why]
    metric = next(m for m in alarm.metrics if m.name == "TargetResponseTime")
    if metric.statistic in ("Sum", "SampleCount", "Minimum"):
        found.append(f"statistic {metric.statistic} says nothing about a response time")
    if not alarm.comparison.startswith("GreaterThan"):
        found.append(f"it compares with {alarm.comparison}")
    if alarm.threshold is not None and alarm.threshold >= 60:
        found.append(f"threshold {alarm.threshold:g}: the metric is in seconds, not milliseconds")
    return found
