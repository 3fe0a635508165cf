"""What the execution role may do before a task runs."""

from __future__ import annotations

from typing import Any

import pytest

from checks.diagnosis import start_permissions
from fixtures.model.permissions import EncryptionKey, Permission, RoleTrust
from tests.diagnosis.facts import definition, service

ROLE = "arn:aws:iam::123456789012:role/team/shop-execution"
ACCOUNT = "arn:aws:iam::123456789012:root"
TASK = definition(execution_role=ROLE)
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/shop-web"
STREAM = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web:log-stream:ecs/web/task"


def permissions(**decisions: str) -> tuple[Permission, ...]:
    wanted = (
        ("ecr:GetAuthorizationToken", "*", "log in to ECR"),
        ("ecr:BatchGetImage", REPOSITORY, "pull shop-web"),
        ("logs:CreateLogStream", STREAM, "log to /ecs/web"),
    )
    return tuple(Permission(a, r, p, decisions.get(a.partition(":")[2], "allowed")) for a, r, p in wanted)


def test_a_role_that_may_do_all() -> None:
    assert start_permissions.may_start(service(), TASK, permissions())


def test_what_hangs_on_unknown_conditions_gets_the_benefit_of_the_doubt() -> None:
    assert start_permissions.may_start(service(), TASK, permissions(BatchGetImage="undecided"))
    assert start_permissions.may_decrypt(service(), TASK, [key(decision="undecided")])


@pytest.mark.parametrize(
    ("denied", "signs", "cause"),
    [
        ("GetAuthorizationToken", ("permission", "image"), "CannotPullContainerError"),
        ("BatchGetImage", ("permission", "image"), "CannotPullContainerError"),
        ("CreateLogStream", ("permission",), "ResourceInitializationError"),
    ],
)
@pytest.mark.parametrize("decision", ["implicitDeny", "explicitDeny", "no execution role"])
def test_a_role_that_lacks_one(denied: str, decision: str, signs: tuple[str, ...], cause: str) -> None:
    verdict = start_permissions.may_start(service(), TASK, permissions(**{denied: decision}))

    assert not verdict
    assert denied in verdict.observed
    assert decision in verdict.observed
    assert verdict.signs == signs
    assert cause in verdict.likely_cause
    assert len(verdict.evidence) == 1


def test_all_that_is_lacking_is_told_once() -> None:
    verdict = start_permissions.may_start(
        service(), TASK, permissions(BatchGetImage="implicitDeny", CreateLogStream="implicitDeny")
    )

    assert "it cannot pull shop-web, log to /ecs/web" in verdict.observed
    assert len(verdict.evidence) == 2


def key(**changes: Any) -> EncryptionKey:
    values: dict[str, Any] = {
        "arn": "arn:aws:kms:us-east-1:123456789012:key/1",
        "secret": "shop/db",
        "decision": "implicitDeny",
        "grants": (ACCOUNT,),
        "refuses": (),
        "state": "Enabled",
    }
    return EncryptionKey(**(values | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "allowed"},
        {"decision": "allowed", "grants": ("123456789012",)},
        {"grants": (ROLE,)},
        {"grants": ("*",)},
        {"decision": "allowed", "grants": ("*",)},
        {"decision": "allowed", "refuses": ("arn:aws:iam::123456789012:role/other",)},
        {"decision": "allowed", "state": ""},
    ],
)
def test_keys_that_let_the_role_in(changes: dict[str, Any]) -> None:
    assert start_permissions.may_decrypt(service(), TASK, [key(**changes)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "no policy of the role allows kms:Decrypt (implicitDeny)"),
        ({"decision": "explicitDeny", "grants": (ROLE,)}, "one of the role's policies denies"),
        ({"decision": "allowed", "grants": ()}, "names neither the role nor the account"),
        ({"decision": "allowed", "grants": ("arn:aws:iam::210987654321:root",)}, "names neither"),
        ({"decision": "allowed", "refuses": (ROLE,)}, "the key policy denies it"),
        ({"decision": "allowed", "refuses": ("*",)}, "the key policy denies it"),
        ({"decision": "allowed", "state": "PendingDeletion"}, "is PendingDeletion"),
        ({"decision": "allowed", "state": "missing"}, "is missing"),
    ],
)
def test_keys_that_do_not(changes: dict[str, Any], said: str) -> None:
    verdict = start_permissions.may_decrypt(
        service(), TASK, [key(), key(**changes)] if not changes else [key(**changes)]
    )

    assert not verdict
    assert verdict.observed.startswith("shop-execution cannot decrypt shop/db: ")
    assert said in verdict.observed


@pytest.mark.parametrize(
    "services", [("ecs-tasks.amazonaws.com",), ("ec2.amazonaws.com", "ecs-tasks.amazonaws.com"), ("*",)]
)
def test_roles_that_tasks_may_assume(services: tuple[str, ...]) -> None:
    assert start_permissions.trusted(service(), TASK, [RoleTrust(ROLE, "execution role", True, services)])


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (RoleTrust(ROLE, "execution role", False), "the execution role shop-execution does not exist"),
        (RoleTrust(ROLE, "task role", True, ("ec2.amazonaws.com",)), "the task role shop-execution does not trust"),
        (RoleTrust(ROLE, "task role", True), "does not trust ecs-tasks.amazonaws.com"),
        (RoleTrust(ROLE, "execution role", True, ("ecs.amazonaws.com",)), "does not trust"),
    ],
)
def test_roles_that_they_may_not(role: RoleTrust, said: str) -> None:
    good = RoleTrust("arn:aws:iam::123456789012:role/good", "execution role", True, ("ecs-tasks.amazonaws.com",))
    verdict = start_permissions.trusted(service(), TASK, [good, role])

    assert not verdict
    assert said in verdict.observed
    assert verdict.resource == ROLE
    assert "unable to assume the role" in verdict.likely_cause
