from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import network_acls
from fixtures.model.database import Hop
from fixtures.model.network import AclEntry, NetworkAcl, Peer, Subnet

SUBNETS = {
    "subnet-task": Subnet("subnet-task", "vpc-1", "10.0.11.0/24", "a"),
    "subnet-db": Subnet("subnet-db", "vpc-1", "10.0.12.0/24", "b"),
}
TASKS = Peer("tasks", "arn:tasks", (), ("10.0.11.5",), ("10.0.11.0/24",), ("subnet-task",), "vpc-1")
DATABASE = Peer("db", "arn:db", (), ("10.0.12.0/24",), ("10.0.12.0/24",), ("subnet-db",), "vpc-1")
HOP = Hop(TASKS, DATABASE, 5432)
LAST = tuple(AclEntry(32767, egress, False, "-1", "0.0.0.0/0") for egress in (False, True))
ALL = tuple(AclEntry(100, egress, True, "-1", "0.0.0.0/0") for egress in (False, True))


def acl(*entries: AclEntry, id: str = "acl-1", subnets: tuple[str, ...] = ("subnet-db",)) -> NetworkAcl:
    return NetworkAcl(id, "vpc-1", subnets, (*entries, *LAST))


OPEN = acl(*ALL, id="acl-open", subnets=("subnet-task",))


def entry(number: int, allow: bool, low: int | None, high: int | None, egress: bool = False, **more: str) -> AclEntry:
    return AclEntry(number, egress, allow, more.get("protocol", "6"), more.get("cidr", "0.0.0.0/0"), low, high)


def judged(*entries: AclEntry, system: str = "LINUX") -> tuple[bool, str | None]:
    verdict = network_acls.passes([HOP], [acl(*entries), OPEN], SUBNETS, system)
    return bool(verdict), verdict.severity


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (ALL, (True, None)),
        ((), (False, None)),
        ((entry(90, False, 5432, 5432), *ALL), (False, None)),
        ((entry(110, False, 5432, 5432), *ALL), (True, None)),
        ((entry(90, False, 5433, 6000), *ALL), (True, None)),
        ((entry(90, False, None, None, protocol="17"), *ALL), (True, None)),
        ((entry(90, False, None, None, protocol="-1", cidr="10.0.11.0/24"), *ALL), (False, None)),
        ((entry(90, False, None, None, protocol="-1", cidr="10.0.1.0/24"), *ALL), (True, None)),
        ((entry(90, False, 1024, 65535, egress=True), *ALL), (False, None)),
        ((entry(90, False, 5432, 5432, cidr="::/0"), *ALL), (True, None)),
        ((entry(50, True, 5432, 5432), entry(50, True, 32768, 65535, egress=True)), (True, None)),
        ((entry(50, True, 5432, 5432), entry(50, True, 1024, 65535, egress=True)), (True, None)),
        ((entry(50, True, 5432, 5432), entry(50, True, 32768, 50000, egress=True)), (False, None)),
        ((entry(80, True, 5432, 5432, cidr="10.0.11.5/32"), entry(90, False, 5432, 5432), *ALL), (True, None)),
    ],
)
def test_entries_of_the_databases_subnet(entries: tuple[AclEntry, ...], expected: tuple[bool, str | None]) -> None:
    assert judged(*entries) == expected


def test_windows_connects_from_other_ports() -> None:
    entries = (entry(50, True, 5432, 5432), entry(50, True, 49152, 65535, egress=True))
    assert judged(*entries) == (False, None)
    assert judged(*entries, system="WINDOWS_SERVER_2022_CORE") == (True, None)


def test_part_of_the_databases_subnet_is_a_milder_finding() -> None:
    closed = acl(entry(90, False, 5432, 5432, egress=True, cidr="10.0.12.128/25"), *ALL, subnets=("subnet-task",))
    verdict = network_acls.passes([HOP], [acl(*ALL, id="acl-db"), closed], SUBNETS)
    assert (bool(verdict), verdict.severity) == (False, "medium")


def test_traffic_within_one_subnet_passes_no_acl() -> None:
    near = Peer("db", "arn:db", (), ("10.0.11.0/24",), ("10.0.11.0/24",), ("subnet-task",), "vpc-1")
    closed = acl(subnets=("subnet-task",))
    assert network_acls.passes([Hop(TASKS, near, 5432)], [closed], SUBNETS)


def test_message_names_entry_and_way() -> None:
    verdict = network_acls.passes([HOP], [acl(entry(90, False, 5432, 5432), *ALL), OPEN], SUBNETS)
    assert "inbound rule 90 denies tcp ports 5432-5432" in verdict.likely_cause
    assert "inbound from 10.0.11.5" in verdict.observed
    assert verdict.names["network_acl"] == "acl-1"


def test_subnet_without_a_visible_acl_is_said() -> None:
    assert network_acls.missing([HOP], [OPEN]) == ("subnet-db",)
    assert network_acls.missing([HOP], [OPEN, acl(*ALL)]) == ()


# -- against a brute-force oracle -------------------------------------------------------------------------------

ADDRESS = st.integers(0, 7)
CIDR = st.tuples(ADDRESS, st.integers(29, 32)).map(
    lambda t: str(ipaddress.ip_network(f"10.0.0.{t[0]}/{t[1]}", strict=False))
)
PORT = st.integers(0, 7)
ENTRIES = st.lists(
    st.builds(
        lambda allow, protocol, cidr, a, b: (allow, protocol, cidr, min(a, b), max(a, b)),
        st.booleans(), st.sampled_from(("6", "17", "-1")), CIDR, PORT, PORT,
    ),
    max_size=5,
)  # fmt: skip


def decides(entries: list[AclEntry], address: str, port: int) -> AclEntry | None:
    for one in sorted(entries, key=lambda e: e.number):
        if one.protocol not in ("6", "-1") or ipaddress.ip_address(address) not in ipaddress.ip_network(one.cidr):
            continue
        if one.protocol == "-1" or (one.from_port is not None and one.from_port <= port <= (one.to_port or 0)):
            return one
    return None


@given(ENTRIES, CIDR, PORT, PORT)
def test_denials_agree_with_brute_force(
    raw: list[tuple[bool, str, str, int, int]], peer: str, one: int, other: int
) -> None:
    entries = [
        AclEntry(n, False, allow, protocol, cidr, None if protocol == "-1" else low, None if protocol == "-1" else high)
        for n, (allow, protocol, cidr, low, high) in enumerate(raw)
    ]
    low, high = min(one, other), max(one, other)
    found = network_acls.denials(
        NetworkAcl("acl", "vpc", (), tuple(entries)), egress=False, peer=peer, ports=(low, high)
    )
    addresses = [str(a) for a in ipaddress.ip_network(peer)]
    decided = {(a, p): decides(entries, a, p) for a in addresses for p in range(low, high + 1)}
    denied = {k: e for k, e in decided.items() if e is None or not e.allow}

    assert bool(found) == bool(denied)
    assert {d.entry for d in found} == set(denied.values())
    shut = [p for p in range(low, high + 1) if all((a, p) in denied for a in addresses)]
    assert any(d.whole for d in found) == bool(shut)
