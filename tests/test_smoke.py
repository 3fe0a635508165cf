"""``-m smoke``: right in the minutes after a deployment, and only about what that deployment can have broken."""

from __future__ import annotations

import pytest

from fixtures.sandbox.server import Host
from tests.harness import judged

UNDER_WAY = (
    "deployment-in-progress",
    "blue-green",
    "alb-blue-green",
    "alb-codedeploy",
    "alb-rolling-deployment",
    "503s-in-a-deployment",
    "old-tasks-in-trouble-while-replaced",
)
BEFORE = (
    "trouble-before-deployment",
    "tls-refused-before-deployment",
    "old-trouble",
    "old-database-trouble",
    "one-stop-then-fine",
    "off-hours",
)
BROKEN = {
    "crash-loop": "check_no_tasks_stop",
    "circuit-breaker-tripped": "check_rollout_succeeded",
    "silent-rollback": "check_rollout_succeeded",
    "image-missing": "check_image_exists",
    "secret-rotated": "check_tasks_are_newer_than_secret",
    "database-rule-removed": "check_database_admits_tasks",
    "rule-shadowed": "check_listeners_route_to_service",
    "health-path-404": "check_targets_are_healthy",
}


@pytest.mark.parametrize("world", UNDER_WAY)
def test_a_deployment_under_way_is_no_failure(host: Host, world: str) -> None:
    with judged(host, "-m", "smoke", faults=[world]) as found:
        assert found.exit_code == 0, found.explained()


@pytest.mark.parametrize("world", BEFORE)
def test_what_was_before_the_deployment_does_not_count(host: Host, world: str) -> None:
    with judged(host, "-m", "smoke", faults=[world]) as found:
        assert found.exit_code == 0, found.explained()


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_deployment_closes_the_gate(host: Host, fault: str) -> None:
    with judged(host, "-m", "smoke", faults=[fault]) as found:
        assert BROKEN[fault] in found.checks("failed"), found.explained()
        assert found.exit_code == 1


def test_what_cannot_be_seen_closes_the_gate(host: Host) -> None:
    with judged(host, "-m", "smoke", deny=["ecs:DescribeTasks"]) as found:
        assert found.checks("failed") == set()
        assert found.checks("unverified")
        assert found.exit_code == 1


def test_the_gate_asks_nothing_of_nightly_checks(host: Host) -> None:
    with judged(host, "-m", "smoke") as found:
        scenarios = {f.scenario for f in found.results.findings}
        asked = {o.partition(":")[0] for o in found.results.api["by_operation"]}

    assert scenarios == {"ecs", "database", "alb"}
    assert not asked & {"ce", "budgets", "cloudtrail", "xray"}
