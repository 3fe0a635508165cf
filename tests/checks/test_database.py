"""Scenario 2 end to end, where the catalogue of faults does not tell: what is read, and what could not be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import check_database
from fixtures.each import Each
from fixtures.model.ecs import LoadBalancerLink
from fixtures.model.metrics import Counts, Series
from fixtures.sandbox.server import Host
from fixtures.target import ServiceSettings, Target
from tests.diagnosis.facts import NOW, ago, service
from tests.harness import judged, run_checks
from tests.matrix import seen

# In the healthy sandbox, too, nobody could enter a task: a gap of prevention.
ALWAYS = {"check_task_can_be_entered"}


EVERYTHING_RDS = {
    "check_database_exists",
    "check_database_is_available",
    "check_database_proxy_reaches_database",
    "check_database_admits_tasks",
    "check_tasks_may_reach_database",
    "check_network_acls_pass_database_traffic",
    "check_database_is_routable",
    "check_database_is_not_exposed",
    "check_database_settings_agree",
    "check_database_credentials_agree",
    "check_tasks_are_newer_than_secret",
    "check_database_secret_rotates",
    "check_database_encryption_agrees",
    "check_api_answers_without_errors",
    "check_no_database_errors_in_logs",
    "check_database_connections_are_below_limit",
    "check_task_can_be_entered",
}
SECRETS = {
    "check_database_secret_is_valid",
    "check_database_credentials_agree",
    "check_tasks_are_newer_than_secret",
    "check_database_secret_rotates",
}
GROUPS = {"check_database_admits_tasks", "check_tasks_may_reach_database", "check_database_is_not_exposed"}
HOPS = {
    "check_database_admits_tasks",
    "check_tasks_may_reach_database",
    "check_network_acls_pass_database_traffic",
    "check_database_is_routable",
}
DENIED = {
    "rds:DescribeDBInstances": EVERYTHING_RDS,
    "rds:DescribeEvents": {"check_database_is_available", "check_no_database_errors_in_logs"},
    "rds:DescribeDBParameters": {
        "check_database_connections_are_below_limit",
        "check_database_encryption_agrees",
    },
    "ec2:DescribeSecurityGroups": GROUPS,
    "ec2:DescribeSubnets": HOPS | {"check_database_is_not_exposed"},
    "ec2:DescribeNetworkAcls": {"check_network_acls_pass_database_traffic"},
    "ec2:DescribeNetworkInterfaces": HOPS,
    "secretsmanager:DescribeSecret": SECRETS,
    "secretsmanager:GetSecretValue": SECRETS,
    "logs:FilterLogEvents": {"check_no_database_errors_in_logs", "check_database_encryption_agrees"},
    "cloudwatch:GetMetricData": {
        "check_database_connections_are_below_limit",
        "check_api_answers_without_errors",
    },
    "iam:SimulatePrincipalPolicy": {"check_task_can_be_entered"},
    "elasticloadbalancing:DescribeTargetGroups": {"check_api_answers_without_errors"},
}


@pytest.mark.parametrize("action", DENIED)
def test_denied_call_blinds_only_its_own_checks(host: Host, action: str) -> None:
    with judged(host, "-m", "database", deny=[action]) as found:
        assert found.checks("unverified") == DENIED[action], found.explained()
        assert not found.checks("failed"), found.explained()
        assert found.exit_code == 1
        named_action = [f for f in found.results.of("unverified") if action in f.summary]
        assert named_action, found.explained()


@pytest.mark.parametrize(
    ("faults", "action", "blinded"),
    [
        ("rule-prefix-list", "ec2:GetManagedPrefixListEntries", {"check_database_admits_tasks", "check_database_is_not_exposed"}),
        ("database-in-peered-vpc", "ec2:DescribeRouteTables", {"check_database_is_routable"}),
        ("database-in-peered-vpc", "ec2:DescribeVpcPeeringConnections", {"check_database_is_routable"}),
        ("secret-edited-quietly", "logs:FilterLogEvents",
         {"check_tasks_are_newer_than_secret", "check_no_database_errors_in_logs", "check_database_encryption_agrees"}),
        ("aurora-cluster", "rds:DescribeDBClusters", EVERYTHING_RDS),
        ("proxy-between", "rds:DescribeDBProxyTargets", EVERYTHING_RDS),
    ],
)  # fmt: skip
def test_calls_that_only_some_worlds_need(host: Host, faults: str, action: str, blinded: set[str]) -> None:
    with judged(host, "-m", "database", faults=[faults], deny=[action]) as found:
        assert found.checks("unverified") == blinded, found.explained()


def test_denied_probe_is_unverified(host: Host) -> None:
    with judged(host, "-m", "database", "--exec-probe", faults=["exec-enabled"], deny=["ecs:ExecuteCommand"]) as found:
        assert found.checks("unverified") == {"check_task_connects_to_database"}, found.explained()


def test_probe_without_exec_is_unverified(host: Host) -> None:
    """H-27: an environment without ECS Exec, and an image without anything to connect with."""
    with judged(host, "-m", "database", "--exec-probe") as found:
        assert found.checks("unverified") == {"check_task_connects_to_database"}, found.explained()
        assert not found.checks("failed")


def test_probe_is_never_made_without_being_asked_for(host: Host) -> None:
    with host.fork(["exec-enabled"]) as world:
        found = run_checks(world, "-m", "database")
        finding = found.of("check_task_connects_to_database", "product")
        assert finding.outcome == "not_applicable"
        assert "--exec-probe" in finding.summary


def test_stopped_by_schedule_is_not_a_fault(host: Host, tmp_path: Path) -> None:
    at = host.now
    # An hour before until an hour after now, over midnight if need be.
    hours = f"{(at.hour - 1) % 24:02d}:00-{(at.hour + 2) % 24:02d}:00"
    target = tmp_path / "sleepy.toml"
    target.write_text(
        f'project = "ecommerce"\nenvironment = "dev"\nregion = "us-east-1"\n'
        f'[[services]]\nname = "product"\n[[services]]\nname = "order"\n[database]\nstopped_schedule = "{hours}"\n'
    )
    with judged(host, "-m", "database", "--target", str(target), faults=["database-stopped"]) as found:
        assert not found.checks("failed"), found.explained()
        assert found.of("check_database_is_available").outcome == "not_applicable"


def test_a_role_of_their_own_is_advisory_where_the_target_does_not_say_master(host: Host, tmp_path: Path) -> None:
    """H-18: applications may use their own role; only the target or RDS can say that it should be the master."""
    target = tmp_path / "own-role.toml"
    target.write_text(
        'project = "ecommerce"\nenvironment = "dev"\nregion = "us-east-1"\n'
        '[[services]]\nname = "product"\n[[services]]\nname = "order"\n'
    )
    with judged(host, "-m", "database", "--target", str(target), faults=["application-role"]) as found:
        assert not found.checks("failed", "unverified"), found.explained()
        role = {"check_database_credentials_agree", "check_database_settings_agree"}
        assert found.checks("advisory") == ALWAYS | role, found.explained()


def test_an_environment_without_a_database_is_not_applicable(host: Host, tmp_path: Path) -> None:
    target = tmp_path / "none.toml"
    target.write_text(
        'project = "ecommerce"\nenvironment = "dev"\nregion = "us-east-1"\n'
        '[[services]]\nname = "product"\n[database]\nenabled = false\n'
    )
    with judged(host, "-m", "database", "--target", str(target)) as found:
        assert {f.outcome for f in found.results.findings} == {"not_applicable"}, found.explained()
        assert not found.results.of("passed")


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("database-stopped", "check_database_is_available", ("stopped", "starts it by itself")),
        ("database-rule-wrong-ports", "check_database_admits_tasks", ("5432", "5433-5500")),
        ("database-rule-wrong-group", "check_database_admits_tasks", ("tcp 5432 is open, but for sg-",)),
        ("network-acl-denies", "check_network_acls_pass_database_traffic", ("rule 90",)),
        ("secret-deleted", "check_database_secret_is_valid", ("scheduled for deletion",)),
        ("connections-exhausted", "check_database_connections_are_below_limit", ("197", "200")),
        ("tls-required", "check_database_encryption_agrees", ("rds.force_ssl 1", "no encryption")),
        ("proxy-cannot-log-in", "check_database_proxy_reaches_database", ("AUTH_FAILURE",)),
        ("exec-probe-refused", "check_task_connects_to_database", ("is refused",)),
    ],
)
def test_message_names_what_is_wrong(host: Host, name: str, check: str, words: tuple[str, ...]) -> None:
    red = [f for f in seen(host, name).results.of("failed", "advisory") if f.check == check]
    text = " ".join((red[0].summary, red[0].likely_cause, *red[0].evidence))

    assert all(w in text for w in words), text


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("database-stopped", "check_database_is_available"),
        ("database-rule-removed", "check_database_admits_tasks"),
        ("task-egress-closed", "check_tasks_may_reach_database"),
        ("network-acl-denies", "check_network_acls_pass_database_traffic"),
        ("secret-rotated", "check_tasks_are_newer_than_secret"),
        ("secret-username-wrong", "check_database_credentials_agree"),
        ("connections-exhausted", "check_database_connections_are_below_limit"),
        ("tls-disabled", "check_database_encryption_agrees"),
        ("tls-required", "check_database_encryption_agrees"),
        ("database-host-differs", "check_database_settings_agree"),
    ],
)
def test_log_errors_are_explained_by_their_cause(host: Host, name: str, cause: str) -> None:
    found = seen(host, name)
    logs = [f for f in found.results.of("failed") if f.check == "check_no_database_errors_in_logs"]

    assert logs and all(any(cause in c for c in f.caused_by) for f in logs), found.explained()
    assert not any("check_no_database_errors_in_logs" in r for r in found.results.roots)


def test_no_password_is_in_any_report(host: Host) -> None:
    with judged(host, "-m", "database", faults=["database-url"]) as found:
        assert ":x@" not in found.output


@pytest.mark.parametrize("serving", ["blue", "green"])
def test_errors_count_at_either_group_of_a_blue_green_pair(serving: str) -> None:
    pair = service(load_balancers=(LoadBalancerLink("blue", "web", 8000, "green"),))
    quiet = Counts(ago(60), NOW, 300, {})
    errors = Series(((ago(5), 50.0),))
    broken = Counts(ago(60), NOW, 300, {"HTTPCode_Target_5XX_Count": errors, "RequestCount": errors})
    counts = Each({group: broken if group == serving else quiet for group in ("blue", "green")})
    target = Target(name="shop", cluster="shop", services=(ServiceSettings("web", "shop-web"),))

    with pytest.raises(AssertionError, match="50 of 50 requests were answered 5xx"):
        check_database.check_api_answers_without_errors(pair, None, counts, NOW, target)  # type: ignore[arg-type]
