"""Scaling limits against load."""

from __future__ import annotations

import pytest

from checks.diagnosis import headroom
from checks.diagnosis.verdict import Verdict
from fixtures.model.latency import Load, Scaling, ScalingPolicy
from tests.diagnosis.facts import service

CPU = ScalingPolicy("cpu", "TargetTrackingScaling", "ECSServiceAverageCPUUtilization", 60.0)
STEPS = ScalingPolicy("steps", "StepScaling", "", None)


def judged(
    *percents: float,
    desired: int = 4,
    maximum: int = 4,
    suspended: bool = False,
    policies: tuple[ScalingPolicy, ...] = (CPU,),
    metric: str = "CPUUtilization",
) -> Verdict:
    scaling = Scaling(1, maximum, False, suspended, policies, ())
    load = Load("web", {metric: percents})
    return headroom.judge(service(desired=desired), scaling, load, cpu_percent=90, memory_percent=85)


@pytest.mark.parametrize(
    "verdict",
    [
        judged(20, 20, 20),
        judged(76, 76, 76, desired=3),
        judged(99, 99, 99, desired=3),
        judged(60, 60, 60),
        judged(99, 99, 20),
        judged(99, 99),
        judged(),
        judged(76, 76, 76, policies=(STEPS,)),
        judged(20, 20, 20, suspended=True),
        judged(80, 80, 80, metric="MemoryUtilization"),
    ],
    ids=str,
)
def test_room_or_no_need_of_it(verdict: Verdict) -> None:
    assert verdict


@pytest.mark.parametrize(
    ("verdict", "severity", "said"),
    [
        (judged(76, 76, 76), "medium", "CPU above 60 % for 3 periods"),
        (judged(91, 92, 93), None, "at its maximum of 4 tasks"),
        (judged(10, 61, 61, 61), "medium", "at its maximum"),
        (judged(95, 95, 95, desired=5), None, "at its maximum"),
        (judged(76, 76, 76, desired=1, suspended=True), "medium", "scaling out is suspended"),
        (judged(99, 99, 99, policies=(STEPS,)), None, "CPU above 90 %"),
        (judged(99, 99, 99, policies=()), None, "CPU above 90 %"),
        (judged(86, 86, 86, metric="MemoryUtilization"), None, "memory above 85 %"),
    ],
)
def test_busy_and_bound(verdict: Verdict, severity: str | None, said: str) -> None:
    assert not verdict
    assert said in verdict.observed
    assert verdict.severity == severity


def test_a_target_above_saturation_does_not_hide_it() -> None:
    high = ScalingPolicy("cpu", "TargetTrackingScaling", "ECSServiceAverageCPUUtilization", 99.0)

    assert not judged(95, 95, 95, policies=(high,))


@pytest.mark.parametrize(
    ("desired", "scaling", "names"),
    [
        (10, None, {"more_tasks": "15"}),
        (1, None, {"more_tasks": "2"}),
        (0, None, {"more_tasks": "1"}),
        # Autoscaling would set back what is set by hand.
        (4, Scaling(1, 4, False, False, (), ()), {"minimum": "1", "maximum": "8"}),
        (1, Scaling(1, 1, False, False, (), ()), {"minimum": "1", "maximum": "2"}),
        (4, Scaling(1, 10, False, False, (), ()), {"minimum": "6", "maximum": "10"}),
        (4, Scaling(1, 5, False, False, (), ()), {"minimum": "5", "maximum": "5"}),
        # A larger maximum does nothing where scaling out is suspended.
        (4, Scaling(1, 4, False, True, (), ()), {"suspended_service": service().service}),
    ],
)
def test_more_tasks_are_proposed_never_fewer(desired: int, scaling: Scaling | None, names: dict[str, str]) -> None:
    assert headroom.more_tasks(service(desired=desired), scaling) == names
    assert headroom.more_tasks(service(desired=desired, scheduling="DAEMON"), scaling) == {}
