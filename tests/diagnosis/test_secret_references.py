from __future__ import annotations

import pytest
from msgspec.structs import replace

from checks.diagnosis.secret_references import judge, may_read, problem
from fixtures.model.ecs import SecretReference
from fixtures.model.secrets import StoredSecret
from tests.diagnosis.facts import SECRET, ago, definition, service

STORED = StoredSecret(
    SECRET, "secretsmanager", "readable", name="shop/db", arn=SECRET, is_json=True, keys=("password", "username")
)


def asked(value_from: str, stored: StoredSecret = STORED) -> str:
    return problem(SecretReference("X", value_from), lambda _: stored)


@pytest.mark.parametrize("tail", ["", ":password::", ":password:AWSCURRENT:", ":::0a1b"])
def test_what_resolves(tail: str) -> None:
    assert asked(SECRET + tail) == ""


@pytest.mark.parametrize(
    ("tail", "stored", "said"),
    [
        (":passwd::", STORED, "has no key passwd; it has password, username"),
        (":password::", replace(STORED, status="missing"), "does not exist"),
        (":password::", replace(STORED, status="deleted", deleted_at=ago(5)), "scheduled for deletion on 2026-03-02"),
        (":password:AWSPREVIOUS:", replace(STORED, status="no_value"), "has no version AWSPREVIOUS"),
        (":password::", replace(STORED, is_json=False), "is not JSON"),
        (":password::", replace(STORED, empty_keys=("password",)), "the value of password is empty"),
        (":password", STORED, "8 fields"),
    ],
)
def test_what_does_not(tail: str, stored: StoredSecret, said: str) -> None:
    assert said in asked(SECRET + tail, stored)


def test_the_variable_and_the_revision_are_named() -> None:
    verdict = judge(service(), definition(), lambda _: replace(STORED, keys=("username",)))

    assert verdict.summary.startswith(
        "shop-web: DB_PASSWORD of shop-web:7 cannot be resolved: secret shop/db has no key"
    )


@pytest.mark.parametrize(("decision", "ok"), [("allowed", True), ("implicitDeny", False), ("explicitDeny", False)])
def test_permissions(decision: str, ok: bool) -> None:
    verdict = may_read(service(), definition(), {("secretsmanager:GetSecretValue", SECRET): decision})

    assert bool(verdict) is ok
