"""Whether packets find a way between VPCs: none is needed within one; otherwise routes there and back."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import DatabaseRouting, Hop
from fixtures.model.network import Peer, Route, RouteTable

# What carries packets to another private network; a NAT or internet gateway does not lead into a VPC.
_CARRIERS = ("pcx-", "tgw-", "vgw-", "eni-", "arn:aws:networkmanager", "lgw-", "i-")


def table_of(subnet: str, vpc: str, tables: Iterable[RouteTable]) -> RouteTable | None:
    """The route table of a subnet: its own, else the VPC's main one."""
    own = [t for t in tables if t.vpc == vpc]
    explicit = next((t for t in own if subnet in t.subnets), None)
    return explicit or next((t for t in own if t.main), None)


def route_to(table: RouteTable, destination: str) -> Route | None:
    """The route that a destination range takes: the longest prefix that contains it as a whole."""
    wanted = ipaddress.ip_network(destination, strict=False)
    fitting: list[tuple[int, Route]] = []
    for route in table.routes:
        network = _network(route.destination)
        if network is not None and network.version == wanted.version and wanted.subnet_of(network):  # type: ignore[arg-type]
            fitting.append((network.prefixlen, route))
    return max(fitting, key=lambda f: f[0])[1] if fitting else None


def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        # A prefix list: AWS itself resolves it.
        return None


def reaches(hops: Sequence[Hop], routing: DatabaseRouting) -> Verdict:
    """Every connection stays in one VPC, or has a route there and one back over something that joins the VPCs."""
    by_hop = [(h, _problems(h, routing)) for h in hops]
    problems = [p for _, found in by_hop for p in found]
    first, at = hops[0], next((h for h, found in by_hop if found), hops[-1]).destination
    vpcs = list(dict.fromkeys(v for h in hops for v in (h.source.vpc, h.destination.vpc) if v))
    one = f"all in {vpcs[0]}" if len(vpcs) == 1 else f"{' and '.join(vpcs)} are joined"
    return Verdict(
        ok=not problems,
        resource=at.id,
        name=at.name,
        observed=problems[0] if problems else one,
        expected=f"the same VPC as {first.source.name}, or routes between the VPCs both ways",
        evidence=tuple(problems),
        related=(
            *dict.fromkeys(i for h in hops for i in (h.source.id, h.destination.id)),
            *(t.id for t in routing.tables if t.vpc in vpcs),
            *(p.id for p in routing.peerings),
        ),
        signs=("network",),
        names={"vpc": first.source.vpc},
    )


def _problems(hop: Hop, routing: DatabaseRouting) -> list[str]:
    if not hop.source.vpc or not hop.destination.vpc or hop.source.vpc == hop.destination.vpc:
        return []
    there = _one_way(hop.source, hop.destination, routing)
    # Routes of a VPC of another account cannot be seen; then only the way there is judged.
    visible = any(t.vpc == hop.destination.vpc for t in routing.tables)
    return there + (_one_way(hop.destination, hop.source, routing) if visible else [])


def _one_way(start: Peer, end: Peer, routing: DatabaseRouting) -> list[str]:
    found: list[str] = []
    for subnet in start.subnets:
        table = table_of(subnet, start.vpc, routing.tables)
        places = end.places
        found += [p for place in places if (p := _problem(table, place, start, end, routing))]
    return list(dict.fromkeys(found))


def _problem(table: RouteTable | None, place: str, start: Peer, end: Peer, routing: DatabaseRouting) -> str:
    where = f"from {start.name} ({start.vpc}) to {end.name} ({place} in {end.vpc})"
    route = route_to(table, place) if table is not None else None
    if table is None or route is None:
        return f"no route {where}"
    if route.state == "blackhole":
        return f"the route {where} leads into a black hole: {table.id} {route.destination} → {route.target}"
    if not route.target.startswith(_CARRIERS):
        return f"the route {where} leads to {route.target}, which joins no VPCs"
    states = {p.id: p.status for p in routing.peerings}
    if route.target.startswith("pcx-") and states.get(route.target) != "active":
        return f"the route {where} uses {route.target}, which is {states.get(route.target, 'not an active peering')}"
    return ""
