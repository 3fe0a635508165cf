"""Whether an API answers its clients with errors of its own, going by what the load balancer counts."""

from __future__ import annotations

import datetime as dt

from checks.diagnosis.service_state import deployed_at
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service
from fixtures.model.metrics import Counts

_ERRORS, _REQUESTS = "HTTPCode_Target_5XX_Count", "RequestCount"
# Errors that ended this long ago are told, but not as what is broken now.
RECENT = dt.timedelta(minutes=20)


def few_server_errors(
    service: Service, target_group: str, counts: Counts, now: dt.datetime, least: int, percent: float
) -> Verdict:
    """In no period of the window do a service's targets answer 5xx to a notable share of requests.

    Milder where that is some time ago, or was before the present deployment, which may be what mended it.

    Args:
        counts: HTTPCode_Target_5XX_Count and RequestCount of its target group, in periods.
        least: so many errors in a period count at least.
        percent: share of a period's requests above which errors are notable.
    """
    errors, requests = counts.of(_ERRORS), counts.of(_REQUESTS)
    bad = [(at, n) for at, n in errors.points if n >= least and 100 * n > percent * max(requests.at(at), n)]
    recent = [b for b in bad if b[0] >= max(now - RECENT, deployed_at(service))]
    worst = max(recent or bad, key=lambda b: b[1]) if bad else None
    minutes = counts.period_s // 60
    return Verdict(
        ok=not bad,
        resource=service.arn,
        name=service.service,
        observed=f"{worst[1]:.0f} of {max(requests.at(worst[0]), worst[1]):.0f} requests were answered 5xx in the "
        f"{minutes} minutes from {worst[0]:%H:%M} UTC"
        if worst
        else f"{errors.total():.0f} of {requests.total():.0f} requests were answered 5xx",
        expected=f"fewer than {least} in {minutes} minutes, or at most {percent:g} %",
        evidence=tuple(f"{at:%H:%M} {n:.0f} of {max(requests.at(at), n):.0f} answered 5xx" for at, n in bad),
        related=(*service.related, target_group),
        names={"service": service.service, "cluster": service.cluster, "target_group_arn": target_group},
        severity="medium" if bad and not recent else None,
    )
