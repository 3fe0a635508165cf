from __future__ import annotations

from checks.diagnosis.settling import judge
from fixtures.model.alb import Target
from tests.diagnosis.facts import GROUP, NOW, ago, deployment, service, stopped_task


def target(state: str) -> Target:
    return Target("10.0.0.1", 8000, "us-east-1a", state, "", "")


ROLLING = service(deployments=(deployment(rollout_state="IN_PROGRESS", created_at=ago(3)),))
YOUNG = service(deployments=(deployment(created_at=ago(3)),))


def test_nothing_to_wait_for_when_steady() -> None:
    assert judge([service()], {}, {GROUP: [target("healthy")]}, NOW, 15).waiting_for == ()


def test_waits_for_a_deployment_and_for_initial_targets() -> None:
    found = judge([ROLLING], {}, {GROUP: [target("initial")]}, NOW, 15)

    assert found.worth_waiting
    assert found.waiting_for == (
        "shop-web: its deployment is in progress",
        "shop-web: target 10.0.0.1:8000 is initial",
    )


def test_unhealthy_targets_may_heal_only_while_the_deployment_is_young() -> None:
    assert judge([YOUNG], {}, {GROUP: [target("unhealthy")]}, NOW, 15).worth_waiting
    assert not judge([service()], {}, {GROUP: [target("unhealthy")]}, NOW, 15).worth_waiting


def test_missing_tasks_may_still_come_only_while_the_deployment_is_young() -> None:
    missing = service(running=0, deployments=(deployment(created_at=ago(3)),))

    assert judge([missing], {}, {}, NOW, 15).worth_waiting
    assert not judge([service(running=0)], {}, {}, NOW, 15).worth_waiting


def test_does_not_wait_for_what_cannot_heal() -> None:
    failed = service(deployments=(deployment(rollout_state="FAILED", created_at=ago(3)),))
    pull = stopped_task(stop_code="TaskFailedToStart", stopped_reason="CannotPullContainerError: not found")

    assert judge([failed], {}, {GROUP: [target("initial")]}, NOW, 15).hopeless == ("shop-web: its deployment failed",)
    assert not judge([ROLLING], {"web": [pull]}, {}, NOW, 15).worth_waiting


def test_a_crash_may_still_be_overcome() -> None:
    assert judge([ROLLING], {"web": [stopped_task()]}, {}, NOW, 15).worth_waiting
