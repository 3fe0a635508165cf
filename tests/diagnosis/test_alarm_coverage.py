from __future__ import annotations

import dataclasses

import pytest

from checks.diagnosis import alarm_coverage
from fixtures.model.alarms import Alarm, AlarmMetric
from fixtures.model.cost import TopicSubscriptions

TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
HEARD = {TOPIC: TopicSubscriptions(TOPIC, 1, 0)}
OURS = {"app/shop/0123": "shop"}
ALB, RDS = "AWS/ApplicationELB", "AWS/RDS"


def metric(namespace: str, name: str, balancer: str = "app/shop/0123", statistic: str = "p95") -> AlarmMetric:
    return AlarmMetric(namespace, name, {"LoadBalancer": balancer}, statistic, 60)


def alarm(*metrics: AlarmMetric, **changes: object) -> Alarm:
    values: dict[str, object] = {
        "name": "alarm", "arn": "arn:alarm", "metrics": metrics, "threshold": 1.0, "evaluation_periods": 3,
        "comparison": "GreaterThanThreshold", "state": "OK", "state_reason": "", "actions_enabled": True,
        "actions": (TOPIC,), "treat_missing": "missing",
    }  # fmt: skip
    return Alarm(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scenario", "namespace", "name", "covered"),
    [
        ("ecs", "AWS/ECS", "RunningTaskCount", True),
        ("ecs", "ECS/ContainerInsights", "RestartCount", True),
        ("ecs", ALB, "UnHealthyHostCount", True),
        ("ecs", "AWS/ECS", "CPUUtilization", False),
        ("database", RDS, "DatabaseConnections", True),
        ("database", RDS, "CPUUtilization", True),
        ("database", "AWS/ECS", "CPUUtilization", False),
        ("database", ALB, "HTTPCode_Target_5XX_Count", True),
        ("alb", ALB, "HTTPCode_ELB_503_Count", True),
        ("alb", ALB, "HTTPCode_ELB_5XX_Count", True),
        ("alb", ALB, "HealthyHostCount", True),
        # What targets answer is not what the load balancer answers.
        ("alb", ALB, "HTTPCode_Target_5XX_Count", False),
        ("latency", ALB, "TargetResponseTime", True),
        ("latency", "AWS/ECS", "CPUUtilization", False),
        ("latency", "Mine", "TargetResponseTime", False),
        ("cost", "AWS/Billing", "EstimatedCharges", True),
        ("cost", "AWS/Billing", "Other", False),
    ],
)
def test_what_covers_a_scenario(scenario: str, namespace: str, name: str, covered: bool) -> None:
    verdict = alarm_coverage.judge(scenario, [alarm(metric(namespace, name))], HEARD, "dev")
    assert bool(verdict) is covered
    assert verdict.observed == ("alarm would have told" if covered else "no alarm would have told anybody")
    mute = alarm_coverage.judge(scenario, [alarm(metric(namespace, name), actions=())], HEARD, "dev")
    assert not mute
    assert ("mute: alarm: it has no action" in mute.evidence) is covered


def test_lookalikes_are_told_apart() -> None:
    verdict = alarm_coverage.judge("alb", [alarm(metric(ALB, "HTTPCode_Target_5XX_Count"))], HEARD, "dev")
    assert verdict.evidence == (
        "not it: alarm on HTTPCode_Target_5XX_Count counts what targets answer; "
        "a 503 that the load balancer makes is not in it",
    )
    assert verdict.expected == "an alarm on HTTPCode_ELB_503_Count or HTTPCode_ELB_5XX_Count that somebody hears"
    assert (verdict.resource, verdict.name) == ("alarms/dev/alb", "dev: alb")


def test_charges_tell_but_are_not_the_whole_story() -> None:
    verdict = alarm_coverage.judge("cost", [alarm(metric("AWS/Billing", "EstimatedCharges"))], HEARD, "dev")
    assert verdict.ok
    assert "month to date" in verdict.evidence[0]


def test_target_tracking_tells_nobody() -> None:
    own = alarm(metric("AWS/ECS", "RunningTaskCount"), name="TargetTracking-service/shop/web-AlarmLow-1")
    verdict = alarm_coverage.judge("ecs", [own], HEARD, "dev")
    assert (verdict.ok, verdict.evidence) == (False, ())


@pytest.mark.parametrize("scenario", ["ecs", "database", "alb", "latency", "cost"])
def test_without_alarms_nobody_is_told(scenario: str) -> None:
    verdict = alarm_coverage.judge(scenario, [], HEARD, "dev")
    assert (verdict.ok, verdict.evidence) == (False, ())


TIMES = metric(ALB, "TargetResponseTime")


@pytest.mark.parametrize(
    ("given", "observed"),
    [
        (alarm(TIMES), "alarm alarm watches it"),
        (alarm(dataclasses.replace(TIMES, statistic="Average")), "alarm alarm watches it"),
        (alarm(TIMES, state="INSUFFICIENT_DATA"), "alarm alarm watches it"),
        (alarm(TIMES, threshold=None), "alarm alarm watches it"),
        (alarm(TIMES, threshold=59.9), "alarm alarm watches it"),
        (alarm(TIMES, comparison="GreaterThanUpperThreshold"), "alarm alarm watches it"),
        (alarm(TIMES, actions_enabled=False), "alarm alarm cannot warn: its actions are disabled"),
        (alarm(TIMES, actions=()), "alarm alarm cannot warn: it has no action"),
        (
            alarm(dataclasses.replace(TIMES, statistic="Sum")),
            "alarm alarm cannot warn: statistic Sum says nothing about a response time",
        ),
        (
            alarm(TIMES, comparison="LessThanThreshold"),
            "alarm alarm cannot warn: it compares with LessThanThreshold",
        ),
        (
            alarm(TIMES, threshold=2000.0),
            "alarm alarm cannot warn: threshold 2000: the metric is in seconds, not milliseconds",
        ),
        (
            alarm(metric(ALB, "TargetResponseTime", "app/other/9")),
            "alarm alarm watches another load balancer's TargetResponseTime",
        ),
        (alarm(metric(ALB, "RequestCount")), "no alarm on TargetResponseTime"),
    ],
)
def test_latency_alarm(given: Alarm, observed: str) -> None:
    verdict = alarm_coverage.latency_alarm([given], OURS, HEARD, "shop", "arn:alb")
    assert (bool(verdict), verdict.observed) == (observed.endswith("watches it"), observed)
    ours = observed.startswith("alarm alarm watches it") or "cannot warn" in observed
    assert verdict.resource == ("arn:alarm" if ours else "arn:alb")
    assert verdict.names == {"load_balancer": "shop"}


def test_one_good_latency_alarm_is_enough() -> None:
    mute = alarm(TIMES, name="mute", actions=())
    verdict = alarm_coverage.latency_alarm([mute, alarm(TIMES)], OURS, HEARD, "shop", "arn:alb")
    assert (verdict.ok, verdict.evidence) == (True, ("mute: it has no action",))
