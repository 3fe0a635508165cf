"""Links into the AWS console for the resources that findings are about."""

from __future__ import annotations

from urllib.parse import quote


def url(resource: str, region: str) -> str:
    """The console page of an ARN, or "" where there is none that can be linked to directly."""
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return ""
    _, partition, service, arn_region, _, rest = parts
    if partition != "aws":
        return ""
    where = arn_region or region or "us-east-1"
    page = _PAGES.get(service)
    return page(where, rest) if page else ""


def _base(region: str) -> str:
    return f"https://{region}.console.aws.amazon.com"


def _ecs(region: str, rest: str) -> str:
    kind, _, name = rest.partition("/")
    cluster, _, item = name.partition("/")
    if kind == "service" and item:
        return f"{_base(region)}/ecs/v2/clusters/{quote(cluster)}/services/{quote(item)}/health?region={region}"
    if kind == "task" and item:
        return f"{_base(region)}/ecs/v2/clusters/{quote(cluster)}/tasks/{quote(item)}?region={region}"
    if kind == "task-definition":
        return f"{_base(region)}/ecs/v2/task-definitions/{quote(name.replace(':', '/'))}?region={region}"
    return f"{_base(region)}/ecs/v2/clusters/{quote(cluster)}?region={region}"


def _rds(region: str, rest: str) -> str:
    name = rest.rpartition(":")[2]
    return f"{_base(region)}/rds/home?region={region}#database:id={quote(name)}"


def _elb(region: str, rest: str) -> str:
    kind = "TargetGroup" if rest.startswith("targetgroup") else "LoadBalancer"
    return f"{_base(region)}/ec2/home?region={region}#{kind}s:"


def _ec2(region: str, rest: str) -> str:
    kind, _, name = rest.partition("/")
    if kind == "security-group":
        return f"{_base(region)}/ec2/home?region={region}#SecurityGroup:groupId={quote(name)}"
    return ""


def _secret(region: str, rest: str) -> str:
    name = rest.removeprefix("secret:").rsplit("-", 1)[0]
    return f"{_base(region)}/secretsmanager/secret?name={quote(name, safe='')}&region={region}"


def _logs(region: str, rest: str) -> str:
    group = quote(quote(rest.removeprefix("log-group:").removesuffix(":*"), safe=""), safe="").replace("%", "$")
    return f"{_base(region)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"


_PAGES = {
    "ecs": _ecs,
    "rds": _rds,
    "elasticloadbalancing": _elb,
    "ec2": _ec2,
    "secretsmanager": _secret,
    "logs": _logs,
}
