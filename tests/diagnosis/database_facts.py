"""A healthy database, service and log for table tests to change."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fixtures.model.database import Database, DatabaseLink, DatabaseSettings, Proxy, Setting
from fixtures.model.ecs import Deployment, Service, Task
from fixtures.model.logs import LogEvent, ServiceLogs
from fixtures.model.secrets import StoredSecret

NOW = dt.datetime(2026, 3, 4, 3, 0, tzinfo=dt.UTC)
HOST = "shop-db.abc123.eu-west-1.rds.amazonaws.com"


def ago(minutes: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=minutes)


def database(**changes: Any) -> Database:
    given: dict[str, Any] = {
        "kind": "instance",
        "arn": "arn:aws:rds:eu-west-1:123456789012:db:shop-db",
        "identifier": "shop-db",
        "status": "available",
        "engine": "postgres",
        "engine_version": "15.10",
        "endpoint": HOST,
        "port": 5432,
        "master_user": "shop_admin",
        "database_name": "shop",
        "vpc": "vpc-1",
        "security_groups": ("sg-db",),
        "subnets": ("subnet-1",),
    }
    return Database(**(given | changes))


def proxy(**changes: Any) -> Proxy:
    given: dict[str, Any] = {
        "name": "shop-proxy",
        "arn": "arn:proxy",
        "status": "available",
        "endpoints": ("shop-proxy.proxy-abc123.eu-west-1.rds.amazonaws.com",),
        "port": 5432,
        "vpc": "vpc-1",
        "security_groups": ("sg-proxy",),
        "subnets": (),
        "secrets": (),
        "require_tls": False,
        "targets": (),
        "databases": ("shop-db",),
    }
    return Proxy(**(given | changes))


def link(**changes: Any) -> DatabaseLink:
    settings = {
        part: tuple(Setting(v, f"{part} of web") for v in values)
        for part, values in changes.items()
        if part in ("hosts", "ports", "names", "users", "sslmodes")
    }
    rest = {k: v for k, v in changes.items() if k not in settings}
    given: dict[str, Any] = {
        "service": "web",
        "settings": DatabaseSettings(**settings),
        "database": database(),
        "found_by": "hosts of web is its endpoint",
    }
    return DatabaseLink(**(given | rest))


def secret(**changes: Any) -> StoredSecret:
    given: dict[str, Any] = {
        "reference": "arn:secret",
        "source": "secretsmanager",
        "status": "readable",
        "name": "shop/database",
        "arn": "arn:secret",
        "is_json": True,
        "keys": ("password", "username"),
        "public": {"username": "shop_admin"},
        "changed_at": ago(60 * 24 * 30),
    }
    return StoredSecret(**(given | changes))


def service(deployed_min_ago: float = 2880) -> Service:
    deployment = Deployment("ecs-svc/1", "PRIMARY", "web:1", 1, 1, 0, 0, "COMPLETED", "", ago(deployed_min_ago))
    return Service(
        name="web", service="shop-web", arn="arn:service", cluster="shop", status="ACTIVE", desired=1, running=1,
        pending=0, task_definition="web:1", controller="ECS", strategy="ROLLING", scheduling="REPLICA",
        launch_type="FARGATE", platform_version="1.4.0", deployments=(deployment,), task_sets=(), events=(),
        load_balancers=(), subnets=("subnet-1",), security_groups=("sg-web",), grace_period_s=60,
        circuit_breaker=False, circuit_breaker_rollback=False, exec_enabled=False, min_healthy_percent=50,
        max_percent=200, created_at=ago(10000),
    )  # fmt: skip


def task(started_min_ago: float | None = 2880, identifier: str = "t1") -> Task:
    return Task(
        arn=f"arn:aws:ecs:eu-west-1:123456789012:task/shop/{identifier}", service="shop-web", task_definition="web:1",
        status="RUNNING", desired_status="RUNNING", started_by="ecs-svc/1", stop_code="", stopped_reason="",
        created_at=ago(2881), started_at=None if started_min_ago is None else ago(started_min_ago), stopped_at=None,
        health="UNKNOWN", containers=(),
    )  # fmt: skip


def logs(*lines: tuple[float, str]) -> ServiceLogs:
    """Log lines as (minutes ago, text), any order."""
    events = [LogEvent(ago(minutes), "t1", "web", text) for minutes, text in lines]
    return ServiceLogs(("/ecs/web",), (), tuple(sorted(events, key=lambda e: e.at, reverse=True)))
