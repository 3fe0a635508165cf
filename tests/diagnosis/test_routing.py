from __future__ import annotations

import pytest

from checks.diagnosis import routing
from fixtures.model.database import DatabaseRouting, Hop, Peering
from fixtures.model.network import Peer, Route, RouteTable

TASKS = Peer("tasks", "arn:tasks", (), ("10.0.11.5",), ("10.0.11.0/24",), ("subnet-task",), "vpc-1")
DATABASE = Peer("db", "arn:db", (), ("10.9.1.0/24",), ("10.9.1.0/24",), ("subnet-db",), "vpc-2")
HOPS = [Hop(TASKS, DATABASE, 5432)]
PEERING = Peering("pcx-1", ("vpc-1", "vpc-2"), "active")
LOCAL = {"vpc-1": Route("10.0.0.0/16", "local"), "vpc-2": Route("10.9.0.0/16", "local")}


def table(vpc: str, *routes: Route, main: bool = True, subnets: tuple[str, ...] = ()) -> RouteTable:
    return RouteTable(f"rtb-{vpc}-{main}", vpc, subnets, main, (LOCAL[vpc], *routes))


THERE, BACK = Route("10.9.0.0/16", "pcx-1"), Route("10.0.0.0/16", "pcx-1")


def judged(*tables: RouteTable, peering: Peering = PEERING) -> bool:
    return bool(routing.reaches(HOPS, DatabaseRouting(tables, (peering,))))


def test_one_vpc_needs_no_route() -> None:
    near = Peer("db", "arn:db", (), (), ("10.0.12.0/24",), ("subnet-db",), "vpc-1")
    assert routing.reaches([Hop(TASKS, near, 5432)], DatabaseRouting())


@pytest.mark.parametrize(
    ("there", "back", "status", "expected"),
    [
        (THERE, BACK, "active", True),
        (THERE, None, "active", False),
        (None, BACK, "active", False),
        (THERE, BACK, "pending-acceptance", False),
        (Route("0.0.0.0/0", "nat-1"), BACK, "active", False),
        (Route("0.0.0.0/0", "tgw-1"), Route("0.0.0.0/0", "tgw-1"), "active", True),
        (Route("10.9.0.0/16", "pcx-1", "blackhole"), BACK, "active", False),
        (Route("10.9.1.0/25", "pcx-1"), BACK, "active", False),
    ],
)
def test_between_vpcs(there: Route | None, back: Route | None, status: str, expected: bool) -> None:
    tables = [table("vpc-1", *([there] if there else [])), table("vpc-2", *([back] if back else []))]
    assert judged(*tables, peering=Peering("pcx-1", ("vpc-1", "vpc-2"), status)) is expected


def test_the_longest_prefix_decides() -> None:
    narrow = Route("10.9.1.0/24", "nat-1")
    assert not judged(table("vpc-1", THERE, narrow), table("vpc-2", BACK))


def test_a_subnets_own_table_wins_over_the_main_one() -> None:
    own = table("vpc-1", THERE, main=False, subnets=("subnet-task",))
    assert judged(table("vpc-1"), own, table("vpc-2", BACK))
    assert not judged(table("vpc-1", THERE), table("vpc-1", main=False, subnets=("subnet-task",)), table("vpc-2", BACK))


def test_routes_of_another_account_cannot_be_seen() -> None:
    assert judged(table("vpc-1", THERE))


def test_message() -> None:
    verdict = routing.reaches(HOPS, DatabaseRouting((table("vpc-1"), table("vpc-2", BACK)), (PEERING,)))
    assert verdict.observed == "no route from tasks (vpc-1) to db (10.9.1.0/24 in vpc-2)"
