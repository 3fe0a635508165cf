"""Who is measured: this suite, the guide's commands typed one after another, a first pytest suite, and a lower bound.

All ask the same sandbox through the same proxy. This suite runs in its live mode, so that nothing of the sandbox is in
the process that is measured.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
# What the benchmark makes for itself; not committed.
OWN = ROOT / ".bench"
# The suite's and the naive suite's: only what requirements.lock has. Development's pytest plugins would be loaded too.
BIN = OWN / "venv" / "bin"
AWS = OWN / "cli" / "bin" / "aws"
# pytest remembers every test that it has ever run here: thousands of this project's own, which no user has.
CACHE = ("-o", f"cache_dir={OWN / 'cache'}")
SCENARIOS = "ecs or alb or database or latency or cost"
CLUSTER = "ecommerce-dev-cluster"
SERVICES = ("ecommerce-dev-product", "ecommerce-dev-order", "ecommerce-dev-frontend")
DATABASE = "ecommerce-dev-db"


@dataclass(frozen=True)
class Contestant:
    """One way to find out what is wrong.

    Args:
        commands: programs with their arguments, run one after another; their times add up.
        judged: what it judges, in words.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    judged: str


def environment(endpoint_url: str) -> dict[str, str]:
    """Of every contestant: the sandbox as if it were AWS, with keys that are worth nothing there or anywhere."""
    # A warm cache of compiled modules, as on a machine where the suite is at home, but not in the source tree.
    dropped = ("AWS_", "PYTHON", "PYTEST_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "PYTHONPYCACHEPREFIX": str(OWN / "pycache"),
    }


def suite(name: str = "this suite", *arguments: str) -> Contestant:
    """The checks of the five scenarios that need nothing but AWS."""
    command = (str(BIN / "pytest"), "-q", "-m", SCENARIOS, "--target", "ecommerce-dev", "--out", str(OWN / "out"))
    return Contestant(name, ((*command, *CACHE, *arguments),), "every check of five scenarios, with reports")


def naive(name: str = "naive pytest + boto3", *arguments: str) -> Contestant:
    """A first version of such a suite; see naive/naive_suite.py."""
    place = ROOT / "tests" / "bench" / "naive"
    own = ("-p", "no:cacheprovider", "--noconftest", "-c", os.devnull, "--rootdir", str(place))
    command = (str(BIN / "python"), "-m", "pytest", "-q", *own, *arguments, str(place / "naive_suite.py"))
    return Contestant(name, (command,), "45 simple assertions, no diagnosis, no report")


def guide(client: Callable[[str], Any], endpoint_url: str) -> Contestant:
    """The commands of the guide's Diagnosis bullets for the five scenarios, each once per service where it says so.

    Whoever follows the guide looks up identifiers and reads what is printed. Neither is measured: the identifiers are
    looked up here, before the clock runs.
    """
    # Some of the CLI's commands do not heed AWS_ENDPOINT_URL.
    commands = [(str(AWS), "--endpoint-url", endpoint_url, *line.split()) for line in _lines(client)]
    return Contestant(
        "the guide's aws commands",
        tuple(commands),
        f"{len(commands)} commands, whose output somebody still has to read",
    )


def _lines(client: Callable[[str], Any]) -> list[str]:
    ecs, lines = client("ecs"), []
    since_ms = int((dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).timestamp() * 1000)
    for service in SERVICES:
        found = ecs.describe_services(cluster=CLUSTER, services=[service])["services"][0]
        group = found["loadBalancers"][0]["targetGroupArn"]
        task = ecs.list_tasks(cluster=CLUSTER, serviceName=service)["taskArns"][0]
        lines += [
            f"ecs describe-services --cluster {CLUSTER} --services {service} --query services[0].events[:5]",
            f"logs filter-log-events --log-group-name {_log_group(ecs, found)} --start-time {since_ms}",
            f"ecs describe-task-definition --task-definition {service}",
            f"elbv2 describe-target-health --target-group-arn {group}",
            f"ecs list-tasks --cluster {CLUSTER} --service-name {service}",
            f"ecs describe-tasks --cluster {CLUSTER} --tasks {task}",
        ]
    balancer = client("elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    lines.append(f"elbv2 describe-load-balancer-attributes --load-balancer-arn {balancer}")
    return [*lines, *_account_lines(client, balancer.partition("loadbalancer/")[2])]


def _log_group(ecs: Any, service: Mapping[str, Any]) -> str:
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return str(definition["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"])


def _account_lines(client: Callable[[str], Any], balancer: str) -> list[str]:
    database = client("rds").describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"][0]
    group = database["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    hour, week = f"{now - dt.timedelta(hours=1):%FT%TZ}", f"{now - dt.timedelta(days=7):%F}"
    return [
        f"rds describe-db-instances --db-instance-identifier {DATABASE} --query DBInstances[0].DBInstanceStatus",
        f"ec2 describe-security-groups --group-ids {group}",
        "secretsmanager get-secret-value --secret-id ecommerce/dev/database",
        "cloudwatch get-metric-statistics --metric-name TargetResponseTime --namespace AWS/ApplicationELB "
        f"--dimensions Name=LoadBalancer,Value={balancer} --start-time {hour} --end-time {now:%FT%TZ} "
        "--period 300 --statistics Average",
        f"xray get-service-graph --start-time {hour} --end-time {now:%FT%TZ}",
        f"ce get-cost-and-usage --time-period Start={week},End={now:%F} --granularity DAILY --metrics BlendedCost",
        f"ce get-cost-and-usage --time-period Start={week},End={now:%F} --granularity DAILY --metrics BlendedCost "
        "--group-by Type=DIMENSION,Key=SERVICE",
        "cloudwatch describe-alarms",
    ]


def bound(name: str = "lower bound", *arguments: str) -> Contestant:
    """The part of the lower bound that is work; ``run`` adds the round trips. See bound.py."""
    judged = "nothing: imports, and the longest chain of answers that need each other"
    return Contestant(name, ((str(BIN / "python"), "-m", "tests.bench.bound", *arguments),), judged)
