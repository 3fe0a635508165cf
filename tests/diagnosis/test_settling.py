from __future__ import annotations

import pytest

from checks.diagnosis.settling import judge
from fixtures.model.alb import Target
from fixtures.model.ecs import LoadBalancerLink
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


def test_waits_for_targets_of_either_group_of_a_blue_green_pair() -> None:
    pair = service(load_balancers=(LoadBalancerLink("blue", "web", 8000, "green"),))

    for group in ("blue", "green"):
        assert judge([pair], {}, {group: [target("initial")]}, NOW, 15).worth_waiting


def test_unhealthy_targets_may_heal_only_while_the_deployment_is_young() -> None:
    assert judge([YOUNG], {}, {GROUP: [target("unhealthy")]}, NOW, 15).worth_waiting
    assert not judge([service()], {}, {GROUP: [target("unhealthy")]}, NOW, 15).worth_waiting


def test_missing_tasks_may_still_come_only_while_the_deployment_is_young() -> None:
    missing = service(running=0, deployments=(deployment(created_at=ago(3)),))

    assert judge([missing], {}, {}, NOW, 15).waiting_for == ("shop-web: 0 of 1 tasks run",)
    assert judge([YOUNG], {}, {}, NOW, 15).waiting_for == ()
    # To the minute: whoever is not there by then is late.
    assert not judge([service(running=0, deployments=(deployment(created_at=ago(15)),))], {}, {}, NOW, 15).waiting_for
    assert not judge([service(running=0)], {}, {}, NOW, 15).worth_waiting


def test_does_not_wait_for_what_cannot_heal() -> None:
    failed = service(deployments=(deployment(rollout_state="FAILED", created_at=ago(3)),))
    pull = stopped_task(stop_code="TaskFailedToStart", stopped_reason="CannotPullContainerError: not found")

    assert judge([failed], {}, {GROUP: [target("initial")]}, NOW, 15).hopeless == ("shop-web: its deployment failed",)
    assert not judge([ROLLING], {"web": [pull]}, {}, NOW, 15).worth_waiting


@pytest.mark.parametrize(
    ("revision", "reason", "hopeless"),
    [
        (6, "", True),
        (7, "", False),
        (7, "ECS deployment circuit breaker: Rolled back.", True),
        (7, "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.", True),
        # The next deployment is there to mend it.
        (8, "ECS deployment ecs-svc/3 in progress.", False),
    ],
)
def test_a_rollback_ends_the_waiting_at_its_beginning(revision: int, reason: str, hopeless: bool) -> None:
    failed = deployment(id="ecs-svc/2", status="ACTIVE", rollout_state="FAILED", task_definition="arn:x:web:7")
    after = deployment(
        id="ecs-svc/3",
        rollout_state="IN_PROGRESS",
        created_at=ago(1),
        task_definition=f"arn:x:web:{revision}",
        rollout_reason=reason,
    )
    found = judge([service(deployments=(after, failed))], {}, {}, NOW, 15)

    assert found.waiting_for
    assert found.hopeless == (("shop-web: its deployment failed and is being rolled back",) if hopeless else ())


def test_a_rate_limit_passes() -> None:
    pull = "CannotPullContainerError: pull image manifest has been retried 5 time(s): toomanyrequests: rate limit"
    stopped = stopped_task(stop_code="TaskFailedToStart", stopped_reason=pull)

    assert judge([ROLLING], {"web": [stopped]}, {}, NOW, 15).worth_waiting


def test_stops_of_an_earlier_deployment_do_not_count() -> None:
    pull = stopped_task(stopped_reason="CannotPullContainerError: not found", started_by="ecs-svc/0")

    assert judge([ROLLING], {"web": [pull]}, {}, NOW, 15).worth_waiting


def test_a_crash_may_still_be_overcome() -> None:
    assert judge([ROLLING], {"web": [stopped_task()]}, {}, NOW, 15).worth_waiting


def test_each_service_is_waited_for_and_may_be_hopeless() -> None:
    other = service(name="api", service="shop-api", deployments=(deployment(rollout_state="FAILED"),))
    third = service(name="db", service="shop-db", deployments=ROLLING.deployments)
    pull = stopped_task(stop_code="TaskFailedToStart", stopped_reason="CannotPullContainerError: not found")
    found = judge([ROLLING, other, third], {"web": [pull]}, {}, NOW, 15)

    assert [w.partition(":")[0] for w in found.waiting_for] == ["shop-web", "shop-db"]
    assert [h.partition(":")[0] for h in found.hopeless] == ["shop-web", "shop-api"]


def test_a_revision_without_a_number_is_before_all_others() -> None:
    failed = deployment(id="ecs-svc/2", status="ACTIVE", rollout_state="FAILED", task_definition="arn:x:web:1")
    after = deployment(id="ecs-svc/3", task_definition="web", rollout_reason="")

    assert judge([service(deployments=(after, failed))], {}, {}, NOW, 15).hopeless
