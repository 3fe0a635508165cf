"""Scenario 6 end to end: what turns red, what stays green, and what is unverified when it could not be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.sandbox.server import Host
from tests.harness import RUNS_TERRAFORM, WITHOUT_TERRAFORM, judged, run_checks
from tests.matrix import seen

pytestmark = pytest.mark.usefixtures("running_provider")
PLAN = ("check_terraform_has_no_drift", "check_terraform_code_is_applied")


DENIED = [
    ("s3:GetObject", ["state-lock-stale-s3"], {"check_state_is_not_locked"}),
    ("dynamodb:GetItem", ["state-lock-stale-dynamodb"], {"check_state_is_not_locked"}),
    ("dynamodb:GetItem", ["state-locks-of-the-past"], {"check_state_is_not_locked", "check_state_matches_its_digest"}),
    ("s3:ListBucket", [], {"check_state_is_not_locked"}),
    ("s3:GetBucketVersioning", [], {"check_state_bucket_is_protected"}),
    ("s3:GetEncryptionConfiguration", [], {"check_state_bucket_is_protected"}),
    ("dynamodb:DescribeTable", ["state-lock-stale-dynamodb"], {"check_state_lock_table_works"}),
    (
        "cloudtrail:LookupEvents",
        [],
        {"check_terraform_writes_are_allowed", "check_terraform_reads_are_allowed", "check_no_console_changes"},
    ),
    ("ec2:DescribeSecurityGroups", [], {"check_no_console_changes"}),
]


@pytest.mark.parametrize(("action", "faults", "blind"), DENIED, ids=[f"{a}-{'-'.join(f)}" for a, f, _ in DENIED])
def test_denied_call_blinds_only_its_checks(host: Host, action: str, faults: list[str], blind: set[str]) -> None:
    with judged(host, "-m", "terraform", "-k", WITHOUT_TERRAFORM, faults=faults, deny=[action]) as found:
        assert found.checks("unverified") == blind, found.explained()
        said = {f.iam_action for f in found.results.findings if f.outcome == "unverified"}
        assert said == {action}
        assert found.exit_code == 1


def test_denied_listing_blinds_the_plan_too(host: Host) -> None:
    faults = ["terraform-state-as-applied"]
    with judged(host, "-m", "terraform", faults=faults, deny=["s3:ListBucket"]) as found:
        blind = {"check_state_is_not_locked", "check_terraform_plan_succeeds", *PLAN}
        assert found.checks("unverified") == blind, found.explained()


def test_denied_read_of_a_plan_is_unverified_and_the_source_untouched(host: Host) -> None:
    with host.fork(["terraform-state-as-applied"], deny=["logs:DescribeLogGroups"]) as world:
        before = {p: p.stat().st_mtime_ns for p in Path(world.source).rglob("*")}
        found = run_checks(world, "-m", "terraform")
        after = {p: p.stat().st_mtime_ns for p in Path(world.source).rglob("*")}

    assert found.checks("unverified") == {"check_terraform_plan_succeeds", *PLAN}, found.explained()
    assert found.of("check_terraform_has_no_drift").unavailable_cause == "denied"
    assert not found.checks("failed", "advisory")
    assert after == before


def test_denied_data_source_leaves_the_configuration_unverified(host: Host) -> None:
    only = ["-k", "check_aws_accepts_the_configuration"]
    with judged(host, "-m", "terraform", *only, deny=["ec2:DescribeAvailabilityZones"]) as found:
        assert found.checks("unverified") == {"check_aws_accepts_the_configuration"}, found.explained()


def test_without_terraform_its_checks_are_unverified(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with host.fork(["terraform-state-as-applied"]) as world:
        found = run_checks(world, "-m", "terraform", "--source", world.source)
        assert found.checks("unverified") == set(RUNS_TERRAFORM), found.explained()
        causes = {f.unavailable_cause for f in found.results.findings if f.outcome == "unverified"}
        assert causes == {"missing_tool"}
        assert "not on the PATH" in found.of("check_terraform_is_valid").summary


def test_a_sandbox_without_terraform_leaves_its_own_sample_out(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with judged(host, "-m", "terraform") as found:
        assert not found.checks("failed", "unverified"), found.explained()
        assert found.checks("not_applicable") >= {"check_terraform_is_valid", "check_terraform_is_formatted"}


def test_what_is_written_out_is_judged_without_terraform(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    only = ["-k", "check_aws_accepts_the_configuration"]
    with judged(host, "-m", "terraform", *only, faults=["terraform-lifecycle-any-first"]) as found:
        assert found.of("check_aws_accepts_the_configuration").outcome == "failed"


def test_unreadable_backend_is_unverified(host: Host) -> None:
    with host.fork() as world:
        versions = Path(world.source) / "terraform" / "versions.tf"
        versions.write_text(versions.read_text(encoding="utf-8") + "terraform {", encoding="utf-8")
        found = run_checks(world, "-m", "terraform", "-k", WITHOUT_TERRAFORM)

    assert "check_state_is_remote_and_locked" in found.checks("unverified"), found.explained()
    assert not found.checks("failed", "advisory")


def test_trail_that_is_too_long_is_unverified(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.facts.trail._MOST_WRITES", 1)
    checks = "check_terraform_writes_are_allowed or check_no_console_changes"
    with judged(host, "-m", "terraform", "-k", checks, faults=["terraform-applies", "console-edit"]) as found:
        assert found.of("check_no_console_changes").outcome == "passed"
        finding = found.of("check_terraform_writes_are_allowed")
        assert (finding.outcome, finding.unavailable_cause) == ("unverified", "incomplete"), finding.summary


# -- what a person reads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["state-lock-stale-s3", "state-lock-stale-dynamodb"])
def test_stale_lock_names_its_holder_and_how_to_unlock(host: Host, fault: str) -> None:
    finding = seen(host, fault).of("check_state_is_not_locked")

    assert finding.outcome == "failed"
    assert "runner@fv-az1234-567 holds the lock for apply for 9 h" in finding.summary
    unlock = "terraform -chdir=terraform force-unlock 5f0f9d3c-7f6e-4c83-9f0e-2a6f6f1f7a11"
    assert unlock in finding.commands


def test_young_lock_is_a_run_in_progress(host: Host) -> None:
    finding = seen(host, "state-locked-by-a-run").of("check_state_is_not_locked")

    assert (finding.outcome, finding.severity) == ("advisory", "low")
    assert "3 min: a run in progress" in finding.summary


def test_denial_names_action_role_and_reason(host: Host) -> None:
    check = "check_terraform_writes_are_allowed"
    finding = seen(host, "terraform-write-denied").of(check)

    assert "ec2:AuthorizeSecurityGroupIngress denied to github-terraform" in finding.summary
    assert "×3" in finding.evidence[0]
    assert not any("4GIOHlTkIaWHQD0Q0m6XSnuUMCm" in line for line in finding.evidence)


def test_denial_by_the_organisation_is_told_apart(host: Host) -> None:
    check = "check_terraform_writes_are_allowed"
    finding = seen(host, "terraform-write-denied-by-organisation").of(check)

    assert "organisation policy (SCP), which only the organisation's administrators can change" in finding.likely_cause


def test_drift_shows_what_was_applied_and_what_is(host: Host) -> None:
    check = "check_terraform_has_no_drift"
    finding = seen(host, "terraform-drift").of(check)

    assert finding.outcome == "failed"
    assert "retention_in_days 30 → 7" in finding.summary
    assert finding.locations == ("terraform/monitoring.tf:1",)


def test_refused_values_are_found_where_they_are(host: Host) -> None:
    finding = seen(host, "terraform-fargate-size").of("check_aws_accepts_the_configuration")

    assert "Fargate has no 4096 MiB with 256 CPU units (512 to 2048 MiB)" in finding.summary
    assert finding.locations == ("terraform/ecs.tf:10",)


def test_all_refused_values_are_told_at_once(host: Host) -> None:
    only = ["-k", "check_aws_accepts_the_configuration"]
    with judged(host, *only, faults=["terraform-same-priority", "terraform-reserved-user"]) as found:
        finding = found.of("check_aws_accepts_the_configuration")

    told = "\n".join((finding.summary, *finding.evidence))
    assert finding.outcome == "failed"
    assert "priority 10" in told and "admin" in told, told


def test_syntax_error_is_shown_at_its_line(host: Host) -> None:
    finding = seen(host, "terraform-syntax-error").of("check_terraform_is_valid")

    assert "Unclosed configuration block" in finding.summary
    assert finding.locations == ("terraform/ecs.tf:92",)


def test_without_source_the_scenario_is_not_applicable(host: Host, tmp_path: Path) -> None:
    from fixtures.sandbox.server import World

    with host.fork() as world:
        bare = World.__new__(World)
        bare.__dict__.update(world.__dict__, source="")
        found = run_checks(bare, "-m", "terraform")

    trail = {"check_terraform_writes_are_allowed", "check_terraform_reads_are_allowed", "check_no_console_changes"}
    assert found.checks("passed") == trail
    assert not found.checks("failed", "advisory", "unverified"), found.explained()
