from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from checks.diagnosis.service_state import (
    deployed_at,
    exists,
    is_settling,
    is_stable,
    recent_events,
    serves,
    superseded,
)
from checks.diagnosis.verdict import Verdict
from fixtures.facts.ecs import bake_min
from fixtures.model.ecs import MissingService, Task, TaskSet
from tests.diagnosis.facts import NOW, REVISION, ago, definition, deployment, event, service, stopped_task


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


def starting(number: int, minutes_ago: float = 2, **changes: Any) -> Task:
    return stopped_task(number, **{"status": "PENDING", "created_at": ago(minutes_ago), "stopped_at": None, **changes})


SCALED_IN = {"stop_code": "ServiceSchedulerInitiated", "stopped_reason": "Scaling activity initiated by (deployment x)",
             "containers": ()}  # fmt: skip


@pytest.mark.parametrize(
    ("tasks", "severity"),
    [
        ([starting(1), starting(2)], "medium"),
        ([starting(1), starting(2, status="PROVISIONING"), stopped_task(3, **SCALED_IN)], "medium"),
        # A stop from before says nothing about those that start now.
        ([starting(1), starting(2), stopped_task(3, created_at=ago(90), stopped_at=ago(60))], "medium"),
        ([starting(1), starting(2), stopped_task(3, started_by="ecs-svc/0")], "medium"),
        ([starting(1), starting(2), stopped_task(3)], None),
        ([starting(1)], None),
        ([starting(1), starting(2, started_by="ecs-svc/0")], None),
        ([starting(1), starting(2, 16)], None),
        ([starting(1), starting(2, status="RUNNING")], None),
        ([], None),
    ],
)
def test_a_service_that_is_scaled_out_step_by_step(tasks: list[Task], severity: str | None) -> None:
    steps = (event(1, "has started 2 tasks: (task a) (task b)."), event(5, "has started 4 tasks: (task c)..."))
    grown = service(desired=12, running=10, pending=2, events=steps)

    assert is_stable(grown, NOW, 15, tasks).severity == severity
    unhealthy = event(1, "has started 1 tasks: (task d). Amazon ECS replaced 1 tasks due to an unhealthy status.")
    assert is_stable(replace(grown, events=(*steps, unhealthy)), NOW, 15, tasks).severity is None


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


@pytest.mark.parametrize(
    ("changes", "started_min_ago", "expected"),
    [
        ({}, 5, True),
        ({}, 0.5, False),
        ({}, None, False),
        # Whether what is being deployed works is not known yet.
        ({"deployments": (deployment(rollout_state="IN_PROGRESS", created_at=ago(3)),)}, 2, False),
        ({"running": 0}, 5, False),
        # It is being scaled in.
        ({"running": 9}, 5, True),
    ],
)
def test_a_revision_serves_once_it_has_shown_that_it_works(
    changes: dict[str, Any], started_min_ago: float | None, expected: bool
) -> None:
    started = None if started_min_ago is None else ago(started_min_ago)
    tasks = [
        stopped_task(status="RUNNING", stop_code="", started_at=started, stopped_at=None, task_definition=REVISION)
    ]
    assert serves(service(**changes), definition(arn=REVISION), NOW, 15, tasks) is expected


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


NAMES = {"service": "shop-web", "cluster": "shop"}


def test_all_that_is_said_of_a_service_that_is_there_or_not() -> None:
    one = service(status="DRAINING")

    assert exists(MissingService("web", "shop-web", "shop", "MISSING")) == Verdict(
        ok=False,
        resource="shop/shop-web",
        name="shop-web",
        observed="cluster shop has no such service (MISSING)",
        expected="an active ECS service",
        related=("service/web",),
        names=NAMES,
    )
    assert exists(one) == Verdict(
        ok=False,
        resource=one.arn,
        name="shop-web",
        observed="its status is DRAINING",
        expected="an active ECS service",
        related=one.related,
        names=NAMES,
    )


@pytest.mark.parametrize(
    ("changes", "observed"),
    [
        ({}, "1 of 1 tasks run, 0 pending; deployment COMPLETED"),
        ({"deployments": ()}, "1 of 1 tasks run, 0 pending"),
        (
            {"deployments": (deployment(rollout_state="IN_PROGRESS", created_at=ago(60)),), "running": 0},
            "0 of 1 tasks run, 0 pending; deployment IN_PROGRESS, for longer than it may take",
        ),
        (
            {"controller": "CODE_DEPLOY", "deployments": (), "task_sets": (task_set(), task_set(status="ACTIVE"))},
            "1 of 1 tasks run, 0 pending; task set PRIMARY STEADY_STATE 1/1, task set ACTIVE STEADY_STATE 1/1",
        ),
    ],
)
def test_all_that_is_said_of_stability(changes: dict[str, Any], observed: str) -> None:
    one = service(**changes)
    verdict = is_stable(one, NOW, 15)

    assert verdict == Verdict(
        ok="longer" not in observed,
        resource=one.arn,
        name="shop-web",
        observed=observed,
        expected="1 running and a deployment settled within 15 min",
        evidence=recent_events(one),
        related=one.related,
        names=NAMES,
    )


def test_a_deployment_settles_within_its_minutes_not_after() -> None:
    due = ago(15)

    assert not is_settling(service(deployments=(deployment(rollout_state="IN_PROGRESS", created_at=due),)), NOW, 15)
    assert not is_settling(service(task_sets=(task_set(stability="STABILIZING", created_at=due),)), NOW, 15)
    assert not is_settling(service(task_sets=(task_set(stability="STABILIZING", created_at=None),)), NOW, 15)


def test_what_serves_was_deployed_then_not_what_is_to_replace_it() -> None:
    sets = (task_set(status="ACTIVE", created_at=ago(5)), task_set())

    assert deployed_at(service(deployments=(), task_sets=sets)) == ago(500)
