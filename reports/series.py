"""Curves for report.html, taken from facts that a run gathered anyway; nothing is asked for their sake."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

from msgspec.structs import asdict, replace

from checks.diagnosis import spend
from fixtures.each import Each
from fixtures.model.alb import LoadBalancer
from fixtures.model.cost import DailyCost
from fixtures.model.ecs import Service, ServiceDeployment
from fixtures.model.latency import ResponseTimes
from fixtures.model.metrics import Counts
from fixtures.run import Environment
from fixtures.target import Target
from reports.finding import Series, Timeline

Marks = tuple[tuple[dt.datetime, str], ...]

_MOST_SERVICES = 5
# Those that have curves, in their order.
_SCENARIOS = ("latency", "alb", "cost")
_ELB_503, _TARGET_5XX = "HTTPCode_ELB_503_Count", "HTTPCode_Target_5XX_Count"


def of(environment: Environment) -> list[Series]:
    """Every curve that the gathered facts of a target allow."""
    target = environment.target
    marks = deployments(each(environment, "service"), each(environment, "service_deployments"))
    found = response_times(each(environment, "response_times"), _owners(environment), marks, target)
    found += errors(each(environment, "alb_counts"), each(environment, "application_balancers"), marks, target)
    cost = environment.peek("daily_cost")
    found += daily_cost(cost) if cost is not None else []
    return [replace(s, target=target.name) for s in found if len(s.points) > 1]


def each(environment: Environment, fact: str) -> dict[Any, Any]:
    """What a fact answers for each of its keys; empty where it was not gathered or could not be."""
    found = environment.peek(fact)
    return found.available() if isinstance(found, Each) else {}


def _owners(environment: Environment) -> dict[str, list[str]]:
    """Names of the services behind each target group, by ARN."""
    owners: dict[str, list[str]] = {}
    for name, service in each(environment, "service").items():
        for arn in service.target_groups:
            owners.setdefault(arn, []).append(name)
    return owners


def deployments(
    services: dict[str, Service], history: dict[str, tuple[ServiceDeployment, ...]]
) -> dict[str, tuple[tuple[dt.datetime, str], ...]]:
    """When each service was deployed, as far as ECS still tells."""
    found: dict[str, Marks] = {}
    for name, service in services.items():
        begun = {d.created_at for d in service.deployments}
        begun |= {s.created_at for s in service.task_sets if s.created_at is not None}
        # ECS keeps a deployment's beginning in both places, a moment apart.
        begun |= {d.created_at for d in history.get(name, ()) if not any(_same(d.created_at, at) for at in begun)}
        found[name] = tuple((at, word_for(name)) for at in sorted(begun))
    return found


def word_for(service: str) -> str:
    """What marks a deployment of a service."""
    return f"deployment of {service}"


def _same(one: dt.datetime, other: dt.datetime) -> bool:
    return abs(one - other) < dt.timedelta(minutes=1)


def within(marks: Iterable[tuple[dt.datetime, str]], first: dt.datetime, last: dt.datetime) -> Marks:
    """Those that lie in a stretch of time, in order."""
    return tuple(sorted(m for m in marks if first <= m[0] <= last))


def _marked(curve: Series, marks: Iterable[tuple[dt.datetime, str]]) -> Series:
    """A curve with what happened while it lasts."""
    return replace(curve, marks=within(marks, curve.points[0][0], curve.points[-1][0])) if curve.points else curve


def response_times(
    found: dict[str, ResponseTimes], owners: dict[str, list[str]], marks: dict[str, Marks], target: Target
) -> list[Series]:
    """How long each load balancer and target group took to answer, with threshold and deployments; slowest first."""
    limits = target.latency
    curves = []
    for arn, times in found.items():
        is_group = ":targetgroup/" in arn
        measured = zip(times.instants, times.statistics.get(limits.statistic, ()), strict=False)
        curve = Series(
            # The two often have the same name.
            title=f"{limits.statistic} response time of {'target group' if is_group else 'load balancer'} {times.what}",
            unit="s",
            points=tuple((at, value) for at, value in measured if value is not None),
            threshold=limits.threshold_s,
            threshold_name="threshold",
            scenario="latency",
        )
        # A load balancer is in front of them all.
        names = owners.get(arn, []) if is_group else list(marks)
        curves.append(_marked(curve, [m for n in names for m in marks.get(n, ())]))
    return sorted(curves, key=_highest_first)


def _highest_first(curve: Series) -> tuple[float, str]:
    return -max((v for _, v in curve.points), default=0.0), curve.title


def errors(
    counts: dict[str, Counts], balancers: dict[str, LoadBalancer], marks: dict[str, Marks], target: Target
) -> list[Series]:
    """503s that each load balancer made itself, and answers 5xx of its targets where there were any."""
    every = [m for own in marks.values() for m in own]
    curves = []
    for arn, balancer in balancers.items():
        count = counts.get(arn)
        if count is None:
            continue
        every_min = count.period_s / 60
        made = Series(
            title=f"503s made by {balancer.name}, every {every_min:g} min",
            unit="",
            points=_counted(count, _ELB_503),
            threshold=target.alb.spike_requests,
            threshold_name="spike",
            scenario="alb",
        )
        curves.append(_marked(made, every))
        if count.total(_TARGET_5XX):
            title = f"answers 5xx of targets of {balancer.name}, every {every_min:g} min"
            theirs = Series(title=title, unit="", points=_counted(count, _TARGET_5XX), scenario="alb")
            curves.append(_marked(theirs, every))
    return curves


def _counted(counts: Counts, name: str) -> tuple[tuple[dt.datetime, float], ...]:
    """A count for every period of the window: none reported means none."""
    step = dt.timedelta(seconds=counts.period_s)
    periods = int((counts.end_at - counts.start_at) / step)
    series = counts.of(name)
    return tuple((at, series.at(at)) for at in (counts.start_at + n * step for n in range(periods)))


def daily_cost(found: DailyCost) -> list[Series]:
    """What each day cost against what is usual: in total, and for the services with the dearest days."""
    days = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in found.days]
    services = sorted(found.by_service().items(), key=lambda s: -max(s[1], default=0.0))[:_MOST_SERVICES]
    curves = {"all services": found.total_usd(), **dict(services)}
    return [
        Series(
            title=f"daily cost of {name}",
            unit="USD",
            points=tuple(zip(days, usd, strict=True)),
            threshold=_usual_usd(found, usd),
            threshold_name="usual",
            scenario="cost",
        )
        for name, usd in curves.items()
    ]


def _usual_usd(found: DailyCost, daily: tuple[float, ...]) -> float | None:
    """What the judged day is compared with, None where there are too few days."""
    try:
        return spend.usual_usd(daily, spend.judged_day(found))
    except ValueError:
        return None


def joined(found: Iterable[Series]) -> list[Series]:
    """Each curve once, the longest and latest of those that parts of a target drew, with what any of them marks.

    Scenarios in the order of one run, and response times the highest first.
    """
    same: dict[tuple[str, str, str], list[Series]] = {}
    for one in found:
        same.setdefault((one.target, one.scenario, one.title), []).append(one)
    curves = [_marked(max(own, key=_length_and_end), marks_of(own)) for own in same.values()]
    targets = list(dict.fromkeys(c.target for c in curves))

    def place(curve: Series) -> tuple[int, int, tuple[float, str]]:
        scenario = _SCENARIOS.index(curve.scenario) if curve.scenario in _SCENARIOS else len(_SCENARIOS)
        return (
            targets.index(curve.target),
            scenario,
            _highest_first(curve) if curve.scenario == "latency" else (0.0, ""),
        )

    return sorted(curves, key=place)


def _length_and_end(curve: Series) -> tuple[int, dt.datetime | None]:
    return len(curve.points), curve.points[-1][0] if curve.points else None


def marks_of(drawn: Iterable[Series | Timeline]) -> Marks:
    """What any of them marks, in order."""
    return tuple(sorted({m for one in drawn for m in one.marks}))


def as_dict(series: Series) -> dict[str, Any]:
    """Types that xdist and JSON can carry."""
    # JSON knows neither infinity nor what is no number, and nobody could draw them.
    points = [[at.isoformat(), value] for at, value in series.points if math.isfinite(value)]
    return asdict(series) | {"points": points, "marks": [[at.isoformat(), word] for at, word in series.marks]}


def from_dict(data: dict[str, Any]) -> Series:
    """Back from as_dict."""
    points = tuple((aware(at), float(value)) for at, value in data["points"] if math.isfinite(value))
    marks = tuple((aware(at), str(word)) for at, word in data["marks"])
    return Series(**data | {"points": points, "marks": marks})


def aware(instant: str) -> dt.datetime:
    """An ISO 8601 instant; one without a zone is taken for UTC."""
    at = dt.datetime.fromisoformat(instant)
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
