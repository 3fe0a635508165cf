"""Terraform apply fails. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import backend, plan, refused_configuration, state_lock, terraform_errors, trail
from fixtures.errors import Unavailable
from fixtures.model.state import LockTable, StateBucket, StateDigest, StateLocks
from fixtures.model.terraform import ApplyLog, Backend, Configuration, Plan, PlanRun, Source, Validation, Workflow
from fixtures.model.trail import EnvironmentIds, Trail
from fixtures.target import Target

pytestmark = pytest.mark.terraform


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "apply exits non-zero")
@pytest.mark.caused_by(
    "check_terraform_is_valid",
    "check_state_bucket_is_protected",
    "check_state_matches_its_digest",
    "check_terraform_reads_are_allowed",
)
def check_terraform_plan_succeeds(terraform_plan_run: PlanRun) -> None:
    """A plan against the state ends without errors."""
    verdict = terraform_errors.plan_succeeds(terraform_plan_run)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "apply exits non-zero")
@pytest.mark.caused_by(
    "check_terraform_writes_are_allowed",
    "check_state_is_not_locked",
    "check_state_matches_its_digest",
    "check_aws_accepts_the_configuration",
    "check_terraform_is_valid",
    "check_state_bucket_is_protected",
)
def check_terraform_apply_succeeded(terraform_apply_log: ApplyLog, terraform_source: Source) -> None:
    """The last apply ended without errors."""
    if not terraform_errors.has_ended(terraform_apply_log):
        raise Unavailable(terraform_apply_log.path, "incomplete", "it shows neither the end of an apply nor an error")
    verdict = terraform_errors.apply_succeeded(terraform_apply_log, terraform_source.directory)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "validate")
def check_terraform_is_valid(terraform_validation: Validation) -> None:
    """Terraform finds no errors in the configuration."""
    verdict = plan.is_valid(terraform_validation)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("terraform", "validate")
@pytest.mark.caused_by("check_terraform_is_valid")
def check_terraform_is_formatted(terraform_source: Source, terraform_formatting: tuple[str, ...]) -> None:
    """Files are formatted as terraform fmt writes them."""
    verdict = plan.is_formatted(terraform_source.directory, terraform_formatting)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "refused configuration")
def check_aws_accepts_the_configuration(terraform_configuration: Configuration, terraform_source: Source) -> None:
    """AWS would accept every value that the configuration sets."""
    verdict = refused_configuration.is_accepted(terraform_configuration, terraform_source)
    if verdict and terraform_configuration.why is not None:
        # Only what is written out could be judged: finding nothing in that is no answer.
        raise terraform_configuration.why
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "state lock")
def check_state_is_not_locked(
    state_locks: StateLocks, terraform_source: Source, now: dt.datetime, target: Target
) -> None:
    """Nobody holds the state's lock, and no killed run left one behind."""
    verdict = state_lock.is_free(state_locks, terraform_source.directory, now, target.terraform.stale_lock_min)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "state lock")
def check_state_matches_its_digest(state_digest: StateDigest, terraform_source: Source) -> None:
    """The state is the one whose checksum the lock table holds."""
    verdict = state_lock.matches_digest(state_digest, terraform_source.directory)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "denied operations")
def check_terraform_writes_are_allowed(trail_writes: Trail, target: Target) -> None:
    """No change that Terraform wanted to make was denied."""
    verdict = trail.writes_are_allowed(trail_writes, target.terraform.principal, target.window_min)
    if verdict and not trail_writes.complete:
        # Nothing was found in a part of the window: that is no answer for all of it.
        raise Unavailable("cloudtrail:LookupEvents", "incomplete", trail.shortened(trail_writes, target.window_min))
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("terraform", "denied operations")
def check_terraform_reads_are_allowed(trail_reads: Trail, target: Target) -> None:
    """Nothing that Terraform or the environment's roles wanted to read was denied."""
    verdict = trail.reads_are_allowed(trail_reads, target.terraform.principal, target.prefix, target.window_min)
    assert verdict, verdict.explain()


@pytest.mark.drift
@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "drift")
@pytest.mark.caused_by("check_no_console_changes")
def check_terraform_has_no_drift(terraform_plan: Plan, terraform_source: Source) -> None:
    """Nothing that Terraform manages was changed outside it."""
    verdict = plan.has_no_drift(terraform_plan, terraform_source)
    assert verdict, verdict.explain()


@pytest.mark.drift
@pytest.mark.severity("medium")
@pytest.mark.guide("terraform", "drift")
@pytest.mark.caused_by("check_terraform_writes_are_allowed", "check_state_is_not_locked", "check_terraform_is_valid")
def check_terraform_code_is_applied(terraform_plan: Plan, terraform_source: Source) -> None:
    """The code as it stands was applied."""
    verdict = plan.is_applied(terraform_plan, terraform_source)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "remote backend with locking")
def check_state_is_remote_and_locked(terraform_backend: Backend, terraform_source: Source) -> None:
    """The state is kept in a remote backend that locks it."""
    verdict = backend.is_remote_with_lock(terraform_backend, terraform_source.directory)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("terraform", "remote backend with locking")
def check_state_bucket_is_protected(state_bucket: StateBucket, terraform_source: Source) -> None:
    """The state's bucket exists, keeps earlier versions and is encrypted."""
    verdict = backend.bucket_is_protected(state_bucket, terraform_source.directory)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("terraform", "remote backend with locking")
def check_state_lock_table_works(state_lock_table: LockTable, terraform_source: Source) -> None:
    """The table that locks are taken in exists and fits."""
    verdict = backend.table_can_lock(state_lock_table, terraform_source.directory)
    assert verdict, verdict.explain()


@pytest.mark.drift
@pytest.mark.severity("low")
@pytest.mark.guide("terraform", "no console changes")
def check_no_console_changes(trail_writes: Trail, environment_ids: EnvironmentIds, target: Target) -> None:
    """Nobody changed the environment's resources in the console."""
    verdict = trail.console_changes(trail_writes, environment_ids, target.window_min)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("terraform", "terraform in ci")
def check_terraform_runs_in_ci(terraform_workflows: tuple[Workflow, ...], terraform_source: Source) -> None:
    """A workflow plans every change to the Terraform code."""
    verdict = backend.runs_in_ci(terraform_workflows, terraform_source)
    assert verdict, verdict.explain()
