from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis.http_errors import (
    ELB_503,
    ELB_BAD_GATEWAY,
    Limits,
    made_by_balancer,
    stayed_healthy,
)
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import deployment_spans
from fixtures.model.metrics import Counts, Series
from tests.diagnosis.balancers import NOW, balancer, group, group_arn, service

START = NOW - dt.timedelta(hours=1)
LIMITS = Limits(5, 1.0)


def series(*values: float | None) -> Series:
    step = dt.timedelta(minutes=5)
    return Series(tuple((START + n * step, v) for n, v in enumerate(values) if v is not None))


def counts(**found: Series) -> Counts:
    return Counts(START, NOW, 300, found)


def judge(found: Counts, metrics: tuple[str, ...] = ELB_503, healthy: Series | None = None) -> Verdict:
    groups = {group_arn("api"): (group(), counts(HealthyHostCount=healthy or Series()))}
    return made_by_balancer(balancer(), found, metrics, LIMITS, groups)


@pytest.mark.parametrize(
    ("errors", "requests", "ok"),
    [
        (series(), series(100.0), True),
        (series(4.0), series(0.0), True),
        (series(5.0), series(), False),
        (series(5.0), series(495.0), False),
        (series(5.0), series(496.0), True),
        (series(None, None, 60.0), series(300.0, 300.0, 240.0), False),
    ],
)
def test_requests_without_a_target_are_not_in_the_request_count(errors: Series, requests: Series, ok: bool) -> None:
    assert bool(judge(counts(HTTPCode_ELB_503_Count=errors, RequestCount=requests))) is ok


def test_the_group_without_healthy_targets_is_named() -> None:
    verdict = judge(counts(HTTPCode_ELB_503_Count=series(0.0, 30.0, 30.0)), healthy=series(1.0, 0.0))

    assert "api had no healthy target at 11:05, 11:10 UTC" in verdict.evidence
    assert verdict.likely_cause == "api had no registered target"
    assert "from 11:05 to 11:15 UTC" in verdict.observed


def test_a_fixed_response_is_told_apart() -> None:
    found = counts(HTTPCode_ELB_503_Count=series(30.0), HTTP_Fixed_Response_Count=series(30.0))

    assert "fixed-response" in judge(found).likely_cause


def test_the_application_and_the_load_balancer_are_told_apart() -> None:
    found = counts(HTTPCode_Target_5XX_Count=series(500.0), RequestCount=series(600.0))

    assert judge(found)
    assert any("targets made 500 answers 5xx" in line for line in judge(found).evidence)


@pytest.mark.parametrize(
    ("metric", "cause"), [("HTTPCode_ELB_502_Count", "refuse or close"), ("HTTPCode_ELB_504_Count", "in time")]
)
def test_targets_that_fail_to_answer(metric: str, cause: str) -> None:
    found = counts(**{metric: series(20.0), "RequestCount": series(100.0)})

    assert cause in judge(found, ELB_BAD_GATEWAY).likely_cause
    assert judge(found, ELB_503)


def test_one_bucket_in_a_deployment_is_milder() -> None:
    deployment = [(START - dt.timedelta(minutes=1), START + dt.timedelta(minutes=14))]
    lone = counts(HTTPCode_ELB_503_Count=series(20.0))
    twice = counts(HTTPCode_ELB_503_Count=series(20.0, 20.0))

    assert made_by_balancer(balancer(), lone, ELB_503, LIMITS, {}, deployment).severity == "medium"
    assert made_by_balancer(balancer(), lone, ELB_503, LIMITS, {}).severity is None
    assert made_by_balancer(balancer(), twice, ELB_503, LIMITS, {}, deployment).severity is None


def test_deployments_last_as_long_as_they_may() -> None:
    found = deployment_spans([service()], 15)

    assert found == ((NOW - dt.timedelta(days=2), NOW - dt.timedelta(days=2) + dt.timedelta(minutes=15)),)


@pytest.mark.parametrize(
    ("healthy", "unhealthy", "ok", "severity"),
    [
        (series(1.0, 1.0), series(0.0, 0.0), True, None),
        (series(2.0, 1.0), series(0.0, 1.0), True, None),
        (series(), series(), True, None),
        # Scaled to zero over night, up in the morning.
        (series(0.0, 0.0, 1.0), series(0.0, 0.0, 0.0), True, None),
        (series(1.0, 0.0, 0.0, 1.0), series(0.0, 0.0, 0.0, 0.0), False, "medium"),
        (series(0.0, 0.0, 1.0), series(1.0, 1.0, 0.0), False, "medium"),
        (series(0.0, 0.0), series(1.0, 1.0), False, None),
        (series(1.0, 0.0), series(0.0, 1.0), False, None),
    ],
)
def test_times_without_a_healthy_target(healthy: Series, unhealthy: Series, ok: bool, severity: str | None) -> None:
    found = counts(HealthyHostCount=healthy, UnHealthyHostCount=unhealthy)
    verdict = stayed_healthy(service(), group(), found)

    assert (bool(verdict), verdict.severity) == (ok, severity), verdict
