from __future__ import annotations

from typing import Any

import pytest

from checks.diagnosis import backend
from fixtures.model.state import LockTable, StateBucket
from fixtures.model.terraform import Backend, Source, Workflow


@pytest.mark.parametrize(
    ("kind", "settings", "ok"),
    [
        ("s3", {"bucket": "b", "key": "k"}, False),
        ("s3", {"bucket": "b", "key": "k", "use_lockfile": False}, False),
        ("s3", {"bucket": "b", "key": "k", "use_lockfile": True}, True),
        ("s3", {"bucket": "b", "key": "k", "use_lockfile": "true"}, True),
        ("s3", {"bucket": "b", "key": "k", "dynamodb_table": "t"}, True),
        ("s3", {"dynamodb_table": ""}, False),
        ("local", {}, False),
        ("local", {"path": "/mnt/share/terraform.tfstate"}, False),
        ("cloud", {}, True),
        ("gcs", {"bucket": "b"}, True),
        ("azurerm", {}, True),
        ("inmem", {}, False),
        # These lock only if they are told what with.
        ("http", {"address": "https://a"}, False),
        ("http", {"address": "https://a", "lock_address": "https://a/lock"}, True),
        ("oss", {"bucket": "b"}, False),
        ("consul", {}, True),
        ("consul", {"lock": False}, False),
    ],
)
def test_backend(kind: str, settings: dict[str, Any], ok: bool) -> None:
    assert backend.is_remote_with_lock(Backend(kind, settings, "terraform/a.tf:3"), "terraform").ok is ok


@pytest.mark.parametrize(
    ("bucket", "ok", "severity", "lacks"),
    [
        (StateBucket("b", True, "Enabled", "AES256"), True, None, set()),
        (StateBucket("b", True, "Enabled", "aws:kms"), True, None, set()),
        # To set again what is right already would replace a key of one's own.
        (StateBucket("b", True, "Suspended", "aws:kms"), False, "medium", {"unversioned_bucket"}),
        (StateBucket("b", True, "", ""), False, "medium", {"unversioned_bucket", "unencrypted_bucket"}),
        (StateBucket("b", True, "Enabled", ""), False, "medium", {"unencrypted_bucket"}),
        (StateBucket("b", False), False, "critical", set()),
    ],
)
def test_bucket(bucket: StateBucket, ok: bool, severity: str | None, lacks: set[str]) -> None:
    verdict = backend.bucket_is_protected(bucket, "terraform")

    assert (verdict.ok, verdict.severity) == (ok, severity)
    assert set(verdict.names) - {"bucket", "terraform_directory"} == lacks


@pytest.mark.parametrize(
    ("table", "ok"),
    [
        (LockTable("t", True, "arn", "ACTIVE", "LockID", "S"), True),
        (LockTable("t", True, "arn", "UPDATING", "LockID", "S"), True),
        (LockTable("t", True, "arn", "DELETING", "LockID", "S"), False),
        (LockTable("t", True, "arn", "ACTIVE", "LockID", "N"), False),
        (LockTable("t", True, "arn", "ACTIVE", "LockId", "S"), False),
        (LockTable("t", True, "arn", "ACTIVE", "LockID+Path", ""), False),
        (LockTable("t", False), False),
    ],
)
def test_lock_table(table: LockTable, ok: bool) -> None:
    assert backend.table_can_lock(table, "terraform").ok is ok


@pytest.mark.parametrize(
    ("workflows", "kind", "ok"),
    [
        ((), "s3", False),
        ((Workflow("ci.yml", ("fmt", "validate")),), "s3", False),
        ((Workflow("ci.yml", ("init", "plan")),), "s3", True),
        ((Workflow("ci.yml", ("apply",)),), "s3", True),
        ((), "cloud", True),
    ],
)
def test_ci(workflows: tuple[Workflow, ...], kind: str, ok: bool) -> None:
    assert backend.runs_in_ci(workflows, Source("/r", "terraform", Backend(kind))).ok is ok
