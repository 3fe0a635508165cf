from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import state_lock
from fixtures.model.state import StateDigest, StateLocation, StateLock, StateLocks

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def lock(minutes_ago: float | None, lock_id: str = "1-2-3") -> StateLock:
    at = None if minutes_ago is None else NOW - dt.timedelta(minutes=minutes_ago)
    return StateLock("table", lock_id, "ci@runner", "apply", "1.11.4", created_at=at)


@pytest.mark.parametrize(
    ("locks", "ok", "severity"),
    [
        ((), True, None),
        ((lock(3),), False, "low"),
        ((lock(59.9),), False, "low"),
        ((lock(60),), False, None),
        ((lock(9 * 60),), False, None),
        # A clock that is ahead of ours.
        ((lock(-5),), False, "low"),
        # One that does not say since when may be as old as it likes.
        ((lock(None),), False, None),
        ((lock(3), lock(9 * 60)), False, None),
    ],
)
def test_lock(locks: tuple[StateLock, ...], ok: bool, severity: str | None) -> None:
    verdict = state_lock.is_free(StateLocks("s3://b/k", locks), "terraform", NOW, 60)

    assert (verdict.ok, verdict.severity) == (ok, severity)


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(61, "61 min"), (9 * 60, "9 h"), (3 * 24 * 60 + 5, "3 days"), (None, "since an unknown time")],
)
def test_age_is_shown(minutes: float | None, shown: str) -> None:
    verdict = state_lock.is_free(StateLocks("s3://b/k", (lock(minutes),)), "terraform", NOW, 60)

    assert shown in verdict.observed


@pytest.mark.parametrize(("locks", "offered"), [((600,), "a b"), ((2,), None), ((None,), "a b"), ((2, 600), "a b")])
def test_a_run_in_progress_is_never_offered_to_be_unlocked(
    locks: tuple[float | None, ...], offered: str | None
) -> None:
    held = tuple(lock(age, "a b" if age != 2 else "running") for age in locks)
    verdict = state_lock.is_free(StateLocks("s3://b/k", held), "infra", NOW, 60)

    assert verdict.names.get("lock_id") == offered


def test_digest() -> None:
    location = StateLocation("b", "k", table="t")

    assert state_lock.matches_digest(StateDigest(location, "0" * 32, "0" * 32), "terraform")
    assert not state_lock.matches_digest(StateDigest(location, "0" * 32, "1" * 32), "terraform")
