from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from checks.diagnosis import trail
from fixtures.model.trail import EnvironmentIds, Trail, TrailEvent

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ROLE = "arn:aws:iam::123456789012:role/github-terraform"
SUITE = "arn:aws:sts::123456789012:assumed-role/runbook-checks/ci"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) terraform-provider-aws/5.100.0"
IDENTITY = "because no identity-based policy allows the ec2:RunInstances action"


def event(minutes_ago: float = 10, **changes: Any) -> TrailEvent:
    values: dict[str, Any] = {
        "id": "1",
        "at": NOW - dt.timedelta(minutes=minutes_ago),
        "service": "ec2",
        "name": "RunInstances",
        "read_only": False,
        "principal": "arn:aws:sts::123456789012:assumed-role/github-terraform/ci",
        "issuer": ROLE,
        "user_agent": TERRAFORM,
        "error": "Client.UnauthorizedOperation",
        "message": IDENTITY,
    }
    return TrailEvent(**{**values, **changes})


def trail_of(*events: TrailEvent, complete: bool = True) -> Trail:
    return Trail(events, NOW - dt.timedelta(hours=1), NOW, complete, SUITE)


@pytest.mark.parametrize(
    ("error", "denied"),
    [
        ("Client.UnauthorizedOperation", True),
        ("UnauthorizedOperation", True),
        ("AccessDenied", True),
        ("AccessDeniedException", True),
        ("AuthorizationError", True),
        ("AuthorizationErrorException", True),
        ("NotAuthorizedException", True),
        ("UnauthorizedAccess", True),
        ("", False),
        ("Client.DryRunOperation", False),
        ("Client.RequestLimitExceeded", False),
        ("ThrottlingException", False),
        ("Client.InvalidGroup.NotFound", False),
        ("EntityAlreadyExistsException", False),
        ("ExpiredToken", False),
        ("ValidationException", False),
    ],
)
def test_what_a_denial_is(error: str, denied: bool) -> None:
    assert trail.is_denied(event(error=error)) is denied


ON_GROUP = "not authorized to perform: ec2:X on resource: arn:aws:ec2:us-east-1:1:security-group/sg-1"
OTHER = {"principal": "arn:aws:sts::1:assumed-role/app/x", "issuer": "arn:aws:iam::1:role/app", "user_agent": "Boto3"}


@pytest.mark.parametrize(
    ("events", "ok", "severity"),
    [
        ((), True, None),
        ((event(),), False, None),
        # Denied, and allowed since.
        ((event(10), event(5, error="", message="")), False, "low"),
        ((event(10), event(15, error="", message="")), False, None),
        ((event(10), event(5, error="", message="", name="StopInstances")), False, None),
        # An apply calls the same action for many resources: what was allowed for another one settles nothing.
        ((event(10, message=ON_GROUP), event(5, error="", message="", names=("sg-2",))), False, None),
        ((event(10, message=ON_GROUP), event(5, error="", message="", names=("tcp", "sg-1"))), False, "low"),
        ((event(10, message=ON_GROUP), event(5, error="", message="")), False, "low"),
        ((event(10, message=f"{ON_GROUP}*"), event(5, error="", message="", names=("sg-2",))), False, "low"),
        ((event(**OTHER),), False, "low"),
        ((event(**OTHER), event()), False, None),
        ((event(read_only=True),), True, None),
        ((event(on_behalf_of="config.amazonaws.com"),), True, None),
        ((event(from_console=True),), True, None),
        # This suite's own calls, and its plans' (which say so in their user agent).
        ((event(principal=SUITE, issuer="", user_agent="Boto3/1.40 runbook-checks"),), True, None),
        ((event(principal=SUITE, issuer="", user_agent="Boto3/1.40"),), True, None),
        ((event(user_agent=f"{TERRAFORM} runbook-checks"),), True, None),
        # The same identity applies by hand.
        ((event(principal=SUITE, issuer=""),), False, None),
    ],
)
def test_denied_writes(events: tuple[TrailEvent, ...], ok: bool, severity: str | None) -> None:
    verdict = trail.writes_are_allowed(trail_of(*events), "", 60)

    assert (verdict.ok, verdict.severity) == (ok, severity)


@pytest.mark.parametrize(
    ("principal", "terraform"),
    [
        ("github-terraform", True),
        (ROLE, True),
        ("terraform", False),
        ("arn:aws:iam::123456789012:role/other", False),
    ],
)
def test_configured_principal(principal: str, terraform: bool) -> None:
    assert trail.is_terraform(event(user_agent="curl/8"), principal) is terraform


@pytest.mark.parametrize(
    ("events", "ok"),
    [
        ((), True),
        ((event(read_only=True),), False),
        ((event(),), True),
        ((event(read_only=True, **OTHER),), True),
        ((event(10, read_only=True), event(5, read_only=True, error="")), True),
        ((event(read_only=True, **{**OTHER, "issuer": "arn:aws:iam::1:role/ecommerce-dev-ecs-execution"}),), False),
    ],
)
def test_denied_reads(events: tuple[TrailEvent, ...], ok: bool) -> None:
    assert trail.reads_are_allowed(trail_of(*events), "", "ecommerce-dev", 60).ok is ok


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (IDENTITY, "no policy of the role allows it"),
        ("with an explicit deny in a service control policy", "denied by an organisation policy (SCP)"),
        ("with an explicit deny in a resource control policy", "denied by an organisation policy (RCP)"),
        ("because no permissions boundary allows the action", "denied by the role's permissions boundary"),
        ("with an explicit deny in an identity-based policy", "denied explicitly by the role's policy"),
        ("with an explicit deny in a resource-based policy", "denied by the resource's own policy"),
        ("", "no policy of the role allows it"),
    ],
)
def test_reason_of_a_denial(message: str, cause: str) -> None:
    assert trail.writes_are_allowed(trail_of(event(message=message)), "", 60).likely_cause.startswith(cause)


def test_repeated_denials_are_one_line() -> None:
    verdict = trail.writes_are_allowed(trail_of(event(10), event(11), event(12, name="CreateTags")), "", 60)

    assert verdict.observed == "ec2:RunInstances, ec2:CreateTags denied to github-terraform in the last 60 min"
    assert "ec2:RunInstances ×2 denied" in verdict.evidence[0]


def test_trail_that_was_cut_says_how_far_it_goes() -> None:
    cut = Trail((), NOW - dt.timedelta(minutes=7), NOW, complete=False)

    assert "since 11:53:00 (the newest events)" in trail.reads_are_allowed(cut, "", "x", 60).observed


def test_window_that_is_too_long_says_what_to_change() -> None:
    cut = Trail((event(),) * 3, NOW - dt.timedelta(minutes=7), NOW, complete=False)

    assert trail.shortened(cut, 60).startswith("3 changes since 11:53:00 UTC already")


HAND = {"from_console": True, "error": "", "message": "", "user_agent": "Mozilla/5.0"}
OWN = EnvironmentIds("ecommerce-dev", {"sg-1": "ecommerce-dev-db-sg"})


@pytest.mark.parametrize(
    ("one", "ok"),
    [
        (event(names=("sg-1",), **HAND), False),
        (event(names=("arn:aws:rds:us-east-1:1:db:ecommerce-dev-db",), **HAND), False),
        (event(names=("sg-2", "another-system"), **HAND), True),
        (event(names=("sg-1",), **{**HAND, "read_only": True}), True),
        (event(names=("sg-1",), **{**HAND, "from_console": False}), True),
        # It was refused, so nothing changed.
        (event(names=("sg-1",), **{**HAND, "error": "Client.UnauthorizedOperation"}), True),
    ],
)
def test_console_changes(one: TrailEvent, ok: bool) -> None:
    assert trail.console_changes(trail_of(one), OWN, 60).ok is ok
