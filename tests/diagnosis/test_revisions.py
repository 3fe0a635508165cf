"""What runs, against the newest revision and Terraform's code."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from checks.diagnosis import revisions
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import LatestRevision, SecretReference, TaskDefinition
from fixtures.model.terraform import Resource
from tests.diagnosis.facts import ago, container, definition, deployment, service

RUNNING = definition(container(), revision=7)
SETTLED = ago(15)


def newer(minutes: float = 300, **changes: Any) -> LatestRevision:
    made = replace(RUNNING, arn=RUNNING.arn.replace(":7", ":8"), revision=8, **changes)
    return LatestRevision(made, ago(minutes), "arn:aws:iam::123456789012:user/eve")


def changed(**changes: Any) -> LatestRevision:
    return newer(containers=(container(**changes),))


def judged(
    latest: LatestRevision | None,
    running: TaskDefinition = RUNNING,
    block: Resource | None = None,
    **service_changes: Any,
) -> Verdict:
    return revisions.judge(service(**service_changes), running, latest, block, settled_before=SETTLED)


@pytest.mark.parametrize(
    ("latest", "difference"),
    [
        (changed(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/shop-web:def456"), "web runs shop-web:abc123 →"),
        (changed(environment={"DB_HOST": "other"}), "web: DB_HOST differs"),
        (changed(environment={}), "web: DB_HOST is removed"),
        (changed(environment={"DB_HOST": "db.example", "TTL": "1"}), "web: TTL is added"),
        (changed(secrets=(SecretReference("A", "arn"),)), "web: its secrets differ"),
        (changed(ports=(9000,)), "web: ports (8000,) → (9000,)"),
        (changed(log_group="/ecs/other"), "web: logs to /ecs/web → /ecs/other"),
        (changed(name="app"), "container web is gone"),
        (newer(containers=(container(), container(name="proxy"))), "container proxy is new"),
        (newer(cpu_units=1), "cpu: "),
        (newer(task_role="arn:aws:iam::1:role/t"), "task role: "),
    ],
)
def test_a_newer_revision_that_differs_waits(latest: LatestRevision, difference: str) -> None:
    verdict = judged(latest)

    assert not verdict
    assert difference in verdict.observed
    assert "(registered by eve) waits since" in verdict.observed
    assert "never deployed" in verdict.likely_cause


def test_values_of_variables_are_not_repeated() -> None:
    assert "db.secret" not in str(judged(changed(environment={"DB_HOST": "db.secret"})))


@pytest.mark.parametrize(
    ("latest", "changes"),
    [
        (None, {}),
        (LatestRevision(RUNNING, ago(300), ""), {}),
        (LatestRevision(replace(RUNNING, revision=6, cpu_units=1), ago(300), ""), {}),
        (newer(), {}),
        (newer(minutes=5, cpu_units=1), {}),
        (
            newer(cpu_units=1),
            {"deployments": (deployment(), deployment(status="ACTIVE", task_definition=newer().definition.arn))},
        ),
    ],
    ids=["none", "it runs", "older", "the same", "young", "being deployed"],
)
def test_what_is_no_waiting_revision(latest: LatestRevision | None, changes: dict[str, Any]) -> None:
    assert judged(latest, **changes)


@pytest.mark.parametrize("status", ["INACTIVE", "DELETE_IN_PROGRESS"])
def test_a_revision_that_was_deregistered_still_runs(status: str) -> None:
    verdict = judged(None, replace(RUNNING, status=status))

    assert not verdict
    assert f"is {status}" in verdict.observed


@pytest.mark.parametrize(
    ("ignored", "said"),
    [(("task_definition",), "leaves the revision to deployments"), ((), "the next apply replaces")],
)
def test_terraforms_part_is_told(ignored: tuple[str, ...], said: str) -> None:
    block = Resource(
        "aws_ecs_service.web", "aws_ecs_service", {}, "ecs.tf:4", ("task_definition",), ignored, "shop-web"
    )
    verdict = judged(newer(cpu_units=1), block=block)

    assert said in verdict.likely_cause
    assert verdict.locations == ("ecs.tf:4",)


def test_a_time_that_is_not_told_counts_as_long_ago() -> None:
    assert not judged(LatestRevision(newer(cpu_units=1).definition, None, ""))
