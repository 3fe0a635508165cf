"""``--wait``: until a deployment has settled, never for what cannot heal, and never longer than allowed."""

from __future__ import annotations

import pytest

from fixtures import waiting
from fixtures.sandbox.server import Host
from tests.harness import Judged, run_checks


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_FIRST_PAUSE_S", 0.2)


def waited(host: Host, fault: str, wait_s: float, *more: str) -> Judged:
    with host.fork([fault]) as world:
        return run_checks(world, "-m", "smoke and ecs", "--wait", str(wait_s), *more)


def test_a_deployment_in_progress_is_waited_for(host: Host) -> None:
    found = waited(host, "deployment-finishes", 60)

    assert "waiting for" in found.output
    assert "are over" not in found.output
    assert found.exit_code == 0, found.explained()
    assert found.of("check_service_is_stable", "product").outcome == "passed"
    asked = found.results.api["by_operation"]
    # Once to wait and once to judge; only what can still change is asked again in between.
    assert asked["sts:GetCallerIdentity"] == asked["ecs:DescribeClusters"] == 2
    assert asked["ecs:DescribeServices"] > 2


@pytest.mark.timeout(120)
def test_waiting_ends_when_time_is_up_for_all_targets_together(host: Host) -> None:
    found = waited(host, "deployment-in-progress", 1, "--target", "ecommerce-dev", "--target", "tests/second.toml")

    # The second target waits for what the first one left of the second, which may be 0.41 s.
    assert found.output.splitlines().count("1 s are over; judging what there is") == 1
    assert "waiting for ecommerce-dev-product: its deployment is in progress" in found.output
    # A deployment within its time is no failure, however impatient one is.
    assert found.exit_code == 0, found.explained()


def test_what_cannot_heal_is_judged_at_once(host: Host) -> None:
    found = waited(host, "circuit-breaker-tripped", 600)

    assert "not waiting any longer" in found.output
    assert "check_rollout_succeeded" in found.checks("failed"), found.explained()


def test_what_has_settled_is_not_waited_for(host: Host) -> None:
    with host.fork() as world:
        found = run_checks(world, "-m", "smoke and ecs", "--wait", "600")

    assert "waiting" not in found.output
    assert found.exit_code == 0


def test_only_the_services_that_are_judged_have_to_settle(host: Host) -> None:
    with host.fork(["deployment-in-progress"]) as world:
        found = run_checks(world, "-k", "[order] and check_targets_are_healthy", "--wait", "600")

    assert "waiting" not in found.output
    # Once to wait and once to judge.
    assert found.results.api["by_operation"]["elbv2:DescribeTargetHealth"] == 2


def test_a_service_that_cannot_heal_ends_no_wait_for_another(host: Host) -> None:
    with host.fork(["circuit-breaker-tripped"]) as world:
        found = run_checks(world, "-k", "[frontend] and check_service_is_stable", "--wait", "600")

    assert "not waiting" not in found.output
    assert found.exit_code == 0


@pytest.mark.parametrize(
    ("check", "waits"), [("check_load_balancer_makes_no_503", True), ("check_a_budget_exists", False)]
)
def test_what_services_share_waits_for_all_of_them_if_it_is_about_them(host: Host, check: str, waits: bool) -> None:
    with host.fork(["deployment-in-progress"]) as world:
        found = run_checks(world, "-k", check, "--wait", "0.5")

    assert ("waiting for ecommerce-dev-product" in found.output) is waits
