from __future__ import annotations

import pytest

from checks.diagnosis import connections
from fixtures.model.database import ConnectionCount, DatabaseParameters
from tests.diagnosis.database_facts import ago, database


@pytest.mark.parametrize(
    ("engine", "value", "memory_mib", "expected"),
    [
        ("postgres", "200", None, 200),
        ("postgres", "", 1024, 112),
        ("postgres", "LEAST({DBInstanceClassMemory/9531392},5000)", 1024, 112),
        ("postgres", "LEAST({DBInstanceClassMemory/9531392}, 50)", 1024, 50),
        ("postgres", "LEAST({DBInstanceClassMemory/9531392},5000)", 1048576, 5000),
        ("mysql", "", 1024, 85),
        ("postgres", "", None, None),
        ("aurora-mysql", "", 1024, None),
        ("postgres", "GREATEST({log(DBInstanceClassMemory/805306368)*45},2)", 1024, None),
    ],
)
def test_limit(engine: str, value: str, memory_mib: int | None, expected: int | None) -> None:
    values = {"max_connections": value} if value else {}
    assert connections.limit(database(engine=engine), DatabaseParameters(values, (), memory_mib)) == expected


def counts(*values: float) -> list[ConnectionCount]:
    return [ConnectionCount("shop-db", tuple((ago(5 * (len(values) - n)), v) for n, v in enumerate(values)))]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10, 12, 11), (True, None)),
        ((150, 160), (True, None)),
        ((150, 161), (False, None)),
        ((197, 197), (False, None)),
        ((20, 190, 30), (False, "medium")),
    ],
)
def test_room(values: tuple[float, ...], expected: tuple[bool, str | None]) -> None:
    verdict = connections.have_room(database(), counts(*values), 200, 80, exact=True)
    assert (bool(verdict), verdict.severity) == expected


def test_the_fullest_instance_is_named() -> None:
    both = [*counts(10), ConnectionCount("reader", ((ago(5), 199.0),))]
    verdict = connections.have_room(database(), both, 200, 80, exact=False)
    assert verdict.name == "reader"
    assert "199 connections are open, 100 % of about 200" in verdict.observed


def test_an_instance_without_data_does_not_matter() -> None:
    assert connections.have_room(database(), [*counts(10), ConnectionCount("reader", ())], 200, 80, exact=True)
