"""From an alarm to somebody who hears it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from checks.diagnosis import alarm_reach
from checks.diagnosis.verdict import Verdict
from fixtures.errors import Unavailable
from fixtures.facts.alarms import publishers
from fixtures.model.alarms import Alarm, AlarmMetric, Topic
from fixtures.model.cost import TopicSubscriptions

TOPIC = "arn:aws:sns:us-east-1:123456789012:shop-alerts"
SCALE = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:resource/ecs/service/c/s:policyName/p"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:page"
CPU = AlarmMetric("AWS/ECS", "CPUUtilization", {"ClusterName": "shop-cluster"}, "Average", 60)


def alarm(name: str = "shop-cpu", **changes: Any) -> Alarm:
    values: dict[str, Any] = {
        "name": name,
        "arn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}",
        "metrics": (CPU,),
        "threshold": 80.0,
        "comparison": "GreaterThanThreshold",
        "evaluation_periods": 1,
        "state": "OK",
        "state_reason": "",
        "actions_enabled": True,
        "actions": (TOPIC,),
        "treat_missing": "missing",
    }
    return Alarm(**(values | changes))


def judged(
    alarms: Sequence[Alarm],
    confirmed: int | None = 1,
    publishers: tuple[str, ...] = ("*",),
    key: str = "",
) -> Verdict | None:
    listening = None if confirmed is None else TopicSubscriptions(TOPIC, confirmed, 1)
    topic = None if confirmed is None else Topic(TOPIC, publishers, key)
    return alarm_reach.judge(alarms, "shop", lambda _: listening, lambda _: topic)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"actions": (TOPIC, SCALE)},
        {"actions": (SCALE,)},
        {"actions": (FUNCTION,)},
        {"actions": ("arn:aws:automate:us-east-1:ec2:recover",)},
    ],
)
def test_alarms_that_are_heard_or_act_by_themselves(changes: dict[str, Any]) -> None:
    assert judged([alarm(**changes)])


@pytest.mark.parametrize("publishers", [("*",), ("cloudwatch.amazonaws.com",), ("arn:aws:iam::123456789012:root",)])
def test_policies_that_let_cloudwatch_in(publishers: tuple[str, ...]) -> None:
    assert judged([alarm()], publishers=publishers, key="arn:aws:kms:us-east-1:123456789012:key/1")


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({"actions_enabled": False}, {}, "its actions are disabled"),
        ({"actions": ()}, {}, "it has no action"),
        ({}, {"confirmed": None}, "topic shop-alerts does not exist"),
        ({}, {"confirmed": 0}, "no confirmed subscriber (1 pending)"),
        ({}, {"publishers": ("budgets.amazonaws.com",)}, "does not let CloudWatch publish"),
        ({}, {"publishers": ()}, "does not let CloudWatch publish"),
        ({}, {"key": "alias/aws/sns"}, "AWS's own key"),
        ({}, {"key": "arn:aws:kms:us-east-1:123456789012:alias/aws/sns"}, "AWS's own key"),
        ({"actions": (TOPIC, SCALE)}, {"confirmed": 0}, "no confirmed subscriber"),
    ],
)
def test_alarms_that_nobody_hears(changes: dict[str, Any], state: dict[str, Any], said: str) -> None:
    verdict = judged([alarm(), alarm("shop-b", **changes)] if not state else [alarm(**changes)], **state)

    assert verdict is not None
    assert not verdict
    assert said in verdict.observed


def test_one_topic_of_two_is_enough() -> None:
    other = f"{TOPIC}-2"
    heard = {TOPIC: TopicSubscriptions(TOPIC, 0, 1), other: TopicSubscriptions(other, 1, 0)}
    verdict = alarm_reach.judge([alarm(actions=(TOPIC, other))], "shop", heard.get, lambda arn: Topic(arn, ("*",), ""))

    assert verdict


@pytest.mark.parametrize(
    "rule", ['ALARM("shop-a") AND ALARM("shop-b")', "ALARM(shop-a) OR ALARM( shop-b )", f"ALARM({alarm('shop-a').arn})"]
)
def test_a_composite_tells_of_its_parts(rule: str) -> None:
    parts = [alarm("shop-a", actions=()), *([alarm("shop-b", actions=())] if "shop-b" in rule else [])]
    composite = alarm("shop-all", metrics=(), rule=rule)

    assert judged([*parts, composite])
    assert not judged([*parts, alarm("shop-all", metrics=(), rule=rule, actions=())])


def test_a_composite_of_composites_tells_of_their_parts() -> None:
    part, odd = alarm("shop-a", actions=()), alarm("shop (b)", actions=())
    middle = alarm("shop-mid", metrics=(), rule='ALARM("shop-a") OR ALARM("shop (b)")', actions=())
    top = alarm("shop-top", metrics=(), rule="ALARM(shop-mid)")
    assert judged([part, odd, middle, top])


AWAY = "arn:aws:sns:us-east-1:999999999999:central"


def _blind(arn: str) -> Any:
    raise Unavailable("sns:ListSubscriptionsByTopic", "denied", arn)


def test_a_topic_of_another_account_is_that_accounts_business() -> None:
    assert alarm_reach.silent(alarm(actions=(AWAY,)), _blind, _blind) == ""
    with pytest.raises(Unavailable):
        alarm_reach.silent(alarm(), _blind, _blind)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"actions": (FUNCTION,)}, ""),
        ({"actions": (TOPIC, SCALE)}, ""),
        ({"actions": ()}, "it has no action"),
        # Nobody is told by what scales.
        ({"actions": (SCALE,)}, "it only acts by itself, as autoscaling does"),
    ],
)
def test_who_is_told(changes: dict[str, Any], said: str) -> None:
    one = alarm(**changes)
    heard: dict[str, Any] = {
        "listeners": lambda arn: TopicSubscriptions(arn, 1, 0),
        "topics": lambda a: Topic(a, ("*",), ""),
    }
    assert alarm_reach.tells_nobody(one, [one], **heard) == said
    composite = alarm("shop-all", metrics=(), rule=f"ALARM({one.name})")
    assert alarm_reach.tells_nobody(one, [one, composite], **heard) == ""


def test_only_the_targets_alarms_count() -> None:
    theirs = AlarmMetric("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": "crm-db"}, "Average", 60)
    balancer = AlarmMetric("AWS/ApplicationELB", "X", {"LoadBalancer": "app/shop-alb/1"}, "Sum", 60)
    mute: dict[str, Any] = {"actions": ()}

    assert judged([alarm("crm", metrics=(theirs,), **mute)]) is None
    assert judged([alarm("TargetTracking-shop", **mute)]) is None
    assert judged([alarm("whatever", metrics=(balancer,), **mute)]) == judged([alarm("whatever", **mute)])


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('{"Effect":"Allow","Principal":"*","Action":"SNS:Publish"}', ("*",)),
        ('{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:Subscribe","SNS:Publish"]}', ("*",)),
        ('{"Effect":"Allow","Principal":{"Service":["a.b","c.d"]},"Action":"sns:*"}', ("a.b", "c.d")),
        ('{"Effect":"Allow","Principal":"*","Action":"SNS:Subscribe"}', ()),
        ('{"Effect":"Deny","Principal":"*","Action":"SNS:Publish"}', ()),
    ],
)
def test_who_may_publish(statement: str, expected: tuple[str, ...]) -> None:
    assert publishers(f'{{"Statement":[{statement}]}}') == expected
    assert publishers(f'{{"Statement":{statement}}}') == expected
    assert publishers("") == ()
