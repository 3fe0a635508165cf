from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import thrift
from fixtures.model.cost import Schedule, Usage
from fixtures.model.registry import LogGroup
from tests.diagnosis.facts import service

GROUP = LogGroup("/ecs/order-service", "arn:log", 14, 2048)
STOP = Schedule("nightly-stop", "eventbridge", True, "cron(0 20 * * ? *)", "arn:lambda")
START = Schedule("morning-start", "eventbridge", True, "cron(0 6 * * ? *)", "arn:lambda")


@pytest.mark.parametrize(
    ("days", "most", "ok"),
    [
        (14, 30, True),
        (30, 30, True),
        (31, 30, False),
        (3653, 0, True),
        (None, 30, False),
        (None, 0, False),
        (1, 30, True),
    ],
)
def test_retention(days: int | None, most: int, ok: bool) -> None:
    assert bool(thrift.retention(structs.replace(GROUP, retention_days=days), most)) is ok


def test_what_retention_says() -> None:
    kept = thrift.retention(GROUP, 7)
    assert kept.summary == "/ecs/order-service: kept for 14 days; expected a retention of at most 7 days"
    assert kept.names == {"log_group": "/ecs/order-service", "retention_days": "7"}
    elsewhere = structs.replace(GROUP, arn="arn:aws:logs:eu-west-1:1:log-group:x")
    assert [thrift.retention(elsewhere, days).names["retention_days"] for days in (0, 10, 4000)] == ["90", "7", "3288"]
    assert thrift.retention(elsewhere, 0).names["region"] == "eu-west-1"
    for size, told in ((2048, "2048 bytes"), (1024**3 - 1, "1073741823 bytes"), (1024**3, "1.0 GiB")):
        group = structs.replace(GROUP, arn="", retention_days=None, stored_bytes=size)
        verdict = thrift.retention(group, 0)
        assert verdict.resource == "log-group//ecs/order-service"
        assert (verdict.observed, verdict.expected) == (f"never expires, {told} stored", "a retention in days")


@pytest.mark.parametrize(
    ("cpu", "requests", "ok", "told"),
    [
        (0.4, 0.0, False, "busiest CPU 0.4 %, 0 requests"),
        (0.4, None, False, "busiest CPU 0.4 %, no load balancer"),
        (1.0, 0.0, True, "busiest CPU 1.0 %, 0 requests"),
        # One request is use, and work without requests as well.
        (0.4, 1.0, True, "busiest CPU 0.4 %, 1 requests"),
        (35.0, None, True, "busiest CPU 35.0 %, no load balancer"),
        # Without data nothing is known, and nothing is said against it.
        (None, 0.0, True, "busiest CPU unknown, 0 requests"),
        (None, None, True, "busiest CPU unknown, no load balancer"),
        (0.0, 0.0, False, "busiest CPU 0.0 %, 0 requests"),
    ],
)
def test_use(cpu: float | None, requests: float | None, ok: bool, told: str) -> None:
    verdict = thrift.is_used(service(), Usage(cpu, requests), 1.0)
    assert bool(verdict) is ok
    assert verdict.observed == f"{told} in the last days with 1 tasks running"


@pytest.mark.parametrize(
    ("name", "target", "detail", "concerns"),
    [
        (
            "nightly-stop",
            "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance",
            '{"DbInstanceIdentifier": "shop-dev-db"}',
            True,
        ),
        ("nightly-stop", "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance", '{"DbInstanceIdentifier":"crm-db"}', False),
        ("nightly-stop", "arn:aws:scheduler:::aws-sdk:rds:stopDBCluster", '{"DbClusterIdentifier": "crm"}', False),
        # What a function stops, its schedule does not say.
        ("stop-databases", "arn:aws:lambda:us-east-1:123456789012:function:stop", "", True),
        ("backup", "arn:aws:lambda:us-east-1:123456789012:function:copy", "", False),
    ],
)
def test_schedules_of_other_databases_are_not_ours(name: str, target: str, detail: str, concerns: bool) -> None:
    schedule = Schedule(name, "scheduler", True, "cron(0 20 * * ? *)", target, detail)
    assert thrift.concerns_database(schedule, "shop-dev") is concerns


@pytest.mark.parametrize(
    ("schedules", "observed"),
    [
        ([STOP, START], "it is stopped and started on a schedule"),
        ([], "it runs day and night"),
        ([STOP], "a schedule without start"),
        ([START], "a schedule without stop"),
        ([STOP, structs.replace(START, enabled=False)], "a schedule without start"),
        ([structs.replace(STOP, enabled=False)], "it runs day and night"),
        (
            [
                Schedule("night", "application-autoscaling", True, "cron(0 20)", "service/shop/web", "0-0"),
                Schedule("day", "application-autoscaling", True, "cron(0 6)", "service/shop/web", "1-4"),
            ],
            "it is stopped and started on a schedule",
        ),
        ([Schedule("night", "application-autoscaling", True, "cron(0 20)", "web", "0-0")], "a schedule without start"),
        # What is merely allowed to run again does not start.
        (
            [
                Schedule("night", "application-autoscaling", True, "cron(0 20)", "web", "0-0"),
                Schedule("day", "application-autoscaling", True, "cron(0 6)", "web", "0-4"),
            ],
            "a schedule without start",
        ),
        # A maximum that merely ends in a zero keeps running.
        (
            [
                Schedule("night", "application-autoscaling", True, "cron(0 20)", "web", "2-10"),
                Schedule("day", "application-autoscaling", True, "cron(0 6)", "web", "2-20"),
            ],
            "a schedule without stop",
        ),
        # A universal target names the API call.
        (
            [
                Schedule("a", "scheduler", True, "cron(0 20)", "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance"),
                Schedule("b", "scheduler", True, "cron(0 6)", "arn:aws:scheduler:::aws-sdk:rds:startDBInstance"),
            ],
            "it is stopped and started on a schedule",
        ),
    ],
)
def test_nights(schedules: list[Schedule], observed: str) -> None:
    verdict = thrift.sleeps("shop-web", "arn:web", schedules)
    assert (bool(verdict), verdict.observed) == (observed.startswith("it is stopped"), observed)


def test_disabled_schedules_are_shown_as_such() -> None:
    verdict = thrift.sleeps("shop-web", "arn:web", [STOP, structs.replace(START, enabled=False)])
    assert verdict.evidence == (
        "eventbridge nightly-stop cron(0 20 * * ? *) → arn:lambda",
        "eventbridge morning-start cron(0 6 * * ? *) → arn:lambda (disabled)",
    )
