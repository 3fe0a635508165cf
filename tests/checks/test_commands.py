"""The guide's commands as the AWS CLI reads them: services, operations and flags against botocore's own models."""

from __future__ import annotations

import re
import shlex
from functools import cache

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from checks.guide import Bullet, load_guide
from fixtures.sandbox.server import Host
from tests import matrix

GLOBAL = {"--region", "--query", "--output", "--profile", "--max-items", "--page-size"}
# What the CLI has beside the API's operations and their parameters.
OWN_COMMANDS = {("s3", "ls"): set(), ("logs", "tail"): {"--since", "--filter-pattern", "--follow"}}
OWN_FLAGS = {"authorize-security-group-ingress": {"--protocol", "--port", "--source-group", "--cidr"}}
SERVICE = {"s3api": "s3"}
BULLETS = [b for b in load_guide().bullets if any("aws " in c for c in b.commands)]
_NESTED = re.compile(r"\$\(([^()]*)\)")


@cache
def operations(service: str) -> dict[str, OperationModel]:
    model = ServiceModel(Loader().load_service_model(SERVICE.get(service, service), "service-2"))
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def wrong(command: str) -> str:
    """What the CLI would refuse of a command, "" if nothing."""
    _, service, operation, *rest = shlex.split(_NESTED.sub("x", re.sub(r"\{[a-z_]+\}", "x", command)))
    flags = {word for word in rest if word.startswith("--")}
    if (service, operation) in OWN_COMMANDS:
        return " ".join(flags - GLOBAL - OWN_COMMANDS[service, operation])
    if operation not in operations(service):
        return f"{service} has no {operation}"
    shape = operations(service)[operation].input_shape
    members = shape.members if shape else {}
    known = {f"--{xform_name(name, '-')}" for name in members} | OWN_FLAGS.get(operation, set())
    known |= {f"--no-{xform_name(n, '-')}" for n, member in members.items() if member.type_name == "boolean"}
    required = {f"--{xform_name(name, '-')}" for name in (shape.required_members if shape else ())}
    return " ".join(sorted((flags - GLOBAL - known) | (required - flags)))


@pytest.mark.parametrize("bullet", BULLETS, ids=lambda b: f"{b.scenario}-{b.key}")
def test_the_cli_takes_each_command(bullet: Bullet) -> None:
    nested = [c for command in bullet.commands for c in _NESTED.findall(command)]
    found = [c for c in (*bullet.commands, *nested) if c.startswith("aws ")]

    assert {c: said for c in found if (said := wrong(c))} == {}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("aws ecs describe-service --services x", "ecs has no describe-service"),
        ("aws ecs describe-services --service x", "--service --services"),
        ("aws ecs update-service --service x --no-force-new-deployment", ""),
        ("aws logs tail x --after 1h", "--after"),
    ],
)
def test_what_the_cli_would_refuse_is_seen(command: str, said: str) -> None:
    assert wrong(command) == said


def test_a_resource_that_others_share_is_changed_in_its_region() -> None:
    """A command without a Region would go to whichever the shell has."""
    everywhere = ("budgets", "ce", "iam", "s3", "s3api", "sts")
    commands = [c for b in BULLETS for c in b.commands if c.startswith("aws ") and c.split()[1] not in everywhere]

    assert [c for c in commands if "--region " not in c] == []


@pytest.mark.parametrize(
    ("world", "check", "service", "offered", "not_offered"),
    [
        ("environment-value-empty", "check_environment_is_complete", "product", "ecommerce-dev-product:2 ", ""),
        ("task-egress-closed", "check_tasks_may_reach_database", "product", "group-egress", "group-ingress"),
        ("busy-while-suspended", "check_busy_service_can_scale_out", "order", "OutSuspended=false", "--max-capacity"),
        ("slow-query-logged", "check_slow_query_log_is_quiet", "", "psql --host ecommerce-dev-db.", "--password"),
        ("state-locked-by-a-run", "check_state_is_not_locked", "", "terraform -chdir=terraform plan", "force-unlock"),
        ("state-without-lock", "check_state_is_remote_and_locked", "", "init -migrate-state", "put-bucket"),
    ],
)
def test_commands_mend_what_was_found_and_nothing_else(
    host: Host, world: str, check: str, service: str, offered: str, not_offered: str
) -> None:
    finding = matrix.seen(host, world).of(check, service)
    commands = "\n".join(finding.commands)

    # Also where the guide has it under what to do.
    assert finding.stage in ("symptom", "diagnosis", "prevention")
    assert offered in commands
    assert not not_offered or not_offered not in commands
