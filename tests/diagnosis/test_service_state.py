from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checks.diagnosis.service_state import deployed_at, exists, is_settling, is_stable
from fixtures.facts.ecs import bake_min
from fixtures.model.ecs import MissingService, TaskSet
from tests.diagnosis.facts import NOW, REVISION, ago, deployment, event, service


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
        # Blue/green bakes for an hour.
        ({"bake_min": 60, "running": 2,
          "deployments": (deployment(rollout_state="IN_PROGRESS", created_at=ago(60)),)}, True),
        # Behind a Classic Load Balancer there is no rollout state.
        ({"running": 2, "deployments": (deployment(rollout_state="", created_at=ago(2)),
                                        deployment(rollout_state="", status="ACTIVE"))}, True),
        # CodeDeploy lets the replaced task set run on for a while.
        ({"controller": "CODE_DEPLOY", "deployments": (), "running": 2,
          "task_sets": (task_set(), task_set(id="ecs-svc/8", status="ACTIVE"))}, True),
        ({"controller": "CODE_DEPLOY", "deployments": (), "running": 1,
          "task_sets": (task_set(running=0), task_set(id="ecs-svc/8", status="ACTIVE"))}, False),
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


def test_more_tasks_than_wanted_are_a_milder_finding_than_missing_ones() -> None:
    assert is_stable(service(running=2), NOW, 15).severity == "medium"
    assert is_stable(service(running=0), NOW, 15).severity is None


def test_tasks_that_were_only_just_started_are_missing_mildly() -> None:
    started = event(1, "has started 2 tasks: (task a) (task b).")
    grown = service(desired=3, pending=2, events=(started,))

    assert is_stable(grown, NOW, 15).severity == "medium"
    assert is_stable(replace(grown, pending=0), NOW, 15).severity is None
    assert is_stable(replace(grown, events=(started, event(5, "has started 2 tasks: ..."))), NOW, 15).severity is None
    capacity = event(1, "was unable to place a task. Reason: Capacity is unavailable at this time.")
    assert is_stable(replace(grown, events=(started, capacity)), NOW, 15).severity is None


@pytest.mark.parametrize(
    ("configuration", "minutes"),
    [
        ({}, 0),
        ({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 30}, 30),
        ({"linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 10}, "bakeTimeInMinutes": 5}, 35),
        ({"canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 15}}, 15),
    ],
)
def test_bake_times(configuration: dict[str, Any], minutes: float) -> None:
    assert bake_min(configuration) == minutes


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
