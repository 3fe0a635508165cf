"""What the sandbox answers, refuses and throttles has the shapes that AWS's own have."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from fixtures.gather import REGISTRY
from fixtures.run import load_facts
from fixtures.sandbox import gaps
from fixtures.sandbox.server import SANDBOX_ENVIRONMENT, Host, World
from fixtures.sandbox.wire import NotAsAwsAnswers, validate
from tests.harness import ROOT

load_facts()
gaps.load()
ASKED = {a.partition("@")[0] for f in REGISTRY.values() for a in f.asks}


def model(operation: str) -> Any:
    service, _, name = operation.partition(":")
    return get_service_model(service).operation_model(name)


def client(world: World, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=world.endpoint_url,
        aws_access_key_id=SANDBOX_ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SANDBOX_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("operation", gaps.operations())
def test_a_gap_fills_something_that_is_asked(operation: str) -> None:
    command = operation.partition(":")[2]
    words = "".join(f"-{c.lower()}" if c.isupper() else c for c in command).strip("-")
    guide = (ROOT / "checks" / "guide.md").read_text(encoding="utf-8")

    assert model(operation).name == command
    assert operation in ASKED or words in guide, f"nobody asks {operation}"


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("ecs:DescribeServices", {"service": []}, "service"),
        ("ecs:DescribeServices", {"services": [{"runningCount": "1"}]}, "runningCount"),
        ("ecs:DescribeServices", {"services": [[]]}, "services"),
        ("rds:DescribeDBInstances", {"DBInstances": [{"Endpoint": {"Adress": "x"}}]}, "Adress"),
        ("xray:GetServiceGraph", {"Services": [{"ReferenceId": 1.5}]}, "ReferenceId"),
    ],
)
def test_what_aws_could_not_answer_is_refused(operation: str, answer: dict[str, Any], said: str) -> None:
    with pytest.raises(NotAsAwsAnswers, match=said):
        validate(model(operation), answer)


def test_members_may_be_left_out_of_an_answer() -> None:
    validate(model("ecs:DescribeServices"), {"services": [{"serviceName": "a", "deployments": None}]})
    validate(model("budgets:DescribeBudgets"), {"Budgets": [{"BudgetName": "a"}]})


CALLS = {
    "ecs:DescribeClusters": ("ecs", "describe_clusters", {}, "AccessDeniedException", 400),
    "rds:DescribeDBInstances": ("rds", "describe_db_instances", {}, "AccessDenied", 403),
    "ec2:DescribeVpcs": ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", 403),
    "s3:ListBucket": ("s3", "list_objects_v2", {"Bucket": "b"}, "AccessDenied", 403),
    "xray:GetServiceGraph": ("xray", "get_service_graph", {"StartTime": 0, "EndTime": 1}, "AccessDeniedException", 400),
    "iam:GetRole": ("iam", "get_role", {"RoleName": "r"}, "AccessDenied", 403),
}


@pytest.mark.parametrize("action", CALLS)
def test_a_denial_reads_as_each_protocol_writes_it(host: Host, action: str) -> None:
    service, method, parameters, code, status = CALLS[action]
    with host.fork(deny=[action]) as world, pytest.raises(ClientError) as caught:
        getattr(client(world, service), method)(**parameters)

    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert action in response["Error"]["Message"]


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("ecs:DescribeClusters", "ThrottlingException"),
        ("ec2:DescribeVpcs", "RequestLimitExceeded"),
        ("s3:ListBucket", "SlowDown"),
    ],
)
def test_only_the_first_request_is_throttled(host: Host, action: str, code: str) -> None:
    service, method, _, _, _ = CALLS[action]
    parameters = {"Bucket": "ecommerce-dev-terraform-state"} if service == "s3" else {}
    with host.fork(throttle=[action]) as world:
        ask = getattr(client(world, service), method)
        with pytest.raises(ClientError) as caught:
            ask(**parameters)
        ask(**parameters)

    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("method", "parameter"),
    [("describe_target_groups", "TargetGroupArns"), ("describe_load_balancers", "LoadBalancerArns")],
)
def test_load_balancing_describes_twenty_at_a_time(host: Host, method: str, parameter: str) -> None:
    with host.fork() as world, pytest.raises(ClientError, match="more than '20'"):
        getattr(client(world, "elbv2"), method)(
            **{parameter: [f"arn:aws:elasticloadbalancing:::{n}" for n in range(21)]}
        )
