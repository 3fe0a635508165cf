"""503s in the access log: when, how many, who made them, and what they have in common."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from checks.diagnosis.http_errors import Limits, Spike, milder, spans, spikes
from checks.diagnosis.verdict import Verdict
from fixtures.model.access_log import AccessLog, Bucket, Failures
from fixtures.model.alb import AccessLogSettings, LoadBalancer

Maker = Literal["load balancer", "target"]


def are_on(balancer: LoadBalancer, settings: AccessLogSettings) -> Verdict:
    """The load balancer writes access logs (``access_logs.s3.enabled``): without, no single 503 can be looked at."""
    return Verdict(
        ok=settings.enabled,
        resource=balancer.arn,
        name=balancer.name,
        observed=f"access logs go to s3://{settings.bucket}" if settings.enabled else "access logs are off",
        expected="access logs in an S3 bucket",
        related=(balancer.arn,),
        names={"load_balancer": balancer.name, "load_balancer_arn": balancer.arn},
    )


def _of(maker: Maker) -> Callable[[Bucket], Failures]:
    return (lambda b: b.by_load_balancer) if maker == "load balancer" else (lambda b: b.by_target)


def no_spike(
    balancer: LoadBalancer,
    log: AccessLog,
    maker: Maker,
    limits: Limits,
    groups: Mapping[str, str],
    deployments: Sequence[tuple[dt.datetime, dt.datetime]] = (),
) -> Verdict:
    """No five minutes of the window have a notable number of 503s of one maker; a spike that is over is told as well.

    Args:
        groups: names of the target groups by ARN.
    """
    chosen = _of(maker)
    found = spikes((Spike(b.start_at, chosen(b).count, b.requests) for b in log.buckets), limits)
    starts = {s.start_at for s in found}
    failures = [chosen(b) for b in log.buckets if b.start_at in starts]
    total = sum(chosen(b).count for b in log.buckets)
    blamed = _summed(f.groups for f in failures)
    largest = max(found, key=lambda s: s.errors, default=None)
    names = {"load_balancer": balancer.name, "load_balancer_arn": balancer.arn, "log_place": log.place}
    return Verdict(
        ok=not found,
        resource=balancer.arn,
        name=balancer.name,
        observed=f"503s made by the {maker} from {spans(found)}, at worst {largest.words}"
        if largest
        else f"{total} of {log.requests} logged requests got a 503 made by the {maker}",
        expected=f"fewer than {limits.least} in five minutes, or less than {limits.percent:g} % of the requests",
        evidence=(*(s.words for s in found), *_common(failures, groups), *_reading(log)),
        related=(balancer.arn, *(arn for arn, _ in blamed)),
        names=names | ({"target_group_arn": blamed[0][0]} if blamed else {}),
        likely_cause=_cause(maker, failures, blamed, groups) if found else "",
        severity=milder(found, deployments),
    )


def _summed(facets: object) -> list[tuple[str, int]]:
    counted: Counter[str] = Counter()
    for one in facets:  # type: ignore[attr-defined]
        counted.update(dict(one))
    return counted.most_common(5)


def _common(failures: Sequence[Failures], groups: Mapping[str, str]) -> tuple[str, ...]:
    facets = (
        ("target group", [(groups.get(a, a), n) for a, n in _summed(f.groups for f in failures)]),
        ("path", _summed(f.paths for f in failures)),
        ("rule", _summed(f.rules for f in failures)),
        ("action", _summed(f.actions for f in failures)),
    )
    return tuple(f"{name}: {', '.join(f'{value} × {n}' for value, n in top)}" for name, top in facets if top)


def _reading(log: AccessLog) -> tuple[str, ...]:
    read = f"{log.objects - log.unread} log files of {log.place}, {log.requests} requests"
    rest = f"; {log.unread} older files were left out, nothing before {log.read_from_at:%H:%M} UTC was looked at"
    bad = f"; {log.malformed} lines were not readable" if log.malformed else ""
    return (read + (rest if log.unread else "") + bad,)


def _cause(
    maker: Maker, failures: Sequence[Failures], blamed: Sequence[tuple[str, int]], groups: Mapping[str, str]
) -> str:
    if maker == "target":
        named = ", ".join(groups.get(a, a) for a, _ in blamed[:1])
        return f"the application behind {named or 'the load balancer'} answered 503 itself, so its targets were reached"
    actions = _summed(f.actions for f in failures)
    if actions and "fixed-response" in actions[0][0]:
        rules = _summed(f.rules for f in failures)
        return f"listener rule {rules[0][0] if rules else '?'} answers 503 by itself"
    if blamed:
        return f"{groups.get(blamed[0][0], blamed[0][0])} had no target that could take requests"
    return "the load balancer had no target that could take requests"
