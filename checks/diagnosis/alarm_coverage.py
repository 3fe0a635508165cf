"""Which alarm would have told of which scenario, and which would not although it looks so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Verdict
from fixtures.each import Each
from fixtures.model.alarms import Alarm, AlarmMetric
from fixtures.model.alb import LoadBalancer

# Why nobody would hear an alarm, "" if somebody would.
Unheard = Callable[[Alarm], str]
# Values of CloudWatch's dimensions that are the target's own, by the dimension's name.
Own = Mapping[str, frozenset[str]]
_ALB, _RDS, _INSIGHTS = "AWS/ApplicationELB", "AWS/RDS", "ECS/ContainerInsights"
_RISES, _FALLS = "GreaterThan", "LessThan"
_BANDS = ("UpperThreshold", "LowerThreshold")


class _Sign(Struct, frozen=True):
    """What happens to a metric in a scenario.

    Args:
        way: how an alarm must compare to notice; "" where either way tells of something.
        statistic: the only one that notices, "" for any.
    """

    namespace: str
    names: tuple[str, ...]
    way: str
    statistic: str = ""

    def seen_by(self, alarm: Alarm, metric: AlarmMetric) -> bool:
        """Whether an alarm on that metric notices."""
        if metric.namespace != self.namespace or metric.name not in self.names:
            return False
        return self._turned(alarm) and self.statistic in ("", metric.statistic)

    def _turned(self, alarm: Alarm) -> bool:
        # What an expression does when its metric rises, only its author knows; bands compare like metrics do.
        computed = alarm.computed and not any(band in alarm.comparison for band in _BANDS)
        return computed or self.way in alarm.comparison


_COVERS: dict[str, tuple[_Sign, ...]] = {
    "ecs": (
        _Sign("AWS/ECS", ("RunningTaskCount",), _FALLS),
        _Sign(_INSIGHTS, ("RunningTaskCount", "TaskCount"), _FALLS),
        _Sign(_INSIGHTS, ("PendingTaskCount", "RestartCount"), _RISES),
        # Each task sends a sample: counting them counts tasks, where Container Insights is off.
        _Sign("AWS/ECS", ("CPUUtilization", "MemoryUtilization"), _FALLS, "SampleCount"),
        _Sign(_ALB, ("HealthyHostCount",), _FALLS),
        _Sign(_ALB, ("UnHealthyHostCount",), _RISES),
    ),
    "database": (
        _Sign(_RDS, ("DatabaseConnections",), ""),
        _Sign(_RDS, ("FreeStorageSpace",), _FALLS),
        _Sign(_ALB, ("HTTPCode_Target_5XX_Count",), _RISES),
    ),
    "alb": (
        _Sign(_ALB, ("HTTPCode_ELB_503_Count", "HTTPCode_ELB_5XX_Count", "UnHealthyHostCount"), _RISES),
        _Sign(_ALB, ("HealthyHostCount",), _FALLS),
    ),
    "latency": (_Sign(_ALB, ("TargetResponseTime",), _RISES),),
    "cost": (_Sign("AWS/Billing", ("EstimatedCharges",), _RISES),),
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


class Coverage(Struct, frozen=True):
    """The alarms that would have told of a scenario, and those that would not."""

    scenario: str
    telling: tuple[str, ...]
    mute: tuple[str, ...]
    lookalikes: tuple[str, ...]


def is_own(metric: AlarmMetric, own: Own) -> bool:
    """Whether a metric is one of the target's: no dimension says otherwise. One over all resources has none."""
    return all(value in own[name] for name, value in metric.dimensions.items() if name in own)


def coverage(scenario: str, alarms: Sequence[Alarm], own: Own, unheard: Unheard) -> Coverage:
    """Sort alarms by what they would have done; target tracking's own alarms tell nobody and are left out.

    Raises:
        Unavailable: none is known to tell, and of one it could not be seen.
    """
    people = [a for a in alarms if not a.name.startswith("TargetTracking-")]
    ours = {a.name: [m for m in a.metrics if is_own(m, own)] for a in people}
    fitting = [a for a in people if any(s.seen_by(a, m) for m in ours[a.name] for s in _COVERS[scenario])]
    telling, mute = _told(fitting, unheard)
    others = [
        f"{a.name} on {metric} {why}"
        for metric, why in _LOOKALIKES.get(scenario, ())
        for a in people
        if any(m.name == metric for m in ours[a.name]) and (a not in fitting or scenario == "cost")
    ]
    return Coverage(scenario, tuple(a.name for a in telling), mute, tuple(others))


def _told(alarms: Sequence[Alarm], unheard: Unheard) -> tuple[list[Alarm], tuple[str, ...]]:
    """Those that somebody hears, and the others with the reason."""
    reasons = Each.over(range(len(alarms)), lambda n: unheard(alarms[n]))
    known = reasons.available()
    telling = [alarms[n] for n, why in known.items() if not why]
    if not telling:
        reasons.all()
    return telling, tuple(f"{alarms[n].name}: {why}" for n, why in known.items() if why)


def judge(scenario: str, alarms: Sequence[Alarm], own: Own, unheard: Unheard, target: str) -> Verdict:
    """Some alarm would have told somebody of the scenario."""
    found = coverage(scenario, alarms, own, unheard)
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
    return " or ".join(dict.fromkeys(name for s in _COVERS[scenario] if not s.statistic for name in s.names[:2]))


def latency_alarm(alarms: Sequence[Alarm], balancer: LoadBalancer, unheard: Unheard) -> Verdict:
    """An alarm watches TargetResponseTime of this load balancer (or its target groups), sensibly, and tells somebody.

    Raises:
        Unavailable: none is known to, and of one it could not be seen whether anybody hears it.
    """
    on_metric = [a for a in alarms if a.watches(_ALB, "TargetResponseTime")]
    own = {"LoadBalancer": frozenset({balancer.dimension})}
    ours = [a for a in on_metric if any(m.name == "TargetResponseTime" and is_own(m, own) for m in a.metrics)]
    problems = [(a, p) for a in ours for p in _alarm_problems(a)]
    sensible = [a for a in ours if a.name not in {b.name for b, _ in problems}]
    good, mute = _told(sensible, unheard)
    told = (*(f"{a.name}: {p}" for a, p in problems), *mute)
    if good:
        observed = f"alarm {good[0].name} watches it"
    elif ours:
        observed = f"alarm {ours[0].name} cannot warn: {told[0].partition(': ')[2]}"
    elif on_metric:
        observed = f"alarm {on_metric[0].name} watches another load balancer's TargetResponseTime"
    else:
        observed = "no alarm on TargetResponseTime"
    return Verdict(
        ok=bool(good),
        resource=ours[0].arn if ours else balancer.arn,
        name=ours[0].name if ours else balancer.name,
        observed=observed,
        expected="an alarm on TargetResponseTime with a percentile or average, telling somebody",
        evidence=told,
        names={"load_balancer": balancer.name},
    )


def _alarm_problems(alarm: Alarm) -> list[str]:
    found = []
    metric = next(m for m in alarm.metrics if m.name == "TargetResponseTime")
    if metric.statistic in ("Sum", "SampleCount", "Minimum"):
        found.append(f"statistic {metric.statistic} says nothing about a response time")
    if not _COVERS["latency"][0].seen_by(alarm, metric):
        found.append(f"it compares with {alarm.comparison}")
    if alarm.threshold is not None and alarm.threshold >= 60 and not alarm.computed:
        found.append(f"threshold {alarm.threshold:g}: the metric is in seconds, not milliseconds")
    return found
