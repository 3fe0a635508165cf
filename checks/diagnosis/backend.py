"""Where the state is kept: together with a lock, in a bucket that forgets nothing, and applied by automation."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict, worst
from fixtures.model.state import LockTable, StateBucket
from fixtures.model.terraform import Backend, Source, Workflow

# Backends that lock without being told to (Terraform documentation, "Backends").
_LOCK_BY_THEMSELVES = frozenset({"cloud", "remote", "azurerm", "gcs", "consul", "pg", "kubernetes", "cos", "oci"})
# Backends that lock only where the block says what with.
_LOCK_BY_SETTING = {"http": "lock_address", "oss": "tablestore_table"}


def is_remote_with_lock(backend: Backend, directory: str) -> Verdict:
    """The state is kept where everybody finds it, and a run locks it."""
    locks = backend.flag("use_lockfile") or bool(backend.text("dynamodb_table"))
    if backend.kind == "s3":
        ok = locks
        place = f"s3://{backend.text('bucket') or '?'}/{backend.text('key') or '?'}"
        observed = f"{place} is locked by {_locked_by(backend)}" if locks else f"{place} is used without a lock"
    else:
        ok = _locks(backend)
        observed = (
            f"the {backend.kind} backend{'' if ok or backend.kind == 'local' else ' without a lock'}"
            if backend.location
            else "no backend: the state is a file on one machine"
        )
    cause = (
        "nobody else has the state" if backend.kind == "local" else "two runs at once can overwrite each other's state"
    )
    return Verdict(
        ok=ok,
        resource=directory,
        observed=observed,
        expected="a remote backend with locking (S3 with use_lockfile = true)",
        evidence=(f"{backend.location}: backend {backend.kind}",) if backend.location else (),
        related=("terraform",),
        names={"terraform_directory": directory, "bucket": backend.text("bucket"), "unlocked_directory": directory},
        likely_cause="" if ok else cause,
        locations=(backend.location,) if backend.location and not ok else (),
    )


def _locks(backend: Backend) -> bool:
    """Whether a backend other than S3 locks the state."""
    if backend.kind in _LOCK_BY_SETTING:
        return bool(backend.text(_LOCK_BY_SETTING[backend.kind]))
    # Consul alone can be told not to.
    return backend.kind in _LOCK_BY_THEMSELVES and backend.settings.get("lock", True) not in (False, "false")


def _locked_by(backend: Backend) -> str:
    table = backend.text("dynamodb_table")
    parts = ["a lock file" if backend.flag("use_lockfile") else "", f"DynamoDB table {table}" if table else ""]
    return " and ".join(p for p in parts if p)


def bucket_is_protected(bucket: StateBucket, directory: str) -> Verdict:
    """The state's bucket exists, keeps earlier versions and encrypts; graver when it does not exist."""
    arn = f"arn:aws:s3:::{bucket.bucket}"
    versioned, names = bucket.versioning == "Enabled", {"bucket": bucket.bucket, "terraform_directory": directory}
    if bucket.exists:
        # What is right already, such as encryption with a key of one's own, is not to be set anew.
        names |= {} if versioned else {"unversioned_bucket": bucket.bucket}
        names |= {} if bucket.encryption else {"unencrypted_bucket": bucket.bucket}
    fine = Verdict(
        ok=True,
        resource=arn,
        name=bucket.bucket,
        observed=f"versioned, encrypted with {bucket.encryption}",
        expected="a versioned and encrypted bucket",
        related=("terraform", arn),
        names=names,
    )
    if not bucket.exists:
        cause = "it was deleted, or the backend block names another one"
        return _failing(fine, "the state's bucket does not exist", "critical", cause)
    wrong = []
    if not versioned:
        wrong.append(_failing(fine, f"versioning is {bucket.versioning.lower() or 'off'}", "medium"))
    if not bucket.encryption:
        wrong.append(_failing(fine, "it has no default encryption", "medium"))
    return worst(tuple(wrong), fine)


def _failing(fine: Verdict, observed: str, severity: str, cause: str = "") -> Verdict:
    return Verdict(
        ok=False,
        resource=fine.resource,
        name=fine.name,
        observed=observed,
        expected=fine.expected,
        related=fine.related,
        names=fine.names,
        severity=severity,  # type: ignore[arg-type]
        likely_cause=cause,
    )


def table_can_lock(table: LockTable, directory: str) -> Verdict:
    """The lock table exists and has the partition key that Terraform writes: ``LockID``, a string."""
    if not table.exists:
        observed = "the table does not exist"
    elif table.status not in ("ACTIVE", "UPDATING"):
        observed = f"the table is {table.status}"
    elif (table.key, table.key_type) != ("LockID", "S"):
        observed = f"its key is {table.key} ({table.key_type})"
    else:
        observed = ""
    return Verdict(
        ok=not observed,
        resource=table.arn or table.name,
        name=table.name,
        observed=observed or "it can hold locks",
        expected="an active table with partition key LockID of type S",
        related=("terraform", *((table.arn,) if table.arn else ())),
        signs=("configuration",) if observed else (),
        names={"lock_table": table.name, "terraform_directory": directory},
        likely_cause="every plan and apply fails to take the lock" if observed else "",
    )


def runs_in_ci(workflows: Sequence[Workflow], source: Source) -> Verdict:
    """The repository's automation plans changes, so that nobody applies from a laptop unseen."""
    planning = [w.path for w in workflows if {"plan", "apply", "run-all"} & set(w.commands)]
    hosted = source.backend.kind in ("cloud", "remote")
    return Verdict(
        ok=bool(planning) or hosted,
        resource=source.directory,
        observed=f"planned by {', '.join(planning) or 'HCP Terraform'}"
        if planning or hosted
        else "no workflow runs terraform plan",
        expected="a CI workflow that runs terraform plan on every change",
        evidence=tuple(f"{w.path}: terraform {', '.join(w.commands)}" for w in workflows),
        related=("terraform",),
        names={"terraform_directory": source.directory},
    )
