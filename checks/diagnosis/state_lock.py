"""The lock of a Terraform state: free, held by a run, or left behind by one that was killed."""

from __future__ import annotations

import datetime as dt

from checks.diagnosis.verdict import Severity, Verdict, worst
from fixtures.model.state import StateDigest, StateLock, StateLocks


def is_free(held: StateLocks, directory: str, now: dt.datetime, stale_min: int) -> Verdict:
    """Nobody holds the state's lock; a lock that is young is a run in progress, and milder.

    Args:
        stale_min: minutes after which a lock is taken to be left behind.
    """
    free = Verdict(
        ok=True,
        resource=held.state,
        observed="nobody holds the lock",
        expected="a free lock",
        related=("terraform",),
        names={"terraform_directory": directory},
    )
    return worst(tuple(_held(held.state, lock, directory, now, stale_min) for lock in held.locks), free)


def _held(state: str, lock: StateLock, directory: str, now: dt.datetime, stale_min: int) -> Verdict:
    age = now - lock.created_at if lock.created_at else None
    young = age is not None and age < dt.timedelta(minutes=stale_min)
    holder = lock.who or "somebody unknown"
    doing = f" for {lock.operation}" if lock.operation else ""
    since = f"for {_duration(age)}" if age is not None else "since an unknown time"
    severity: Severity | None = "low" if young else None
    return Verdict(
        ok=False,
        resource=state,
        observed=f"{holder} holds the lock{doing} {since}" + (": a run in progress" if young else ""),
        expected="a free lock" if young else f"no lock older than {stale_min} min",
        evidence=(
            f"lock: {lock.place}",
            f"id {lock.id or 'unknown'}, operation {lock.operation or 'unknown'}, who {holder}, "
            f"Terraform {lock.version or 'unknown'}",
            f"created {lock.created_at:%Y-%m-%d %H:%M:%S} UTC" if lock.created_at else "created: it does not say",
        ),
        related=("terraform",),
        severity=severity,
        # A run in progress must never be offered to have its lock taken away.
        names={"terraform_directory": directory, **({} if young else {"lock_id": lock.id})},
        likely_cause="a run in progress: wait for it"
        if young
        else "a run was killed before it could give the lock back",
    )


def _duration(age: dt.timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def matches_digest(digest: StateDigest, directory: str) -> Verdict:
    """The state in S3 is the one whose MD5 the lock table holds; otherwise every run refuses to read it."""
    same = digest.stored == digest.actual
    item = f"{digest.location.lock_id}-md5"
    return Verdict(
        ok=same,
        resource=digest.location.url,
        observed="the checksum fits" if same else f"the state's checksum is {digest.actual}, not {digest.stored}",
        expected="the checksum that the lock table holds",
        evidence=() if same else (f"DynamoDB table {digest.location.table}, item {item}: {digest.stored}",),
        related=("terraform",),
        signs=() if same else ("configuration",),
        names={"terraform_directory": directory, "bucket": digest.location.bucket, "state_key": digest.location.key},
        likely_cause="" if same else "the state was written past Terraform, or an apply died between its two writes",
    )
