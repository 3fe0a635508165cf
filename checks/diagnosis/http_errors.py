"""Errors that a load balancer answers by itself, and times without healthy targets, going by CloudWatch.

``HTTPCode_ELB_503_Count`` are 503s that the load balancer made: no usable target, or a rule that answers. 502 and 504
are answers that targets failed to give. ``HTTPCode_Target_5XX_Count`` are the application's own. A count without a
datapoint is zero, and requests for which no target could be chosen are not in ``RequestCount``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.alb import LoadBalancer, TargetGroup, balancer_dimension
from fixtures.model.ecs import Service
from fixtures.model.metrics import Counts

ELB_503 = ("HTTPCode_ELB_503_Count",)
ELB_BAD_GATEWAY = ("HTTPCode_ELB_502_Count", "HTTPCode_ELB_504_Count")
_CODES = {"HTTPCode_ELB_502_Count": "502", "HTTPCode_ELB_503_Count": "503", "HTTPCode_ELB_504_Count": "504"}


class Limits(Struct, frozen=True):
    """What makes errors in five minutes a spike: so many, and such a share of the requests."""

    least: int
    percent: float


class Spike(Struct, frozen=True):
    """Five minutes with notable errors."""

    start_at: dt.datetime
    errors: float
    requests: float

    @property
    def words(self) -> str:
        """``10:15 60 of 300 requests (20 %)``."""
        share = 100 * self.errors / self.requests if self.requests else 100.0
        return f"{self.start_at:%m-%d %H:%M}Z {self.errors:.0f} of {self.requests:.0f} requests ({share:.0f} %)"


def spikes(found: Iterable[Spike], limits: Limits) -> tuple[Spike, ...]:
    """Those that are large enough to count, in time order."""
    notable = [s for s in found if s.errors >= limits.least and 100 * s.errors >= limits.percent * s.requests]
    return tuple(sorted(notable, key=lambda s: s.start_at))


def spans(found: Sequence[Spike]) -> str:
    """When: ``10:15 to 10:25 UTC``, or the one time."""
    first, last = found[0].start_at, found[-1].start_at + dt.timedelta(minutes=5)
    return f"{first:%H:%M} to {last:%H:%M} UTC"


def milder(found: Sequence[Spike], deployments: Sequence[tuple[dt.datetime, dt.datetime]]) -> Severity | None:
    """Medium for a single bucket that lies inside a deployment: tasks change places then. None for anything more."""
    if len(found) != 1:
        return None
    start = found[0].start_at
    end = start + dt.timedelta(minutes=5)
    return "medium" if any(a < end and start < b for a, b in deployments) else None


def made_by_balancer(
    balancer: LoadBalancer,
    counts: Counts,
    metrics: Sequence[str],
    limits: Limits,
    groups: Mapping[str, tuple[TargetGroup, Counts]],
    deployments: Sequence[tuple[dt.datetime, dt.datetime]] = (),
) -> Verdict:
    """The load balancer did not answer with such errors of its own to a notable share of requests.

    Args:
        metrics: which errors, as CloudWatch names them.
        groups: its target groups with their counts, by ARN; to tell which had no healthy target at the time.
    """
    codes = " or ".join(_CODES[m] for m in metrics)
    found = spikes(_buckets(counts, metrics), limits)
    total = counts.total(*metrics)
    empty = {arn: lost for arn, (_, c) in groups.items() if (lost := _without_healthy(c, found))}
    names = [groups[arn][0].name for arn in empty]
    worst_one = max(found, key=lambda s: s.errors, default=None)
    return Verdict(
        ok=not found,
        resource=balancer.arn,
        name=balancer.name,
        observed=f"it answered {codes} by itself from {spans(found)}, at worst {worst_one.words}"
        if worst_one
        else f"it answered {codes} by itself to {total:.0f} of {_requests_total(counts):.0f} requests",
        expected=f"fewer than {limits.least} in five minutes, or less than {limits.percent:g} % of the requests",
        evidence=(
            *(s.words for s in found),
            *_attribution(counts, metrics),
            *(f"{groups[arn][0].name} had no healthy target at {', '.join(at)} UTC" for arn, at in empty.items()),
        ),
        related=(balancer.arn, *(empty or groups)),
        names={"load_balancer": balancer.name, "load_balancer_arn": balancer.arn, "dimension": balancer.dimension}
        | ({"target_group": names[0], "target_group_arn": next(iter(empty))} if names else {}),
        likely_cause=_cause(counts, metrics, names) if found else "",
        severity=milder(found, deployments),
    )


def _buckets(counts: Counts, metrics: Sequence[str]) -> list[Spike]:
    instants = counts.instants(metrics)
    return [Spike(at, sum(counts.of(m).at(at) for m in metrics), _requests(counts, at)) for at in instants]


def _requests(counts: Counts, at: dt.datetime) -> float:
    return counts.of("RequestCount").at(at) + counts.of(ELB_503[0]).at(at)


def _requests_total(counts: Counts) -> float:
    return counts.total("RequestCount", ELB_503[0])


def _attribution(counts: Counts, metrics: Sequence[str]) -> tuple[str, ...]:
    own = ", ".join(f"{counts.of(m).total():.0f} × {_CODES[m]}" for m in metrics)
    application = counts.of("HTTPCode_Target_5XX_Count").total()
    fixed = counts.of("HTTP_Fixed_Response_Count").total()
    return (
        f"in the window the load balancer made {own}; targets made {application:.0f} answers 5xx",
        *((f"{fixed:.0f} requests were answered by a fixed response",) if fixed else ()),
    )


def _cause(counts: Counts, metrics: Sequence[str], without_healthy: Sequence[str]) -> str:
    if tuple(metrics) != ELB_503:
        closed, late = (counts.of(m).total() for m in ELB_BAD_GATEWAY)
        if closed >= late:
            return "targets refuse or close connections, or answer malformed"
        return "targets do not answer in time"
    if counts.of("HTTP_Fixed_Response_Count").total() >= counts.total(*metrics):
        return "a listener rule answers by itself (fixed-response)"
    return f"{', '.join(without_healthy) or 'a target group'} had no registered target"


def _without_healthy(counts: Counts, found: Sequence[Spike]) -> tuple[str, ...]:
    """When, of the spikes' times, a group had none healthy: reported as zero, or not reported any more."""
    series = counts.of("HealthyHostCount")
    had = dict(series.points)
    if not series.points:
        return ()
    return tuple(f"{s.start_at:%H:%M}" for s in found if had.get(s.start_at, 0.0) == 0.0)


def stayed_healthy(
    service: Service,
    group: TargetGroup,
    counts: Counts,
    deployments: Sequence[tuple[dt.datetime, dt.datetime]] = (),
) -> Verdict:
    """There was a healthy target at every moment of the window.

    Zeros at its beginning with nothing unhealthy are a service that was scaled to zero; later ones are an outage.
    """
    healthy, unhealthy = counts.of("HealthyHostCount"), counts.of("UnHealthyHostCount")
    served = [at for at, n in healthy.points if n > 0]
    began = served[0] if served else None
    outages = tuple(
        Spike(at, unhealthy.at(at), counts.of("RequestCount").at(at))
        for at, n in healthy.points
        if n == 0 and (unhealthy.at(at) > 0 or (began is not None and at > began))
    )
    return Verdict(
        ok=not outages,
        resource=group.arn,
        name=service.service,
        observed=f"{group.name} had no healthy target in {len(outages)} five-minute periods, from {spans(outages)}"
        if outages
        else f"{group.name} always had a healthy target",
        expected="a healthy target at every moment",
        evidence=tuple(f"{s.start_at:%m-%d %H:%M}Z 0 healthy, {s.errors:.0f} unhealthy" for s in outages),
        related=(*service.related, group.arn, *group.load_balancers),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "target_group": group.name,
            "target_group_arn": group.arn,
            "group_dimension": group.dimension,
        }
        | ({"dimension": balancer_dimension(group.load_balancers[0])} if group.load_balancers else {}),
        severity=_outage_severity(outages, healthy.points, deployments),
    )


def _outage_severity(
    outages: Sequence[Spike],
    points: Sequence[tuple[dt.datetime, float]],
    deployments: Sequence[tuple[dt.datetime, dt.datetime]],
) -> Severity | None:
    if not outages:
        return None
    over = points[-1][0] > outages[-1].start_at
    return "low" if milder(outages, deployments) else ("medium" if over else None)
