"""Scenario 4, called directly: what becomes of several resources of which one tells nothing."""

from __future__ import annotations

import pytest

from checks import check_latency
from fixtures.each import Each
from fixtures.errors import NotApplicable
from fixtures.model.ecs import LoadBalancerLink
from fixtures.model.latency import ResponseTimes
from fixtures.target import ServiceSettings, Target
from tests.diagnosis.facts import ago, service

TARGET = Target(name="shop", cluster="shop", services=(ServiceSettings("web", "shop-web"),))
PAIR = service(load_balancers=(LoadBalancerLink("blue", "web", 8000, "green"),))


def times(seconds: float, requests: float) -> ResponseTimes:
    values = (seconds,) * 6
    statistics = {"p50": values, "p95": values, "p99": values, "Average": values}
    return ResponseTimes("web", "arn", tuple(ago(5 * n) for n in range(6, 0, -1)), statistics, (requests,) * 6)


@pytest.mark.parametrize(
    ("blue", "green", "outcome"),
    [
        # After a blue/green deployment one group of the pair has no traffic, which must not hide the other.
        (times(0.1, 0), times(3.0, 100), "slow"),
        (times(3.0, 100), times(0.1, 0), "slow"),
        (times(0.1, 0), times(0.1, 100), "fast"),
        (times(9.0, 3), times(9.0, 0), "too few"),
    ],
)
def test_a_quiet_group_hides_no_slow_one(blue: ResponseTimes, green: ResponseTimes, outcome: str) -> None:
    known = Each({"blue": blue, "green": green})
    if outcome == "fast":
        check_latency.check_service_answers_fast(PAIR, known, TARGET)
        return
    with pytest.raises((AssertionError, NotApplicable)) as caught:
        check_latency.check_service_answers_fast(PAIR, known, TARGET)
    assert ("too few" in str(caught.value)) is (outcome == "too few")
