"""Links into the AWS console for the resources that findings are about."""

from __future__ import annotations

import re
from urllib.parse import quote

# It becomes part of a host name, so it must not be able to name another host.
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}")


def url(resource: str, region: str) -> str:
    """The console page of an ARN, or "" where there is none that can be linked to directly."""
    if resource.startswith("sg-") and _REGION.fullmatch(region):
        return _ec2(region, f"security-group/{resource}")
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return ""
    _, partition, service, arn_region, _, rest = parts
    if partition != "aws":
        return ""
    where = arn_region or region or "us-east-1"
    if not _REGION.fullmatch(where):
        return ""
    if service == "elasticloadbalancing":
        return _elb(where, rest, resource)
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


def _elb(region: str, rest: str, arn: str) -> str:
    kind = "TargetGroup:targetGroupArn" if rest.startswith("targetgroup") else "LoadBalancer:loadBalancerArn"
    return f"{_base(region)}/ec2/home?region={region}#{kind}={quote(arn, safe=':/')}"


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


def _alarm(region: str, rest: str) -> str:
    name = quote(rest.removeprefix("alarm:"), safe="")
    return f"{_base(region)}/cloudwatch/home?region={region}#alarmsV2:alarm/{name}" if rest.startswith("alarm:") else ""


def _bucket(region: str, rest: str) -> str:
    return f"https://s3.console.aws.amazon.com/s3/buckets/{quote(rest.partition('/')[0], safe='')}"


def _table(region: str, rest: str) -> str:
    name = quote(rest.removeprefix("table/").partition("/")[0], safe="")
    return f"{_base(region)}/dynamodbv2/home?region={region}#table?name={name}"


def _repository(region: str, rest: str) -> str:
    name = quote(rest.removeprefix("repository/"))
    return f"{_base(region)}/ecr/private-registry/repositories?region={region}&search={name}"


_PAGES = {
    "ecs": _ecs,
    "rds": _rds,
    "cloudwatch": _alarm,
    "s3": _bucket,
    "dynamodb": _table,
    "ecr": _repository,
    "ec2": _ec2,
    "secretsmanager": _secret,
    "logs": _logs,
}
