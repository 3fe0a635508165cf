from __future__ import annotations

import pytest

from checks.diagnosis.rollouts import has_circuit_breaker, judge
from fixtures.model.ecs import ServiceDeployment
from tests.diagnosis.facts import NOW, ago, deployment, event, service

FAILED = event(30, "(deployment ecs-svc/2) deployment failed: tasks failed to start.")
BACK = event(29, "rolling back to deployment ecs-svc/1.")
BACK_DONE = event(25, "(deployment ecs-svc/1) deployment completed.")
REPAIRED = event(10, "(deployment ecs-svc/3) deployment completed.")


def entry(status: str, minutes: float = 20) -> ServiceDeployment:
    return ServiceDeployment("arn", status, "", ago(minutes + 10), ago(minutes))


def test_a_completed_deployment_is_fine() -> None:
    assert judge(service(), (entry("SUCCESSFUL"),), NOW, 60)
    assert judge(service(), (), NOW, 60)


def test_a_failed_deployment() -> None:
    verdict = judge(service(deployments=(deployment(rollout_state="FAILED", failed_tasks=3),)), (), NOW, 60)

    assert not verdict
    assert verdict.observed == "the deployment of shop-web:7 failed"


@pytest.mark.parametrize("status", ["ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "ROLLBACK_IN_PROGRESS"])
def test_a_rollback_is_found_though_all_is_steady(status: str) -> None:
    assert not judge(service(), (entry(status),), NOW, 60)


def test_a_rollback_is_found_in_the_events_alone() -> None:
    events = (BACK_DONE, BACK, FAILED)

    assert not judge(service(events=events), (), NOW, 60)


def test_a_later_deployment_makes_it_good() -> None:
    assert judge(
        service(events=(REPAIRED, BACK_DONE, BACK, FAILED)),
        (entry("SUCCESSFUL", 9), entry("ROLLBACK_SUCCESSFUL")),
        NOW,
        60,
    )


def test_a_rollback_that_is_being_made_good_is_milder() -> None:
    failed = service(events=(BACK, FAILED))

    assert judge(failed, (entry("IN_PROGRESS", 15),), NOW, 60).severity == "medium"
    # This is the one that failed, not a later one.
    assert judge(failed, (entry("IN_PROGRESS", 25),), NOW, 60).severity is None


def test_what_is_older_than_the_window_is_over() -> None:
    assert judge(service(events=(BACK, FAILED)), (entry("ROLLBACK_SUCCESSFUL", 26),), NOW, 20)


@pytest.mark.parametrize(("on", "back", "ok"), [(True, True, True), (True, False, False), (False, False, False)])
def test_circuit_breaker(on: bool, back: bool, ok: bool) -> None:
    verdict = has_circuit_breaker(service(circuit_breaker=on, circuit_breaker_rollback=back, max_percent=150))
    assert bool(verdict) is ok
    assert ",maximumPercent=150,minimumHealthyPercent=" in verdict.names["deployment_configuration"]
