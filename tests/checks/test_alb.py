"""Scenario 3 end to end: what the matrix of faults cannot tell: how grave, with which words, and what could not be seen."""

from __future__ import annotations

import pytest

from fixtures.sandbox.faults import catalogue
from fixtures.sandbox.server import Host
from tests.harness import judged
from tests.matrix import seen

NAMES = [f.name for f in catalogue() if f.scenario == "alb"]
DENIED = {
    "elasticloadbalancing:DescribeTargetGroups": {"check_targets_are_healthy", "check_ports_agree"},
    "elasticloadbalancing:DescribeLoadBalancers": {"check_load_balancer_is_active"},
    "elasticloadbalancing:DescribeListeners": {"check_load_balancer_admits_clients"},
    "elasticloadbalancing:DescribeRules": {"check_listeners_route_to_service"},
    "elasticloadbalancing:DescribeTargetHealth": {
        "check_service_has_targets",
        "check_targets_are_running_tasks",
        "check_targets_are_healthy",
        "check_ports_agree",
        "check_grace_period_is_enough",
    },
    "elasticloadbalancing:DescribeLoadBalancerAttributes": {"check_access_logs_are_on"},
    "ec2:DescribeSecurityGroups": {"check_load_balancer_reaches_tasks", "check_load_balancer_admits_clients"},
    "cloudwatch:GetMetricData": {
        "check_load_balancer_makes_no_503",
        "check_load_balancer_gets_answers",
        "check_targets_answer_without_errors",
        "check_service_kept_a_healthy_target",
    },
}


@pytest.mark.parametrize("action", DENIED)
def test_a_denied_call_blinds_what_needs_it_and_nothing_fails(host: Host, action: str) -> None:
    with judged(host, "-m", "alb", deny=[action]) as found:
        pass

    assert found.checks("failed") == set(), found.explained()
    assert DENIED[action] <= found.checks("unverified"), found.explained()
    assert {f.iam_action for f in found.results.of("unverified")} == {action}, found.explained()


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:GetObject"])
def test_denied_logs_are_unverified_where_logs_are_on(host: Host, action: str) -> None:
    with judged(host, "-m", "alb", faults=["single-503"], deny=[action]) as found:
        pass

    blind = {"check_access_log_has_no_503_by_load_balancer", "check_access_log_has_no_503_by_targets"}
    assert found.checks("unverified") == blind, found.explained()


def test_health_is_judged_without_rules_while_it_is_good(host: Host) -> None:
    with judged(host, "-k", "check_targets_are_healthy", deny=["elasticloadbalancing:DescribeRules"]) as found:
        pass

    assert found.checks("passed") == {"check_targets_are_healthy"}, found.explained()


def test_bad_health_is_unverified_where_nobody_knows_whether_requests_come(host: Host) -> None:
    action = "elasticloadbalancing:DescribeRules"
    with judged(host, "-k", "check_targets_are_healthy", faults=["health-path-404"], deny=[action]) as found:
        pass

    assert found.of("check_targets_are_healthy", "order").outcome == "unverified", found.explained()
    assert found.of("check_targets_are_healthy", "product").outcome == "passed", found.explained()


@pytest.mark.parametrize(
    ("fault", "check", "service", "said", "severity"),
    [
        ("health-path-404", "check_targets_are_healthy", "order", "Target.ResponseCodeMismatch", "critical"),
        ("one-target-unhealthy", "check_targets_are_healthy", "frontend", "1 of 2 targets", "high"),
        ("zone-not-enabled", "check_targets_are_healthy", "order", "Target.NotInUse", "critical"),
        ("no-targets", "check_service_has_targets", "product", "every request gets a 503", "critical"),
        ("fixed-response-503", "check_listeners_route_to_service", "product", "rule 1", "critical"),
        ("rule-removed", "check_listeners_route_to_service", "order", "default rule", "critical"),
        ("rule-shadowed", "check_listeners_route_to_service", "product", "rule 5", "critical"),
        ("alb-cannot-reach-tasks", "check_load_balancer_reaches_tasks", "product", "tcp 8000", "critical"),
        ("container-port-mismatch", "check_ports_agree", "product", "declares 8000", "critical"),
        ("grace-period-zero", "check_grace_period_is_enough", "product", "the grace period is 0 s", "high"),
        ("grace-period-unset", "check_grace_period_is_enough", "frontend", "20 s", "medium"),
        ("spike-of-503", "check_access_log_has_no_503_by_load_balancer", "", "60 of 3", "high"),
        ("application-503", "check_access_log_has_no_503_by_targets", "", "made by the target", "high"),
        ("health-endpoint-forbidden", "check_health_endpoint_answers", "frontend", "answers 403", "medium"),
        ("alb-impaired", "check_load_balancer_is_active", "", "active_impaired", "high"),
        ("503s-in-a-deployment", "check_access_log_has_no_503_by_load_balancer", "", "9 of", "medium"),
    ],
)
def test_a_fault_is_named_and_weighed(
    host: Host, fault: str, check: str, service: str, said: str, severity: str
) -> None:
    finding = seen(host, fault).of(check, service)
    assert said in finding.summary, finding.summary
    assert finding.severity == severity, finding
    assert finding.resolution
    assert "<" not in "".join(finding.commands), finding.commands


def test_what_a_closed_group_causes_is_told_under_it(host: Host) -> None:
    found = seen(host, "alb-cannot-reach-tasks")

    roots = {found.by_id[r].check for r in found.results.roots}
    assert roots == {"check_load_balancer_reaches_tasks"}, roots


def test_a_spike_says_when_where_and_for_whom(host: Host) -> None:
    evidence = "\n".join(seen(host, "spike-of-503").of("check_access_log_has_no_503_by_load_balancer").evidence)
    assert "target group: ecommerce-dev-product-service × 60" in evidence
    assert "path: /products/ × 60" in evidence


def test_the_counts_of_a_run_are_one_request(host: Host) -> None:
    with judged(host, "-m", "alb") as found:
        pass

    assert found.results.api["by_operation"]["cloudwatch:GetMetricData"] == 1
    assert found.results.api["requests"] == found.results.api["distinct"]


def test_a_closed_front_door_is_not_taken_for_a_broken_service(host: Host) -> None:
    found = seen(host, "alb-closed-to-clients")

    assert found.of("check_health_endpoint_answers", "frontend").unavailable_cause == "unreachable"
