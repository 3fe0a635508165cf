"""Links into the AWS console: to the right page, or none at all; never to anywhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.console import url

R = "us-east-1"
A = "123456789012"


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (f"arn:aws:ecs:{R}:{A}:service/shop/product", f"https://{R}.console.aws.amazon.com/ecs/v2/clusters/shop/services/product/health?region={R}"),
        (f"arn:aws:ecs:{R}:{A}:task/shop/0f9a", f"https://{R}.console.aws.amazon.com/ecs/v2/clusters/shop/tasks/0f9a?region={R}"),
        (f"arn:aws:ecs:{R}:{A}:cluster/shop", f"https://{R}.console.aws.amazon.com/ecs/v2/clusters/shop?region={R}"),
        (f"arn:aws:ecs:{R}:{A}:task-definition/product:7", f"https://{R}.console.aws.amazon.com/ecs/v2/task-definitions/product/7?region={R}"),
        (f"arn:aws:rds:{R}:{A}:db:shop-db", f"https://{R}.console.aws.amazon.com/rds/home?region={R}#database:id=shop-db"),
        ("sg-0a1b", f"https://{R}.console.aws.amazon.com/ec2/home?region={R}#SecurityGroup:groupId=sg-0a1b"),
        (f"arn:aws:ec2:{R}:{A}:security-group/sg-0a1b", f"https://{R}.console.aws.amazon.com/ec2/home?region={R}#SecurityGroup:groupId=sg-0a1b"),
        (f"arn:aws:secretsmanager:{R}:{A}:secret:shop/db-AbCdEf", f"https://{R}.console.aws.amazon.com/secretsmanager/secret?name=shop%2Fdb&region={R}"),
        (f"arn:aws:logs:{R}:{A}:log-group:/ecs/shop:*", f"https://{R}.console.aws.amazon.com/cloudwatch/home?region={R}#logsV2:log-groups/log-group/$252Fecs$252Fshop"),
        (f"arn:aws:cloudwatch:{R}:{A}:alarm:p95 high", f"https://{R}.console.aws.amazon.com/cloudwatch/home?region={R}#alarmsV2:alarm/p95%20high"),
        ("arn:aws:s3:::shop-state/prod.tfstate", "https://s3.console.aws.amazon.com/s3/buckets/shop-state"),
        (f"arn:aws:dynamodb:{R}:{A}:table/locks", f"https://{R}.console.aws.amazon.com/dynamodbv2/home?region={R}#table?name=locks"),
        (f"arn:aws:ecr:{R}:{A}:repository/shop/api", f"https://{R}.console.aws.amazon.com/ecr/private-registry/repositories?region={R}&search=shop/api"),
        (
            f"arn:aws:elasticloadbalancing:{R}:{A}:targetgroup/tg/6d0e",
            f"https://{R}.console.aws.amazon.com/ec2/home?region={R}#TargetGroup:targetGroupArn=arn:aws:elasticloadbalancing:{R}:{A}:targetgroup/tg/6d0e",
        ),
        # Nothing to link to.
        (f"arn:aws:cloudwatch:{R}:{A}:dashboard/x", ""),
        (f"arn:aws:ec2:{R}:{A}:volume/vol-1", ""),
        (f"arn:aws:kinesis:{R}:{A}:stream/x", ""),
        (f"arn:aws-cn:ecs:cn-north-1:{A}:service/shop/product", ""),
        ("service/product", ""),
        ("terraform/main.tf:3", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_pages(resource: str, expected: str) -> None:
    assert url(resource, R) == expected


def test_a_region_decides_where_an_arn_names_none() -> None:
    assert url("sg-1", "") == ""
    assert "region=eu-west-1" in url("sg-1", "eu-west-1")
    assert url("arn:aws:ecs:eu-west-1:1:cluster/x", R).startswith("https://eu-west-1.")


@given(st.text(max_size=30), st.text(max_size=60), st.sampled_from(["ecs", "rds", "ec2", "s3", "logs", "secretsmanager", "elasticloadbalancing"]))  # fmt: skip
def test_no_name_leads_out_of_the_console(region: str, rest: str, service: str) -> None:
    for resource in (f"arn:aws:{service}:{region}:1:{rest}", f"arn:aws:{service}:{R}:1:service/{rest}", f"sg-{rest}"):
        link = url(resource, R)
        if not link:
            continue
        parts = urlsplit(link)
        assert parts.scheme == "https"
        assert (parts.hostname or "").endswith(".console.aws.amazon.com")
        assert link.isascii()
        assert not set(link) & set("<>\"' \n\\")


def test_a_region_that_is_none_makes_no_link() -> None:
    assert url("arn:aws:ecs:evil.example/#:1:cluster/x", R) == ""
    assert url("arn:aws:ecs:user@evil:1:cluster/x", R) == ""
