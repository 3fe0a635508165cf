from __future__ import annotations

import pytest

from checks.diagnosis.rollouts import by_codedeploy, has_circuit_breaker, judge, rolls_back
from fixtures.model.ecs import CodeDeployGroup, CodeDeployment, ServiceDeployment
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


def group(status: str, *, rollback: bool = False, ended_min_ago: float | None = 20) -> CodeDeployGroup:
    ended = None if ended_min_ago is None else ago(ended_min_ago)
    last = CodeDeployment("d-1", status, "HEALTH_CONSTRAINTS", rollback, ago(40), ended)
    return CodeDeployGroup("shop", "web", True, last)


@pytest.mark.parametrize(
    ("last", "observed"),
    [
        (group("Succeeded"), ""),
        (group("InProgress", ended_min_ago=None), ""),
        (group("Failed"), "failed"),
        (group("Failed", ended_min_ago=None), "failed"),
        (group("Stopped"), "was stopped"),
        (group("Succeeded", rollback=True), "undoes one that failed"),
        (group("Succeeded", rollback=True, ended_min_ago=61), ""),
    ],
)
def test_what_became_of_a_deployment_by_codedeploy(last: CodeDeployGroup, observed: str) -> None:
    verdict = by_codedeploy(service(controller="CODE_DEPLOY"), last, NOW, 60)

    assert (verdict.ok, observed in verdict.observed) == (not observed, True)
    assert bool(verdict.evidence) == bool(verdict.commands) == bool(observed)


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
@pytest.mark.parametrize(("ended_min_ago", "severity"), [(20, None), (61, "medium")])
def test_a_failed_deployment_that_nothing_followed_is_not_over(
    status: str, ended_min_ago: float, severity: str | None
) -> None:
    verdict = by_codedeploy(service(), group(status, ended_min_ago=ended_min_ago), NOW, 60)

    assert (verdict.ok, verdict.severity) == (False, severity)


def test_whether_codedeploy_rolls_back() -> None:
    never = CodeDeployGroup("shop", "web", False, group("Succeeded").last)

    assert rolls_back(service(), group("Succeeded"))
    assert not rolls_back(service(), never)
    assert "--current-deployment-group-name web" in rolls_back(service(), never).commands[0]
