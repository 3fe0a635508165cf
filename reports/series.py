"""Curves for report.html, taken from facts that a run gathered anyway; nothing is asked for their sake."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from fixtures.each import Each
from fixtures.model.cost import DailyCost
from fixtures.model.latency import ResponseTimes
from fixtures.run import Environment
from fixtures.target import Target
from reports.finding import Series

_MOST_SERVICES = 4


def of(environment: Environment) -> list[Series]:
    """Every curve that the gathered facts of a target allow."""
    found = [
        s for name, draw in _SOURCES.items() if (fact := environment.peek(name)) for s in draw(fact, environment.target)
    ]
    return [replace(s, target=environment.target.name) for s in found if len(s.points) > 1]


def response_times(found: Each[str, ResponseTimes], target: Target) -> list[Series]:
    """How long each target group and load balancer took to answer, with the threshold."""
    limits = target.latency
    return [
        Series(
            title=f"{limits.statistic} response time of {times.what}",
            unit="s",
            points=tuple(
                (at, value)
                for at, value in zip(times.instants, times.statistics.get(limits.statistic, ()), strict=False)
                if value is not None
            ),
            threshold=limits.threshold_s,
            threshold_name="threshold",
            scenario="latency",
        )
        for times in found.available().values()
    ]


def daily_cost(found: DailyCost, target: Target) -> list[Series]:
    """What each day cost: in total, and for the dearest services."""
    days = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in found.days]
    services = sorted(found.by_service().items(), key=lambda s: -sum(s[1]))[:_MOST_SERVICES]
    curves = {"all services": found.total_usd(), **dict(services)}
    return [
        Series(title=f"daily cost of {name}", unit="USD", points=tuple(zip(days, usd, strict=True)), scenario="cost")
        for name, usd in curves.items()
    ]


_SOURCES: dict[str, Callable[[Any, Target], list[Series]]] = {
    "response_times": response_times,
    "daily_cost": daily_cost,
}


def as_dict(series: Series) -> dict[str, Any]:
    """Types that xdist and JSON can carry."""
    # JSON knows neither infinity nor what is no number, and nobody could draw them.
    points = [[at.isoformat(), value] for at, value in series.points if math.isfinite(value)]
    return asdict(series) | {"points": points, "marks": [[at.isoformat(), word] for at, word in series.marks]}


def from_dict(data: dict[str, Any]) -> Series:
    """Back from as_dict."""
    points = tuple((_aware(at), float(value)) for at, value in data["points"] if math.isfinite(value))
    marks = tuple((_aware(at), str(word)) for at, word in data["marks"])
    return Series(**data | {"points": points, "marks": marks})


def _aware(instant: str) -> dt.datetime:
    at = dt.datetime.fromisoformat(instant)
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
