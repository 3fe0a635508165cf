from __future__ import annotations

from typing import Any

import pytest

from checks.diagnosis.service_state import deployed_at, exists, is_settling, is_stable, superseded
from fixtures.model.ecs import MissingService, TaskSet
from tests.diagnosis.facts import NOW, REVISION, ago, deployment, service, stopped_task


def task_set(**changes: Any) -> TaskSet:
    values = {
        "id": "ecs-svc/9", "status": "PRIMARY", "stability": "STEADY_STATE", "task_definition": REVISION,
        "desired": 1, "running": 1, "created_at": ago(500),
    }  # fmt: skip
    return TaskSet(**(values | changes))


def test_a_missing_service_is_named_with_its_cluster() -> None:
    verdict = exists(MissingService("web", "shop-web", "shop", "MISSING"))

    assert not verdict
    assert verdict.summary == "shop-web: cluster shop has no such service (MISSING); expected an active ECS service"


def test_a_draining_service_is_no_active_one() -> None:
    assert exists(service())
    assert not exists(service(status="DRAINING"))


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({}, True),
        ({"running": 0, "pending": 1}, False),
        ({"running": 2}, False),
        ({"running": 2, "deployments": (deployment(rollout_state="IN_PROGRESS", created_at=ago(2)),)}, True),
        ({"running": 0, "deployments": (deployment(rollout_state="IN_PROGRESS", created_at=ago(2)),)}, True),
        ({"deployments": (deployment(rollout_state="IN_PROGRESS", created_at=ago(60)),)}, False),
        ({"deployments": (deployment(rollout_state="FAILED"),)}, False),
        ({"controller": "CODE_DEPLOY", "deployments": (), "task_sets": (task_set(),)}, True),
        (
            {"controller": "CODE_DEPLOY", "deployments": (), "running": 0,
             "task_sets": (task_set(stability="STABILIZING", created_at=ago(3)),)},
            True,
        ),
        (
            {"controller": "CODE_DEPLOY", "deployments": (), "task_sets": (task_set(stability="STABILIZING"),)},
            False,
        ),
    ],
)  # fmt: skip
def test_stability(changes: dict[str, Any], ok: bool) -> None:
    assert bool(is_stable(service(**changes), NOW, 15)) is ok


def test_an_overdue_deployment_is_said_to_be_so() -> None:
    stuck = service(deployments=(deployment(rollout_state="IN_PROGRESS", created_at=ago(60)),))

    assert "for longer than it may take" in is_stable(stuck, NOW, 15).observed


def test_deployed_at_is_of_what_runs_now() -> None:
    assert deployed_at(service()) == ago(24 * 60)
    assert deployed_at(service(deployments=(), task_sets=(task_set(),))) == ago(500)
    assert deployed_at(service(deployments=())) == ago(100_000)


def test_settling_ends() -> None:
    rolling = service(deployments=(deployment(rollout_state="IN_PROGRESS", created_at=ago(14)),))

    assert is_settling(rolling, NOW, 15)
    assert not is_settling(rolling, NOW, 13)


def test_tasks_of_earlier_deployments() -> None:
    tasks = [stopped_task(1), stopped_task(2, started_by="ecs-svc/0"), stopped_task(3, started_by="ann")]

    # Who started a task by hand wants to see what it says.
    assert superseded(service(), tasks) == {tasks[1].id}
    assert superseded(service(deployments=()), tasks) == frozenset()


def test_what_codedeploy_is_about_to_replace_counts_as_much_as_what_replaces_it() -> None:
    serving = task_set(id="ecs-svc/1")
    green = task_set(id="ecs-svc/2", status="ACTIVE", created_at=ago(3))
    left = task_set(id="ecs-svc/0", status="ACTIVE", created_at=ago(9000))

    assert service(deployments=(), task_sets=(serving, green, left)).current_deployments == {"ecs-svc/1", "ecs-svc/2"}
