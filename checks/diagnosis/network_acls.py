"""Whether network ACLs let a connection through, both ways.

They are stateless: the way there and the way back are judged each for itself, in both subnets. Entries are tried by
number, the first that fits decides, and what none fits is denied (VPC user guide, "Network ACLs"). Traffic within one
subnet does not pass them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Verdict, worst
from fixtures.model.database import Hop
from fixtures.model.network import AclEntry, NetworkAcl, Peer, Subnet

_TCP = ("6", "-1")
# From which ports clients connect: net.ipv4.ip_local_port_range of Fargate's Linux; Windows' dynamic range.
EPHEMERAL = {"LINUX": (32768, 60999), "WINDOWS": (49152, 65535)}
Ports = tuple[int, int]


class _Box(Struct, frozen=True):
    """Addresses × ports, both ends included."""

    first: int
    last: int
    low: int
    high: int

    def overlap(self, other: _Box) -> _Box | None:
        first, last = max(self.first, other.first), min(self.last, other.last)
        low, high = max(self.low, other.low), min(self.high, other.high)
        return _Box(first, last, low, high) if first <= last and low <= high else None

    def without(self, part: _Box) -> list[_Box]:
        """What stays of it when a part of it is taken out."""
        left = [
            _Box(self.first, part.first - 1, self.low, self.high),
            _Box(part.last + 1, self.last, self.low, self.high),
            _Box(part.first, part.last, self.low, part.low - 1),
            _Box(part.first, part.last, part.high + 1, self.high),
        ]
        return [b for b in left if b.first <= b.last and b.low <= b.high]


class Denial(Struct, frozen=True):
    """What an ACL stops of a flow.

    Args:
        entry: the entry that denies; None for the rule at the end that denies the rest.
        whole: whether no address of the peer gets through on some port of the range.
    """

    entry: AclEntry | None
    whole: bool


def denials(acl: NetworkAcl, *, egress: bool, peer: str, ports: Ports) -> tuple[Denial, ...]:
    """What an ACL denies of TCP between its subnet and a peer (address or range) on a range of ports.

    Args:
        egress: judge what leaves the subnet, otherwise what enters it.
        ports: destination ports, both ends included.
    """
    network = ipaddress.ip_network(peer, strict=False)
    whole = _Box(int(network.network_address), int(network.broadcast_address), *ports)
    open_boxes = [whole]
    found: list[tuple[AclEntry | None, _Box]] = []
    for entry in sorted(acl.entries, key=lambda e: e.number):
        box = _box(entry, network.version) if entry.egress == egress and entry.protocol in _TCP else None
        if box is None:
            continue
        hit = [p for b in open_boxes if (p := b.overlap(box))]
        open_boxes = [rest for b in open_boxes for rest in _rest(b, box)]
        if not entry.allow:
            found += [(entry, p) for p in hit]
    found += [(None, b) for b in open_boxes]
    all_denied = [b for _, b in found]
    entries = dict.fromkeys(e for e, _ in found)
    return tuple(Denial(e, _stops_all([b for o, b in found if o == e], all_denied, whole)) for e in entries)


def _rest(box: _Box, taken: _Box) -> list[_Box]:
    part = box.overlap(taken)
    return [box] if part is None else box.without(part)


def _box(entry: AclEntry, version: int) -> _Box | None:
    try:
        network = ipaddress.ip_network(entry.cidr, strict=False)
    except ValueError:
        return None
    if network.version != version:
        return None
    low, high = (entry.from_port, entry.to_port) if entry.protocol != "-1" else (None, None)
    return _Box(
        int(network.network_address),
        int(network.broadcast_address),
        0 if low is None else low,
        65535 if high is None else high,
    )


def _stops_all(own: Sequence[_Box], denied: Sequence[_Box], whole: _Box) -> bool:
    """Whether on some port that these boxes deny, nothing of the peer's range is left."""
    edges = {b.low for b in denied} | {b.high + 1 for b in denied}
    candidates = {p for b in own for p in (b.low, *(e for e in edges if b.low <= e <= b.high))}
    return any(_covered([b for b in denied if b.low <= p <= b.high], whole) for p in candidates)


def _covered(boxes: Iterable[_Box], whole: _Box) -> bool:
    reached = whole.first
    for box in sorted(boxes, key=lambda b: b.first):
        if box.first > reached:
            return False
        reached = max(reached, box.last + 1)
    return reached > whole.last


class _Leg(Struct, frozen=True):
    """One of the four looks at a connection: at a subnet's ACL, in one direction."""

    subnet: Subnet
    egress: bool
    peer: str
    ports: Ports
    what: str


def missing(hops: Iterable[Hop], acls: Iterable[NetworkAcl]) -> tuple[str, ...]:
    """Subnets on the way of which no ACL is known, although every subnet has one (a VPC shared by another account)."""
    known = {s for a in acls for s in a.subnets}
    return tuple(sorted({s for h in hops for p in (h.source, h.destination) for s in p.subnets} - known))


def passes(
    hops: Sequence[Hop], acls: Iterable[NetworkAcl], subnets: Mapping[str, Subnet], operating_system: str = "LINUX"
) -> Verdict:
    """Every connection on the way passes the ACLs of both subnets, there and back.

    Args:
        operating_system: of the tasks; it decides from which ports they connect.
    """
    by_subnet = {s: a for a in acls for s in a.subnets}
    ephemeral = EPHEMERAL["WINDOWS" if operating_system.upper().startswith("WINDOWS") else "LINUX"]
    verdicts = tuple(
        _leg(leg, by_subnet[leg.subnet.id], hop)
        for hop in hops
        for leg in _legs(hop, subnets, ephemeral)
        if leg.subnet.id in by_subnet
    )
    ends = [s for h in hops for p in (h.source, h.destination) for s in p.subnets]
    involved = sorted({by_subnet[s].id for s in ends if s in by_subnet})
    last = hops[-1]
    fine = Verdict(
        ok=True,
        resource=involved[0] if involved else last.destination.id,
        name=last.destination.name,
        observed=f"tcp {last.port} and its answers pass {', '.join(involved) or 'no ACL, all being in one subnet'}",
        expected="every network ACL on the way lets the connection and its answers through",
        related=tuple(dict.fromkeys(i for h in hops for i in (h.source.id, h.destination.id))),
        signs=("network",),
    )
    return worst(verdicts, otherwise=fine)


def _legs(hop: Hop, subnets: Mapping[str, Subnet], ephemeral: Ports) -> list[_Leg]:
    # A subnet with IPv6 only has no range that this could be about.
    usable = {i for i, s in subnets.items() if s.cidr}
    known = [(a, b) for a in hop.source.subnets for b in hop.destination.subnets if {a, b} <= usable]
    # Traffic within one subnet passes no ACL.
    pairs = [(subnets[a], subnets[b]) for a, b in known if a != b]
    found = [leg for source, destination in pairs for leg in _both_ways(hop, source, destination, ephemeral)]
    return list(dict.fromkeys(found))


def _both_ways(hop: Hop, source: Subnet, destination: Subnet, ephemeral: Ports) -> list[_Leg]:
    port = (hop.port, hop.port)
    target = destination.cidr
    legs = [_Leg(source, True, target, port, f"{hop.source.name} to {hop.destination.name}")]
    legs += [_Leg(source, False, target, ephemeral, f"answers to {hop.source.name}")]
    for place in _places_in(hop.source, source):
        legs += [_Leg(destination, False, place, port, f"{hop.source.name} to {hop.destination.name}")]
        legs += [_Leg(destination, True, place, ephemeral, f"answers to {hop.source.name}")]
    return legs


def _places_in(peer: Peer, subnet: Subnet) -> tuple[str, ...]:
    """The peer's addresses in a subnet; the whole subnet where they are not known."""
    network = ipaddress.ip_network(subnet.cidr)
    own = [a for a in peer.addresses if "/" not in a and ipaddress.ip_address(a) in network]
    return tuple(own) or (subnet.cidr,)


def _leg(leg: _Leg, acl: NetworkAcl, hop: Hop) -> Verdict:
    found = denials(acl, egress=leg.egress, peer=leg.peer, ports=leg.ports)
    way = "outbound to" if leg.egress else "inbound from"
    ports = str(leg.ports[0]) if leg.ports[0] == leg.ports[1] else f"{leg.ports[0]}-{leg.ports[1]}"
    whole = any(d.whole for d in found)
    stopped = "denies" if whole else "denies a part of"
    deciding = next((d for d in found if d.whole), found[0] if found else None)
    place = f"{leg.subnet.name or leg.subnet.id} ({leg.subnet.cidr})"
    return Verdict(
        ok=not found,
        resource=acl.id,
        name=acl.id,
        observed=f"{stopped} tcp {ports} {way} {leg.peer}, {leg.what}, in subnet {place}",
        expected=f"tcp {ports} {way} {leg.peer} allowed",
        evidence=tuple(f"{acl.id}: {_words(d.entry, leg.egress)}" for d in found),
        related=(hop.source.id, hop.destination.id, acl.id),
        signs=("network",),
        names={"network_acl": acl.id, "port": str(hop.port), "subnet": leg.subnet.id},
        severity=None if whole else "medium",
        likely_cause=_words(deciding.entry, leg.egress) if deciding else "",
    )


def _words(entry: AclEntry | None, egress: bool) -> str:
    way = "outbound" if egress else "inbound"
    if entry is None or entry.number == 32767:
        return f"no {way} entry allows it, so the last rule denies it"
    ports = "" if entry.from_port is None else f" ports {entry.from_port}-{entry.to_port}"
    protocol = {"-1": "all traffic", "6": "tcp"}.get(entry.protocol, entry.protocol)
    return f"{way} rule {entry.number} denies {protocol}{ports} for {entry.cidr}"
