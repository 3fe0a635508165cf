"""Configuration that AWS refuses when it is created or changed, found before anybody applies it.

Each rule is a function from one resource's values, as a plan or the files give them, to what AWS would object to.
Values that are not known are left out, so a rule only speaks of what is there. Unless a rule says otherwise it rests on
the parameter's description in the service's API reference.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from checks.diagnosis import lifecycle_policy
from checks.diagnosis.verdict import Verdict
from fixtures.model.terraform import Configuration, Resource, Source

Values = Mapping[str, Any]
Rule = Callable[[Values], Iterable[str]]

# CloudWatch Logs, PutRetentionPolicy; Terraform writes 0 for "never".
RETENTION_DAYS = frozenset(
    (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
)
# Memory in MiB that Fargate offers for a task's CPU units (ECS Developer Guide, "Task size").
FARGATE_MEMORY_MIB: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
# Words that RDS keeps for itself, by engine family.
_RESERVED_USERS = {
    "postgres": frozenset("admin user rdsadmin rds_superuser rds_replication rds_password public none".split()),
    "mysql": frozenset("rdsadmin rdsrepladmin root mysql.sys mysql.session admin@localhost".split()),
    "mariadb": frozenset("rdsadmin rdsrepladmin root".split()),
}
_LONGEST_USER = {"postgres": 63, "mysql": 32, "mariadb": 16}
_MOST_PRIORITY = 50000
_SECONDS_PER_DAY = 86400


def problems(resources: Sequence[Resource]) -> tuple[tuple[Resource, str], ...]:
    """What AWS would object to, by resource."""
    alone = [(r, p) for r in resources for rule in _RULES.get(r.type, ()) for p in rule(r.values)]
    return tuple(alone + [found for rule in _TOGETHER for found in rule(resources)])


def is_accepted(configuration: Configuration, source: Source) -> Verdict:
    """AWS would accept every resource that the code describes."""
    found = problems(configuration.resources)
    lines = [f"{r.address}: {p}" for r, p in found]
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    count = len(configuration.resources)
    return Verdict(
        ok=not found,
        resource=source.directory,
        observed=f"AWS will refuse {lines[0]}{more}" if lines else f"nothing to refuse in {count} resources",
        expected="values that AWS accepts",
        evidence=(*lines, *((f"judged from {configuration.origin}",) if lines else ())),
        related=("terraform", *dict.fromkeys(r.address for r, _ in found)),
        signs=("configuration",) if found else (),
        names={"terraform_directory": source.directory},
        likely_cause="validate checks the syntax, and AWS the values only at apply" if found else "",
        locations=tuple(dict.fromkeys(r.location for r, _ in found if r.location)),
    )


# -- reading values -----------------------------------------------------------------------------------------------


def _number(value: Any) -> float | None:
    """A number, also where it is written as text; None for what is not known."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) and "${" not in value else ""


def _blocks(values: Values, name: str) -> list[Values]:
    found = values.get(name)
    found = [found] if isinstance(found, Mapping) else found
    return [b for b in found if isinstance(b, Mapping)] if isinstance(found, list) else []


def _between(values: Values, name: str, low: float, high: float, unit: str = "") -> Iterator[str]:
    value = _number(values.get(name))
    if value is not None and not low <= value <= high:
        yield f"{name} {value:g} is not between {low:g} and {high:g}{unit}"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


# -- one resource: load balancer -------------------------------------------------------------------------------------


def health_check(values: Values) -> Iterator[str]:
    """Target groups: the time-out lies below the interval; ranges of CreateTargetGroup."""
    for check in _blocks(values, "health_check"):
        interval, timeout = _number(check.get("interval")), _number(check.get("timeout"))
        # 0 is the provider's "not set".
        if interval and timeout and timeout >= interval:
            yield f"health_check timeout {timeout:g} s must be smaller than its interval {interval:g} s"
        ranges = (
            ("interval", 5, 300),
            ("timeout", 2, 120),
            ("healthy_threshold", 2, 10),
            ("unhealthy_threshold", 2, 10),
        )
        yield from (p for name, low, high in ranges if check.get(name) for p in _between(check, name, low, high))
        path = _text(check, "path")
        if path and not path.startswith("/"):
            yield f"health_check path {path!r} must start with /"


def balancer_name(values: Values) -> Iterator[str]:
    """Names of load balancers and target groups: 32 letters, digits and inner hyphens."""
    name = _text(values, "name")
    if len(name) > 32:
        yield f"name {name!r} has {len(name)} characters, 32 are allowed"
    if name and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", name):
        yield f"name {name!r} may have letters, digits and inner hyphens only"


def balancer(values: Values) -> Iterator[str]:
    """Application load balancers need subnets in two zones, and may not be called internal-…"""
    name, subnets = _text(values, "name"), values.get("subnets")
    if name.startswith("internal-"):
        yield f"name {name!r} must not start with internal-"
    kind = values.get("load_balancer_type", "application")
    if kind == "application" and isinstance(subnets, list) and len(subnets) == 1:
        yield "an application load balancer needs subnets in at least two availability zones"


def listener_rule(values: Values) -> Iterator[str]:
    """Priorities of listener rules."""
    yield from _between(values, "priority", 1, _MOST_PRIORITY)
    if values.get("condition") == []:
        yield "a rule needs a condition"


# -- one resource: ECS -----------------------------------------------------------------------------------------------


def fargate_size(cpu_units: float, memory_mib: float) -> str:
    """Why Fargate does not offer a task size, "" for one that it does."""
    offered = FARGATE_MEMORY_MIB.get(int(cpu_units))
    if offered is None:
        return f"Fargate has no {cpu_units:g} CPU units (256, 512, 1024, 2048, 4096, 8192 or 16384)"
    if memory_mib in offered:
        return ""
    return f"Fargate has no {memory_mib:g} MiB with {cpu_units:g} CPU units ({offered[0]} to {offered[-1]} MiB)"


def task_definition(values: Values) -> Iterator[str]:
    """Task sizes that Fargate offers, awsvpc, and containers that fit into the task (RegisterTaskDefinition)."""
    compatibilities = values.get("requires_compatibilities")
    fargate = isinstance(compatibilities, list) and "FARGATE" in compatibilities
    # Sizes may also be written as "1 vCPU" and "2 GB".
    cpu, memory = _size(values.get("cpu"), "vcpu"), _size(values.get("memory"), "gb")
    if fargate and cpu is not None and memory is not None and (wrong := fargate_size(cpu, memory)):
        yield wrong
    mode = _text(values, "network_mode")
    if fargate and mode and mode != "awsvpc":
        yield f"Fargate needs network_mode awsvpc, not {mode}"
    text = _text(values, "container_definitions")
    if text:
        yield from _containers(_json(text), cpu, memory, mode)


def _size(value: Any, unit: str) -> float | None:
    found = re.fullmatch(rf"\s*([\d.]+)\s*{unit}\s*", str(value), re.IGNORECASE)
    return float(found[1]) * 1024 if found else _number(value)


def _containers(containers: Any, cpu: float | None, memory: float | None, mode: str) -> Iterator[str]:
    if not isinstance(containers, list) or not all(isinstance(c, Mapping) for c in containers):
        yield "container_definitions is not a JSON list of containers"
        return
    names = [str(c.get("name", "")) for c in containers]
    yield from (f"two containers are called {n}" for n in sorted({n for n in names if names.count(n) > 1}))
    if containers and all(c.get("essential") is False for c in containers):
        yield "no container is essential"
    for size, name in ((cpu, "cpu"), (memory, "memory")):
        used = sum(_number(c.get(name)) or 0 for c in containers)
        if size is not None and used > size:
            yield f"the containers' {name} ({used:g}) exceeds the task's ({size:g})"
    for container in containers:
        yield from _container(container, mode)


def _container(container: Values, mode: str) -> Iterator[str]:
    name = container.get("name", "?")
    for port in _blocks(container, "portMappings"):
        host = port.get("hostPort")
        if mode == "awsvpc" and host not in (None, 0, port.get("containerPort")):
            yield f"container {name}: with awsvpc hostPort {host} must equal containerPort {port.get('containerPort')}"
    variables = {str(e.get("name")) for e in _blocks(container, "environment")}
    both = sorted({str(s.get("name")) for s in _blocks(container, "secrets")} & variables)
    yield from (f"container {name}: {variable} is both in environment and in secrets" for variable in both)
    reserved, limit = _number(container.get("memoryReservation")), _number(container.get("memory"))
    if reserved and limit and reserved > limit:
        yield f"container {name}: memoryReservation {reserved:g} exceeds memory {limit:g}"


def ecs_service(values: Values) -> Iterator[str]:
    """CreateService: deployment percentages that let a task be replaced, a grace period only behind a load balancer."""
    low = _number(values.get("deployment_minimum_healthy_percent"))
    high = _number(values.get("deployment_maximum_percent"))
    if low is not None and high is not None and high <= low:
        yield f"deployment_maximum_percent {high:g} must exceed deployment_minimum_healthy_percent {low:g}"
    if values.get("health_check_grace_period_seconds") and values.get("load_balancer") == []:
        yield "health_check_grace_period_seconds is only allowed behind a load balancer"
    fargate = values.get("launch_type") == "FARGATE"
    if fargate and values.get("network_configuration") == []:
        yield "launch_type FARGATE needs a network_configuration"
    if fargate and values.get("scheduling_strategy") == "DAEMON":
        yield "Fargate does not run scheduling_strategy DAEMON"


def scaling_target(values: Values) -> Iterator[str]:
    """RegisterScalableTarget: the minimum does not exceed the maximum."""
    low, high = _number(values.get("min_capacity")), _number(values.get("max_capacity"))
    if low is not None and high is not None and low > high:
        yield f"min_capacity {low:g} exceeds max_capacity {high:g}"


# -- one resource: database ------------------------------------------------------------------------------------------


def master_user(engine: str, name: str) -> str:
    """Why RDS does not accept a master user name, "" if it does (CreateDBInstance, ``MasterUsername``)."""
    family = _family(engine)
    if name.lower() in _RESERVED_USERS.get(family, frozenset()) or (family == "postgres" and name.startswith("pg_")):
        return f"{name!r} is a reserved word of {engine}"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        return f"{name!r} must be letters, digits and underscores, a letter first"
    longest = _LONGEST_USER.get(family, 128)
    return f"{name!r} has {len(name)} characters, {longest} are allowed" if len(name) > longest else ""


def _family(engine: str) -> str:
    return next((f for f in ("postgres", "mysql", "mariadb") if f in engine), engine)


def database(values: Values) -> Iterator[str]:
    """CreateDBInstance and CreateDBCluster: names, password, sizes and times."""
    engine = _text(values, "engine")
    for key in ("username", "master_username"):
        name = _text(values, key)
        if name and engine and (wrong := master_user(engine, name)):
            yield f"{key} {wrong}"
    yield from _passwords(values)
    name = _text(values, "db_name") or _text(values, "database_name")
    if name and _family(engine) == "postgres" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        yield f"db_name {name!r} must be at most 63 letters, digits and underscores, not a digit first"
    identifier = _text(values, "identifier") or _text(values, "cluster_identifier")
    if identifier and not re.fullmatch(r"(?!.*--)[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", identifier):
        yield f"identifier {identifier!r} must be at most 63 letters, digits and single inner hyphens, a letter first"
    yield from _between(values, "backup_retention_period", 0, 35, " days")
    yield from _storage(values)
    interval = _number(values.get("monitoring_interval"))
    if interval is not None and interval not in (0, 1, 5, 10, 15, 30, 60):
        yield f"monitoring_interval {interval:g} is none of 0, 1, 5, 10, 15, 30, 60 s"


def _passwords(values: Values) -> Iterator[str]:
    for key in ("password", "master_password", "password_wo", "master_password_wo"):
        shape = values.get(f"{key}_shape")
        if not isinstance(shape, Mapping):
            continue
        if shape.get("forbidden"):
            yield f"{key} has a character that RDS refuses (a slash, quote, at sign, space, or not printable ASCII)"
        if shape.get("too_short") or shape.get("too_long"):
            yield f"{key} must have 8 to 128 characters"


def _storage(values: Values) -> Iterator[str]:
    size, most = _number(values.get("allocated_storage")), _number(values.get("max_allocated_storage"))
    kind = _text(values, "storage_type")
    if size and kind in ("gp2", "gp3") and size < 20:
        yield f"allocated_storage {size:g} GiB is less than the 20 GiB of {kind}"
    if size and most and most < size:
        yield f"max_allocated_storage {most:g} GiB is less than allocated_storage {size:g} GiB"


# -- one resource: the rest ------------------------------------------------------------------------------------------


def lifecycle(values: Values) -> Iterator[str]:
    """ECR lifecycle policies, judged as the ones that are live."""
    text = _text(values, "policy")
    if text:
        yield from (f"policy: {p}" for p in lifecycle_policy.problems(text))


def log_group(values: Values) -> Iterator[str]:
    """PutRetentionPolicy takes some numbers of days only."""
    days = _number(values.get("retention_in_days"))
    if days is not None and days not in RETENTION_DAYS:
        nearest = min(RETENTION_DAYS - {0}, key=lambda d: abs(d - days))
        yield f"retention_in_days {days:g} is not allowed (the nearest is {nearest})"


def security_group(values: Values) -> Iterator[str]:
    """CreateSecurityGroup: names; and each rule in the group."""
    name = _text(values, "name")
    if name.startswith("sg-"):
        yield f"name {name!r} must not start with sg-"
    if len(name) > 255:
        yield "name has more than 255 characters"
    for kind in ("ingress", "egress"):
        for rule in _blocks(values, kind):
            yield from (f"{kind}: {p}" for p in (*security_group_rule(rule), *_all_ports(rule)))


def _all_ports(rule: Values) -> Iterator[str]:
    """AWS ignores the ports of all protocols; of rules inside a group, the provider refuses other ones than 0."""
    first, last = _number(rule.get("from_port")), _number(rule.get("to_port"))
    protocol = str(rule.get("protocol", "")).lower()
    if first is not None and last is not None and protocol in ("-1", "all") and (first, last) != (0, 0):
        yield f"protocol {protocol} means all ports, not {first:g}-{last:g}: use 0 and 0"


def security_group_rule(values: Values) -> Iterator[str]:
    """AuthorizeSecurityGroupIngress: ports in order."""
    first, last = _number(values.get("from_port")), _number(values.get("to_port"))
    protocol = str(values.get("protocol", values.get("ip_protocol", ""))).lower()
    if first is None or last is None:
        return
    if protocol in ("tcp", "udp", "6", "17") and first > last:
        yield f"from_port {first:g} exceeds to_port {last:g}"
    if protocol in ("tcp", "udp", "6", "17") and not 0 <= min(first, last) <= max(first, last) <= 65535:
        yield f"ports {first:g}-{last:g} are not between 0 and 65535"


def alarm(values: Values) -> Iterator[str]:
    """PutMetricAlarm: periods, and at most a day (a week for periods of an hour and more) to evaluate."""
    period, count = _number(values.get("period")), _number(values.get("evaluation_periods"))
    if period is not None and period not in (10, 20, 30) and (period < 60 or period % 60):
        yield f"period {period:g} s is neither 10, 20, 30 nor a multiple of 60"
    longest = _SECONDS_PER_DAY * (7 if period and period >= 3600 else 1)
    if period and count and period * count > longest:
        yield f"period × evaluation_periods is {period * count:g} s, at most {longest:g} s are allowed"


def role(values: Values) -> Iterator[str]:
    """CreateRole: name and trust policy."""
    name = _text(values, "name")
    if len(name) > 64 or (name and not re.fullmatch(r"[\w+=,.@-]+", name, re.ASCII)):
        yield f"name {name!r} must be at most 64 letters, digits and +=,.@_-"
    yield from _policy(values, "assume_role_policy", 2048)


def role_policy(values: Values) -> Iterator[str]:
    """PutRolePolicy: a policy document of at most 10,240 characters."""
    yield from _policy(values, "policy", 10240)


def managed_policy(values: Values) -> Iterator[str]:
    """CreatePolicy: a policy document of at most 6,144 characters."""
    yield from _policy(values, "policy", 6144)


def _policy(values: Values, name: str, longest: int) -> Iterator[str]:
    text = _text(values, name)
    if not text:
        return
    document = _json(text)
    if not isinstance(document, Mapping) or not document.get("Statement"):
        yield f"{name} is not a JSON policy with a Statement"
        return
    # White space does not count.
    length = len(re.sub(r"\s", "", text))
    if length > longest:
        yield f"{name} has {length} characters, {longest} are allowed"
    statements = document["Statement"]
    for one in statements if isinstance(statements, list) else [statements]:
        if not isinstance(one, Mapping) or one.get("Effect") not in ("Allow", "Deny"):
            yield f"{name} has a statement without Effect Allow or Deny"
        elif not {"Action", "NotAction"} & set(one):
            yield f"{name} has a statement without Action"


def bucket(values: Values) -> Iterator[str]:
    """CreateBucket: 3 to 63 lower-case letters, digits, dots and hyphens (S3 User Guide, "Bucket naming rules")."""
    name = _text(values, "bucket")
    if name and (not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) or ".." in name):
        yield f"bucket {name!r} must be 3 to 63 lower-case letters, digits, dots and hyphens"
    if name.startswith(("xn--", "sthree-")) or name.endswith(("-s3alias", "--ol-s3")):
        yield f"bucket {name!r} has a prefix or suffix that S3 keeps for itself"


def secret(values: Values) -> Iterator[str]:
    """DeleteSecret: a recovery window of 7 to 30 days, or 0 for none."""
    days = _number(values.get("recovery_window_in_days"))
    if days is not None and days != 0 and not 7 <= days <= 30:
        yield f"recovery_window_in_days {days:g} is neither 0 nor between 7 and 30"


_RULES: Mapping[str, tuple[Rule, ...]] = {
    "aws_lb_target_group": (health_check, balancer_name),
    "aws_alb_target_group": (health_check, balancer_name),
    "aws_lb": (balancer, balancer_name),
    "aws_alb": (balancer, balancer_name),
    "aws_lb_listener_rule": (listener_rule,),
    "aws_alb_listener_rule": (listener_rule,),
    "aws_ecs_task_definition": (task_definition,),
    "aws_ecs_service": (ecs_service,),
    "aws_appautoscaling_target": (scaling_target,),
    "aws_db_instance": (database,),
    "aws_rds_cluster": (database,),
    "aws_ecr_lifecycle_policy": (lifecycle,),
    "aws_cloudwatch_log_group": (log_group,),
    "aws_security_group": (security_group,),
    "aws_security_group_rule": (security_group_rule,),
    "aws_vpc_security_group_ingress_rule": (security_group_rule,),
    "aws_vpc_security_group_egress_rule": (security_group_rule,),
    "aws_cloudwatch_metric_alarm": (alarm,),
    "aws_iam_role": (role,),
    "aws_iam_role_policy": (role_policy,),
    "aws_iam_policy": (managed_policy,),
    "aws_s3_bucket": (bucket,),
    "aws_secretsmanager_secret": (secret,),
}


# -- several resources -----------------------------------------------------------------------------------------------


def same_priority(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    """Two rules of one listener with the same priority (``PriorityInUse``)."""
    taken: dict[tuple[str, float], Resource] = {}
    for one in resources:
        priority, listener = _number(one.values.get("priority")), one.values.get("listener_arn")
        if not one.type.endswith("_listener_rule") or priority is None or not isinstance(listener, str):
            continue
        first = taken.setdefault((listener, priority), one)
        if first is not one:
            yield one, f"priority {priority:g} is taken by {first.address} on the same listener"


def overlapping_subnets(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    """Two subnets of one VPC whose ranges overlap (``InvalidSubnet.Conflict``)."""
    seen: list[tuple[Resource, str, Any]] = []
    for one in resources:
        network, vpc = _network(one.values.get("cidr_block")), one.values.get("vpc_id")
        if one.type != "aws_subnet" or network is None or not isinstance(vpc, str):
            continue
        clash = next((r for r, other, n in seen if other == vpc and n.overlaps(network)), None)
        if clash is not None:
            yield one, f"cidr_block {network} overlaps {clash.address}'s {clash.values['cidr_block']}"
        seen.append((one, vpc, network))


def _network(value: Any) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(value) if isinstance(value, str) else None
    except ValueError:
        return None


_TOGETHER = (same_priority, overlapping_subnets)
