from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import refused_configuration as rc
from fixtures.model.terraform import Backend, Configuration, Resource, Source

SOURCE = Source("/repository", "terraform", Backend())


def refused(kind: str, values: dict[str, Any]) -> list[str]:
    return [p for _, p in rc.problems((Resource(f"{kind}.x", kind, values),))]


def containers(*more: dict[str, Any]) -> str:
    return json.dumps(list(more))


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


FARGATE = {"requires_compatibilities": ["FARGATE"], "network_mode": "awsvpc"}
RULES = [
    {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
        "action": {"type": "expire"},
    },
    {
        "rulePriority": 2,
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 7,
        },
        "action": {"type": "expire"},
    },
]
SHAPE = {"too_short": False, "too_long": False, "forbidden": False}

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("aws_lb_target_group", {"health_check": [{"interval": 30, "timeout": 30}]}, "must be smaller than its interval"),
    ("aws_lb_target_group", {"health_check": [{"interval": 3, "timeout": 2}]}, "interval 3 is not between 5 and 300"),
    ("aws_lb_target_group", {"health_check": [{"healthy_threshold": 1}]}, "healthy_threshold 1 is not between"),
    ("aws_lb_target_group", {"health_check": [{"path": "health"}]}, "must start with /"),
    ("aws_lb_target_group", {"name": "ecommerce-development-product-service"}, "37 characters, 32 are allowed"),
    ("aws_lb_target_group", {"name": "shop_product"}, "inner hyphens only"),
    ("aws_lb", {"name": "internal-shop"}, "must not start with internal-"),
    ("aws_lb", {"name": "-shop"}, "inner hyphens only"),
    ("aws_lb", {"load_balancer_type": "application", "subnets": ["subnet-1"]}, "two availability zones"),
    ("aws_lb_listener_rule", {"priority": 0}, "priority 0 is not between 1 and 50000"),
    ("aws_lb_listener_rule", {"priority": 50001}, "priority 50001"),
    ("aws_lb_listener_rule", {"condition": []}, "needs a condition"),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": "256", "memory": "4096"}, "no 4096 MiB with 256 CPU units"),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": 512, "memory": 512}, "no 512 MiB with 512 CPU units"),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": 300, "memory": 512}, "no 300 CPU units"),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": "1 vCPU", "memory": "16 GB"}, "no 16384 MiB with 1024 CPU units"),
    ("aws_ecs_task_definition", {**FARGATE, "network_mode": "bridge"}, "needs network_mode awsvpc"),
    ("aws_ecs_task_definition", {"container_definitions": "{}"}, "not a JSON list"),
    ("aws_ecs_task_definition", {"container_definitions": "["}, "not a JSON list"),
    ("aws_ecs_task_definition", {"container_definitions": containers({"name": "a"}, {"name": "a"})}, "two containers"),
    (
        "aws_ecs_task_definition",
        {"container_definitions": containers({"name": "a", "essential": False})},
        "no container is essential",
    ),
    (
        "aws_ecs_task_definition",
        {**FARGATE, "cpu": 256, "memory": 512, "container_definitions": containers({"name": "a", "cpu": 512})},
        "cpu (512) exceeds the task's (256)",
    ),
    (
        "aws_ecs_task_definition",
        {
            "network_mode": "awsvpc",
            "container_definitions": containers(
                {"name": "a", "portMappings": [{"containerPort": 8000, "hostPort": 80}]}
            ),
        },
        "hostPort 80 must equal containerPort 8000",
    ),
    (
        "aws_ecs_task_definition",
        {
            "container_definitions": containers(
                {"name": "a", "environment": [{"name": "DB", "value": "x"}], "secrets": [{"name": "DB"}]}
            )
        },
        "DB is both in environment and in secrets",
    ),
    (
        "aws_ecs_task_definition",
        {"container_definitions": containers({"name": "a", "memory": 128, "memoryReservation": 256})},
        "memoryReservation 256 exceeds memory 128",
    ),
    (
        "aws_ecs_service",
        {"deployment_minimum_healthy_percent": 100, "deployment_maximum_percent": 100},
        "deployment_maximum_percent 100 must exceed",
    ),
    ("aws_ecs_service", {"health_check_grace_period_seconds": 60, "load_balancer": []}, "behind a load balancer"),
    ("aws_ecs_service", {"launch_type": "FARGATE", "network_configuration": []}, "needs a network_configuration"),
    ("aws_ecs_service", {"launch_type": "FARGATE", "scheduling_strategy": "DAEMON"}, "DAEMON"),
    ("aws_appautoscaling_target", {"min_capacity": 4, "max_capacity": 2}, "min_capacity 4 exceeds max_capacity 2"),
    ("aws_db_instance", {"engine": "postgres", "username": "admin"}, "reserved word of postgres"),
    ("aws_db_instance", {"engine": "postgres", "username": "pg_shop"}, "reserved word"),
    ("aws_rds_cluster", {"engine": "aurora-postgresql", "master_username": "admin"}, "reserved word"),
    ("aws_db_instance", {"engine": "mysql", "username": "rdsadmin"}, "reserved word"),
    ("aws_db_instance", {"engine": "postgres", "username": "1shop"}, "a letter first"),
    ("aws_db_instance", {"engine": "mysql", "username": "a" * 33}, "33 characters, 32 are allowed"),
    ("aws_db_instance", {"engine": "postgres", "db_name": "e-commerce"}, "db_name 'e-commerce'"),
    ("aws_db_instance", {"identifier": "shop--db"}, "single inner hyphens"),
    ("aws_db_instance", {"identifier": "shop-"}, "single inner hyphens"),
    ("aws_db_instance", {"password_shape": {**SHAPE, "forbidden": True}}, "a character that RDS refuses"),
    ("aws_db_instance", {"password_wo_shape": {**SHAPE, "too_short": True}}, "8 to 128 characters"),
    ("aws_db_instance", {"backup_retention_period": 36}, "not between 0 and 35 days"),
    ("aws_db_instance", {"storage_type": "gp3", "allocated_storage": 10}, "less than the 20 GiB"),
    ("aws_db_instance", {"allocated_storage": 100, "max_allocated_storage": 50}, "less than allocated_storage"),
    ("aws_db_instance", {"monitoring_interval": 45}, "none of 0, 1, 5"),
    ("aws_ecr_lifecycle_policy", {"policy": json.dumps({"rules": RULES})}, "must have the largest rulePriority"),
    ("aws_ecr_lifecycle_policy", {"policy": "{"}, "not JSON"),
    ("aws_cloudwatch_log_group", {"retention_in_days": 45}, "the nearest is 30"),
    ("aws_security_group", {"name": "sg-database"}, "must not start with sg-"),
    ("aws_security_group", {"ingress": [{"protocol": "tcp", "from_port": 90, "to_port": 80}]}, "exceeds to_port"),
    ("aws_security_group", {"egress": [{"protocol": "-1", "from_port": 0, "to_port": 65535}]}, "means all ports"),
    ("aws_vpc_security_group_ingress_rule", {"ip_protocol": "tcp", "from_port": 1, "to_port": 70000}, "and 65535"),
    ("aws_cloudwatch_metric_alarm", {"period": 90}, "nor a multiple of 60"),
    ("aws_cloudwatch_metric_alarm", {"period": 300, "evaluation_periods": 300}, "at most 86400 s"),
    ("aws_iam_role", {"name": "a" * 65}, "at most 64"),
    ("aws_iam_role", {"assume_role_policy": "no"}, "not a JSON policy"),
    ("aws_iam_role_policy", {"policy": policy(Effect="allow", Action="*")}, "without Effect"),
    ("aws_iam_policy", {"policy": policy(Effect="Allow", Resource="*")}, "without Action"),
    ("aws_iam_policy", {"policy": policy(Effect="Allow", Action=["s3:Get*"] * 900)}, "6144 are allowed"),
    ("aws_s3_bucket", {"bucket": "Shop_Logs"}, "lower-case"),
    ("aws_s3_bucket", {"bucket": "xn--shop"}, "keeps for itself"),
    ("aws_secretsmanager_secret", {"recovery_window_in_days": 3}, "neither 0 nor between 7 and 30"),
]


@pytest.mark.parametrize(("kind", "values", "why"), REFUSED, ids=[f"{k}-{w[:30]}" for k, _, w in REFUSED])
def test_refused(kind: str, values: dict[str, Any], why: str) -> None:
    found = refused(kind, values)

    assert len(found) == 1, found
    assert why in found[0]


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("aws_lb_target_group", {"name": "a" * 32, "health_check": [{"interval": 30, "timeout": 29, "path": "/"}]}),
    # The provider writes 0 for what is left to AWS.
    ("aws_lb_target_group", {"health_check": [{"interval": 30, "timeout": 0}]}),
    ("aws_lb", {"name": "shop", "load_balancer_type": "network", "subnets": ["subnet-1"]}),
    ("aws_lb_listener_rule", {"priority": 50000, "condition": [{"path_pattern": []}]}),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": "512", "memory": "1024"}),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": ".5 vCPU", "memory": "1 GB"}),
    ("aws_ecs_task_definition", {**FARGATE, "cpu": 16384, "memory": 122880}),
    # EC2 takes any size.
    ("aws_ecs_task_definition", {"requires_compatibilities": ["EC2"], "cpu": 100, "memory": 100}),
    (
        "aws_ecs_task_definition",
        {
            **FARGATE,
            "container_definitions": containers(
                {"name": "a", "portMappings": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]},
                {"name": "b", "essential": False},
            ),
        },
    ),
    ("aws_ecs_service", {"deployment_minimum_healthy_percent": 0, "deployment_maximum_percent": 100}),
    ("aws_ecs_service", {"health_check_grace_period_seconds": 60, "load_balancer": [{"container_port": 80}]}),
    ("aws_db_instance", {"engine": "postgres", "username": "dbadmin", "db_name": "ecommerce", "identifier": "shop-db"}),
    ("aws_db_instance", {"engine": "mysql", "username": "admin"}),
    ("aws_db_instance", {"password_shape": SHAPE, "storage_type": "gp3", "allocated_storage": 20}),
    ("aws_ecr_lifecycle_policy", {"policy": "${data.aws_ecr_lifecycle_policy_document.x.json}"}),
    ("aws_cloudwatch_log_group", {"retention_in_days": 0}),
    ("aws_cloudwatch_log_group", {"retention_in_days": 3653}),
    ("aws_security_group", {"name": "shop-sg", "egress": [{"protocol": "-1", "from_port": 0, "to_port": 0}]}),
    ("aws_security_group_rule", {"protocol": "icmp", "from_port": 8, "to_port": -1}),
    # Of a rule of its own, AWS ignores the ports.
    ("aws_security_group_rule", {"protocol": "-1", "from_port": 0, "to_port": 65535}),
    ("aws_cloudwatch_metric_alarm", {"period": 86400, "evaluation_periods": 7}),
    ("aws_iam_role_policy", {"policy": policy(Effect="Allow", Action="*", Resource="*")}),
    ("aws_s3_bucket", {"bucket": "shop.logs-1"}),
    ("aws_secretsmanager_secret", {"recovery_window_in_days": 0}),
    ("aws_unknown_thing", {"priority": -1}),
]


@pytest.mark.parametrize(("kind", "values"), ACCEPTED)
def test_accepted(kind: str, values: dict[str, Any]) -> None:
    assert refused(kind, values) == []


@pytest.mark.parametrize("kind", sorted(rc._RULES))
def test_nothing_is_said_of_what_is_not_known(kind: str) -> None:
    assert refused(kind, {}) == []


def rule(name: str, priority: int, listener: str | None) -> Resource:
    values = {"priority": priority} | ({"listener_arn": listener} if listener else {})
    return Resource(f"aws_lb_listener_rule.{name}", "aws_lb_listener_rule", values)


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        ([rule("a", 1, "l"), rule("b", 1, "l")], 1),
        ([rule("a", 1, "l"), rule("b", 1, "l"), rule("c", 1, "l")], 2),
        ([rule("a", 1, "l"), rule("b", 2, "l")], 0),
        ([rule("a", 1, "l"), rule("b", 1, "m")], 0),
        # Which listener it belongs to is not known.
        ([rule("a", 1, None), rule("b", 1, None)], 0),
    ],
)
def test_priorities_of_one_listener(rules: list[Resource], count: int) -> None:
    assert len(rc.problems(rules)) == count


def subnet(name: str, cidr: str, vpc: str = "${aws_vpc.main.id}") -> Resource:
    return Resource(f"aws_subnet.{name}", "aws_subnet", {"cidr_block": cidr, "vpc_id": vpc})


@pytest.mark.parametrize(
    ("subnets", "count"),
    [
        ([subnet("a", "10.0.1.0/24"), subnet("b", "10.0.2.0/24")], 0),
        ([subnet("a", "10.0.0.0/16"), subnet("b", "10.0.2.0/24")], 1),
        ([subnet("a", "10.0.1.0/24"), subnet("b", "10.0.1.0/24", "vpc-2")], 0),
        ([subnet("a", "10.0.1.0/24"), subnet("b", "no address")], 0),
    ],
)
def test_ranges_of_one_network(subnets: list[Resource], count: int) -> None:
    assert len(rc.problems(subnets)) == count


def test_verdict_names_the_first_and_lists_all() -> None:
    resources = (
        Resource("aws_s3_bucket.a", "aws_s3_bucket", {"bucket": "A"}, "terraform/a.tf:1"),
        Resource(
            "aws_cloudwatch_log_group.b", "aws_cloudwatch_log_group", {"retention_in_days": 2}, "terraform/b.tf:9"
        ),
    )
    verdict = rc.is_accepted(Configuration(resources, "a plan"), SOURCE)

    assert verdict.observed.startswith("AWS will refuse aws_s3_bucket.a: bucket 'A'")
    assert verdict.observed.endswith("(and 1 more)")
    assert verdict.locations == ("terraform/a.tf:1", "terraform/b.tf:9")
    assert rc.is_accepted(Configuration((), "a plan"), SOURCE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**6) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = st.sampled_from(
    "name health_check subnets priority condition requires_compatibilities cpu memory container_definitions engine username "
    "db_name identifier password_shape allocated_storage policy retention_in_days ingress period evaluation_periods bucket "
    "listener_arn cidr_block vpc_id load_balancer assume_role_policy min_capacity max_capacity".split()
)


@given(kind=st.sampled_from(sorted(rc._RULES)), values=st.dictionaries(ATTRIBUTES, JSON, max_size=8))
def test_rules_end_with_any_values(kind: str, values: dict[str, Any]) -> None:
    assert all(isinstance(p, str) and p for p in refused(kind, values))


@given(document=JSON)
def test_rules_end_with_any_documents(document: Any) -> None:
    text = json.dumps(document)
    for kind, name in [
        ("aws_ecs_task_definition", "container_definitions"),
        ("aws_ecr_lifecycle_policy", "policy"),
        ("aws_iam_policy", "policy"),
    ]:
        refused(kind, {name: text})
