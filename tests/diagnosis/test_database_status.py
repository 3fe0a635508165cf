from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import database_status
from fixtures.model.database import DatabaseEvent, DatabaseSettings, Member, MissingDatabase, ProxyTarget
from tests.diagnosis.database_facts import NOW, ago, database, link, proxy


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((s, (True, None)) for s in ("available", "backing-up", "storage-optimization", "configuring-log-exports")),
        *((s, (True, None)) for s in ("modifying", "maintenance", "upgrading", "renaming")),
        *((s, (False, None)) for s in ("stopped", "stopping", "starting", "rebooting", "creating", "deleting")),
        *((s, (False, None)) for s in ("failed", "storage-full", "incompatible-parameters", "restore-error")),
        *((s, (False, None)) for s in ("inaccessible-encryption-credentials-recoverable", "insufficient-capacity")),
        ("something-new", (False, "medium")),
        ("", (False, "medium")),
    ],
)
def test_each_status(status: str, expected: tuple[bool, str | None]) -> None:
    verdict = database_status.is_available(database(status=status), ())
    assert (bool(verdict), verdict.severity) == expected


def test_stopped_says_when_it_restarts_and_how_to_start_it() -> None:
    verdict = database_status.is_available(database(status="stopped", restarts_at=NOW + dt.timedelta(days=6)), ())
    assert "starts it by itself at 2026-03-10 03:00 UTC" in verdict.observed
    assert verdict.names == {"database": "shop-db", "database_cluster": "", "stopped_instance": "shop-db"}
    assert "stopped_instance" not in database_status.is_available(database(status="rebooting"), ()).names


def test_a_stopped_cluster_is_started_as_a_cluster() -> None:
    verdict = database_status.is_available(database(kind="cluster", status="stopped"), ())
    assert (verdict.names["database_cluster"], verdict.names["stopped_cluster"]) == ("shop-db", "shop-db")


def test_events_and_pending_changes_are_evidence() -> None:
    events = [
        DatabaseEvent(ago(5), "shop-db", "out of storage", ("low storage",)),
        DatabaseEvent(ago(5), "another-db", "not ours", ()),
    ]
    verdict = database_status.is_available(database(status="storage-full", pending={"AllocatedStorage": "40"}), events)
    assert verdict.evidence == ("waits to be changed: AllocatedStorage=40", "02:55:00 shop-db: out of storage")
    assert "storage" in verdict.signs


def members(writer: str, reader: str) -> tuple[Member, ...]:
    return (Member("shop-1", True, writer), Member("shop-2", False, reader))


@pytest.mark.parametrize(
    ("writer", "reader", "expected"),
    [
        ("available", "available", (True, None)),
        ("modifying", "available", (True, None)),
        ("failed", "available", (False, None)),
        ("available", "failed", (False, "medium")),
        ("rebooting", "rebooting", (False, None)),
    ],
)
def test_members_of_a_cluster(writer: str, reader: str, expected: tuple[bool, str | None]) -> None:
    verdict = database_status.is_available(database(kind="cluster", members=members(writer, reader)), ())
    assert (bool(verdict), verdict.severity) == expected


def test_a_cluster_without_writer_fails() -> None:
    assert not database_status.is_available(database(kind="cluster", members=(Member("a", False, "available"),)), ())


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        ("20:00-06:00", "23:59", True),
        ("20:00-06:00", "05:59", True),
        ("20:00-06:00", "06:00", False),
        ("20:00-06:00", "12:00", False),
        ("01:00-05:00", "03:00", True),
        ("01:00-05:00", "00:59", False),
    ],
)
def test_declared_hours(schedule: str, at: str, expected: bool) -> None:
    instant = dt.datetime.combine(NOW.date(), dt.time.fromisoformat(at), dt.UTC)
    assert database_status.may_be_stopped(schedule, instant) is expected


def test_declared_hours_are_utc() -> None:
    berlin = dt.timezone(dt.timedelta(hours=1))
    assert database_status.may_be_stopped("20:00-06:00", dt.datetime(2026, 3, 4, 6, 30, tzinfo=berlin))
    assert not database_status.may_be_stopped("20:00-06:00", dt.datetime(2026, 3, 4, 20, 30, tzinfo=berlin))


def test_schedule_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError):
        database_status.may_be_stopped("at night", NOW)


def test_missing_database() -> None:
    missing = MissingDatabase("web", DatabaseSettings(), "gone.abc.eu-west-1.rds.amazonaws.com", "DB_HOST of web")
    verdict = database_status.exists(missing)
    assert not verdict
    assert "DB_HOST of web" in verdict.observed
    assert verdict.names == {"database": "gone"}
    assert database_status.exists(link())


@pytest.mark.parametrize(
    ("status", "targets", "expected"),
    [
        ("available", [("AVAILABLE", "")], (True, None)),
        ("modifying", [("AVAILABLE", "")], (True, None)),
        ("available", [("UNAVAILABLE", "AUTH_FAILURE")], (False, None)),
        ("available", [("AVAILABLE", ""), ("UNAVAILABLE", "UNREACHABLE")], (False, "medium")),
        ("available", [("REGISTERING", "")], (False, None)),
        ("available", [], (False, None)),
        ("insufficient-resource-limits", [("AVAILABLE", "")], (False, None)),
    ],
)
def test_proxy(status: str, targets: list[tuple[str, str]], expected: tuple[bool, str | None]) -> None:
    one = proxy(status=status, targets=tuple(ProxyTarget("shop-db", s, r) for s, r in targets))
    verdict = database_status.proxy_serves(one)
    assert (bool(verdict), verdict.severity) == expected


def test_proxy_says_what_its_reason_means() -> None:
    verdict = database_status.proxy_serves(proxy(targets=(ProxyTarget("shop-db", "UNAVAILABLE", "AUTH_FAILURE"),)))
    assert "secret registered with the proxy" in verdict.likely_cause
    assert verdict.signs == ("authentication",)


@pytest.mark.parametrize(
    ("status", "messages", "ok"),
    [
        ("modifying", ["DB instance shutdown"], False),
        ("modifying", ["DB instance shutdown", "DB instance restarted"], True),
        ("modifying", [], True),
        ("available", ["DB instance shutdown"], True),
    ],
)
def test_a_gap_that_rds_tells_of_is_a_milder_finding(status: str, messages: list[str], ok: bool) -> None:
    events = [DatabaseEvent(ago(9 - n), "shop-db", m, ("availability",)) for n, m in enumerate(messages)]
    verdict = database_status.is_available(database(status=status), events)

    assert bool(verdict) is ok
    assert verdict.severity == (None if ok else "medium")
