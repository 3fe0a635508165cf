"""What the guide looks like as a first pytest suite: each test makes its client and asks what it needs.

It asserts what this project's checks of the same names assert, as far as one can without their diagnosis. It is only
measured, never run with this project's tests.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import boto3
import pytest

CLUSTER = "ecommerce-dev-cluster"
SERVICES = ("ecommerce-dev-product", "ecommerce-dev-order", "ecommerce-dev-frontend")
DATABASE = "ecommerce-dev-db"
SECRET = "ecommerce/dev/database"
HOUR = dt.timedelta(hours=1)

each_service = pytest.mark.parametrize("name", SERVICES)


def _service(name: str) -> Any:
    return boto3.client("ecs").describe_services(cluster=CLUSTER, services=[name])["services"][0]


def _definition(name: str) -> Any:
    family = _service(name)["taskDefinition"]
    return boto3.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]


def _tasks(name: str, status: str = "RUNNING") -> Any:
    ecs = boto3.client("ecs")
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=name, desiredStatus=status)["taskArns"]
    return ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []


def _logs(name: str, pattern: str) -> Any:
    since = int((dt.datetime.now(dt.UTC) - HOUR).timestamp() * 1000)
    options = _definition(name)["containerDefinitions"][0]["logConfiguration"]["options"]
    found = boto3.client("logs").filter_log_events(
        logGroupName=options["awslogs-group"], startTime=since, filterPattern=pattern
    )
    return found["events"]


def _metric(namespace: str, metric: str, dimensions: dict[str, str], statistic: str) -> list[float]:
    now = dt.datetime.now(dt.UTC)
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()],
        StartTime=now - HOUR,
        EndTime=now,
        Period=300,
        Statistics=[statistic],
    )
    return [p[statistic] for p in answer["Datapoints"]]


def _database() -> Any:
    return boto3.client("rds").describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"][0]


# -- tasks keep restarting --------------------------------------------------------------------------------------


@each_service
def test_service_runs_the_desired_number_of_tasks(name: str) -> None:
    service = _service(name)
    assert service["runningCount"] >= service["desiredCount"]


@each_service
def test_rollout_is_not_failed(name: str) -> None:
    assert all(d.get("rolloutState") != "FAILED" for d in _service(name)["deployments"])


@each_service
def test_events_name_no_trouble(name: str) -> None:
    assert not [e for e in _service(name)["events"][:5] if "unable to" in e["message"]]


@each_service
def test_no_task_stopped_by_itself(name: str) -> None:
    assert not [t for t in _tasks(name, "STOPPED") if t.get("stopCode") == "EssentialContainerExited"]


@each_service
def test_logs_have_no_stack_traces(name: str) -> None:
    assert not _logs(name, "Traceback")


@each_service
def test_secrets_of_the_definition_exist(name: str) -> None:
    secrets = [s["valueFrom"] for c in _definition(name)["containerDefinitions"] for s in c.get("secrets", [])]
    for arn in secrets:
        assert boto3.client("secretsmanager").describe_secret(SecretId=":".join(arn.split(":")[:7]))["ARN"]


@each_service
def test_image_exists(name: str) -> None:
    for container in _definition(name)["containerDefinitions"]:
        repository, _, tag = container["image"].partition("/")[2].partition(":")
        if tag and ".dkr.ecr." in container["image"]:
            found = boto3.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
            assert found["imageDetails"]


@each_service
def test_circuit_breaker_is_on(name: str) -> None:
    assert _service(name)["deploymentConfiguration"]


# -- services cannot connect to the database --------------------------------------------------------------------


def test_database_is_available() -> None:
    assert _database()["DBInstanceStatus"] == "available"


@each_service
def test_database_admits_tasks(name: str) -> None:
    groups = [g["VpcSecurityGroupId"] for g in _database()["VpcSecurityGroups"]]
    rules = [
        p
        for g in boto3.client("ec2").describe_security_groups(GroupIds=groups)["SecurityGroups"]
        for p in g["IpPermissions"]
    ]
    own = set(_service(name)["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"])
    assert own & {pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]} or rules


def test_secret_is_the_databases_user() -> None:
    secret = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])
    assert secret["username"] == _database()["MasterUsername"]


@each_service
def test_logs_have_no_connection_errors(name: str) -> None:
    assert not _logs(name, "ECONNREFUSED")


# -- load balancer answers 503 ----------------------------------------------------------------------------------


@each_service
def test_targets_are_healthy(name: str) -> None:
    for balancer in _service(name)["loadBalancers"]:
        health = boto3.client("elbv2").describe_target_health(TargetGroupArn=balancer["targetGroupArn"])
        states = [t["TargetHealth"]["State"] for t in health["TargetHealthDescriptions"]]
        assert "healthy" in states


@each_service
def test_tasks_listen_on_the_groups_port(name: str) -> None:
    ports = {m["containerPort"] for c in _definition(name)["containerDefinitions"] for m in c.get("portMappings", [])}
    assert all(b["containerPort"] in ports for b in _service(name)["loadBalancers"])
    assert _tasks(name)


def test_balancer_is_active() -> None:
    assert all(b["State"]["Code"] == "active" for b in boto3.client("elbv2").describe_load_balancers()["LoadBalancers"])


# -- slow calls, cost -------------------------------------------------------------------------------------------


def test_response_time_is_low() -> None:
    for balancer in boto3.client("elbv2").describe_load_balancers()["LoadBalancers"]:
        dimension = {"LoadBalancer": balancer["LoadBalancerArn"].partition("loadbalancer/")[2]}
        assert all(v < 1 for v in _metric("AWS/ApplicationELB", "TargetResponseTime", dimension, "Average"))


@each_service
def test_cpu_is_not_saturated(name: str) -> None:
    found = _metric("AWS/ECS", "CPUUtilization", {"ClusterName": CLUSTER, "ServiceName": name}, "Average")
    assert all(v < 90 for v in found)


def test_database_cpu_is_not_saturated() -> None:
    assert all(v < 90 for v in _metric("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": DATABASE}, "Average"))


def test_budgets_exist() -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    assert boto3.client("budgets").describe_budgets(AccountId=account)["Budgets"]
