from __future__ import annotations

import pytest

from checks.diagnosis.load_balancers import admits_clients, is_active, ports_asked, reaches_tasks
from fixtures.model.alb import Action, Listener
from fixtures.model.network import GroupReference, Peer, Rule, SecurityGroup
from tests.diagnosis.balancers import ARN, attachment, balancer, group, target

ANYWHERE = Rule("-1", cidrs=("0.0.0.0/0",))
FROM_ALB = (GroupReference("sg-alb"),)


@pytest.mark.parametrize(
    ("state", "ok", "severity"),
    [
        ("active", True, None),
        ("active_impaired", False, "high"),
        ("failed", False, None),
        ("provisioning", False, None),
        ("", False, None),
    ],
)
def test_states(state: str, ok: bool, severity: str | None) -> None:
    verdict = is_active(balancer(state=state, state_reason="why"))

    assert (bool(verdict), verdict.severity) == (ok, severity)


def sg(name: str, ingress: tuple[Rule, ...] = (), egress: tuple[Rule, ...] = (ANYWHERE,)) -> dict[str, SecurityGroup]:
    return {name: SecurityGroup(name, name, "vpc-1", ingress, egress)}


LISTENERS = [Listener("l1", ARN, 80, "HTTP", ()), Listener("l2", ARN, 443, "HTTPS", ())]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((Rule("tcp", 80, 80, cidrs=("0.0.0.0/0",)), Rule("tcp", 443, 443, cidrs=("10.0.0.0/8",))), ""),
        ((Rule("tcp", 0, 65535, prefix_lists=("pl-1",)),), ""),
        ((Rule("-1", groups=(GroupReference("sg-edge"),)),), ""),
        ((Rule("tcp", 80, 80, cidrs=("0.0.0.0/0",)),), "opens HTTPS:443"),
        ((Rule("udp", 80, 443, cidrs=("0.0.0.0/0",)),), "opens HTTP:80, HTTPS:443"),
        ((), "opens HTTP:80, HTTPS:443"),
    ],
)
def test_every_listener_is_open_to_somebody(rules: tuple[Rule, ...], said: str) -> None:
    verdict = admits_clients(balancer(), LISTENERS, sg("sg-alb", rules))

    assert bool(verdict) is (said == ""), verdict
    assert said in verdict.observed


def test_a_load_balancer_without_listeners_serves_nobody() -> None:
    assert "no listener" in admits_clients(balancer(), [], sg("sg-alb")).observed


ALB = Peer("load balancer alb", ARN, ("sg-alb",), (), ("10.0.1.0/24", "10.0.2.0/24"), vpc="vpc-1")
TASKS = Peer("tasks of api", "arn:service", ("sg-ecs",), ("10.0.11.5",), ("10.0.11.0/24",), vpc="vpc-1")
OPEN = Rule("tcp", 8000, 8002, groups=FROM_ALB)


@pytest.mark.parametrize(
    ("ingress", "egress", "health_port", "said"),
    [
        ((OPEN,), (ANYWHERE,), "traffic-port", ""),
        ((Rule("tcp", 8000, 8000, cidrs=("10.0.1.0/24", "10.0.2.0/24")),), (ANYWHERE,), "traffic-port", ""),
        ((Rule("tcp", 8000, 8000, cidrs=("10.0.1.0/24",)),), (ANYWHERE,), "traffic-port", "admit load balancer alb"),
        ((Rule("tcp", 3000, 3000, groups=FROM_ALB),), (ANYWHERE,), "traffic-port", "on tcp 8000"),
        ((OPEN,), (Rule("tcp", 443, 443, cidrs=("0.0.0.0/0",)),), "traffic-port", "let load balancer alb out"),
        ((OPEN,), (Rule("tcp", 8000, 8000, groups=(GroupReference("sg-ecs"),)),), "traffic-port", ""),
        ((OPEN,), (ANYWHERE,), "9090", "on tcp 9090"),
        ((OPEN,), (ANYWHERE,), "8001", ""),
    ],
)
def test_both_ends_must_let_it_through(
    ingress: tuple[Rule, ...], egress: tuple[Rule, ...], health_port: str, said: str
) -> None:
    groups = {**sg("sg-ecs", ingress), **sg("sg-alb", egress=egress)}
    one = attachment(group=group(health_port=health_port))
    verdict = reaches_tasks(one, ALB, TASKS, [target()], groups)

    assert bool(verdict) is (said == ""), verdict
    assert said in verdict.observed


def test_registered_ports_are_the_ones_that_are_asked() -> None:
    assert ports_asked(attachment(), [target(port=80), target(port=8000, state="draining")]) == (80,)
    assert ports_asked(attachment(), []) == (8000,)
    assert ports_asked(attachment(group=group(health_port="9090")), [target()]) == (8000, 9090)


def test_other_services_in_a_shared_group_are_judged_by_themselves() -> None:
    groups = {**sg("sg-ecs", (OPEN,)), **sg("sg-alb", egress=(ANYWHERE,))}
    shared = [target(), target(ip="10.0.12.9", port=3000)]

    assert reaches_tasks(attachment(), ALB, TASKS, shared, groups)
    assert not reaches_tasks(attachment(), ALB, TASKS, [target(port=3000)], groups)


@pytest.mark.parametrize(("state", "ok"), [("healthy", True), ("unhealthy", False)])
def test_rules_for_single_addresses_of_a_network_load_balancer_are_proven_by_health(state: str, ok: bool) -> None:
    peer = Peer("nlb", ARN, (), (), ("10.0.1.0/24",), vpc="vpc-1")
    its_nodes_only = sg("sg-ecs", (Rule("tcp", 8000, 8000, cidrs=("10.0.1.17/32",)),))

    assert bool(reaches_tasks(attachment(), peer, TASKS, [target(state)], its_nodes_only)) is ok


@pytest.mark.parametrize(
    ("closed", "severity"),
    [(("redirect",), "medium"), (("forward",), None), ((), None)],
)
def test_a_closed_port_that_only_redirects_is_milder(closed: tuple[str, ...], severity: str | None) -> None:
    two = [
        Listener("l80", ARN, 80, "HTTP", tuple(Action(kind, 1) for kind in closed)),
        Listener("l443", ARN, 443, "HTTPS", (Action("forward", 1),)),
    ]
    verdict = admits_clients(balancer(), two, sg("sg-alb", (Rule("tcp", 443, 443, cidrs=("0.0.0.0/0",)),)))

    assert (bool(verdict), verdict.severity) == (False, severity)
    assert admits_clients(balancer(), two, sg("sg-alb")).severity is None


def test_a_load_balancer_without_groups_restricts_nothing() -> None:
    peer = Peer("nlb", ARN, (), (), ("10.0.1.0/24",), vpc="vpc-1")
    open_to_subnet = sg("sg-ecs", (Rule("tcp", 8000, 8000, cidrs=("10.0.1.0/24",)),))

    assert reaches_tasks(attachment(), peer, TASKS, [target()], open_to_subnet)
