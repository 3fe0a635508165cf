"""Short ways to write load balancers, their rules and their targets."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fixtures.model.alb import (
    Action,
    Attachment,
    Condition,
    HealthCheck,
    Listener,
    ListenerRules,
    LoadBalancer,
    Redirect,
    Routing,
    Rule,
    Target,
    TargetGroup,
)
from fixtures.model.ecs import Deployment, Service, Task

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/alb/50dc6c49"
DNS = "alb-1.us-east-1.elb.amazonaws.com"


def group_arn(name: str) -> str:
    return f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{name}/73e2d6bc"


def balancer(**changes: Any) -> LoadBalancer:
    fields: dict[str, Any] = {
        "arn": ARN,
        "name": "alb",
        "dns_name": DNS,
        "scheme": "internet-facing",
        "kind": "application",
        "state": "active",
        "state_reason": "",
        "vpc": "vpc-1",
        "security_groups": ("sg-alb",),
        "subnets": ("subnet-1",),
        "zones": ("us-east-1a",),
    }
    return LoadBalancer(**{**fields, **changes})


def group(name: str = "api", **changes: Any) -> TargetGroup:
    check = HealthCheck(True, "HTTP", changes.pop("health_port", "traffic-port"), "/health", "200-399", 30, 5, 2, 3)
    fields: dict[str, Any] = {
        "arn": group_arn(name),
        "name": name,
        "protocol": "HTTP",
        "port": 8000,
        "target_type": "ip",
        "vpc": "vpc-1",
        "load_balancers": (ARN,),
        "health_check": check,
    }
    return TargetGroup(**{**fields, **changes})


def attachment(name: str = "api", **changes: Any) -> Attachment:
    own = changes.pop("group", group(name))
    fields = {
        "service": "api",
        "group_arn": group_arn(name),
        "group": own,
        "container": "app",
        "port": 8000,
        "weight": 1,
    }
    return Attachment(**{**fields, **changes})


def target(state: str = "healthy", reason: str = "", *, ip: str = "10.0.11.5", port: int = 8000) -> Target:
    return Target(ip, port, "us-east-1a", state, reason, "")


def forward(**weights: int) -> Action:
    return Action("forward", 1, {group_arn(name): weight for name, weight in weights.items()})


def fixed(code: int) -> Action:
    return Action("fixed-response", 1, status_code=str(code))


def redirect(protocol: str = "HTTPS", port: str = "443", host: str = "#{host}", path: str = "/#{path}") -> Action:
    return Action("redirect", 1, redirect=Redirect(protocol, host, port, path, "#{query}", "HTTP_301"))


def paths(*values: str) -> Condition:
    return Condition("path-pattern", values)


def hosts(*values: str) -> Condition:
    return Condition("host-header", values)


def rule(priority: int | None, action: Action, *conditions: Condition) -> Rule:
    return Rule(f"rule/{priority}", priority, conditions, (action,))


def listener(*rules: Rule, port: int = 80, protocol: str = "HTTP", mutual: bool = False) -> ListenerRules:
    ordered = tuple(sorted(rules, key=lambda r: (r.priority is None, r.priority or 0)))
    return ListenerRules(Listener(f"listener/{port}", ARN, port, protocol, (), mutual), ordered)


def routing(*listeners: ListenerRules) -> Routing:
    return Routing(balancer(), listeners)


def service(**changes: Any) -> Service:
    deployment = Deployment("d1", "PRIMARY", "td:1", 1, 1, 0, 0, "COMPLETED", "", NOW - dt.timedelta(days=2))
    fields: dict[str, Any] = {
        "name": "api",
        "service": "shop-api",
        "arn": "arn:aws:ecs:us-east-1:123456789012:service/c/shop-api",
        "cluster": "c",
        "status": "ACTIVE",
        "desired": 1,
        "running": 1,
        "pending": 0,
        "task_definition": "td:1",
        "controller": "ECS",
        "strategy": "ROLLING",
        "scheduling": "REPLICA",
        "launch_type": "FARGATE",
        "platform_version": "1.4.0",
        "deployments": (deployment,),
        "task_sets": (),
        "events": (),
        "load_balancers": (),
        "subnets": ("subnet-1",),
        "security_groups": ("sg-ecs",),
        "grace_period_s": 60,
        "circuit_breaker": False,
        "circuit_breaker_rollback": False,
        "exec_enabled": False,
        "min_healthy_percent": 50,
        "max_percent": 200,
        "created_at": NOW - dt.timedelta(days=9),
    }
    return Service(**{**fields, **changes})


def task(
    *, ip: str = "10.0.11.5", ran_s: float = 86400, stopped_reason: str = "", stopped_ago_s: float | None = None
) -> Task:
    stopped_at = None if stopped_ago_s is None else NOW - dt.timedelta(seconds=stopped_ago_s)
    started_at = (stopped_at or NOW) - dt.timedelta(seconds=ran_s)
    return Task(
        arn=f"arn:aws:ecs:us-east-1:123456789012:task/c/{ip}",
        service="shop-api",
        task_definition="td:1",
        status="STOPPED" if stopped_at else "RUNNING",
        desired_status="STOPPED" if stopped_at else "RUNNING",
        started_by="d1",
        stop_code="",
        stopped_reason=stopped_reason,
        created_at=started_at - dt.timedelta(seconds=20),
        started_at=started_at,
        stopped_at=stopped_at,
        health="",
        containers=(),
        private_ip=ip,
    )
