"""Whether answers are slow for long, and on which way they are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from checks.diagnosis.service_urls import meant
from checks.diagnosis.verdict import Verdict
from fixtures.model.latency import ResponseTimes, ServiceGraph, TracedEdge

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
        names={"target_group": times.what},
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
        names={"target_group": times.what},
    )


def _period(times: ResponseTimes, n: int) -> str:
    told = ", ".join(f"{s} {v[n]:.2f} s" for s, v in times.statistics.items() if v[n] is not None)
    return f"{times.instants[n]:%m-%d %H:%M}Z: {told}, {times.requests[n]:.0f} requests"


def slow_edges(graph: ServiceGraph, threshold_s: float, fault_percent: float, min_calls: int) -> list[TracedEdge]:
    """Calls that are slow or faulty, the slowest first. A node is slow by itself only if none of its calls is."""
    edges = [e for e in graph.edges if _bad(e, threshold_s, fault_percent, min_calls)]
    callers = {e.caller for e in edges}
    nodes = [n for n in graph.nodes if _bad(n, threshold_s, fault_percent, min_calls) and n.caller not in callers]
    called = {e.callee for e in edges}
    return sorted((*edges, *(n for n in nodes if n.caller not in called)), key=lambda e: -e.mean_s)


def _bad(edge: TracedEdge, threshold_s: float, fault_percent: float, min_calls: int) -> bool:
    return edge.total >= min_calls and (edge.mean_s > threshold_s or edge.fault_percent > fault_percent)


def judge_graph(
    graph: ServiceGraph,
    target: str,
    services: Sequence[str] = (),
    *,
    threshold_s: float,
    fault_percent: float = 5.0,
    min_calls: int = 10,
) -> Verdict:
    """No call in the service graph is slow or faulty; the one that is, is named.

    Args:
        services: short names of the target's services, to tell which of them wait for that call.
    """
    found = slow_edges(graph, threshold_s, fault_percent, min_calls)
    first = found[0] if found else None
    return Verdict(
        ok=not found,
        resource=f"xray/{first.name}" if first else f"xray/{target}",
        name=first.name if first else target,
        observed=f"{first.mean_s:.2f} s on average, {first.fault_percent:.0f} % faults in {first.total} traced calls"
        if first
        else "no slow calls",
        expected=f"at most {threshold_s:g} s and {fault_percent:g} % faults",
        evidence=tuple(
            f"{e.name}: {e.mean_s:.3f} s, {e.fault_percent:.0f} % faults, {e.total} calls"
            for e in sorted(graph.edges, key=lambda e: -e.mean_s)[:_SHOWN]
        ),
        likely_cause=f"{first.callee or first.caller} answers slowly or with errors" if first else "",
        related=_waiting(graph, first, services) if first else (),
    )


def _waiting(graph: ServiceGraph, slow: TracedEdge, services: Sequence[str]) -> tuple[str, ...]:
    """The services at a call's two ends, and those whose own calls lead there; none where its caller is not known.

    Applications choose the names of their nodes, which only resemble those of their services.
    """
    if not meant(slow.caller, services):
        return ()
    nodes = {slow.caller}
    while more := {e.caller for e in graph.edges if e.callee in nodes} - nodes:
        nodes |= more
    named = {meant(n, services) for n in (*nodes, slow.callee) if n}
    return tuple(f"service/{s}" for s in sorted(named - {""}))
