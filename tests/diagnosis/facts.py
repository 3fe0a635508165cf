"""Facts for tests: healthy ones, to be changed with ``structs.replace``."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fixtures.model.ecs import (
    ContainerDefinition,
    ContainerState,
    Deployment,
    LoadBalancerLink,
    SecretReference,
    Service,
    ServiceEvent,
    Task,
    TaskDefinition,
)

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
REVISION = "arn:aws:ecs:us-east-1:123456789012:task-definition/shop-web:7"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"


def ago(minutes: float) -> dt.datetime:
    """An instant before NOW."""
    return NOW - dt.timedelta(minutes=minutes)


def deployment(**changes: Any) -> Deployment:
    """A completed PRIMARY deployment of a day ago."""
    values = {
        "id": "ecs-svc/1",
        "status": "PRIMARY",
        "task_definition": REVISION,
        "desired": 1,
        "running": 1,
        "pending": 0,
        "failed_tasks": 0,
        "rollout_state": "COMPLETED",
        "rollout_reason": "ECS deployment ecs-svc/1 completed.",
        "created_at": ago(24 * 60),
    }
    return Deployment(**(values | changes))


def service(**changes: Any) -> Service:
    """A steady Fargate service with one task behind a load balancer."""
    values: dict[str, Any] = {
        "name": "web",
        "service": "shop-web",
        "arn": "arn:aws:ecs:us-east-1:123456789012:service/shop/shop-web",
        "cluster": "shop",
        "status": "ACTIVE",
        "desired": 1,
        "running": 1,
        "pending": 0,
        "task_definition": REVISION,
        "controller": "ECS",
        "strategy": "ROLLING",
        "scheduling": "REPLICA",
        "launch_type": "FARGATE",
        "platform_version": "1.4.0",
        "deployments": (deployment(),),
        "task_sets": (),
        "events": (ServiceEvent(ago(200), "(service shop-web) has reached a steady state."),),
        "load_balancers": (LoadBalancerLink(GROUP, "web", 8000),),
        "subnets": ("subnet-1",),
        "security_groups": ("sg-tasks",),
        "grace_period_s": 60,
        "circuit_breaker": True,
        "circuit_breaker_rollback": True,
        "exec_enabled": False,
        "min_healthy_percent": 50,
        "max_percent": 200,
        "created_at": ago(100_000),
    }
    return Service(**(values | changes))


def event(minutes: float, message: str) -> ServiceEvent:
    """A service event."""
    return ServiceEvent(ago(minutes), f"(service shop-web) {message}")


def container_state(**changes: Any) -> ContainerState:
    """A container that stopped with exit code 1."""
    values = {
        "name": "web",
        "status": "STOPPED",
        "exit_code": 1,
        "reason": "",
        "image": "web:1",
        "image_digest": "sha256:1",
        "health": "UNKNOWN",
    }
    return ContainerState(**(values | changes))


def stopped_task(minutes: float = 5, *, container: ContainerState | None = None, **changes: Any) -> Task:
    """A task of the present deployment whose essential container exited with 1."""
    values: dict[str, Any] = {
        "arn": f"arn:aws:ecs:us-east-1:123456789012:task/shop/{int(minutes * 10):032d}",
        "service": "shop-web",
        "task_definition": REVISION,
        "status": "STOPPED",
        "desired_status": "STOPPED",
        "started_by": "ecs-svc/1",
        "stop_code": "EssentialContainerExited",
        "stopped_reason": "Essential container in task exited",
        "created_at": ago(minutes + 2),
        "started_at": ago(minutes + 1),
        "stopped_at": ago(minutes),
        "health": "UNKNOWN",
        "containers": (container or container_state(),),
    }
    return Task(**(values | changes))


def container(**changes: Any) -> ContainerDefinition:
    """A container with a complete environment and one secret."""
    values: dict[str, Any] = {
        "name": "web",
        "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop-web:abc123",
        "essential": True,
        "ports": (8000,),
        "environment": {"DB_HOST": "db.example"},
        "secrets": (SecretReference("DB_PASSWORD", f"{SECRET}:password::"),),
        "log_driver": "awslogs",
        "log_group": "/ecs/web",
        "log_region": "us-east-1",
        "log_prefix": "ecs",
        "read_only_root": False,
        "has_health_check": False,
    }
    return ContainerDefinition(**(values | changes))


def definition(*containers: ContainerDefinition, **changes: Any) -> TaskDefinition:
    """A task definition of one container."""
    values: dict[str, Any] = {
        "arn": REVISION,
        "family": "shop-web",
        "revision": 7,
        "status": "ACTIVE",
        "containers": containers or (container(),),
        "cpu_units": 512,
        "memory_mib": 1024,
        "execution_role": "arn:aws:iam::123456789012:role/shop-execution",
        "task_role": "",
        "cpu_architecture": "X86_64",
        "operating_system": "LINUX",
        "network_mode": "awsvpc",
    }
    return TaskDefinition(**(values | changes))
