"""Whether answers are slow for long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from checks.diagnosis.verdict import Verdict
from fixtures.model.latency import ResponseTimes

_SHOWN = 5


def breaches(times: ResponseTimes, statistic: str, threshold_s: float, min_requests: int) -> list[int]:
    """Periods, by index, whose statistic is above the threshold and that had enough requests to mean something."""
    values = times.statistics.get(statistic, ())
    return [
        n
        for n, (value, requests) in enumerate(zip(values, times.requests, strict=True))
        if value is not None and value > threshold_s and requests >= min_requests
    ]


def has_traffic(times: ResponseTimes, min_requests: int) -> bool:
    """Whether any period had enough requests."""
    return any(r >= min_requests for r in times.requests)


def sustained(indices: Sequence[int], periods: int) -> bool:
    """Whether so many periods are breached that it is no spike: at least that many, two of them in a row."""
    in_a_row = any(b - a == 1 for a, b in pairwise(indices)) or periods == 1
    return len(indices) >= periods and in_a_row


def judge(
    times: ResponseTimes,
    *,
    statistic: str,
    threshold_s: float,
    periods: int,
    min_requests: int,
    related: tuple[str, ...] = (),
) -> Verdict:
    """Response times stay below the threshold but for single spikes; a cold start is one of those."""
    found = breaches(times, statistic, threshold_s, min_requests)
    counted = sum(1 for r in times.requests if r >= min_requests)
    values = times.statistics.get(statistic, ())
    worst = max((v for v in values if v is not None), default=0.0)
    return Verdict(
        ok=not sustained(found, periods),
        resource=times.arn,
        name=times.what,
        observed=f"{statistic} above {threshold_s:g} s in {len(found)} of {counted} periods, up to {worst:.2f} s",
        expected=f"{statistic} of at most {threshold_s:g} s in all but {periods - 1} periods",
        evidence=tuple(_period(times, n) for n in found[-_SHOWN:]),
        related=(times.arn, *related),
        names=_names(times),
    )


def judge_growth(
    times: ResponseTimes, *, factor: float, least_s: float, min_requests: int, related: tuple[str, ...] = ()
) -> Verdict:
    """Response times at the end of the window are not a multiple of those at its begin: a trend, not a spike.

    Medians of p50 over the first and the last third are compared, so that single periods do not count.

    Args:
        factor: how many times the first third's median the last third's may be.
        least_s: growth that stays below this many seconds harms nobody.
    """
    values = [
        v
        for v, requests in zip(times.statistics.get("p50", ()), times.requests, strict=False)
        if v is not None and requests >= min_requests
    ]
    third = len(values) // 3
    before_s, after_s = (median(values[:third]), median(values[-third:])) if third else (0.0, 0.0)
    grown = third > 1 and after_s > least_s and after_s > factor * before_s
    return Verdict(
        ok=not grown,
        resource=times.arn,
        name=times.what,
        observed=f"p50 went from {before_s:.2f} s to {after_s:.2f} s within the window",
        expected=f"p50 within {factor:g} times its value at the window's begin, or below {least_s:g} s",
        evidence=tuple(_period(times, n) for n in range(len(times.instants))[-_SHOWN:]),
        related=(times.arn, *related),
        names=_names(times),
    )


def _names(times: ResponseTimes) -> dict[str, str]:
    balancer, group = times.dimensions.get("LoadBalancer", ""), times.dimensions.get("TargetGroup", "")
    return {
        "load_balancer": "/".join(balancer.split("/")[1:2]),
        "load_balancer_arn": "" if group else times.arn,
        "target_group": times.what if group else "",
        "dimension": balancer,
        "group_dimension": group,
    }


def _period(times: ResponseTimes, n: int) -> str:
    told = ", ".join(f"{s} {v[n]:.2f} s" for s, v in times.statistics.items() if v[n] is not None)
    return f"{times.instants[n]:%m-%d %H:%M}Z: {told}, {times.requests[n]:.0f} requests"
