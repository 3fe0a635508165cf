from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from checks.diagnosis import admission
from checks.diagnosis.verdict import Verdict
from fixtures.model.database import Database
from fixtures.model.network import GroupReference, Peer, Rule, SecurityGroup

TASKS = Peer("tasks", "arn:tasks", ("sg-ecs",), ("10.0.11.5",), ("10.0.11.0/24",), ("subnet-1",), "vpc-1")
DATABASE = Peer("db", "arn:db", ("sg-db",), ("10.0.12.0/24",), ("10.0.12.0/24",), ("subnet-2",), "vpc-1")
FROM_TASKS = (GroupReference("sg-ecs"),)


def group(*ingress: Rule, egress: tuple[Rule, ...] = (), id: str = "sg-db") -> SecurityGroup:
    return SecurityGroup(id, id, "vpc-1", ingress, egress)


def admitted(*rules: Rule, peer: Peer = TASKS, port: int = 5432, **options: object) -> bool:
    one = group(*rules)
    return bool(admission.judge(("sg-db",), {"sg-db": one}, DATABASE, peer, port, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("tcp", 5432, 5432, FROM_TASKS), True),
        (Rule("6", 5432, 5432, FROM_TASKS), True),
        (Rule("TCP", 5432, 5432, FROM_TASKS), True),
        (Rule("-1", None, None, FROM_TASKS), True),
        (Rule("-1", -1, -1, FROM_TASKS), True),
        (Rule("tcp", 0, 65535, FROM_TASKS), True),
        (Rule("tcp", 5000, 5432, FROM_TASKS), True),
        (Rule("tcp", 5432, 6000, FROM_TASKS), True),
        (Rule("tcp", 5433, 5500, FROM_TASKS), False),
        (Rule("tcp", 5000, 5431, FROM_TASKS), False),
        (Rule("udp", 5432, 5432, FROM_TASKS), False),
        (Rule("17", 5432, 5432, FROM_TASKS), False),
        (Rule("icmp", -1, -1, FROM_TASKS), False),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-alb"),)), False),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-alb"), GroupReference("sg-ecs"))), True),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-ecs", "vpc-2", "pcx-1", "active"),)), True),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-ecs", "vpc-2", "pcx-1", "deleted"),)), False),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-db"),)), False),
        (Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/24",)), True),
        (Rule("tcp", 5432, 5432, cidrs=("10.0.0.0/16",)), True),
        (Rule("tcp", 5432, 5432, cidrs=("0.0.0.0/0",)), True),
        (Rule("tcp", 5432, 5432, cidrs=("10.0.1.0/24",)), False),
        (Rule("tcp", 5432, 5432, cidrs=("::/0",)), False),
        (Rule("tcp", 5432, 5432, cidrs=("not-a-range", "10.0.11.0/24")), True),
        (Rule("tcp", 5432, 5432), False),
    ],
)
def test_one_rule(rule: Rule, expected: bool) -> None:
    assert admitted(rule) is expected


def test_no_rule_and_no_group_admit_nobody() -> None:
    assert not admitted()
    verdict = admission.judge(("sg-gone",), {}, DATABASE, TASKS, 5432)
    assert not verdict
    assert "there is no such group" in verdict.evidence[0]


def test_rules_of_all_attached_groups_add_up() -> None:
    known = {"sg-db": group(), "sg-2": group(Rule("tcp", 5432, 5432, FROM_TASKS), id="sg-2")}
    assert admission.judge(("sg-db", "sg-2"), known, DATABASE, TASKS, 5432)


def test_ipv6_peer_is_admitted_by_ipv6_range() -> None:
    peer = Peer("tasks", "arn", (), ("2600:1f18::5",), ("2600:1f18::/64",))
    assert admitted(Rule("tcp", 5432, 5432, cidrs=("2600:1f18::/56",)), peer=peer)
    assert not admitted(Rule("tcp", 5432, 5432, cidrs=("0.0.0.0/0",)), peer=peer)


def test_every_address_must_be_admitted() -> None:
    peer = Peer("tasks", "arn", (), ("10.0.11.5", "10.0.12.5"), ("10.0.11.0/24", "10.0.12.0/24"))
    verdict = admission.judge(
        ("sg-db",), {"sg-db": group(Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/24",)))}, DATABASE, peer, 5432
    )
    assert not verdict
    assert "10.0.12.5" in verdict.observed
    assert verdict.severity is None


def test_a_subnet_that_is_not_used_yet_is_a_milder_finding() -> None:
    peer = Peer("tasks", "arn", (), ("10.0.11.5",), ("10.0.11.0/24", "10.0.12.0/24"))
    verdict = admission.judge(
        ("sg-db",), {"sg-db": group(Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/24",)))}, DATABASE, peer, 5432
    )
    assert (bool(verdict), verdict.severity) == (False, "medium")


def test_without_running_tasks_the_whole_subnets_count() -> None:
    peer = Peer("tasks", "arn", ("sg-ecs",), (), ("10.0.11.0/24",))
    assert admitted(Rule("tcp", 5432, 5432, cidrs=("10.0.8.0/21",)), peer=peer)
    assert not admitted(Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/25",)), peer=peer)
    assert admitted(Rule("tcp", 5432, 5432, FROM_TASKS), peer=peer)


def test_prefix_list_admits() -> None:
    rule = Rule("tcp", 5432, 5432, prefix_lists=("pl-1",))
    assert admitted(rule, prefix_lists=lambda _: ("192.0.2.0/24", "10.0.0.0/16"))
    assert not admitted(rule, prefix_lists=lambda _: ("192.0.2.0/24",))


def test_unread_prefix_list_matters_only_where_nothing_else_admits() -> None:
    def unread(one: str) -> tuple[str, ...]:
        if one == "pl-2":
            return ("10.0.0.0/8",)
        raise PermissionError(one)

    by_list = Rule("tcp", 5432, 5432, prefix_lists=("pl-1",))
    assert admitted(by_list, Rule("tcp", 5432, 5432, FROM_TASKS), prefix_lists=unread)
    assert admitted(by_list, Rule("tcp", 5432, 5432, prefix_lists=("pl-2",)), prefix_lists=unread)
    with pytest.raises(PermissionError):
        admitted(by_list, prefix_lists=unread)


def test_message_says_what_came_nearest() -> None:
    verdict = admission.judge(("sg-db",), {"sg-db": group(Rule("tcp", 5433, 5500, FROM_TASKS))}, DATABASE, TASKS, 5432)
    assert "tasks is for tcp 5433-5500" in verdict.likely_cause
    assert verdict.names == NAMES
    assert {"arn:db", "arn:tasks", "sg-db", "sg-ecs"} <= set(verdict.related)
    assert verdict.signs == ("network",)


def out(*rules: Rule, destination: Peer = DATABASE) -> tuple[bool, str | None]:
    known = {"sg-ecs": group(egress=rules, id="sg-ecs")}
    verdict = admission.leaves(TASKS, known, destination, 5432)
    return bool(verdict), verdict.severity


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((Rule("-1", cidrs=("0.0.0.0/0",)),), (True, None)),
        ((Rule("tcp", 5432, 5432, (GroupReference("sg-db"),)),), (True, None)),
        ((Rule("tcp", 5432, 5432, cidrs=("10.0.12.0/24",)),), (True, None)),
        ((Rule("tcp", 443, 443, cidrs=("0.0.0.0/0",)),), (False, None)),
        ((Rule("tcp", 5432, 5432, cidrs=("10.0.12.7/32",)),), (False, "medium")),
        ((), (False, None)),
    ],
)
def test_egress(rules: tuple[Rule, ...], expected: tuple[bool, str | None]) -> None:
    assert out(*rules) == expected


def test_egress_that_a_failover_would_break_is_milder() -> None:
    database = Peer("db", "arn:db", (), ("10.0.12.0/24",), ("10.0.12.0/24", "10.0.13.0/24"))
    assert out(Rule("tcp", 5432, 5432, cidrs=("10.0.12.0/24",)), destination=database) == (False, "medium")


def database(**changes: object) -> Database:
    given: dict[str, object] = {
        "kind": "instance", "arn": "arn:db", "identifier": "db", "status": "available", "engine": "postgres",
        "engine_version": "15.4", "endpoint": "db.x", "port": 5432, "master_user": "m", "database_name": "d",
        "vpc": "vpc-1", "security_groups": ("sg-db",), "subnets": (),
    }  # fmt: skip
    return Database(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cidrs", "ok"),
    [
        (("0.0.0.0/0",), False),
        (("::/0",), False),
        (("0.0.0.0/1", "128.0.0.0/1"), False),
        (("10.0.0.0/8",), True),
        (("203.0.113.0/24",), True),
    ],
)
def test_exposure(cidrs: tuple[str, ...], ok: bool) -> None:
    known = {"sg-db": group(Rule("tcp", 5432, 5432, cidrs=cidrs))}
    assert bool(admission.exposure(database(), known)) is ok


def test_exposure_with_a_public_address_is_graver() -> None:
    known = {"sg-db": group(Rule("-1", cidrs=("0.0.0.0/0",)))}
    assert admission.exposure(database(public=True), known).severity == "high"
    assert admission.exposure(database(), known).severity is None


def test_other_open_ports_do_not_expose_the_database() -> None:
    assert admission.exposure(database(), {"sg-db": group(Rule("tcp", 22, 22, cidrs=("0.0.0.0/0",)))})


# -- against a brute-force oracle -------------------------------------------------------------------------------

GROUPS = ("sg-a", "sg-b", "sg-c")
PORTS = st.integers(0, 9)
ADDRESSES = st.integers(0, 15).map(lambda n: f"10.0.0.{n}")
CIDRS = st.tuples(ADDRESSES, st.integers(28, 32)).map(
    lambda t: str(ipaddress.ip_network(f"{t[0]}/{t[1]}", strict=False))
)
RULES = st.builds(
    Rule,
    st.sampled_from(("tcp", "udp", "6", "17", "-1")),
    PORTS,
    PORTS,
    st.lists(st.sampled_from(GROUPS).map(GroupReference), max_size=2).map(tuple),
    st.lists(CIDRS, max_size=2).map(tuple),
    st.lists(st.sampled_from(("pl-1", "pl-2")), max_size=1).map(tuple),
)


def oracle(rules: list[Rule], peer_groups: set[str], address: str, port: int, lists: dict[str, list[str]]) -> bool:
    """Looks at each rule, protocol, port and address one by one."""
    for rule in rules:
        if rule.protocol in ("udp", "17"):
            continue
        assert rule.from_port is not None and rule.to_port is not None
        if rule.protocol != "-1" and port not in range(rule.from_port, rule.to_port + 1):
            continue
        ranges = [*rule.cidrs, *(c for p in rule.prefix_lists for c in lists[p])]
        inside = any(address in {str(a) for a in ipaddress.ip_network(r)} for r in ranges)
        if inside or peer_groups & {g.id for g in rule.groups}:
            return True
    return False


@given(
    st.lists(RULES, max_size=4),
    st.sets(st.sampled_from(GROUPS)),
    ADDRESSES,
    PORTS,
    st.lists(CIDRS, max_size=2),
    st.lists(CIDRS, max_size=2),
)
def test_admission_agrees_with_brute_force(
    rules: list[Rule], peer_groups: set[str], address: str, port: int, one: list[str], two: list[str]
) -> None:
    lists = {"pl-1": one, "pl-2": two}
    peer = Peer("p", "arn:p", tuple(sorted(peer_groups)), (address,), ())
    verdict = admission.judge(
        ("sg-db",), {"sg-db": group(*rules)}, DATABASE, peer, port, prefix_lists=lambda p: lists[p]
    )
    assert bool(verdict) is oracle(rules, peer_groups, address, port, lists)


@given(st.lists(RULES, max_size=3), RULES, ADDRESSES, PORTS)
def test_one_more_rule_never_shuts_anybody_out(rules: list[Rule], more: Rule, address: str, port: int) -> None:
    peer = Peer("p", "arn:p", ("sg-a",), (address,), ())

    def judged(*given_rules: Rule) -> bool:
        return bool(admission.judge(("sg-db",), {"sg-db": group(*given_rules)}, DATABASE, peer, port))

    assert not judged(*rules) or judged(*rules, more)


# -- what mutation tests found to be untested -------------------------------------------------------------------


def test_a_range_with_host_bits_is_its_network() -> None:
    assert admitted(Rule("tcp", 5432, 5432, cidrs=("10.0.11.200/24",)))


def test_egress_by_prefix_list() -> None:
    known = {"sg-ecs": group(egress=(Rule("tcp", 5432, 5432, prefix_lists=("pl-1",)),), id="sg-ecs")}
    assert admission.leaves(TASKS, known, DATABASE, 5432, prefix_lists=lambda _: ("10.0.12.0/24",))
    assert not admission.leaves(TASKS, known, DATABASE, 5432, prefix_lists=lambda _: ("192.0.2.0/24",))


def test_a_group_without_rules_is_said_to_have_none() -> None:
    entering = admission.judge(("sg-db",), {"sg-db": group()}, DATABASE, TASKS, 5432)
    assert "sg-db (sg-db) has no ingress rule" in entering.evidence
    leaving = admission.leaves(TASKS, {"sg-ecs": group(id="sg-ecs")}, DATABASE, 5432)
    assert "sg-ecs (sg-ecs) has no egress rule" in leaving.evidence


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("tcp", 5432, 5432, cidrs=("192.0.2.0/24",)), "its range does not fit tasks (sg-ecs, 10.0.11.5)"),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-alb"),)), "its group does not fit tasks (sg-ecs, 10.0.11.5)"),
    ],
)
def test_message_says_what_does_not_fit(rule: Rule, words: str) -> None:
    verdict = admission.judge(("sg-db",), {"sg-db": group(rule)}, DATABASE, TASKS, 5432)
    assert words in str(verdict)


# -- all that is said ------------------------------------------------------------------------------------------------

ABOUT = {"name": "db", "related": ("arn:db", "arn:tasks", "sg-db", "sg-ecs"), "signs": ("network",)}
NAMES = {
    "port": "5432",
    "security_group": "sg-db",
    "task_security_group": "sg-ecs",
    "wanted_rule": "ingress on tcp 5432 from sg-ecs",
}
WAY_OUT = {
    "port": "5432",
    "security_group": "sg-db",
    "egress_permissions": "IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{GroupId=sg-ecs}]",
    "wanted_rule": "egress on tcp 5432 to sg-ecs",
}


def test_all_that_is_said_of_an_open_port() -> None:
    opened = Rule("tcp", 5432, 5432, FROM_TASKS, ("10.0.0.0/16",))

    assert admission.judge(("sg-db",), {"sg-db": group(opened)}, DATABASE, TASKS, 5432) == Verdict(
        ok=True,
        resource="sg-db",
        observed="sg-db allows tcp 5432 for sg-ecs, 10.0.0.0/16",
        expected="tcp 5432 open to tasks",
        evidence=("10.0.11.5: sg-db through sg-ecs",),
        **ABOUT,
    )
    nowhere = structs.replace(TASKS, addresses=(), networks=())
    verdict = admission.judge(("sg-db",), {"sg-db": group(opened)}, DATABASE, nowhere, 5432)
    assert (verdict.ok, verdict.evidence) == (True, ("tasks: sg-db through sg-ecs",))


def test_all_that_is_said_of_a_closed_port() -> None:
    known = {"sg-db": group(Rule("udp", 5432, 5432, FROM_TASKS)), "sg-2": group(id="sg-2")}
    two = structs.replace(TASKS, addresses=("10.0.11.5", "10.0.12.5"))

    assert admission.judge(("sg-db", "sg-2", "sg-3"), known, DATABASE, two, 5432) == Verdict(
        ok=False,
        resource="sg-db",
        observed="no ingress rule of sg-db, sg-2, sg-3 would admit tasks on tcp 5432",
        expected="tcp 5432 open to tasks",
        evidence=(
            "sg-db (sg-db) ingress: udp 5432 for sg-ecs: not tcp",
            "sg-2 (sg-2) has no ingress rule",
            "sg-3 is attached, but there is no such group in the VPC",
        ),
        names=NAMES,
        brief="no ingress rule for tcp 5432",
        likely_cause="the rule that names tasks is for udp 5432 for sg-ecs",
        **ABOUT | {"related": ("arn:db", "arn:tasks", "sg-db", "sg-2", "sg-3", "sg-ecs")},
    )


def test_all_that_is_said_where_only_some_addresses_are_shut_out() -> None:
    two = structs.replace(TASKS, addresses=("10.0.11.5", "10.0.12.5"), security_groups=())
    verdict = admission.judge(
        ("sg-db",), {"sg-db": group(Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/24",)))}, DATABASE, two, 5432
    )

    assert verdict.observed == "no ingress rule of sg-db would admit tasks on tcp 5432 at 10.0.12.5"
    assert verdict.brief == "no ingress rule for tcp 5432 at 10.0.12.5"
    assert verdict.likely_cause == "tcp 5432 is open, but for 10.0.11.0/24"
    assert verdict.evidence == (
        "sg-db (sg-db) ingress: tcp 5432 for 10.0.11.0/24: its range does not fit tasks (10.0.12.5)",
    )
    assert "task_security_group" not in verdict.names
    assert verdict.names["wanted_rule"] == "ingress on tcp 5432 from tasks"


def test_without_a_group_the_interface_itself_is_named() -> None:
    verdict = admission.judge((), {}, DATABASE, TASKS, 5432)

    assert (verdict.resource, verdict.names) == ("arn:db", {k: v for k, v in NAMES.items() if k != "security_group"})
    assert verdict.observed == "no ingress rule of no security group would admit tasks on tcp 5432"
    assert verdict.likely_cause == "the ingress rule is missing"


@pytest.mark.parametrize(
    ("direction", "observed", "expected"),
    [
        (
            "ingress",
            "works now, but no ingress rule would admit tasks on tcp 5432 from the subnets 10.0.12.0/24",
            "tcp 5432 open to tasks in every subnet that it may be placed in",
        ),
        (
            "egress",
            "works now, but no egress rule would let db out to tasks on tcp 5432 in the subnets 10.0.12.0/24",
            "tcp 5432 open towards tasks in every subnet that it may be placed in",
        ),
    ],
)
def test_all_that_is_said_of_a_subnet_that_is_not_used_yet(
    direction: admission.Direction, observed: str, expected: str
) -> None:
    rule = Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/24",))
    two = structs.replace(TASKS, networks=("10.0.11.0/24", "10.0.12.0/24"), security_groups=("sg-ecs",))
    known = {"sg-db": group(rule, egress=(rule,))}

    assert admission.judge(("sg-db",), known, DATABASE, two, 5432, direction=direction) == Verdict(
        ok=False,
        resource="sg-db",
        observed=observed,
        expected=expected,
        evidence=(
            f"sg-db (sg-db) {direction}: tcp 5432 for 10.0.11.0/24: "
            "its range does not fit tasks (sg-ecs, 10.0.12.0/24)",
        ),
        names=NAMES if direction == "ingress" else WAY_OUT,
        severity="medium",
        **ABOUT,
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("-1", None, None, FROM_TASKS), "all traffic for sg-ecs"),
        (Rule("-1", 0, 0, FROM_TASKS), "all traffic for sg-ecs"),
        (Rule("6", 80, None, cidrs=("10.0.0.0/8",)), "tcp 80 for 10.0.0.0/8"),
        (Rule("17", 53, 60, prefix_lists=("pl-1",)), "udp 53-60 for pl-1"),
        (Rule("tcp", 0, 65535, FROM_TASKS, ("10.0.0.0/8",)), "tcp all ports for sg-ecs, 10.0.0.0/8"),
        (Rule("tcp", 0, 1024), "tcp 0-1024 for nobody"),
        (Rule("tcp", 1, 65535), "tcp 1-65535 for nobody"),
        (Rule("icmp", -1, -1), "icmp for nobody"),
        (Rule("tcp", None, None), "tcp for nobody"),
    ],
)
def test_a_rule_in_words(rule: Rule, words: str) -> None:
    assert admission.described(rule) == words


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("udp", 5432, 5432), "not tcp"),
        (Rule("tcp", 80, 80), "port 5432 is outside"),
        (Rule("tcp", 80, None), "port 5432 is outside"),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-ecs", "vpc-2", "pcx-1", "deleted"),)),
         "its VPC peering is deleted"),
        (Rule("tcp", 5432, 5432, (GroupReference("sg-x"),), ("10.9.0.0/16",)),
         "its group and range does not fit tasks (sg-ecs, 10.0.11.5)"),
        (Rule("tcp", 5432, 5432, prefix_lists=("pl-1",)), "its range does not fit tasks (sg-ecs, 10.0.11.5)"),
        (Rule("tcp", 5432, 5432), "its nothing does not fit tasks (sg-ecs, 10.0.11.5)"),
    ],
)  # fmt: skip
def test_why_a_rule_does_not_fit(rule: Rule, why: str) -> None:
    assert admission.misfit(rule, TASKS, ["10.0.11.5"], 5432) == why


def test_nobody_without_an_address_fits_a_range() -> None:
    nowhere = structs.replace(TASKS, security_groups=())

    assert admission.misfit(Rule("tcp", 1, 9999), nowhere, [], 5432) == "its nothing does not fit tasks (no address)"


@pytest.mark.parametrize(
    ("public", "rule", "observed", "severity"),
    [
        (False, Rule("tcp", 5432, 5432, cidrs=("0.0.0.0/0",)), "port 5432 is open to every address", None),
        (True, Rule("tcp", 5432, 5432, cidrs=("::/1",)), "port 5432 is open to every address and it has a public address",
         "high"),
        (True, Rule("tcp", 5432, 5432, cidrs=("10.0.0.0/2",)), "port 5432 is not open to all", None),
        (True, Rule("tcp", 80, 80, cidrs=("0.0.0.0/0",)), "port 5432 is not open to all", None),
        (True, Rule("udp", 5432, 5432, cidrs=("0.0.0.0/0",)), "port 5432 is not open to all", None),
        (False, Rule("tcp", 5432, 5432, prefix_lists=("pl-all",)), "port 5432 is open to every address", None),
        (False, Rule("tcp", 5432, 5432, prefix_lists=("pl-own",)), "port 5432 is not open to all", None),
    ],
)  # fmt: skip
def test_all_that_is_said_of_exposure(public: bool, rule: Rule, observed: str, severity: str | None) -> None:
    lists = {"pl-all": ("10.0.0.0/8", "0.0.0.0/0"), "pl-own": ("10.0.0.0/8", "no range")}
    one = database(public=public)
    wide = "is open" in observed
    wanted = "ingress on tcp 5432 from the tasks' groups, in place of every address"
    names = {"port": "5432", "database": "db", "wanted_rule": wanted} | ({"security_group": "sg-db"} if wide else {})

    assert admission.exposure(one, {"sg-db": group(rule)}, lists.__getitem__) == Verdict(
        ok=not wide,
        resource=one.arn,
        name="db",
        observed=observed,
        expected="a rule for the tasks' security group (or their subnets) only",
        evidence=(f"sg-db (sg-db): {admission.described(rule)}",) if wide else (),
        related=(*one.related, "sg-db"),
        names=names,
        severity=severity,  # type: ignore[arg-type]
    )


def test_all_that_is_said_of_a_way_out_to_a_part_of_the_subnet() -> None:
    part = Rule("tcp", 5432, 5432, cidrs=("10.0.12.0/28", "10.9.0.0/16"))
    other = Rule("tcp", 443, 443, cidrs=("10.0.12.64/28",))
    verdict = admission.leaves(TASKS, {"sg-ecs": group(egress=(part, other), id="sg-ecs")}, DATABASE, 5432)

    assert (verdict.ok, verdict.severity, verdict.likely_cause) == (False, "medium", "")
    assert verdict.observed == "sg-ecs opens only 10.0.12.0/28 of 10.0.12.0/24, in which db is"
    shut = admission.leaves(TASKS, {"sg-ecs": group(egress=(other,), id="sg-ecs")}, DATABASE, 5432)
    assert (shut.severity, shut.likely_cause) == (None, "the egress rule is missing")


def test_what_lets_through_is_named() -> None:
    by_list = Rule("tcp", 5432, 5432, prefix_lists=("pl-1",))
    found = admission.passage([group(by_list)], TASKS, "10.0.11.5", 5432, prefix_lists=lambda _: ("10.0.0.0/8",))

    assert found == admission.Passage("10.0.11.5", group(by_list), by_list, "pl-1")
    shut = admission.passage([group(by_list)], TASKS, "10.0.11.5", 5432)
    assert shut == admission.Passage("10.0.11.5", None, None, "")


def test_ranges_are_those_of_their_own_ip_version_host_bits_or_not() -> None:
    assert admission.contains("10.0.11.7/24", "10.0.11.5/32")
    assert admission.contains("10.0.0.0/8", "10.0.11.5/24")
    assert not admission.contains("0.0.0.0/0", "::1")
    assert not admission.contains("::/0", "10.0.0.1")
    assert not admission.contains("10.0.0.0/8", "nowhere")


def test_a_range_for_the_peer_with_another_port_comes_nearest() -> None:
    two = structs.replace(TASKS, addresses=("10.0.11.5", "10.0.12.5", "10.0.13.5"), security_groups=())
    wrong_port = group(Rule("tcp", 80, 80, cidrs=("10.0.12.0/24",)), Rule("tcp", 5432, 5432, cidrs=("10.0.11.0/24",)))
    verdict = admission.judge(("sg-db",), {"sg-db": wrong_port}, DATABASE, two, 5432)

    assert verdict.likely_cause == "the rule that names tasks is for tcp 80 for 10.0.12.0/24"
    assert verdict.observed.endswith(" at 10.0.12.5, 10.0.13.5")


def test_ways_out_to_parts_of_several_subnets_are_all_told() -> None:
    part = Rule("tcp", 5432, 5432, cidrs=("10.0.12.0/28", "10.0.13.0/28"))
    source = structs.replace(TASKS, security_groups=("sg-ecs", "sg-2"))
    wide = structs.replace(DATABASE, addresses=("10.0.12.0/24", "10.0.13.0/24"))
    verdict = admission.leaves(source, {"sg-ecs": group(egress=(part,), id="sg-ecs")}, wide, 5432)

    assert verdict.observed == (
        "sg-ecs, sg-2 opens only 10.0.12.0/28, 10.0.13.0/28 of 10.0.12.0/24, 10.0.13.0/24, in which db is"
    )


def test_everything_with_host_bits_is_everything() -> None:
    assert not admission.exposure(database(), {"sg-db": group(Rule("tcp", 5432, 5432, cidrs=("1.2.3.4/0",)))})
