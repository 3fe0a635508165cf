from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import terraform_errors as te
from fixtures.model.terraform import ApplyLog, Diagnostic, PlanRun

LOCKED = """\
╷
│ Error: Error acquiring the state lock
│
│ Error message: operation error DynamoDB: PutItem, https response error
│ StatusCode: 400, RequestID: X, ConditionalCheckFailedException: The
│ conditional request failed
│ Lock Info:
│   ID:        5f0f9d3c-7f6e-4c83-9f0e-2a6f6f1f7a11
╵
"""
TWO = """\
\x1b[31m╷\x1b[0m
│ Error: creating EC2 Subnet: InvalidSubnet.Conflict: The CIDR '10.0.1.0/24' conflicts with another subnet
│
│   with aws_subnet.public[0],
╵
╷
│ Error: creating IAM Role (x): EntityAlreadyExists: Role with name x already exists.
╵
"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (LOCKED, "state lock"),
        ("StatusCode: 412, api error PreconditionFailed: At least one of the pre-conditions", "state lock"),
        ("state data in S3 does not have the expected content.", "state checksum"),
        ("Backend initialization required, please run terraform init", "backend"),
        ("api error NoSuchBucket: The specified bucket does not exist", "backend"),
        ("Inconsistent dependency lock file", "providers"),
        ("api error UnauthorizedOperation: You are not authorized to perform this operation", "denied"),
        ("AccessDenied: User x is not authorized to perform: iam:PassRole", "denied"),
        ("AccessDenied: with an explicit deny in a service control policy", "denied by organisation"),
        ("api error ExpiredToken: The security token included in the request is expired", "credentials"),
        ("EntityAlreadyExists: Role with name x already exists.", "conflict"),
        ("InvalidGroup.Duplicate: The security group 'x' already exists", "conflict"),
        ("DependencyViolation: resource sg-1 has a dependent object", "in use"),
        ("InvalidSubnet.Conflict: The CIDR '10.0.1.0/24' conflicts with another subnet", "network conflict"),
        ("VcpuLimitExceeded: You have requested more vCPU capacity", "quota"),
        ("InvalidParameterCombination: Cannot find version 15.99 for postgres", "refused"),
        ("ThrottlingException: Rate exceeded", "throttled"),
        ("Invalid count argument", "configuration"),
        ("no matching EC2 VPC found", "configuration"),
    ],
)
def test_family(text: str, kind: str) -> None:
    assert te.classify(text).name == kind


def test_blocks_of_printed_output() -> None:
    first, second = te.errors_in(TWO)

    assert first.startswith("Error: creating EC2 Subnet: InvalidSubnet.Conflict")
    assert second == "Error: creating IAM Role (x): EntityAlreadyExists: Role with name x already exists."
    (locked,) = te.errors_in(LOCKED)
    assert "ConditionalCheckFailedException: The conditional request failed Lock Info:" in locked
    assert te.errors_in("Apply complete! Resources: 0 added, 0 changed, 0 destroyed.") == ()


@given(st.text())
def test_any_output_can_be_read(text: str) -> None:
    assert all(e.startswith("Error:") for e in te.errors_in(text))
    assert te.classify(text).advice


def test_apply() -> None:
    assert te.apply_succeeded(ApplyLog("terraform/apply.log", "Apply complete!"), "terraform")
    verdict = te.apply_succeeded(ApplyLog("terraform/apply.log", TWO), "terraform")

    assert verdict.observed.startswith("terraform apply failed: creating EC2 Subnet: InvalidSubnet.Conflict")
    assert verdict.observed.endswith("(and 1 more)")
    assert any("conflict: terraform import it" in line for line in verdict.evidence)
    assert verdict.likely_cause.startswith("address ranges overlap")


DENIED = '{"@level":"error","@message":"Error: creating IAM Role: AccessDenied","type":"diagnostic"}'
DONE = (
    '{"@level":"info","@message":"Apply complete! Resources: 1 added, 0 changed, 0 destroyed.","type":"change_summary"}'
)


@pytest.mark.parametrize(
    ("text", "ended", "errors"),
    [
        ("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.", True, 0),
        ("\x1b[1m\x1b[32mApply complete! Resources: 1 added\x1b[0m", True, 0),
        ("No changes. Your infrastructure matches the configuration.", True, 0),
        (DONE, True, 0),
        (TWO, True, 2),
        (f"{DENIED}\n{DENIED}\n", True, 2),
        # As GitHub keeps it.
        ("2026-11-20T10:00:00.1234567Z Error: creating IAM Role: AccessDenied", True, 1),
        # A run that was killed.
        ("aws_db_instance.main: Still creating... [1m40s elapsed]", False, 0),
        ("", False, 0),
        ('{"@message', False, 0),
    ],
)
def test_how_an_apply_ended(text: str, ended: bool, errors: int) -> None:
    log = ApplyLog("terraform/apply.log", text)
    assert (te.has_ended(log), len(te.errors_in(text))) == (ended, errors)
    assert all(e.startswith("Error: creating") for e in te.errors_in(text))


def test_plan() -> None:
    assert te.plan_succeeds(PlanRun("terraform"))
    failed = te.plan_succeeds(
        PlanRun("terraform", errors=(Diagnostic("error", "no matching EC2 VPC found", location="terraform/a.tf:3"),))
    )
    assert failed.observed == "terraform plan fails: no matching EC2 VPC found"
    assert failed.locations == ("terraform/a.tf:3",)
