"""The suite in live mode, as a person runs it, against an environment that the real terraform has applied."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.real.apply import ROOT, AppliedWorld
from tests.real.conftest import world_lock

pytestmark = pytest.mark.real

JUDGE_TIMEOUT_S = 180
BROKEN = ("failed", "advisory")


class Judgement:
    """One run of the suite: its exit code, its words and its results.json."""

    def __init__(self, code: int, words: str, results: dict[str, Any]) -> None:
        self.code = code
        self.words = words
        self.results = results

    def ids(self, *outcomes: str) -> set[str]:
        """Names of the items, file left out, with one of these outcomes."""
        return {c["id"].partition("::")[2] for c in self.results["checks"] if c["outcome"] in outcomes}

    def told(self, *outcomes: str) -> list[str]:
        """The same, with the reason, for a person who reads a failing test."""
        return [f"{c['id']}: {c['summary']}" for c in self.results["checks"] if c["outcome"] in outcomes]


def judge(world: AppliedWorld, out: Path, *options: str) -> Judgement:
    """Run ``pytest`` in live mode against the applied world, with the application's repository as its source."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--out={out}", f"--source={world.workdir}"]
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env=world.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=JUDGE_TIMEOUT_S,
        check=False,
    )
    words = done.stdout + done.stderr
    assert (out / "results.json").exists(), words
    return Judgement(done.returncode, words, json.loads((out / "results.json").read_text(encoding="utf-8")))


@contextmanager
def database_ingress_revoked(world: AppliedWorld, *, restore: bool = True) -> Iterator[None]:
    """What somebody does in the console: the rule that admits the tasks to the database is gone, for a while."""
    ec2 = world.client("ec2")
    named = [{"Name": "group-name", "Values": ["ecommerce-dev-db-sg"]}]
    (group,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    rules = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    assert group["IpPermissions"], "nothing to revoke"
    ec2.revoke_security_group_ingress(**rules)
    try:
        yield
    finally:
        if restore:
            ec2.authorize_security_group_ingress(**rules)


@pytest.fixture(scope="session")
def healthy(shared_world: AppliedWorld) -> Judgement:
    """The judgement on the environment as it was applied."""
    with world_lock():
        return judge(shared_world, shared_world.workdir.parent / "healthy")


def test_applied_environment_is_green(healthy: Judgement) -> None:
    assert healthy.told("failed", "unverified") == []
    assert healthy.code == 0, healthy.words
    assert healthy.results["mode"] == "live"
    assert {"ecs", "database", "latency", "terraform", "cost"} <= {c["scenario"] for c in healthy.results["checks"]}


def test_suite_only_reads(healthy: Judgement, applied_world: AppliedWorld) -> None:
    asked = {operation.partition(":")[2] for operation in healthy.results["api"]["by_operation"]}
    reads = ("Describe", "Get", "List", "Lookup", "Filter", "Simulate", "Head", "Download", "BatchGet")
    assert {operation for operation in asked if not operation.startswith(reads)} == set()
    assert healthy.results["api"]["requests"] == healthy.results["api"]["distinct"]
    plan = applied_world.terraform("plan", "-detailed-exitcode", "-no-color", "-lock=false")
    assert plan.returncode == 0, plan.stdout + plan.stderr


def test_revoked_ingress_rule_turns_its_checks_red_and_no_others(
    healthy: Judgement, applied_world: AppliedWorld, tmp_path: Path
) -> None:
    before = healthy.ids(*BROKEN)
    with database_ingress_revoked(applied_world):
        judged = judge(applied_world, tmp_path)
    # Nothing runs behind the sandbox's ports, so no service complains; Terraform sees the edit, and would undo it.
    assert judged.ids(*BROKEN) - before == {
        "check_database_admits_tasks[product]",
        "check_database_admits_tasks[order]",
        "check_terraform_has_no_drift",
    }, judged.told(*BROKEN)
    assert before - judged.ids(*BROKEN) == set()
    assert judged.told("unverified") == []
    assert judged.code == 1
    roots = {root.partition("::")[2] for root in judged.results["root_causes"]}
    assert "check_terraform_has_no_drift" in roots
    assert "aws_security_group.db was changed outside Terraform" in judged.words


def test_green_again_once_terraform_has_put_the_rule_back(applied_world: AppliedWorld, tmp_path: Path) -> None:
    """The guide's resolution, carried out: reapply Terraform to fix the security groups."""
    with database_ingress_revoked(applied_world, restore=False):
        applied = applied_world.terraform("apply", "-auto-approve", "-input=false", "-no-color")
    assert applied.returncode == 0, applied.stderr
    assert "0 added, 1 changed, 0 destroyed" in applied.stdout
    judged = judge(applied_world, tmp_path, "-m", "database or drift")
    assert judged.told("failed", "unverified") == []
    assert judged.code == 0, judged.words
