from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import alarm_coverage
from checks.diagnosis.verdict import Verdict
from fixtures.errors import Unavailable
from fixtures.model.alarms import Alarm, AlarmMetric
from tests.diagnosis import balancers as b

OWN = {
    "LoadBalancer": frozenset({"app/shop/0123"}),
    "TargetGroup": frozenset({"targetgroup/web/1"}),
    "ClusterName": frozenset({"shop"}),
    "DBInstanceIdentifier": frozenset({"shop-db"}),
}
ALB, RDS = "AWS/ApplicationELB", "AWS/RDS"
OTHERS = {ALB: {"LoadBalancer": "app/test/9"}, RDS: {"DBInstanceIdentifier": "test-db"}}
MINE = {ALB: {"LoadBalancer": "app/shop/0123"}, RDS: {"DBInstanceIdentifier": "shop-db"}}
SHOP = b.balancer(arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/0123", name="shop")


def metric(namespace: str, name: str, balancer: str = "app/shop/0123", statistic: str = "p95") -> AlarmMetric:
    return AlarmMetric(namespace, name, {"LoadBalancer": balancer}, statistic, 60)


def alarm(*metrics: AlarmMetric, **changes: object) -> Alarm:
    values: dict[str, object] = {
        "name": "alarm", "arn": "arn:alarm", "metrics": metrics, "threshold": 1.0, "evaluation_periods": 3,
        "comparison": "GreaterThanThreshold", "state": "OK", "state_reason": "", "actions_enabled": True,
        "actions": ("arn:aws:sns:us-east-1:123456789012:ops",), "treat_missing": "missing",
    }  # fmt: skip
    return Alarm(**(values | changes))  # type: ignore[arg-type]


def unheard(one: Alarm) -> str:
    return "" if one.actions else "it has no action"


def judged(scenario: str, *alarms: Alarm) -> Verdict:
    return alarm_coverage.judge(scenario, alarms, OWN, unheard, "dev")


FALLS, RISES = "LessThanThreshold", "GreaterThanOrEqualToThreshold"


@pytest.mark.parametrize(
    ("scenario", "namespace", "name", "comparison", "covered"),
    [
        ("ecs", "AWS/ECS", "RunningTaskCount", FALLS, True),
        ("ecs", "ECS/ContainerInsights", "RestartCount", RISES, True),
        ("ecs", "ECS/ContainerInsights", "RunningTaskCount", FALLS, True),
        # An alarm on too many tasks is silent when there are none.
        ("ecs", "ECS/ContainerInsights", "RunningTaskCount", RISES, False),
        ("ecs", ALB, "UnHealthyHostCount", RISES, True),
        ("ecs", "AWS/ECS", "CPUUtilization", RISES, False),
        ("ecs", "AWS/ECS", "CPUUtilization", FALLS, False),
        ("database", RDS, "DatabaseConnections", RISES, True),
        ("database", RDS, "DatabaseConnections", FALLS, True),
        ("database", RDS, "CPUUtilization", RISES, False),
        ("database", RDS, "FreeStorageSpace", FALLS, True),
        ("database", "AWS/ECS", "CPUUtilization", RISES, False),
        ("database", ALB, "HTTPCode_Target_5XX_Count", RISES, True),
        ("alb", ALB, "HTTPCode_ELB_503_Count", RISES, True),
        ("alb", ALB, "HTTPCode_ELB_5XX_Count", RISES, True),
        ("alb", ALB, "HealthyHostCount", FALLS, True),
        ("alb", ALB, "HealthyHostCount", RISES, False),
        # What targets answer is not what the load balancer answers.
        ("alb", ALB, "HTTPCode_Target_5XX_Count", RISES, False),
        ("latency", ALB, "TargetResponseTime", RISES, True),
        ("latency", ALB, "TargetResponseTime", "LessThanLowerOrGreaterThanUpperThreshold", True),
        ("latency", "AWS/ECS", "CPUUtilization", RISES, False),
        ("latency", "Mine", "TargetResponseTime", RISES, False),
        ("cost", "AWS/Billing", "EstimatedCharges", RISES, True),
        ("cost", "AWS/Billing", "Other", RISES, False),
    ],
)
def test_what_covers_a_scenario(scenario: str, namespace: str, name: str, comparison: str, covered: bool) -> None:
    one = alarm(metric(namespace, name), comparison=comparison)
    verdict = judged(scenario, one)
    assert bool(verdict) is covered
    assert verdict.observed == ("alarm would have told" if covered else "no alarm would have told anybody")
    mute = judged(scenario, structs.replace(one, actions=()))
    assert not mute
    assert ("mute: alarm: it has no action" in mute.evidence) is covered


def test_samples_of_a_metric_count_tasks() -> None:
    counting = metric("AWS/ECS", "CPUUtilization", statistic="SampleCount")
    assert judged("ecs", alarm(counting, comparison=FALLS))
    assert not judged("ecs", alarm(counting, comparison=RISES))


@pytest.mark.parametrize(
    ("scenario", "namespace", "name"),
    [("alb", ALB, "HTTPCode_ELB_503_Count"), ("latency", ALB, "TargetResponseTime"), ("database", RDS, "DatabaseConnections")],
)  # fmt: skip
def test_an_alarm_of_another_environment_tells_nothing_of_this_one(scenario: str, namespace: str, name: str) -> None:
    def watching(dimensions: dict[str, str]) -> Alarm:
        return alarm(AlarmMetric(namespace, name, dimensions, "p95", 60))

    assert not judged(scenario, watching(OTHERS[namespace]))
    assert judged(scenario, watching(OTHERS[namespace]), watching(MINE[namespace]))
    # A query over all load balancers, or databases, looks at this one too.
    assert judged(scenario, watching({}))


def test_what_an_expression_does_is_its_authors_business() -> None:
    healthy = metric(ALB, "HealthyHostCount")
    assert judged("alb", alarm(healthy, comparison=RISES, computed=True))
    # A band is no expression of the metric.
    assert not judged("alb", alarm(healthy, comparison="GreaterThanUpperThreshold", computed=True))


def test_what_could_not_be_seen_matters_only_where_nobody_tells() -> None:
    def blind(one: Alarm) -> str:
        if one.name == "far":
            raise Unavailable("sns:ListSubscriptionsByTopic", "denied")
        return ""

    times = metric(ALB, "TargetResponseTime")
    far, near = alarm(times, name="far"), alarm(times, name="near")
    assert alarm_coverage.judge("latency", [far, near], OWN, blind, "dev")
    assert alarm_coverage.latency_alarm([far, near], SHOP, blind)
    with pytest.raises(Unavailable):
        alarm_coverage.judge("latency", [far], OWN, blind, "dev")
    with pytest.raises(Unavailable):
        alarm_coverage.latency_alarm([far], SHOP, blind)


def test_lookalikes_are_told_apart() -> None:
    verdict = judged("alb", alarm(metric(ALB, "HTTPCode_Target_5XX_Count")))
    assert verdict.evidence == (
        "not it: alarm on HTTPCode_Target_5XX_Count counts what targets answer; "
        "a 503 that the load balancer makes is not in it",
    )
    assert verdict.expected == (
        "an alarm on HTTPCode_ELB_503_Count or HTTPCode_ELB_5XX_Count or HealthyHostCount that somebody hears"
    )
    assert (verdict.resource, verdict.name) == ("alarms/dev/alb", "dev: alb")


def test_charges_tell_but_are_not_the_whole_story() -> None:
    verdict = judged("cost", alarm(metric("AWS/Billing", "EstimatedCharges")))
    assert verdict.ok
    assert "month to date" in verdict.evidence[0]


def test_target_tracking_tells_nobody() -> None:
    name = "TargetTracking-service/shop/web-AlarmLow-1"
    verdict = judged("ecs", alarm(metric("AWS/ECS", "RunningTaskCount"), name=name, comparison=FALLS))
    assert (verdict.ok, verdict.evidence) == (False, ())


@pytest.mark.parametrize("scenario", ["ecs", "database", "alb", "latency", "cost"])
def test_without_alarms_nobody_is_told(scenario: str) -> None:
    verdict = judged(scenario)
    assert (verdict.ok, verdict.evidence) == (False, ())


TIMES = metric(ALB, "TargetResponseTime")


@pytest.mark.parametrize(
    ("given", "observed"),
    [
        (alarm(TIMES), "alarm alarm watches it"),
        (alarm(structs.replace(TIMES, statistic="Average")), "alarm alarm watches it"),
        (alarm(TIMES, state="INSUFFICIENT_DATA"), "alarm alarm watches it"),
        (alarm(TIMES, threshold=None), "alarm alarm watches it"),
        (alarm(TIMES, threshold=59.9), "alarm alarm watches it"),
        (alarm(TIMES, comparison="GreaterThanUpperThreshold"), "alarm alarm watches it"),
        (
            alarm(TIMES, comparison="LessThanLowerOrGreaterThanUpperThreshold", threshold=None, computed=True),
            "alarm alarm watches it",
        ),
        # Milliseconds, by metric math.
        (alarm(TIMES, threshold=900.0, computed=True), "alarm alarm watches it"),
        (alarm(TIMES, actions=()), "alarm alarm cannot warn: it has no action"),
        (
            alarm(structs.replace(TIMES, statistic="Sum")),
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
    verdict = alarm_coverage.latency_alarm([given], SHOP, unheard)
    assert (bool(verdict), verdict.observed) == (observed.endswith("watches it"), observed)
    ours = observed.startswith("alarm alarm watches it") or "cannot warn" in observed
    assert verdict.resource == ("arn:alarm" if ours else SHOP.arn)
    assert verdict.names == {"load_balancer": "shop"}


def test_one_good_latency_alarm_is_enough() -> None:
    mute = alarm(TIMES, name="mute", actions=())
    verdict = alarm_coverage.latency_alarm([mute, alarm(TIMES)], SHOP, unheard)
    assert (verdict.ok, verdict.evidence) == (True, ("mute: it has no action",))
